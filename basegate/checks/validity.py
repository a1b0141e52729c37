"""Validity: degenerate output and log-probabilities that are not finite are no measurement.

    degenerate_share = samples that are degenerate / samples

A sample is degenerate if it is empty, one character or one token over and over, after a few words
at most, or half of it is replacement characters. Above `max_degenerate_share` of `thresholds.toml`
the measurement is `invalid`: 874 of 1,171 published answers of one model were `!!!!!!!!`, a broken
run that was taken for a score. Log-probabilities have to be finite, and all texts together be those
that were given, but for one character in a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from basegate.config.declaration import MetricLabel
from basegate.engines.protocol import LOST_SHARE, Draw, Engine, TokenScores
from basegate.errors import InvalidMeasurement
from basegate.i18n.formatting import FRACTION
from basegate.i18n.messages import Message, some
from basegate.measurement import Findings, Metric, Sample

if TYPE_CHECKING:
    from basegate.data.banks import Bank

_CUT = re.compile("\ufffd{1,3}$")
"""Of a character that was cut at the end there are up to three bytes."""


def is_degenerate(text: str) -> bool:
    """Whether a text is what a broken model writes: nothing, one character, or no characters.

    Empty or white space; one character repeated at least eight times and nothing else (the
    `!!!!!!!!` of a model whose numerics broke), or nine tenths of 40 characters or more; or at
    least half replacement characters, but for those of one character that was cut at the end.
    """
    dense = "".join(text.split())
    if not dense:
        return True
    most = max(map(dense.count, set(dense)))
    if len(dense) >= 8 and most >= (0.9 if len(dense) >= 40 else 1) * len(dense):
        return True
    whole = _CUT.sub("", dense)
    return whole.count("\ufffd") * 2 >= len(whole)


def is_broken(draw: Draw) -> bool:
    return draw.one_token or is_degenerate(draw.text)


def degenerate_share(samples: Sequence[Sample]) -> Metric:
    share = sum(sample.degenerate for sample in samples) / len(samples)
    return Metric("degenerate_share", share, FRACTION, count=len(samples))


DEGENERATE_LABEL = {
    "degenerate_share": MetricLabel(
        Message("degenerate share"),
        Message("of samples that are degenerate"),
        Message("{value} of samples that are degenerate"),
        Message("{value} degenerate"),
    )
}


def first_tokens(engine: Engine, texts: int) -> Message | None:
    """A note on tokens that could not be scored, of so many texts; `None` where all were."""
    if engine.prefix:
        return None
    return Message(
        "its tokenizer has no token to put before a text, so the first token of each text is not "
        "scored ({count} in all). Bits per character are of all characters, and so lower by what "
        "these would have cost.",
        count=texts,
    )


def open_quotes(bank: Bank[Any]) -> tuple[Message, ...]:
    """A note on records of which a quotation mark is not closed, if there are any."""
    if not (found := bank.with_open_quotes):
        return ()
    note = Message(
        "a quotation mark is not closed in {count} of the records ({ids}), which are asked as they "
        "are: look whether their texts are whole.",
        count=len(found),
        ids=some(found),
    )
    return (note,)


class LostCharacters:
    """How many characters the tokenizer lost of all that is scored in a measurement.

    Args:
        earlier: findings that are continued, if any: what was lost there counts, too.
        fact: the name of the number among the measurement's facts.
    """

    def __init__(self, earlier: Findings | None, fact: str = "lost_characters") -> None:
        self._fact = fact
        self._lost = int((earlier.facts.get(fact) if earlier else None) or 0)

    def add(self, scores: Sequence[TokenScores]) -> None:
        """Count what was lost of some texts; raise `InvalidMeasurement` for scores not finite."""
        _check_finite(scores)
        self._lost += sum(each.lost for each in scores)

    def facts(self, characters: int) -> dict[str, int]:
        """The number as a fact, if any were lost of the `characters` of all that was scored.

        Raises:
            InvalidMeasurement: they are more than `LOST_SHARE`.
        """
        if self._lost > LOST_SHARE * characters:
            reason = Message(
                "the tokenizer loses {lost} of {characters} characters: decoding its tokens does "
                "not give them back (unknown characters, or several folded into one). What was "
                "scored is not the text that was given, and its bits per character would look "
                "too good. Choose a candidate whose tokenizer covers Chinese characters.",
                lost=self._lost,
                characters=characters,
            )
            raise InvalidMeasurement(reason)
        return {self._fact: self._lost} if self._lost else {}


def _check_finite(scores: Sequence[TokenScores]) -> None:
    import numpy as np

    tokens = sum(len(each.logprobs) for each in scores)
    broken = sum(int((~np.isfinite(each.logprobs)).sum()) for each in scores)
    if broken:
        reason = Message(
            "{broken} of {tokens} log-probabilities are not finite (NaN or inf). The model is "
            "numerically unstable, which says nothing about what it knows: try another --dtype or "
            "--quantization.",
            broken=broken,
            tokens=tokens,
        )
        raise InvalidMeasurement(reason)
