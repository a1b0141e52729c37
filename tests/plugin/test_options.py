"""Options of a run, and usage errors before anything is measured."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.helpers.plain import WORKERS, append, limit, logged


@WORKERS
def test_no_model_is_a_usage_error_that_lists_the_names(isolated, workers):
    result = isolated.runpytest_subprocess(*workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: the acceptance tests need a candidate*one, two, bad*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_group_is_selected_on_the_command_line(plain):
    models = plain.path / "models.toml"
    models.write_text(models.read_text().replace('/two"\n', '/two"\ntags = ["pair"]\n'))
    result = plain.runpytest_subprocess("--model=@pair,one", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_perplexity[[]two-local]", "*test_perplexity[[]one-local]"])


def test_a_group_as_a_word_of_its_own_is_a_file_to_pytest(plain):
    """It ends before any plugin is loaded: README and --help say what to write instead."""
    result = plain.runpytest_subprocess("--model", "@pair")
    assert result.ret == 4
    assert "No such file or directory: 'pair'" in result.stderr.str()
    told = " ".join(plain.runpytest_subprocess("--help").stdout.str().split())
    assert "(--model=@7b, with '=': --model @7b is a file of arguments to pytest" in told


@WORKERS
def test_a_misspelt_model_is_a_usage_error_with_the_nearest_name(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "scrpt", *workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --model scrpt: *Did you mean 'script'*"])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[perplexty]\n",
            "perplexty: no check of that name is declared. Did you mean 'perplexity'",
        ),
        (
            "[reasoning.banks.more]\nproblems = 'problems.jsonl'\nsamples = 10\ncorrect = 12\n",
            "correct = 12 of samples = 10 cannot be reached",
        ),
        ("[candidates.nobody.continuation]\nmax_latin_share = 0.1\n", "no candidate of that name"),
        ("[knowledge.banks.facts]\n", "is not valid TOML"),
    ],
    ids=["unknown", "k-of-n", "candidate", "toml"],
)
def test_broken_thresholds_are_a_usage_error(plain, text, sentence):
    append(plain, text)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    assert sentence in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("value", ["nan", '"five"', "true"])
def test_a_limit_that_is_no_number_is_a_usage_error(plain, value):
    limit(plain, "max_bits_per_char", value)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*perplexity.corpora.local.max_bits_per_char = *accepted: a *"])


def test_a_missing_thresholds_file_is_a_usage_error(plain):
    result = plain.runpytest_subprocess("--model", "one", "--thresholds=nowhere.toml")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*nowhere.toml: there is no such file*"])


@pytest.mark.parametrize("option", ["--store", "--thresholds"])
def test_a_path_that_moves_pytests_root_is_a_usage_error_that_says_how(
    plain, tmp_path_factory, option
):
    place = tmp_path_factory.mktemp("elsewhere")
    if option == "--thresholds":
        place = shutil.copy(plain.path / "thresholds.toml", place / "limits.toml")
    result = plain.runpytest_subprocess("--model", "one", option, str(place))
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {option} *Write it with '=': {option}={place}"])
    result = plain.runpytest_subprocess("--model", "one", f"{option}={place}", "--collect-only")
    assert result.ret == 0


def test_help_imports_nothing_heavy(plain, tmp_path):
    result = plain.runpytest_subprocess("--help")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*--model*", "*--list-models*", "*--thresholds*", "*--store*"])
    script = (
        "import sys, pytest\n"
        "pytest.main(['--help'])\n"
        "print([m for m in ('torch', 'transformers', 'datasets', 'matplotlib', 'pydantic')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--ledger=.", "is a folder"),
        ("--ledger=models.toml/x.json", "nothing can be written"),
        ("--store=models.toml/x", "nothing can be written"),
        ("--html=models.toml/x.html", "nothing can be written"),
    ],
)
def test_a_place_that_cannot_take_the_results_is_a_usage_error(plain, option, sentence):
    result = plain.runpytest_subprocess("--model", "one", option)
    assert result.ret == 4
    assert sentence in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert logged(plain, "load") == []


READ_ONLY = """
import errno, tempfile
import basegate.config.output_paths

class ReadOnlyStore:
    @staticmethod
    def TemporaryFile(dir):
        if dir.name == ".basegate":
            raise OSError(errno.EROFS, "Read-only file system")
        return tempfile.TemporaryFile(dir=dir)

basegate.config.output_paths.tempfile = ReadOnlyStore
"""


@pytest.mark.slow
def test_a_read_only_store_is_named_and_may_be_read_with_a_ledger_elsewhere(plain):
    plain.runpytest_subprocess("--model", "one")
    with (plain.path / "conftest.py").open("a") as file:
        file.write(READ_ONLY)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [
            f"ERROR: --store: nothing can be written in {plain.path}/.basegate (Read-only file "
            "system), so *Give another place, or, where all that is asked is in this store, "
            "--ledger FILE outside of it."
        ]
    )
    result = plain.runpytest_subprocess("--model", "one", "--ledger=ledger.json")
    assert result.ret == 0
    assert (plain.path / "ledger.json").exists()
