"""A check that a project declares itself, as docs/checks.md shows it, through all that there is."""

import json
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import Annotated

import pytest

from basegate.checks import (
    CheckDeclaration,
    CheckSettings,
    MetricLabel,
    ShareLimit,
    Table,
    at_least,
    register,
)
from basegate.cli import main
from basegate.config import declaration
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError
from tests.helpers.paths import ROOT
from tests.helpers.plain import ledger, logged

BLOCKS = re.findall(
    r"```(?:python|toml|json)\n(.*?)```",
    (ROOT / "docs/checks.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
CHECK, LIMITS, PROBLEMS, TEST = BLOCKS
SKIP = "import pytest\npytest.skip('not here', allow_module_level=True)"


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    """What these tests declare is not there for others."""
    monkeypatch.setattr(declaration, "_DECLARED", dict(declaration._DECLARED))
    monkeypatch.setattr(declaration, "_session", declaration._session)


def with_check(project, code=CHECK):
    """Give a project the check of the documentation, and no other."""
    root = project.path
    with (root / "conftest.py").open("a") as file:
        file.write(code)
    (root / "thresholds.toml").write_text(LIMITS)
    (root / "counting.jsonl").write_text(PROBLEMS)
    (root / "tests_models/test_counting.py").write_text(TEST)
    return project


def run(project, *arguments):
    return project.runpytest_subprocess("--model=one", "--device=cpu", "--language=en", *arguments)


def test_it_is_measured_judged_stored_and_shown_like_any_other(isolated, monkeypatch, capsys):
    project = with_check(isolated, "import our_checks\n")
    (project.path / "our_checks.py").write_text(CHECK)
    result = run(project, "--summary=summary.md", "--junitxml=junit.xml", "--html=page.html")
    result.assert_outcomes(passed=1)
    [row] = ledger(project)["results"]
    assert (row["check"], row["item"], row["metric"]) == ("counting", "counting", "counted_share")
    assert (row["value"], row["limit"], row["verdict"]) == (0.5, 0.05, "pass")
    assert set(logged(project, "pid")).isdisjoint(logged(project, "session"))
    assert "50 % counted share" in (project.path / "summary.md").read_text()
    page = (project.path / "page.html").read_text()
    assert "counted share" in page
    assert "5, 6, 7, " in page, "what it was asked"
    values = {
        each.get("name"): each.get("value")
        for each in ET.parse(project.path / "junit.xml").iter("property")
    }
    assert values["basegate.check"] == "counting"
    assert values["basegate.counted_share"] == "0.5"
    # Judged again from the store: by another limit, and by a program that imports no conftest.py.
    limits = project.path / "thresholds.toml"
    limits.write_text(LIMITS.replace("0.05", "0.99"))
    run(project).assert_outcomes(failed=1)
    assert logged(project, "load") == ["one"]
    monkeypatch.chdir(project.path)
    assert main(["judge"]) == 4
    assert "counting: no check of that name is declared." in (told := capsys.readouterr().err)
    assert "--check conftest.py" in told
    assert main(["judge", "--check", "our_checks.py"]) == 1
    assert "counting" in (told := capsys.readouterr().out)
    assert "fail" in told
    assert main(["store", "prune", "--outdated"]) == 0
    assert "would remove 0 files" in capsys.readouterr().out


@pytest.mark.slow
def test_it_may_stand_in_conftest_and_be_measured_by_workers(isolated):
    result = run(with_check(isolated), "--model=two", "-n2")
    result.assert_outcomes(passed=2)
    assert {row["candidate"] for row in ledger(isolated)["results"]} == {"one", "two"}
    assert set(logged(isolated, "pid")).isdisjoint(logged(isolated, "session"))


def test_two_candidates_are_compared_where_it_says_how(plain):
    code = CHECK.replace(
        "import re\n", "import re\nfrom basegate.checks.k_of_n import paired_answers\n"
    )
    code = code.replace(
        'counted="problems",', 'counted="problems",\n        compare=paired_answers,'
    )
    run(with_check(plain, code), "--model=two").assert_outcomes(passed=2)
    [found] = ledger(plain)["comparisons"]
    assert (found["check"], found["metric"], found["items"]) == ("counting", "accuracy", 2)


def test_what_a_stored_check_cannot_do_is_named_and_the_rest_is_written(plain, monkeypatch, capsys):
    code = CHECK.replace(
        'counted="problems",',
        'counted="problems",\n        compare=lambda one, other: 1 / 0,',
    )
    project = with_check(plain, code)
    result = run(project, "--model=two")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*counting*cannot compare candidates: ZeroDivisionError*"])
    monkeypatch.chdir(project.path)
    (project.path / "judging.py").write_text(code)
    asked = ["judge", "--check", "judging.py", "--ledger", "judged.json"]
    assert main(asked) == 0
    told = capsys.readouterr().err
    assert "the check counting (" in told
    assert "cannot compare candidates: ZeroDivisionError: division by zero." in told
    assert len(json.loads((project.path / "judged.json").read_text())["results"]) == 2
    (project.path / "judging.py").write_text(
        code.replace("identity=identity", "identity=lambda _: 1 / 0")
    )
    assert main(asked) == 1
    assert "cannot identify its data: ZeroDivisionError: division by zero." in (
        " ".join(capsys.readouterr().out.split())
    )
    assert json.loads((project.path / "judged.json").read_text())["results"] == []


def test_a_limit_of_validity_cannot_be_relative(plain):
    code = CHECK.replace('at_least("counted_share")', 'at_least("counted_share", validity=True)')
    project = with_check(plain, code)
    limit = 'min_counted = { reference = "two", factor = 1.0 }'
    (project.path / "thresholds.toml").write_text(LIMITS.replace("min_counted = 0.05", limit))
    result = run(project)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*counting.min_counted: beyond this limit a measurement is *"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("count = len(samples)", "count = len(samples) / 0", "ZeroDivisionError: division by zero"),
        ("return Findings(", "return dict(", "returned dict, not Findings"),
    ],
    ids=["raises", "returns something else"],
)
def test_a_check_that_is_broken_is_named_with_what_it_did(isolated, old, new, told):
    result = run(with_check(isolated, CHECK.replace(old, new)))
    assert result.ret == 1
    [row] = ledger(isolated)["results"]
    assert row["verdict"] == "invalid"
    result.stdout.fnmatch_lines([f"*the check counting (*conftest.py) *{told}*correct the check*"])


