"""Whether the padding of a batch reaches the scores of a text, by what only padding changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from basegate.engines.lm_head import LMHead

TOKENS = 16
"""Of the text that is looked at, and of the padding beside it."""


class PaddingEffect(NamedTuple):
    """Nats per token by which the scores of a text differ between rows of one batch."""

    moved: float  # whose padding differs
    rounding: float  # whose padding is the same

    @property
    def beyond(self) -> float:
        """What rounding does not explain."""
        return self.moved - 2 * self.rounding

    @staticmethod
    def worst(sides: Sequence[PaddingEffect]) -> PaddingEffect:
        """The one that rounding explains least, NaN first."""
        return max(sides, key=lambda each: np.inf if np.isnan(each.beyond) else each.beyond)

    @classmethod
    def of(cls, rows: Sequence[NDArray[np.float64]]) -> PaddingEffect:
        """Of the scores in three rows, the second with other padding than the others."""
        first, other, again = rows
        return cls(float(np.abs(first - other).mean()), float(np.abs(first - again).mean()))


@torch.inference_mode()
def padding_effect(head: LMHead, ids: Sequence[int]) -> PaddingEffect:
    """The effect of the worse side, NaN first: of what stands behind a text, and before a prompt.

    A text stands three times in one batch, so that whatever rounds by the shape or the content of
    the whole batch (LLM.int8's outlier columns, experts) does the same to all rows.

    Args:
        head: of the model.
        ids: tokens of a text, at least four, prefix included.
    """
    text = list(ids[:TOKENS])
    as_padded, other = [text[0]] * len(text), text[::-1]
    paddings = (as_padded, other, as_padded)
    middle = len(text) // 2
    behind, before = _behind(head, text, paddings), _before(head, text, paddings, middle)
    # Through the head, of which a large vocabulary makes the slowest part, they go together.
    before = pad(before, (0, 0, 0, behind.shape[1] - before.shape[1]))
    pieces = [(row, 1, text[1:]) for row in range(3)]
    pieces += [(row, 1, text[middle:]) for row in range(3, 6)]
    rows = head.logprobs(torch.cat([behind, before]), pieces)
    sides = (PaddingEffect.of(rows[:3]), PaddingEffect.of(rows[3:]))
    return PaddingEffect.worst(sides)


def _behind(head: LMHead, text: list[int], paddings: Sequence[list[int]]) -> torch.Tensor:
    """Hidden states of the text before its paddings, shape [3, time, width]."""
    return head.hidden(torch.tensor([text + padding for padding in paddings]))


def _before(
    head: LMHead, text: list[int], paddings: Sequence[list[int]], middle: int
) -> torch.Tensor:
    """Those of its second half, as `ContinuationScorer` reads it after the first."""
    rows = torch.tensor([padding + text[:middle] for padding in paddings])
    mask = torch.ones((3, len(text) + len(text)), dtype=torch.long)
    mask[:, : len(text)] = 0
    read = head.read(rows[:, :-1], mask[:, : rows.shape[1] - 1])
    tails = torch.tensor([text[middle - 1 : -1]] * 3)
    return head.hidden_after(read, tails, mask[:, :-1])
