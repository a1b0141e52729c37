"""Memory and tokens, as a table."""

from dataclasses import replace

from basegate.report.page.plots import costs
from tests.helpers.pages import make_page


def with_entry(page, **fields):
    """Return a page whose second candidate is another one."""
    first, second = page.ledger.candidates
    entries = (first, second.model_copy(update=fields))
    return replace(page, ledger=page.ledger.model_copy(update={"candidates": entries}))


def test_every_candidate_has_its_memory_and_tokens_of_every_corpus():
    (table,) = costs.plots(make_page(2))
    assert table.svg is None
    assert table.rows == (("yi-6b", "5.20", "1.12", "1.12"), ("llama-2-7b", "5.90", "1.83", "1.83"))
    assert [head.rpartition(", ")[2] for head in table.head[2:]] == ["wikipedia-yue", "hong-kong"]
    assert "CPU" not in table.caption


def test_memory_of_a_process_is_told_from_that_of_a_gpu():
    (table,) = costs.plots(with_entry(make_page(2), device="cpu"))
    assert table.rows[1][1] == "5.90 (process)"
    assert "cannot be compared" in table.caption


def test_memory_that_is_unknown_is_left_open():
    (table,) = costs.plots(with_entry(make_page(2), peak_memory_bytes=None))
    assert table.rows[1][1] == ""
