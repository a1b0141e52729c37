"""What the tokens of each document of a corpus sum up to, and how many documents are copies.

Documents are scored part by part, and a part that an earlier run scored is taken from its findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import stdev
from typing import TYPE_CHECKING, NamedTuple, cast

from basegate.checks.validity import LostCharacters
from basegate.i18n.messages import Message, some
from basegate.measurement import DocumentScore, Findings
from basegate.stats.confidence_sequence import (
    effective_number,
    linearised_ratio,
    mean_sequence,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from basegate.engines.protocol import TokenScores


@dataclass(frozen=True)
class Sums:
    """What perplexity needs to know of each document; arrays of shape [documents]."""

    nll: NDArray[np.float64]
    tokens: NDArray[np.float64]
    characters: NDArray[np.float64]
    utf8_bytes: NDArray[np.float64]


class Document(NamedTuple):
    """A document by its text, a copy of another one by its place, too; and its place."""

    id: str
    place: int

    @classmethod
    def each_of(cls, texts: Sequence[str]) -> list[Document]:
        first = {text: place for place, text in reversed([*enumerate(texts)])}
        return [
            cls(text if first[text] == place else f"{text}\0{place}", place)
            for place, text in enumerate(texts)
        ]


class TextCost(NamedTuple):
    """What is kept of the scores of one text."""

    nll: float
    tokens: int
    split: float | None  # share of tokens that are parts of a character; `None` if not known

    @classmethod
    def of(cls, scores: TokenScores) -> TextCost:
        split = None if scores.starts is None else split_share(scores.starts)
        return cls(-float(scores.logprobs.sum()), len(scores.logprobs), split)


def costs_of(
    found: Findings | None, parallel: Mapping[int, str]
) -> tuple[dict[int, TextCost], dict[int, TextCost]]:
    """What an earlier run found of documents, and of their versions in written Chinese, by place.

    Without documents of which the version's cost was not stored: those are scored again.
    """
    own: dict[int, TextCost] = {}
    written: dict[int, TextCost] = {}
    for each in found.documents if found is not None else ():
        place = int(each.item) - 1
        if each.written_bits is not None:
            written[place] = TextCost(
                each.written_bits * math.log(2), each.written_tokens or 0, None
            )
        if place not in parallel or place in written:
            # Of all of them together, which is all that is asked of it.
            split = cast("float | None", found and found.facts.get("split_token_share"))
            own[place] = TextCost(each.bits * math.log(2), each.tokens, split)
    return own, written


class Variety:
    """A corpus in Cantonese, or in written Chinese: its texts, and what they cost so far.

    Args:
        texts: by place.
        costs: of those that an earlier run has scored.
        score: scores some texts.
        lost: counts what the tokenizer loses of them.
    """

    def __init__(
        self,
        texts: Mapping[int, str],
        costs: dict[int, TextCost],
        score: Callable[[Sequence[str]], list[TokenScores]],
        lost: LostCharacters,
    ) -> None:
        self.costs = costs
        self._texts, self._score, self._lost = texts, score, lost

    def score(self, places: Iterable[int]) -> None:
        """Score the texts that there are at some places."""
        texts = {place: self._texts[place] for place in places if place in self._texts}
        if texts:
            scores = self._score(list(texts.values()))
            self._lost.add(scores)
            self.costs.update(zip(texts, map(TextCost.of, scores), strict=True))

    def sums(self, places: Sequence[int]) -> Sums:
        return per_document([self._texts[at] for at in places], [self.costs[at] for at in places])

    def lost(self) -> dict[str, int]:
        """See `LostCharacters.facts`."""
        return self._lost.facts(sum(len(self._texts[place]) for place in self.costs))


def per_document(documents: Sequence[str], costs: Sequence[TextCost]) -> Sums:
    import numpy as np

    return Sums(
        nll=np.array([each.nll for each in costs]),
        tokens=np.array([float(each.tokens) for each in costs]),
        characters=np.array([float(len(text)) for text in documents]),
        utf8_bytes=np.array([float(len(text.encode())) for text in documents]),
    )


def joined(documents: Sequence[str], join: str, scores: TokenScores) -> Sums:
    """The sums of documents that were scored as one text.

    A token belongs to the document in which it starts; the text between two documents to the one
    before. Where the tokenizer does not give token offsets, all is one document.
    """
    import numpy as np

    parts = [text + join for text in documents[:-1]] + [documents[-1]]
    if scores.starts is None:
        return per_document(["".join(parts)], [TextCost.of(scores)])
    begins = np.cumsum([0, *(len(part) for part in parts[:-1])])
    owner = np.searchsorted(begins, scores.starts, side="right") - 1
    return Sums(
        nll=np.bincount(owner, weights=-scores.logprobs, minlength=len(parts)).astype(np.float64),
        tokens=np.bincount(owner, minlength=len(parts)).astype(np.float64),
        characters=np.array([float(len(part)) for part in parts]),
        utf8_bytes=np.array([float(len(part.encode())) for part in parts]),
    )


def split_token_share(costs: Iterable[TextCost]) -> float | None:
    """Share of tokens that are only bytes of a character; `None` where offsets are not known."""
    import numpy as np

    known = [(each.split, each.tokens) for each in costs if each.split is not None]
    if not known:
        return None
    shares, tokens = zip(*known, strict=True)
    return float(np.average(shares, weights=tokens))


def split_share(starts: NDArray[np.int64]) -> float:
    """Share of tokens of a text that start where another does."""
    import numpy as np

    if len(starts) < 2:
        return 0.0
    same = starts[1:] == starts[:-1]
    return float(np.mean(np.append(same, False) | np.insert(same, 0, False)))


def document_scores(sums: Sums, places: Sequence[int] | None = None) -> tuple[DocumentScore, ...]:
    """Bits per document, to compare candidates on the same ones; `places`: theirs, if not all."""
    bits = sums.nll / math.log(2)
    columns = zip(bits, sums.tokens, sums.characters, strict=True)
    return tuple(
        DocumentScore(
            item=str(place + 1), bits=float(cost), tokens=int(tokens), characters=int(length)
        )
        for place, (cost, tokens, length) in zip(
            range(len(bits)) if places is None else places, columns, strict=True
        )
    )


def with_written(
    documents: Iterable[DocumentScore], written: Mapping[int, TextCost]
) -> tuple[DocumentScore, ...]:
    """Documents with what their versions in written Chinese cost, by place."""
    costs = {str(place + 1): cost for place, cost in written.items()}
    return tuple(
        each.model_copy(
            update={"written_bits": cost.nll / math.log(2), "written_tokens": cost.tokens}
        )
        if (cost := costs.get(each.item)) is not None
        else each
        for each in documents
    )


FEW_COPIES = 0.01
"""Share of the characters that may stand in copies of other documents without a word on it."""


def files_not_read(names: Sequence[str]) -> Message | None:
    """A note on files of a corpus that are no documents; `None` if there are none."""
    if not names:
        return None
    return Message(
        "not read when it was measured, since they are hidden, the system's, editors' copies, "
        "packed, or links to folders or to nothing: {names}",
        names=some(names),
    )


def mostly_skipped(names: Sequence[str]) -> Message | None:
    """A note on files of which most was taken for front matter; `None` if there are none."""
    if not names:
        return None
    return Message(
        "more was skipped as front matter (between lines of --- at the beginning) than is left of "
        "{names}. If it is text, put another line before it.",
        names=some(names),
    )


def copies(documents: Sequence[str]) -> Message | None:
    """A note on how many documents repeat others; `None` if hardly any does.

    Resampling takes each for a text of its own, so that the interval is too narrow. A few lines of
    an encyclopaedia that are alike, headings say, do not matter.
    """
    seen: set[str] = set()
    again = []
    for text in documents:
        if text.strip() in seen:
            again.append(len(text))
        seen.add(text.strip())
    share = sum(again) / sum(map(len, documents))
    if share <= FEW_COPIES:
        return None
    return Message(
        "copies of other documents: {copies} of {documents} documents, {share} % of the "
        "characters. They show nothing new, and the interval is too narrow for it: leave them out.",
        copies=len(again),
        documents=len(documents),
        share=f"{share * 100:.1f}",
    )


def as_part(
    found: Findings,
    left: int,
    confidence: float,
    sums: Sums,
    cantonese: Sums | None = None,
    written: Sums | None = None,
) -> Findings:
    """Findings of a part of a corpus, their intervals confidence sequences: see `mean_sequence`."""

    def per(own: Sums, denominators: NDArray[np.float64]) -> list[float]:
        return linearised_ratio((own.nll / math.log(2)).tolist(), denominators.tolist())

    values = {
        "bits_per_char": (per(sums, sums.characters), sums.characters),
        "bits_per_byte": (per(sums, sums.utf8_bytes), sums.utf8_bytes),
        "perplexity": (per(sums, sums.tokens), sums.tokens),
    }
    if cantonese is not None and written is not None:
        beside = per(written, written.characters)
        values["written_chinese_bits_per_char"] = beside, written.characters
        pairs = zip(per(cantonese, cantonese.characters), beside, strict=True)
        values["gap"] = [one - other for one, other in pairs], cantonese.characters
    ends = {
        name: mean_sequence(own, confidence, effective=effective_number(weights.tolist()))
        for name, (own, weights) in values.items()
        if len(own) > 1
    }
    errors = {name: stdev(values[name][0]) / math.sqrt(len(values[name][0])) for name in ends}
    if "perplexity" in ends:
        errors["perplexity"] *= math.log(2)  # that of its natural logarithm
        low, high = ends["perplexity"]
        ends["perplexity"] = bounded_exp(low * math.log(2)), bounded_exp(high * math.log(2))
    metrics = tuple(
        replace(
            each,
            interval=ends.get(each.name),
            confidence=confidence,
            standard_error=errors.get(each.name),
        )
        for each in found.metrics
    )
    size = found.sample_size
    return found.noting(not_asked=left).model_copy(
        update={
            "metrics": metrics,
            "sample_size": size and size.model_copy(update={"out_of": size.n + left}),
        }
    )


def bounded_exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
