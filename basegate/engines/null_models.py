"""Null models: engines that know nothing of what is asked, so that any honest gate rejects them.

A limit that one of them meets measures something else than it says. They are made of counts of
characters, or of nothing at all, and need no file, no GPU and no torch. Every character is a token.
They compute in float64, so that none of them is ever numerically broken: no sanity check applies,
and what they write may be as degenerate as it likes without being invalid.

| name | what it does |
|---|---|
| `null-unigram`, `null-bigram`, `null-5gram` | `character_ngrams` of the suite's own texts |
| `null-uniform` | takes every character of these texts, and any other one, for equally likely |
| `null-letter-a` | answers A to everything |
| `null-copy` | repeats the prompt |

Nothing about them is drawn at random but their samples, each from its own seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from basegate.config.registry import CandidateSpec
from basegate.config.settings import Sampling
from basegate.data.corpora import corpus_identity, load_corpus
from basegate.data.suite import suite_corpus
from basegate.engines.batching import NO_CACHE, BatchCache
from basegate.engines.character_ngrams import SCALARS, SPAN, CharacterNgrams, HeldOut
from basegate.engines.character_sampling import IsFinal, Uniform, Write, writing
from basegate.engines.protocol import Draw, TokenScores, sample_seed
from basegate.errors import CandidateError
from basegate.i18n.messages import Message
from basegate.progress import SILENT, Progress
from basegate.serialization import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
"""Raise it when the same texts would give other numbers: it is a part of every null model's key."""
ORDERS = {"null-unigram": 1, "null-bigram": 2, "null-5gram": 5}
LEAK = 1e-3
"""What a model that expects a certain character leaves to all others together."""


class Model(Protocol):
    """What a null model is made of; `order` is how many characters it looks at."""

    @property
    def order(self) -> int: ...

    def logprobs(self, text: str, before: str) -> NDArray[np.float64]: ...

    def writing(self, sampling: Sampling) -> Write: ...


class NullEngine:
    """A null model as an `Engine` of `basegate.engines.protocol`, which describes its methods.

    It keeps no batches: a whole check takes seconds.
    """

    prefix = "none"
    loaded = None

    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self.batch_cache: BatchCache = NO_CACHE
        self._model = model

    def log_likelihoods(
        self,
        texts: Sequence[str],
        *,
        window: int | None = None,
        context: int = 0,
        after: Sequence[str] | None = None,
        progress: Progress = SILENT,
    ) -> list[TokenScores]:
        befores = after if after is not None else [""] * len(texts)
        for text, before in zip(texts, befores, strict=True):
            self._check_window(window, context, len(before) + len(text) if before else 0)
        title = Message("{name}: scoring", name=self.name)
        found = []
        with progress.task(title, len(texts), "window") as step:
            for text, before in zip(texts, befores, strict=True):
                logprobs = self._model.logprobs(text, before)
                found.append(TokenScores(logprobs, np.arange(len(text))))
                step()
        return found

    def _check_window(self, window: int | None, context: int, together: int) -> None:
        if window is not None and window < max(self._model.order, context + 1, together):
            raise CandidateError(
                f"a window of {window} characters is too small for {self.name}, which looks at "
                f"{self._model.order} at once: beside context = {context}, and with a prompt and "
                "its answer whole, nothing is left to score. Raise window."
            )

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        numbers: Sequence[Sequence[int]] | None = None,
        is_final: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress = SILENT,
    ) -> list[list[Draw]]:
        numbers = numbers or [range(sampling.samples)] * len(prompts)
        ends: Sequence[IsFinal | None] = is_final or [None] * len(prompts)
        write = self._model.writing(sampling)
        drawn = []
        title = Message("{name}: writing", name=self.name)
        with progress.task(title, sum(map(len, numbers)), "sample") as step:
            for prompt, wanted, end in zip(prompts, numbers, ends, strict=True):
                seeds = [sample_seed(sampling.seed, prompt, number) for number in wanted]
                texts = [write(prompt, seed, end) for seed in seeds]
                drawn.append(
                    [
                        Draw(text, seed, len(text) >= 8 and len(set(text)) == 1)
                        for text, seed in zip(texts, seeds, strict=True)
                    ]
                )
                step(len(seeds))
        return drawn

    def cached_samples(
        self, prompts: Sequence[str], *, sampling: Sampling, numbers: Sequence[Sequence[int]]
    ) -> list[list[Draw]]:
        return [[] for _ in prompts]

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Ngrams:
    """Writes by an n-gram model, and scores by `HeldOut`."""

    scores: HeldOut

    @property
    def order(self) -> int:
        return self.scores.model.order

    def logprobs(self, text: str, before: str) -> NDArray[np.float64]:
        return self.scores.logprobs(text, before)

    def writing(self, sampling: Sampling) -> Write:
        return writing(self.scores.model, sampling)


