"""Which test is about which candidate."""

import pytest

from basegate.config.declaration import check_names
from basegate.plugin.collection import (
    NO_CANDIDATE,
    NOT_CONFIGURED,
    by_candidate,
    candidate_of,
    check_of,
    is_not_configured,
    lacks_candidate,
    scope_of,
)
from tests.helpers.items import SPECS, make_item


def test_the_candidate_of_a_test_is_its_parameter():
    assert candidate_of(make_item(candidate="yi-6b", perplexity="wiki")) == SPECS["yi-6b"]
    assert candidate_of(make_item()) is None
    assert candidate_of(make_item(number=3)) is None


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (make_item(candidate="yi", perplexity="wiki"), ("perplexity", "wiki")),
        (make_item("test_any", knowledge="must-know", candidate="yi"), ("knowledge", "must-know")),
        (make_item("test_of_my_own", candidate="yi"), ("of_my_own", "")),
        (make_item("test_plain"), ("plain", "")),
    ],
    ids=["measurement", "parameters in another order", "candidate only", "no parameter"],
)
def test_the_check_of_a_test_is_its_measurement_or_else_its_name(item, expected):
    assert check_of(item, check_names()) == expected


def test_a_test_lacks_its_candidate_where_it_asks_for_one_and_none_is_named():
    assert lacks_candidate(make_item(candidate=None))
    assert not lacks_candidate(make_item(candidate="yi"))
    assert not lacks_candidate(make_item(number=3))
    assert not lacks_candidate(make_item())


def test_a_test_of_a_check_without_a_table_is_not_configured():
    assert is_not_configured(make_item(candidate="yi", perplexity=NOT_CONFIGURED))
    assert not is_not_configured(make_item(candidate="yi", perplexity="wiki"))
    assert not is_not_configured(make_item())


def test_tests_are_grouped_by_candidate_in_the_order_given_and_by_check_in_the_articles():
    def named(item):
        spec = candidate_of(item)
        return (spec and spec.name, *check_of(item, check_names()))

    mixed = [
        make_item(candidate="yi", reasoning="a"),
        make_item("test_of_my_own", candidate="yi"),
        make_item(candidate="other", knowledge="b"),
        make_item("test_plain"),
        make_item(candidate="yi", perplexity="wiki"),
        make_item(candidate="other", perplexity="wiki"),
        make_item(candidate="yi", perplexity="news"),
    ]
    assert [named(item) for item in by_candidate(mixed, ["other", "yi"])] == [
        (None, "plain", ""),
        ("other", "perplexity", "wiki"),
        ("other", "knowledge", "b"),
        ("yi", "perplexity", "wiki"),
        ("yi", "perplexity", "news"),
        ("yi", "reasoning", "a"),
        ("yi", "of_my_own", ""),
    ]


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests_models/test_perplexity.py::test_perplexity[yi-6b-wiki]", "yi-6b"),
        ("tests_models/test_perplexity.py::test_perplexity[yi-wiki]", "yi"),
        ("test_x.py::test_of_my_own[yi-6b]", "yi-6b"),
        ("test_x.py::TestGroup::test_x[yi-6b-a-b]", "yi-6b"),
        ("test_x.py::test_x[yi-6b-item[0]]", "yi-6b"),
        ("test_x.py::test_x[yi2-wiki]", "test_x.py"),
        ("test_x.py::test_x[1-2]", "test_x.py"),
        ("test_x.py::test_x", "test_x.py"),
        ("test_x.py::TestGroup::test_x", "test_x.py::TestGroup"),
    ],
)
def test_the_scope_of_a_test_is_its_candidate_or_else_its_file_or_class(nodeid, scope):
    assert scope_of(nodeid, ["yi", "yi-6b"]) == scope


def test_a_name_that_leaves_a_known_item_is_preferred_to_a_longer_one():
    names, items = ["llama", "llama-2-7b"], ["2-7b-x", "x-y"]
    assert scope_of("t.py::test_x[llama-2-7b-x]", names, items) == "llama"
    assert scope_of("t.py::test_x[llama-2-7b-x-y]", names, items) == "llama-2-7b"


@pytest.mark.parametrize("folder", ["models[1]", "a[yi-6b]"])
def test_brackets_in_the_path_of_a_test_do_not_hide_its_candidate(folder):
    assert scope_of(f"{folder}/test_x.py::test_x[yi-6b-wiki]", ["yi", "yi-6b"]) == "yi-6b"
    assert scope_of(f"{folder}/test_x.py::test_x", ["yi-6b"]) == f"{folder}/test_x.py"


def test_acceptance_tests_without_a_candidate_have_a_scope_of_their_own():
    assert scope_of(f"test_x.py::test_x[{NO_CANDIDATE}-wiki]", [NO_CANDIDATE]) == NO_CANDIDATE