def test_a_limit_on_a_metric_that_is_not_there_says_which_are(plain):
    code = CHECK.replace('at_least("counted_share")', 'at_least("counted_shares")')
    result = run(with_check(plain, code))
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*counting.min_counted: *holds no counted_shares; it holds counted_share.*"]
    )


def test_a_limit_that_it_does_not_have_is_named_with_those_that_it_has(plain):
    project = with_check(plain)
    (project.path / "thresholds.toml").write_text(LIMITS.replace("min_counted", "min_count"))
    result = run(project)
    result.stderr.fnmatch_lines(
        ["*counting.min_count: unknown key. Did you mean 'min_counted'?*problems, why.*"]
    )


def declare(name, file="/project/conftest.py", **fields):
    """Declare a check in a module of that file."""
    given = {"doc": "", "table": Table, "version": 1, "measure": lambda *_: None, **fields}
    scope = {"__name__": file.rpartition("/")[2].removesuffix(".py"), "__file__": file}
    check = CheckDeclaration(name=name, **given)
    exec("register(check)", {**scope, "register": register, "check": check})


@pytest.mark.parametrize("name", ["two words", "class", "", "1st"])
def test_a_name_has_to_be_one_of_python(name):
    with pytest.raises(UsageError, match=r"^/project/conftest\.py declares .* it names a fixture"):
        declare(name)


@pytest.mark.parametrize("name", ["perplexity", "candidate", "judge"])
def test_a_name_of_basegates_is_taken(name):
    with pytest.raises(UsageError, match="a name that basegate has taken"):
        declare(name)


def test_a_name_of_another_module_is_taken_while_that_is_there(monkeypatch):
    other = "/other/mine.py"
    declare("counting", other)
    with pytest.raises(UsageError, match=r"a name that /other/mine\.py has taken"):
        declare("counting")
    monkeypatch.setitem(declaration.sys.modules, "mine", SimpleNamespace(__file__=other))
    declaration.begin_session()
    with pytest.raises(UsageError, match=r"a name that /other/mine\.py has taken"):
        declare("counting")
    monkeypatch.delitem(declaration.sys.modules, "mine")
    declare("counting")
    assert declaration.origin_of("counting").file == "/project/conftest.py"


