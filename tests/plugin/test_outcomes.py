"""What did not end in a verdict is invalid, told once, and never green."""

from __future__ import annotations

import html

import pytest

from basegate.config.thresholds import Thresholds
from basegate.errors import DataError
from basegate.judging.explanation import sentence
from basegate.ledger import Record
from basegate.plugin.fixtures import RECORDS
from basegate.plugin.options import RunOptions
from basegate.plugin.outcomes import PROPERTY, attach_records, crash_record
from basegate.plugin.run_report import take_records
from basegate.plugin.session import GateSession
from basegate.progress import SILENT
from basegate.verdict import Result
from tests.helpers.items import SPECS, make_item
from tests.helpers.plain import WORKERS, ledger, logged, verdicts


def test_degenerate_samples_are_invalid_and_shown(plain):
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning or continuation")
    assert result.parseoutcomes()["errors"] == 2
    assert result.ret == 1
    rows = ledger(plain)["results"]
    assert {row["verdict"] for row in rows} == {"invalid"}
    broken = {row["reason"]["values"]["broken"]["values"]["example"] for row in rows}
    assert broken == {"'!!!!!!!!!!!!'"}
    page = (plain.path / "report.html").read_text()
    assert "!" * 32 in html.unescape(html.unescape(page)), "the samples can be looked at"


@WORKERS
def test_numbers_that_broke_are_invalid_and_never_a_verdict_on_the_model(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "nan", "-k", "perplexity", *workers)
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["nan: * of * log-probabilities are not finite*"])
    result.stdout.fnmatch_lines(["nan: not judged (invalid) on perplexity; not run: cont*"])
    (row,) = ledger(isolated)["results"]
    assert (row["value"], row["verdict"]) == (None, "invalid")
    assert "Traceback" not in result.stdout.str()
    assert "plugin/fixtures.py" not in result.stdout.str()


def test_one_invalid_candidate_leaves_the_others_alone(plain):
    result = plain.runpytest_subprocess("--model", "old,bug,one")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["old: it cannot be loaded yet: too old"])
    entries = {row["name"]: row["verdict"] for row in ledger(plain)["candidates"]}
    assert entries == {"old": "invalid", "bug": "invalid", "one": "pass"}


def test_a_failed_load_is_not_tried_again(plain):
    (plain.path / "checkpoints/one/tokenizer.json").unlink()
    result = plain.runpytest_subprocess("--model", "one")
    outcomes = result.parseoutcomes()
    assert (outcomes["errors"], outcomes["unmeasured"]) == (1, 3)
    result.stdout.fnmatch_lines(["one: *has no tokenizer*"])
    assert logged(plain, "load") == []


def test_a_mistake_in_the_program_is_told_as_such_and_its_traceback_kept(plain):
    result = plain.runpytest_subprocess("--model", "bug", "-k", "perplexity")
    assert result.ret == 1
    said = "bug: while loading *checkpoints/bug for bug, an error came that nobody foresaw "
    result.stdout.fnmatch_lines(
        [f"{said}(KeyError: 'a mistake in the program'). That is a fault of basegate; it says *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert verdicts(plain) == {("bug", "perplexity", ""): "invalid"}
    [kept] = (plain.path / ".basegate/errors").glob("bug.loading.*.txt")
    assert kept.name in result.stdout.str()
    assert 'raise KeyError("a mistake in the program")' in kept.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"  \n", "holds no text"), ("香港".encode("big5"), "is not UTF-8"), (None, "no such file")],
    ids=["empty", "big5", "missing"],
)
def test_a_corpus_that_cannot_be_read_is_invalid_before_anything_is_loaded(
    plain, content, sentence
):
    path = plain.path / "corpus.txt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    assert sentence in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert logged(plain, "load") == []


