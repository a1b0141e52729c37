"""The plugin among others: whose option a name is, in either order, and whose fixture."""

from __future__ import annotations

import pytest

from basegate.plugin.options import parse
from basegate.runner import candidate

THEIRS = """

def pytest_addoption(parser):
    parser.addoption("--model", default="none", help="theirs")
    parser.addoption("--device", action="append", help="theirs")

def pytest_configure(config):
    print("theirs:", config.option.model, config.option.device)
"""
OWN = ("--model", "theirs", "--device=tpu")


@pytest.fixture(params=["earlier", "later", "root", "tests_models"])
def clashing(
    request: pytest.FixtureRequest, plain: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project in which `--model` and `--device` are those of a plugin or of a conftest.py."""
    monkeypatch.setenv("PYTHONPATH", f"{plain.path}:{request.config.rootpath}")
    if request.param in ("earlier", "later"):
        (plain.path / "others.py").write_text(THEIRS)
        # What -p names is loaded before the plugins that are installed, these after them.
        if request.param == "earlier":
            monkeypatch.setenv("PYTEST_ADDOPTS", "-p others")
        else:
            monkeypatch.setenv("PYTEST_PLUGINS", "others")
    else:
        folder = plain.path if request.param == "root" else plain.path / request.param
        with (folder / "conftest.py").open("a") as conftest:
            conftest.write(THEIRS)
    return plain


some = pytest.mark.parametrize("clashing", ["earlier", "tests_models"], indirect=True)


@pytest.mark.slow
def test_options_of_others_keep_their_names_and_ours_have_long_ones(clashing):
    result = clashing.runpytest_subprocess("-s", *OWN, "--basegate-model", "one", "--store=kept")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["theirs: theirs ?'tpu'?", "*one: accepted*"])
    assert (clashing.path / "kept/ledger.json").is_file()


def test_help_shows_the_names_to_write(clashing):
    text = clashing.runpytest_subprocess("--help").stdout.str()
    assert text.count("--model=") == text.count("--device=") == 1
    assert "--basegate-model=NAME" in text
    assert "--basegate-device={auto,cuda,cpu}" in text
    assert "(--model is declared elsewhere in this project)" in " ".join(text.split())
    assert "--basegate-store" not in text
    assert "--store=DIR" in text
    assert "(--basegate-model=@7b" in text


@pytest.mark.slow
@some
def test_usage_errors_name_the_option_that_works(clashing):
    result = clashing.runpytest_subprocess(*OWN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*need a candidate: pytest --basegate-model NAME.*"])
    result = clashing.runpytest_subprocess("--basegate-model", "ome")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--basegate-model ome: there is no candidate*one*"])


def test_advice_in_the_terminal_names_the_option_that_works(plain):
    with (plain.path / "conftest.py").open("a") as conftest:
        conftest.write("\n\ndef pytest_addoption(parser):\n    parser.addoption('--dtype')\n")
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    assert result.ret == 1
    advice = "try another --basegate-dtype or --quantization"
    assert result.stdout.str().count(advice) >= 2, "its error and its verdict"
    assert "another --dtype" not in result.stdout.str()


@pytest.mark.slow
@some
def test_workers_have_the_same_names(clashing):
    result = clashing.runpytest_subprocess("-n1", *OWN, "--basegate-model=one", "--store=kept")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*one: accepted*"])


@pytest.mark.slow
def test_both_names_work_and_add_up_where_nobody_else_has_them(plain):
    result = plain.runpytest_subprocess("--model=one", "--basegate-model=two")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*one: accepted*", "*two: accepted*"])
    text = plain.runpytest_subprocess("--help").stdout.str()
    assert "--model=NAME" in text
    assert "--basegate-model" not in text


def test_a_conftest_that_is_found_during_collection_may_declare_them(plain):
    deeper = plain.path / "other/deeper"
    deeper.mkdir(parents=True)
    (deeper / "conftest.py").write_text(THEIRS)
    (deeper / "test_it.py").write_text(
        "def test_it(request):\n    assert request.config.getoption('model') == 'none'\n"
    )
    result = plain.runpytest_subprocess("--model", "one", "tests_models", "other")
    assert result.ret == 0
    result.assert_outcomes(passed=5)


def test_a_short_name_does_not_move_where_conftest_files_are_looked_for(plain):
    (plain.path / "tests_models/conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--mine')\n"
    )
    (plain.path / "one").mkdir()
    result = plain.runpytest_subprocess("--model", "one", "--mine", "1")
    assert result.ret == 0


def test_a_conftest_may_name_the_plugin_itself(plain, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with (plain.path / "conftest.py").open("a") as conftest:
        conftest.write("\npytest_plugins = ['basegate.plugin']\n")
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*one: accepted*"])


FIXTURES = """
    import pytest

    @pytest.fixture
    def candidate():
        return 1

    @pytest.fixture
    def judge():
        return 2
"""


@pytest.mark.parametrize("where", ["-p", "PYTEST_PLUGINS", "conftest"])
def test_fixtures_of_others_are_left_alone(pytester, monkeypatch, request, where):
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{request.config.rootpath}")
    pytester.makepyfile(**{"conftest" if where == "conftest" else "others": FIXTURES})
    pytester.makepyfile(
        "import sys\n\n\ndef test_it(candidate, judge):\n    assert (candidate, judge) == (1, 2)\n"
        "    assert 'pydantic' not in sys.modules\n    assert 'torch' not in sys.modules\n"
    )
    if where == "PYTEST_PLUGINS":
        monkeypatch.setenv("PYTEST_PLUGINS", "others")
    result = pytester.runpytest_subprocess(*(["-p", "others"] if where == "-p" else []))
    assert result.ret == 0
    assert "basegate" not in result.stdout.str().partition("plugins:")[2].partition("\n")[2]


def test_without_other_plugins_it_works(plain):
    result = plain.runpytest_subprocess("--model", "one", "-p", "no:xdist", "-p", "no:html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*one: accepted*"])


def test_the_command_line_is_parsed_once_in_a_process(plain, monkeypatch):
    # The project's conftest.py, which is read into this process, puts another in its place.
    monkeypatch.setattr(candidate, "load_engine", candidate.load_engine)
    config = plain.parseconfig("--model", "one")
    assert parse(config) is parse(config)
    assert [spec.name for spec in parse(config).candidates] == ["one"]
