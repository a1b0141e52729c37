"""What a check found: numbers and evidence, with no opinion about them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from basegate.i18n.messages import Message, joined
from basegate.serialization import Frozen, MessageField
from basegate.stats.metric import MANY, Metric as Metric

CORRECT = "correct"
"""A metric, and its unit: how many samples of a question are right."""

DROP = "drop"
"""A metric: how much worse than another candidate on the same items."""


class Preference(Frozen):
    """One minimal pair and which of its sentences the model finds likelier.

    Attributes:
        item: the pair's id.
        kind: the point in which they differ.
        right, wrong: the sentences.
        right_bits, wrong_bits: of each, bits per character.
    """

    item: str
    kind: str
    right: str
    wrong: str
    right_bits: float
    wrong_bits: float

    @property
    def preferred(self) -> bool:
        """Whether the right sentence is likelier, per character; a tie is no preference."""
        return self.right_bits < self.wrong_bits


class OptionScores(Frozen):
    """How likely the options of one question are, averaged over their cyclic orders.

    Attributes:
        item: the question's id.
        expected: the letter of the right option.
        letters: by option, the mean natural log-probability of the letter that it stood under.
        texts: by option, the natural log-probability of its text, normalised as the settings say.
        right_bits, right_characters: of the right option's text.
    """

    item: str
    expected: str
    letters: dict[str, float]
    texts: dict[str, float]
    right_bits: float | None = None
    right_characters: int | None = None

    @property
    def by_letter(self) -> str | None:
        """The option whose letter is likeliest; `None` in a tie."""
        return _likeliest(self.letters)

    @property
    def by_text(self) -> str | None:
        """The option whose text is likeliest, normalised; `None` in a tie."""
        return _likeliest(self.texts)


def _likeliest(scores: dict[str, float]) -> str | None:
    if not scores:
        return None
    first, second = sorted(scores, key=lambda option: -scores[option])[:2]
    return first if scores[first] > scores[second] else None


class DocumentScore(Frozen):
    """What one document of a corpus cost a model.

    Attributes:
        item: its place in the corpus, from 1.
        bits: the negative binary logarithms of its tokens' probabilities, summed.
        tokens: how many the tokenizer makes of it.
        characters: of its text.
        written_bits: as `bits`, of the same document in written Chinese, where there is one.
        written_tokens: as `tokens`, of that.
    """

    item: str
    bits: float
    tokens: int
    characters: int
    written_bits: float | None = None
    written_tokens: int | None = None


class Sample(Frozen):
    """One text that a model wrote, with what was read from it.

    Attributes:
        item: id of the prompt, question or problem.
        prompt: what the model was given.
        text: what it wrote, prompt excluded. Untrusted.
        answer: the answer found in it, or `None` for no answer; unused by continuations.
        expected: the right answer; `None` where there is none.
        seed: the seed of this sample's random draws.
        degenerate: whether it is what a broken model writes; see `is_degenerate` of the checks.
        notes: further readings, e.g. counts of sentences by variety.
    """

    item: str
    prompt: str
    text: str
    answer: str | None = None
    expected: str | None = None
    seed: int
    degenerate: bool = False
    notes: dict[str, float | int | str | bool] = Field(default_factory=dict)


class AnswerCounts(Frozen):
    """What was read in the samples of a bank.

    Attributes:
        right: samples with the right answer.
        wrong: with another answer.
        no_answer: without an answer that could be read.
        degenerate: empty or one token over and over, whatever was read in them.
    """

    right: int
    wrong: int
    no_answer: int
    degenerate: int


class SampleSize(Frozen):
    """What the numbers of a measurement are based on.

    Attributes:
        kind: what was counted: `documents`, `questions`, `problems`, `prompts` or `pairs`.
        n: how many.
        out_of: how many there are, where not all were needed for a verdict.
        samples_each: samples that were drawn of each; `None` where none are.
        at_most: whether of some fewer samples were drawn, since more could not change a verdict.
        left_out: how many could not be used.
        parallel: documents that were scored in written Chinese, too.
        read: what was read in the samples, where they have right answers.
        shots: worked examples before every prompt.
    """

    kind: str
    n: int
    out_of: int | None = None
    samples_each: int | None = None
    at_most: bool = False
    left_out: int = 0
    parallel: int = 0
    read: AnswerCounts | None = None
    shots: int = 0


class Findings(Frozen):
    """What a measure returns: the measurement before it has a name and a place.

    Attributes:
        metrics: the numbers.
        samples: the texts they rest on.
        preferences: the pairs they rest on.
        choices: the questions whose options were scored.
        documents: the texts whose tokens were scored.
        facts: counts and settings that a reader of the numbers should know.
        sample_size: what they are based on; `None` where that is not known.
        left_out: the records that could not be used, a line each.
        notes: messages that whoever reads the verdict should read, too.
    """

    metrics: tuple[Metric, ...]
    samples: tuple[Sample, ...] = ()
    preferences: tuple[Preference, ...] = ()
    choices: tuple[OptionScores, ...] = ()
    documents: tuple[DocumentScore, ...] = ()
    facts: dict[str, float | int | str | bool | None] = Field(default_factory=dict)
    sample_size: SampleSize | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[MessageField, ...] = ()

    @property
    def has_texts(self) -> bool:
        return bool(self.samples or self.preferences or self.choices)

    def with_metrics(self, *metrics: Metric) -> Findings:
        return self.model_copy(update={"metrics": (*self.metrics, *metrics)}) if metrics else self

    def noting(self, *notes: str, **facts: float | int | str | bool | None) -> Findings:
        """These findings with further notes and facts."""
        more = (*self.notes, *map(Message.of, notes))
        return self.model_copy(update={"notes": more, "facts": {**self.facts, **facts}})


@dataclass(frozen=True, slots=True, config=MANY)
class LoadedFile:
    """One file that a candidate was loaded from.

    Attributes:
        name: within the checkpoint's folder.
        bytes: its size.
        sha256: of its content.
    """

    name: str
    bytes: int
    sha256: str


class LargestBuffer(Frozen):
    """The largest single block of memory of a candidate, as calculated.

    Attributes:
        kind: what it holds, in words, e.g. `KV cache` (that of all rows of a batch).
        bytes: its size.
    """

    kind: str
    bytes: int


WeightFormat = Literal["safetensors", "pickle", "gguf"]


class CandidateFacts(Frozen):
    """How the candidate was loaded when it was measured.

    Attributes:
        name: its name on the command line. Two names of one checkpoint share measurements.
        source: hub id or folder, or a GGUF file there (`owner/name:FILE.gguf`).
        revision: resolved commit of a hub id, or `sha256:…` over a folder's files or of a file.
        engine: what answers: `transformers`, or `null` for a null model.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        dtype: dtype of weights that are not quantised and, unless `compute_dtype` is another, of
            the computation.
        compute_dtype: dtype of the computation where it is not `dtype`; see
            `basegate.engines.devices`.
        device: `cuda` or `cpu`.
        load_seconds: time to load; `None` where it never loaded.
        peak_memory_bytes: highest memory in use until then, of the GPUs or, on `cpu`, the process.
        memory_budget_bytes: what it was let take of that; `None` where nothing limited it.
        largest_buffer: the largest single one up to the measurement.
        weights: format of the weights; `pickle` are `.bin` files, read with `weights_only=True`.
        quantized_before: how the weights of a GGUF file were quantised in it, with how many
            tensors are of each type, e.g. `Q4_K_M: 109 F32, 27 Q4_K`; empty if they were not.
        remote_code: whether Python code of the checkpoint was run.
        files: what it was loaded from; empty where it never loaded.
    """

    name: str
    source: str
    revision: str | None = None
    engine: str = "transformers"
    quantization: str
    dtype: str
    compute_dtype: str | None = None
    device: str
    load_seconds: float | None = None
    peak_memory_bytes: int | None = None
    memory_budget_bytes: int | None = None
    largest_buffer: LargestBuffer | None = None
    weights: WeightFormat | None = None
    quantized_before: str = ""
    remote_code: bool = False
    files: tuple[LoadedFile, ...] = ()

    @property
    def is_null(self) -> bool:
        """Whether it is one of basegate's null models, which no gate may accept."""
        return self.engine == "null"

    @property
    def precision(self) -> str:
        """Precision of the weights, in words."""
        return Message("full precision") if self.quantization == "none" else self.quantization

    @property
    def located(self) -> str:
        """The folder, or the repository at the commit that was measured: SOURCE of `--model`."""
        folder = self.revision is None or self.revision.startswith("sha256:")
        return self.source if folder else f"{self.source}@{self.revision}"

    @property
    def load_config(self) -> str:
        """How it was loaded, e.g. `nf4, bfloat16, cuda`."""
        return joined([self.precision, self.computation, self.device])

    @property
    def computation(self) -> str:
        """The dtype, and that of the computation where it is another, in words."""
        if self.compute_dtype is None:
            return self.dtype
        return Message(
            "{dtype} computed in {compute}", dtype=self.dtype, compute=self.compute_dtype
        )


