"""Several stores read as one: of a key that several hold, the fullest measurement counts."""

import pytest

from basegate.cli import main
from basegate.errors import UsageError
from basegate.store.folder import Store
from basegate.store.union import MergedStore
from tests.helpers.stored import answers, candidate, make_project, measurement, perplexity


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def stores(tmp_path, thresholds):
    """Return a function that makes a store for each of the findings of one measurement."""

    def made(check, *findings):
        found = [Store(tmp_path / f"s{number}") for number in range(len(findings))]
        for store, each in zip(found, findings, strict=True):
            store.put(measurement(thresholds, check, each))
        return found

    return made


@pytest.mark.parametrize("drawn", [(5, 9, 7), (9, 5, 7), (5, 7, 9)])
def test_the_fullest_counts_wherever_it_stands(stores, drawn):
    several = MergedStore(stores("knowledge", *(answers(4, count) for count in drawn)))
    [listed] = several
    assert listed.findings.metrics[0].drawn == 9
    assert len(several.get(listed.key).findings.samples) == 9
    assert listed.findings.samples == ()


def test_of_equal_ones_both_ways_of_reading_serve_the_first(tmp_path, thresholds):
    found = [Store(tmp_path / "a"), Store(tmp_path / "b")]
    for store, name in zip(found, ("first", "second"), strict=True):
        store.put(measurement(thresholds, "knowledge", answers(), candidate(name)))
    several = MergedStore(found)
    [listed] = several
    assert listed.candidate.name == several.get(listed.key).candidate.name == "first"


@pytest.mark.parametrize(
    ("check", "findings"),
    [
        ("perplexity", (perplexity(4.0), perplexity(4.1))),
        ("knowledge", (answers(4, 5), answers(5, 9))),
        ("knowledge", (answers(4, 5), answers(4, 9), answers(5, 9))),
    ],
)
def test_other_numbers_are_refused_by_both_ways_of_reading(stores, check, findings):
    found = stores(check, *findings)
    several = MergedStore(found)
    [one] = found[0]
    with pytest.raises(UsageError, match=one.key) as listing:
        list(several)
    with pytest.raises(UsageError, match=one.key) as getting:
        several.get(one.key)
    assert str(listing.value) == str(getting.value)
    assert all(str(store.folder) in str(getting.value) for store in found)


def test_questions_of_which_each_store_has_more_are_refused(tmp_path, thresholds):
    def store_with(*drawn):
        both = [answers(right=0, drawn=count) for count in drawn]
        second = [each.model_copy(update={"item": "q2"}) for each in both[1].samples]
        findings = both[0].model_copy(
            update={
                "samples": (*both[0].samples, *second),
                "metrics": (*both[0].metrics, *both[1].metrics),
            }
        )
        store = Store(tmp_path / "{}-{}".format(*drawn))
        store.put(measurement(thresholds, "knowledge", findings))
        return store

    few, one, other = store_with(4, 4), store_with(4, 6), store_with(6, 4)
    [listed] = few
    assert len(MergedStore([few, other]).get(listed.key).findings.samples) == 10
    with pytest.raises(UsageError, match="has other numbers in each"):
        MergedStore([one, other]).get(listed.key)


def test_a_report_of_stores_that_contradict_each_other_names_them(
    stores, tmp_path, monkeypatch, capsys
):
    stores("perplexity", perplexity(4.0), perplexity(4.1))
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--store", "s0", "--store", "s1", "--html", "page.html"]) == 4
    error = capsys.readouterr().err
    assert "error: --store s0, s1: the measurement " in error
    assert "(yi-6b, perplexity on wiki) has other numbers in each" in error
    assert not (tmp_path / "page.html").exists()


def test_a_key_is_yielded_once_and_what_one_store_alone_holds_too(tmp_path, stores, thresholds):
    found = stores("knowledge", answers(4, 5), answers(4, 9))
    found[1].put(measurement(thresholds, "perplexity", perplexity()))
    assert sorted(each.check for each in MergedStore(found)) == ["knowledge", "perplexity"]
    assert MergedStore(found).get("0" * 64) is None
