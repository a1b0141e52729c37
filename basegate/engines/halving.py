"""Batches that find their size: one that does not fit into memory is halved and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from basegate.memory import release_memory

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
Found = TypeVar("Found")


class Halving:
    """Runs batches.

    Attributes:
        retries: how often a batch did not fit into memory and was halved.
    """

    def __init__(self) -> None:
        self.retries = 0

    def run(
        self,
        batch: list[Item],
        work: Callable[[list[Item]], list[Found]],
        halves: Callable[[list[Item]], tuple[list[Item], list[Item]]],
    ) -> list[Found]:
        """Return what `work` finds for a batch, in halves where memory asks for it.

        Args:
            batch: at least one piece of work.
            work: does all of it, in order.
            halves: splits a batch; raises `CandidateError` where it cannot be split.
        """
        try:
            return work(batch)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        # Outside of `except`: the error's traceback keeps the tensors that did not fit.
        release_memory()
        self.retries += 1
        first, second = halves(batch)
        return [*self.run(first, work, halves), *self.run(second, work, halves)]


def in_two(items: list[Item]) -> tuple[list[Item], list[Item]]:
    """Return the first and the second half of at least two items."""
    middle = len(items) // 2
    return items[:middle], items[middle:]


def out_of_memory(error: RuntimeError) -> bool:
    """Tell whether memory was what an error of torch is about."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
