"""Rows of token ids of different length as one tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


def pad(
    rows: Sequence[Sequence[int]], side: Literal["left", "right"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and their mask, shape [rows, longest] each.

    On the right a causal model cannot see the padding; on the left all rows end together, so that
    they can be gone on with.
    """
    longest = max(map(len, rows))
    ids = torch.empty((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        held = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        # Padded with a token that the row holds anyway: a repetition penalty sees all of it.
        ids[index] = row[0]
        ids[index, held] = torch.tensor(row)
        mask[index, held] = 1
    return ids, mask
