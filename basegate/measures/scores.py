"""Are scores of the text that was given, and are they numbers?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.errors import InvalidMeasurement
from basegate.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.engines.protocol import TokenScores

LOST_SHARE = 0.01
"""Above this share of lost characters the text that was scored is not the text that was given."""


def check_scores(scores: Sequence[TokenScores], texts: Sequence[str]) -> None:
    """Refuse scores that are not of the text that was given.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    import numpy as np

    tokens = sum(len(each.logprobs) for each in scores)
    broken = sum(int((~np.isfinite(each.logprobs)).sum()) for each in scores)
    if broken:
        reason = Message(
            "{broken} of {tokens} log-probabilities are not finite (NaN or inf). The model's "
            "numbers broke, which says nothing about what it knows: try another --dtype or "
            "--quantization.",
            broken=broken,
            tokens=tokens,
        )
        raise InvalidMeasurement(reason)
    lost, characters = sum(each.lost for each in scores), sum(map(len, texts))
    if lost > LOST_SHARE * characters:
        reason = Message(
            "the tokenizer loses {lost} of {characters} characters: decoding its tokens does "
            "not give them back (unknown characters, or several folded into one). What was "
            "scored is not the text that was given, and its bits per character would look "
            "too good. Choose a candidate whose tokenizer covers Chinese characters.",
            lost=lost,
            characters=characters,
        )
        raise InvalidMeasurement(reason)