class Earlier(Frozen):
    """What earlier runs had done of a measurement when a run asked for it.

    Attributes:
        whole: whether it was stored, and nothing was left to do.
        samples: whether it was stored, and further samples were drawn.
        batches: how many were taken from the batch cache of a run that was ended.
        batches_in_all: how many it took, those included.
        name: that it is stored under, where that is another name of the same checkpoint.
    """

    whole: bool = False
    samples: bool = False
    batches: int = 0
    batches_in_all: int = 0
    name: str = ""


class Work(Frozen):
    """What a model was given, and what it wrote.

    Attributes:
        fed: tokens of texts and prompts that it read, padding not counted.
        drawn: tokens that it wrote.
    """

    fed: int = 0
    drawn: int = 0

    @property
    def tokens(self) -> int:
        return self.fed + self.drawn

    def __add__(self, other: Work) -> Work:
        return Work(fed=self.fed + other.fed, drawn=self.drawn + other.drawn)

    def __sub__(self, other: Work) -> Work:
        return Work(fed=self.fed - other.fed, drawn=self.drawn - other.drawn)


class Measurement(Frozen):
    """A finding with its origin: everything that could have changed the numbers is in `identity`.

    Attributes:
        key: SHA-256 of `identity`; the measurement's name in the store.
        check: its name.
        item: the corpus, bank or prompt file.
        identity: checkpoint, settings, data, measure version and library versions.
        environment: where it was measured.
        seconds: time it took to measure, loading excluded.
        work: what that took; `None` where it was not counted.
        measured_at: UTC time, ISO 8601.
        earlier: what earlier runs had done of it; `None` where this run did all. Never stored.
    """

    schema_version: Literal[3] = 3
    key: str
    check: str
    item: str
    candidate: CandidateFacts
    findings: Findings
    identity: dict[str, Any]
    environment: dict[str, str | None]
    seconds: float
    work: Work | None = None
    measured_at: str
    earlier: Earlier | None = None
