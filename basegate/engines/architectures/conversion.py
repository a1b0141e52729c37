"""Merges of a byte-pair tokenizer, from its vocabulary alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, AnyStr

if TYPE_CHECKING:
    from collections.abc import Mapping


def merges(ranks: Mapping[AnyStr, float]) -> list[tuple[AnyStr, AnyStr]]:
    """Return every pair of tokens that together are a token, the first to be joined first.

    tiktoken and SentencePiece keep no list of pairs: of all neighbours whose joining is a token
    they join those with the best one. The list says the same to tokenizers that want a list.

    Args:
        ranks: every token that joining may give or take, best first from the lowest number.
    """
    found = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks:
                found.append((rank, ranks[left], ranks[right], left, right))
    found.sort()
    return [(left, right) for *_, left, right in found]
