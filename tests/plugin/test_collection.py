"""Which test is about which candidate, and what is left of a test that went wrong."""

from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec
from basegate.config.thresholds import CHECKS, Thresholds
from basegate.errors import DataError
from basegate.judging.explanation import sentence
from basegate.ledger import Record
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
from basegate.plugin.options import RunOptions
from basegate.plugin.outcomes import attach_records, crash_record, read_records
from basegate.plugin.session import GateSession
from basegate.plugin.stash import PROPERTY, RECORDS
from basegate.progress import SILENT
from basegate.verdict import Result

SPECS = {
    name: CandidateSpec(name=name, source=f"owner/{name}") for name in ("yi", "yi-6b", "other")
}


def make_item(name="test_perplexity", style="auto", **parameters):
    """Stand in for a collected test: pytest makes them only from files."""
    if "candidate" in parameters:
        parameters["candidate"] = SPECS.get(parameters["candidate"])
    item = SimpleNamespace(
        name=f"{name}[x]",
        originalname=name,
        stash=pytest.Stash(),
        user_properties=[],
        config=SimpleNamespace(option=SimpleNamespace(tbstyle=style)),
    )
    if parameters:
        item.callspec = SimpleNamespace(params=parameters)
    return item


@pytest.fixture
def run(tmp_path):
    return GateSession(
        RunOptions(
            candidates=tuple(SPECS.values()),
            thresholds=Thresholds(path=tmp_path / "thresholds.toml", sha256="", checks=()),
            store=tmp_path / "store",
            ledger=tmp_path / "ledger.json",
            remeasure=False,
            device="cpu",
            command="pytest",
        ),
        SILENT,
    )


def make_report(when="call", outcome="passed", nodeid="test_x.py::test_x[yi-6b-wiki]"):
    return pytest.TestReport(nodeid, ("test_x.py", 1, "test_x"), {}, outcome, None, when)


def make_record(verdict="pass"):
    row = Result(candidate="yi-6b", check="perplexity", item="wiki", verdict=verdict, reason="x")
    return Record(
        candidate={
            "name": "yi-6b",
            "source": "a/b",
            "quantization": "nf4",
            "dtype": "bfloat16",
            "device": "cpu",
        },
        results=(row,),
    )


def call_of(error=None, when="call"):
    """Return what pytest knows of a phase that raised an error, or none."""

    def phase():
        if error is not None:
            raise error

    return pytest.CallInfo.from_call(phase, when)


def attached(run, item, *, error=None, when="call"):
    """Attach records to a phase of a test and return what its report carries then."""
    report = make_report(when, "passed" if error is None else "failed")
    attach_records(run, item, call_of(error, when), report)
    return report


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
    assert check_of(item, CHECKS) == expected


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
        return (spec and spec.name, *check_of(item, CHECKS))

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


def test_what_a_test_judged_is_on_the_report_of_its_call(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record()]
    assert attached(run, item, when="setup").user_properties == []
    assert read_records(attached(run, item)) == [make_record()]
    assert attached(run, item, when="teardown").user_properties == []


def test_a_limit_that_is_not_met_is_a_failure_and_told_in_its_own_words(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record("fail")]
    detail = sentence(make_record("fail").results[0])
    error = AssertionError(f"{detail}\nassert False\n +  where False = <Verdict fail>.passed")
    report = attached(run, item, error=error)
    assert read_records(report) == [make_record("fail")]
    assert report.longrepr == detail


def test_tb_long_shows_the_tests_source_as_ever(run):
    item = make_item(candidate="yi-6b", style="long", perplexity="wiki")
    item.stash[RECORDS] = [make_record("fail")]
    error = AssertionError(sentence(make_record("fail").results[0]))
    report = attached(run, item, error=error)
    assert read_records(report) == [make_record("fail")]
    assert report.longrepr is None


def test_a_test_that_fails_although_its_limits_are_met_is_not_a_pass(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record()]
    report = attached(run, item, error=AssertionError("something of my own"))
    verdicts = [row.verdict for record in read_records(report) for row in record.results]
    assert verdicts == ["pass", "invalid"]
    assert report.longrepr is None, "pytest's own text stays"


def test_records_cross_between_processes_as_plain_text(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record()]
    [(name, value)] = attached(run, item).user_properties
    assert name == f"{PROPERTY}:call"
    assert type(value) is str