def test_of_two_files_of_one_module_name_only_one_can_declare_checks():
    declare("counting", "/project/conftest.py")
    for name in ("counting", "spelling"):
        with pytest.raises(
            UsageError, match=r"tests/conftest\.py declares .*/project/conftest\.py"
        ):
            declare(name, "/project/tests/conftest.py")
    declare("spelling", "/project/conftest.py")
    declaration.begin_session()
    declare("counting", "/project/tests/conftest.py")


def test_ctrl_c_while_a_check_is_imported_is_no_fault_of_the_check(tmp_path):
    path = tmp_path / "stopped.py"
    path.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        declaration.import_origin(declaration.Origin("stopped", str(path)))


def test_a_file_may_be_imported_under_two_names(tmp_path):
    declare("counting", "/project/mine.py")
    check = declaration.declaration_of("counting")
    scope = {"__name__": "basegate_check:mine", "__file__": "/project/mine.py"}
    exec("register(check)", {**scope, "register": register, "check": check})
    assert declaration.origin_of("counting").module == "basegate_check:mine"


@pytest.mark.parametrize(
    "label",
    [
        "counted",
        MetricLabel("counted", "of problems", "counted"),
        MetricLabel("counted", "of problems", "{share} counted"),
        MetricLabel("counted", "of problems", "{value} counted", "{value} of {value}"),
        MetricLabel("counted", "of problems", "{value counted"),
    ],
)
def test_a_label_has_to_say_where_the_number_stands(label):
    with pytest.raises(UsageError, match=r"its label of counted_share is .*\{value\}"):
        declare("counting", labels={"counted_share": label})


class OtherTable(Table):
    """One whose setting is called like a limit of another check."""

    correct: int = 1
    min_counted: Annotated[ShareLimit | None, at_least("counted_share")] = None

    def settings_of(self, item, base):
        return CheckSettings()


def test_a_setting_that_another_check_has_as_a_limit_is_no_candidates_own(tmp_path):
    declare("counting", table=OtherTable)
    path = tmp_path / "thresholds.toml"
    path.write_text("[counting]\nmin_counted = 0.5\n[candidates.x.counting]\ncorrect = 2\n")
    with pytest.raises(UsageError, match=r"candidates\.x\.counting\.correct: a candidate's own"):
        load_thresholds(path)


def test_one_that_cannot_be_imported_takes_no_other_with_it(isolated):
    limits = (isolated.path / "thresholds.toml").read_text()
    skipping = "import multiprocessing, pytest\nif multiprocessing.parent_process():\n"
    skipping += "    pytest.skip('not here', allow_module_level=True)\n"
    with_check(isolated, "import our_checks\n")
    (isolated.path / "our_checks.py").write_text(skipping + CHECK)
    (isolated.path / "thresholds.toml").write_text(limits + LIMITS)
    result = run(isolated)
    verdicts = {row["check"]: row["verdict"] for row in ledger(isolated)["results"]}
    assert verdicts.pop("counting") == "invalid"
    assert set(verdicts.values()) == {"pass"}
    result.stdout.fnmatch_lines(["*our_checks.py declares a check and cannot be imported*Skipped*"])


def test_what_check_names_has_to_declare_one(tmp_path):
    for text, told in (
        ("", "declares no check"),
        ("import no_such", "ModuleNotFoundError"),
        (SKIP, "Skipped"),
    ):
        (tmp_path / "mine.py").write_text(text)
        with pytest.raises(UsageError, match=told):
            declaration.load_checks(str(tmp_path / "mine.py"))


def test_a_module_that_cannot_be_imported_by_the_measuring_process_is_named(tmp_path):
    (tmp_path / "mine.py").write_text("1 / 0")
    origin = declaration.Origin("mine", str(tmp_path / "mine.py"))
    with pytest.raises(RuntimeError, match=r"mine\.py declares a check and cannot be imported"):
        declaration.import_origin(origin)