@pytest.mark.parametrize(
    ("check", "file", "key"),
    [
        ("perplexity", "corpus.txt", "perplexity.corpora.local.path"),
        ("continuation", "prompts.jsonl", "continuation.prompts"),
        ("knowledge", "questions.jsonl", "knowledge.banks.facts.questions"),
        ("reasoning", "problems.jsonl", "reasoning.banks.sums.problems"),
    ],
)
def test_a_file_that_is_missing_is_invalid_with_what_names_it(plain, check, file, key):
    (plain.path / file).unlink()
    (plain.path / "thresholds.toml").rename(plain.path / "t.toml")
    result = plain.runpytest_subprocess("--model", "one", "-k", check, "--thresholds=t.toml")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"one: *{file}: there is no such file or folder. t.toml names it as {key}; relative "
            "paths there start at the folder of t.toml."
        ]
    )
    assert "FileNotFoundError" not in result.stdout.str()
    assert logged(plain, "load") == []


def test_nothing_left_to_run_is_not_green(plain):
    assert plain.runpytest_subprocess("--model", "one", "-k", "nothing").ret == 5
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().partition("[continuation]")[0])
    assert plain.runpytest_subprocess("--model", "one", "-k", "knowledge").ret == 5


@pytest.mark.parametrize("mark", ["skip", "xfail"])
def test_a_test_that_hides_a_verdict_is_not_green(plain, mark):
    test = plain.path / "tests_models/test_perplexity.py"
    test.write_text(
        f"import pytest\n\npytestmark = pytest.mark.{mark}(reason='hide')\n" + test.read_text()
    )
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    assert result.ret == 1


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [(), ("--max-worker-restart=1",)], ids=["any", "one"])
def test_a_process_that_dies_is_reported_once_and_not_green(isolated, restarts):
    result = isolated.runpytest_subprocess(
        "--model", "crash,one", "-n2", "-k", "perplexity or knowledge", *restarts
    )
    assert result.ret == 1
    entries = {row["name"]: row["verdict"] for row in ledger(isolated)["candidates"]}
    assert entries == {"crash": "invalid", "one": "pass"}
    crashed = [row["check"] for row in ledger(isolated)["results"] if row["candidate"] == "crash"]
    assert len(set(crashed)) == len(crashed), "each test is reported once"
    if not restarts:
        assert sorted(crashed) == ["knowledge", "perplexity"]
        assert logged(isolated, "load").count("crash") == 1, "its loading is not tried again"


def test_a_limit_that_is_not_met_is_told_without_the_source_of_the_test(plain):
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    assert "def test_perplexity" not in result.stdout.str()
    result.stdout.fnmatch_lines(["bad on local: 12.98 bits per character, limit at most 2.*"])
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity", "--tb=long")
    assert "def test_perplexity" in result.stdout.str()


def test_one_cause_is_told_in_full_once(plain):
    (plain.path / "checkpoints/one/tokenizer.json").unlink()
    result = plain.runpytest_subprocess("--model", "one")
    assert result.stdout.str().count("has no tokenizer") == 2, "its error and its verdict"
    assert result.stdout.str().count("see its first error") == 1
    result.stdout.fnmatch_lines(["  invalid      3 checks * not measured: the candidate could *"])
    page = html.unescape((plain.path / "report.html").read_text())
    assert page.count("3 checks: not measured: the candidate could not be loaded") == 1


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


def test_what_a_test_judged_is_on_the_report_of_its_call(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record()]
    assert attached(run, item, when="setup").user_properties == []
    assert take_records(attached(run, item)) == [make_record()]
    assert attached(run, item, when="teardown").user_properties == []


def test_a_limit_that_is_not_met_is_a_failure_and_told_in_its_own_words(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record("fail")]
    detail = sentence(make_record("fail").results[0])
    error = AssertionError(f"{detail}\nassert False\n +  where False = <Verdict fail>.passed")
    report = attached(run, item, error=error)
    assert take_records(report) == [make_record("fail")]
    assert report.longrepr == detail