@pytest.mark.parametrize("when", ["setup", "call"])
def test_a_users_mistake_is_invalid_and_told_without_a_traceback(run, when):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    report = attached(run, item, error=DataError("there is no such file."), when=when)
    assert report.longrepr == "yi-6b: there is no such file."
    [record] = read_records(report)
    assert record.candidate.name == "yi-6b"
    [row] = record.results
    assert (row.check, row.item, row.verdict) == ("perplexity", "wiki", "invalid")
    assert sentence(row) == "yi-6b on wiki: there is no such file."


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyError("key"), "KeyError: 'key'"), (RuntimeError(), "RuntimeError")],
)
def test_a_programs_mistake_is_invalid_too_and_keeps_its_traceback(run, error, reason):
    report = attached(run, make_item(candidate="yi", knowledge="bank"), error=error, when="setup")
    assert report.longrepr is None
    [row] = read_records(report)[0].results
    assert (row.verdict, sentence(row)) == ("invalid", f"yi on bank: {reason}")


def test_a_test_that_asserts_before_it_judged_anything_is_invalid(run):
    item = make_item("test_of_my_own", candidate="yi")
    [record] = read_records(attached(run, item, error=AssertionError("no engine")))
    [row] = record.results
    assert (row.check, row.item, row.verdict) == ("of_my_own", "", "invalid")


def test_an_error_of_the_teardown_is_invalid(run):
    item = make_item(candidate="yi", perplexity="wiki")
    [record] = read_records(attached(run, item, error=KeyError("x"), when="teardown"))
    assert [row.verdict for row in record.results] == ["invalid"]


def test_tests_without_a_candidate_carry_nothing(run):
    plain = attached(run, make_item(), error=DataError("x"))
    assert (plain.user_properties, plain.longrepr) == ([], None)


def test_a_skipped_test_judged_nothing(run):
    report = make_report("setup", "skipped")
    item = make_item(candidate="yi", perplexity="wiki")
    attach_records(run, item, call_of(pytest.skip.Exception("no time"), "setup"), report)
    [record] = read_records(report)
    [row] = record.results
    assert row.verdict == "invalid"
    assert "no time" in sentence(row)


def test_what_a_model_wrote_in_an_error_cannot_steer_the_terminal(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    report = attached(run, item, error=DataError("\x1b[2J broke"), when="setup")
    assert "\x1b" not in report.longrepr


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_report_of_another_phase_repeats_properties_that_are_not_read_twice(when):
    report = make_report(when)
    report.user_properties.append((f"{PROPERTY}:call", make_record().to_json()))
    assert read_records(report) == []


def test_properties_of_others_are_no_records():
    report = make_report()
    report.user_properties += [("other", "text"), (f"{PROPERTY}:call", make_record().to_json())]
    assert read_records(report) == [make_record()]


@pytest.mark.parametrize(
    ("nodeid", "name", "check", "item"),
    [
        ("test_x.py::test_perplexity[yi-6b-wiki]", "yi-6b", "perplexity", "wiki"),
        ("test_x.py::test_perplexity[yi-wiki-yue]", "yi", "perplexity", "wiki-yue"),
        ("test_x.py::test_of_my_own[other]", "other", "of_my_own", ""),
        ("a[1]/test_x.py::test_perplexity[yi-wiki]", "yi", "perplexity", "wiki"),
        ("test_x.py::test_perplexity[yi-wiki[0]]", "yi", "perplexity", "wiki[0]"),
    ],
)
def test_a_test_that_killed_its_process_is_invalid(run, nodeid, name, check, item):
    record = crash_record(run, make_report("???", "failed", nodeid))
    assert record.candidate.name == name
    [row] = record.results
    assert (row.candidate, row.check, row.item, row.verdict) == (name, check, item, "invalid")
    assert "killed or crashed" in sentence(row)


@pytest.mark.parametrize(
    ("when", "nodeid"),
    [
        ("setup", "test_x.py::test_perplexity[yi-wiki]"),
        ("call", "test_x.py::test_perplexity[yi-wiki]"),
        ("teardown", "test_x.py::test_perplexity[yi-wiki]"),
        ("???", "test_x.py::test_plain"),
        ("???", "test_x.py::test_plain[yi2]"),
    ],
)
def test_other_reports_are_no_crash_of_a_candidate(run, when, nodeid):
    assert crash_record(run, make_report(when, "failed", nodeid)) is None
