"""Batches that do not fit into memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, strategies as st

from basegate.engines import batching as halving
from basegate.engines.batching import BatchJob, OomBackoff, halve
from basegate.errors import CandidateError
from basegate.store.file_batch_cache import FileBatchCache


@pytest.fixture(autouse=True, scope="module")
def quickly():
    """Collecting garbage takes a while in a process that has imported everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halving, "release_memory", lambda: None)
        yield


def work_that_fits(most, tried):
    """Doubles numbers, at most so many at once."""

    def do(batch):
        tried.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [2 * each for each in batch]

    return BatchJob(do, halve, len, "a number")


@given(st.integers(1, 40), st.integers(1, 40))
def test_every_piece_is_done_once_and_in_order(count, most):
    tried = []
    found = OomBackoff().run(list(range(count)), work_that_fits(most, tried))
    assert found == [2 * number for number in range(count)]


def test_a_size_that_did_not_fit_is_not_tried_again():
    again, tried = OomBackoff(), []
    for _ in range(3):
        again.run(list(range(8)), work_that_fits(2, tried))
    assert tried == [8, 4, *[2] * 12]


@given(
    # Rows decide what fits, and sizes are told otherwise: as tokens are of rows of any length.
    batches=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=12).map(
        lambda found: [(str(name), rows, long) for name, (rows, long) in enumerate(found)]
    ),
    most=st.integers(1, 40),
    measurement=st.integers(0, 12),
    ended=st.integers(0, 12),
)
@example(batches=[("0", 4, 1), ("1", 2, 9)], most=2, measurement=1, ended=1)
def test_what_is_done_and_noted_depends_neither_on_earlier_measurements_nor_on_going_on(
    tmp_path_factory, batches, most, measurement, ended
):
    place = tmp_path_factory.mktemp("journals")

    def note(again, path, batches):
        """Do the batches that a journal lacks; return what was noted, and what was tried."""
        journal, tried = FileBatchCache(path, "key"), []
        for name, rows, long in batches:
            if not journal.has(name):
                work = replace(work_that_fits(most, tried), size=lambda some, n=long: n * len(some))
                again.run(list(range(rows)), work, journal)
                journal.put({name: 0})
        journal.close()
        return journal.spent()[1], tried

    alone = note(OomBackoff("draw"), place / "alone", batches)
    # Behind another measurement, in one process.
    before, own = batches[:measurement], batches[measurement:]
    alone_behind = note(OomBackoff("draw"), place / "own", own)
    again = OomBackoff("draw")
    note(again, place / "before", before)
    assert note(again, place / "behind", own) == alone_behind
    # Ended and gone on with by another process, which knows nothing of the first.
    _, first = note(OomBackoff("draw"), place / "ended", batches[:ended])
    noted, then = note(OomBackoff("draw"), place / "ended", batches)
    assert (noted, first + then) == alone


def test_a_piece_that_does_not_fit_alone_is_refused_with_its_reason():
    with pytest.raises(
        CandidateError, match=r"^a number \(1 tokens\) does not fit into memory\. Use another\.$"
    ):
        OomBackoff("score", "Use another.").run([7, 8], work_that_fits(0, []))


def test_a_piece_alone_is_tried_even_where_as_much_did_not_fit():
    again, tried = OomBackoff(), []
    with pytest.raises(CandidateError):
        again.run([1], work_that_fits(0, tried))
    assert again.run([1], work_that_fits(1, tried)) == [2]


def test_another_error_is_not_about_memory():
    def do(batch):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        OomBackoff().run([1, 2], BatchJob(do, halve, len, "a number"))