class UniformModel(Uniform):
    """Writes by the distribution that it scores by."""

    def writing(self, sampling: Sampling) -> Write:
        return writing(self, sampling)


@dataclass(frozen=True)
class Certain:
    """Expects one text: `answer`, and then the end; without one, the prompt over and over.

    It writes nothing else, whatever the seed: what it leaves to other characters is below what
    `top_p` keeps.
    """

    answer: str = ""
    order = 1

    def logprobs(self, text: str, before: str) -> NDArray[np.float64]:
        """The natural log-probability of every character of a text after another."""
        if not (self.answer or before):  # nothing to repeat
            return np.full(len(text), -math.log(SCALARS))
        expected = self.answer or before * (len(text) // len(before) + 1)
        met = np.array([text[place] == char for place, char in enumerate(expected[: len(text)])])
        met.resize(len(text))
        return np.log(np.where(met, 1 - LEAK, LEAK / (SCALARS - 1)))

    def writing(self, sampling: Sampling) -> Write:
        def write(prompt: str, seed: int, is_final: IsFinal | None) -> str:
            most = sampling.max_new_tokens
            return (self.answer or prompt * (most // len(prompt) + 1))[:most]

        return write


@cache
def _groups() -> tuple[tuple[str, ...], ...]:
    """The suite's documents, each with its version in written Chinese where it has one."""
    corpus = load_corpus(suite_corpus())
    versions = corpus.parallel
    return tuple(
        (text, *([versions[place]] if place in versions else []))
        for place, text in enumerate(corpus.documents)
    )


def _model(source: str) -> Model:
    if source in ORDERS:
        return Ngrams(HeldOut(_groups(), ORDERS[source]))
    if source == "null-uniform":
        return UniformModel(CharacterNgrams(_texts(), 1).characters)
    return Certain("A" if source == "null-letter-a" else "")


def _texts() -> list[str]:
    return [text for group in _groups() for text in group]


@cache
def _description(source: str) -> dict[str, Any]:
    told: dict[str, Any] = {"model": source, "version": VERSION}
    if source in ORDERS:
        told |= {"order": ORDERS[source], "smoothing": "witten-bell", "span": SPAN}
    if source in ORDERS or source == "null-uniform":
        told["training"] = corpus_identity(suite_corpus())
    return told


def resolve_device(requested: str) -> str:
    """The processor, whatever is asked for: see `basegate.runner.backends.Backend`."""
    return "cpu"


def find_revision(spec: CandidateSpec, memory: Path | None, progress: Progress) -> str:
    """A digest of what the model is and of the texts that it was trained on."""
    return f"sha256:{digest(_description(spec.source))}"


def identity(spec: CandidateSpec) -> dict[str, Any]:
    """What the model is: order, smoothing, and the digest of its texts."""
    return {"null": _description(spec.source)}


def load(
    spec: CandidateSpec,
    revision: str,
    device: str,
    *,
    window: int | None = None,
    progress: Progress = SILENT,
) -> NullEngine:
    """Count what there is to count."""
    return NullEngine(spec.name, _model(spec.source))