def test_tb_long_shows_the_tests_source_as_ever(run):
    item = make_item(candidate="yi-6b", style="long", perplexity="wiki")
    item.stash[RECORDS] = [make_record("fail")]
    error = AssertionError(sentence(make_record("fail").results[0]))
    report = attached(run, item, error=error)
    assert take_records(report) == [make_record("fail")]
    assert report.longrepr is None


def test_a_test_that_fails_although_its_limits_are_met_is_not_a_pass(run):
    item = make_item(candidate="yi-6b", perplexity="wiki")
    item.stash[RECORDS] = [make_record()]
    report = attached(run, item, error=AssertionError("something of my own"))
    verdicts = [row.verdict for record in take_records(report) for row in record.results]
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
    [record] = take_records(report)
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
    [row] = take_records(report)[0].results
    assert (row.verdict, sentence(row)) == ("invalid", f"yi on bank: {reason}")


def test_a_test_that_asserts_before_it_judged_anything_is_invalid(run):
    item = make_item("test_of_my_own", candidate="yi")
    [record] = take_records(attached(run, item, error=AssertionError("no engine")))
    [row] = record.results
    assert (row.check, row.item, row.verdict) == ("of_my_own", "", "invalid")


def test_an_error_of_the_teardown_is_invalid(run):
    item = make_item(candidate="yi", perplexity="wiki")
    [record] = take_records(attached(run, item, error=KeyError("x"), when="teardown"))
    assert [row.verdict for row in record.results] == ["invalid"]


def test_tests_without_a_candidate_carry_nothing(run):
    plain = attached(run, make_item(), error=DataError("x"))
    assert (plain.user_properties, plain.longrepr) == ([], None)


def test_a_skipped_test_judged_nothing(run):
    report = make_report("setup", "skipped")
    item = make_item(candidate="yi", perplexity="wiki")
    attach_records(run, item, call_of(pytest.skip.Exception("no time"), "setup"), report)
    [record] = take_records(report)
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
    report.user_properties.append((f"{PROPERTY}:call", make_record().model_dump_json()))
    assert take_records(report) == []


def test_properties_of_others_are_no_records():
    report = make_report()
    report.user_properties += [
        ("other", "text"),
        (f"{PROPERTY}:call", make_record().model_dump_json()),
    ]
    assert take_records(report) == [make_record()]


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
    assert "killed, or crashed" in sentence(row)


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


def test_an_advisory_limit_that_is_not_met_leaves_the_run_green(plain):
    """Beside one that is met; of advisory limits alone a run is never green."""
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().replace("= 2.0", "= 2.0\nadvisory = true", 1))
    result = plain.runpytest_subprocess("--model", "bad", "--junitxml=junit.xml")
    assert result.ret == 0
    result.assert_outcomes(passed=4, deselected=result.parseoutcomes().get("deselected", 0))
    result.stdout.fnmatch_lines(
        ["bad: accepted", "  advisory * perplexity local * fail: 12.98 *, limit at most 2 (adv*"]
    )
    assert 'name="basegate.bits_per_char.advisory" value="true"' in (
        plain.path / "junit.xml"
    ).read_text("utf-8")
    alone = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    assert alone.ret == 1
    alone.stdout.fnmatch_lines(
        ["bad: not judged (all limits that were run are advisory); not run*"]
    )


def test_a_gate_of_advisory_limits_alone_is_refused(plain):
    path = plain.path / "thresholds.toml"
    path.write_text(
        '[perplexity.corpora.local]\npath = "corpus.txt"\nmax_bits_per_char = 2\nadvisory = true\n'
    )
    result = plain.runpytest_subprocess("--model", "bad")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*every limit is advisory, so that nothing could reject a*"])


def test_a_reference_that_is_held_against_itself_alone_is_not_green(plain):
    (plain.path / "thresholds.toml").write_text(
        '[perplexity.corpora.local]\npath = "corpus.txt"\n'
        'max_bits_per_char = { reference = "bad", factor = 1.1 }\n'
    )
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes().get("deselected", 0))
    assert result.ret == 1
