"""Python code of a checkpoint runs only where it is pinned and asked for."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

import basegate
from basegate.config.registry import CandidateSpec
from basegate.config.selection import trust
from basegate.engines.checkpoints.config_files import check_code
from basegate.errors import CandidateError, UsageError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PINNED = CandidateSpec(name="pinned", source="owner/pinned", revision=COMMIT)
BRANCH = CandidateSpec(name="branch", source="owner/branch", revision="main")
LOOSE = CandidateSpec(name="loose", source="owner/loose")
FOLDER = CandidateSpec(name="folder", source="/data/ckpt", local=True, revision=COMMIT)


def test_only_those_named_are_trusted():
    found = trust([PINNED, LOOSE], ["pinned"])
    assert [spec.trusted for spec in found] == [True, False]


def test_several_are_named_with_commas():
    other = PINNED.model_copy(update={"name": "other"})
    both = trust([PINNED, other, BRANCH], [f"{PINNED.name}, other"])
    assert [spec.trusted for spec in both] == [True, True, False]


@pytest.mark.parametrize("name", ["", " ", ","])
def test_an_empty_name_trusts_nobody_and_says_so(name):
    with pytest.raises(UsageError, match="--trust-remote-code names nobody"):
        trust([PINNED], [name])


@pytest.mark.parametrize("name", ["@7b", "all"])
def test_no_group_is_trusted(name):
    with pytest.raises(UsageError, match="code is trusted model by model"):
        trust([PINNED], [name])


def test_nobody_is_trusted_unasked():
    assert not any(spec.trusted for spec in trust([PINNED, LOOSE], []))


@pytest.mark.parametrize("spec", [BRANCH, LOOSE], ids=["branch", "no revision"])
def test_code_that_is_not_pinned_is_refused_with_what_to_do(spec):
    with pytest.raises(UsageError, match=r"all 40 digits of it.*@COMMIT"):
        trust([spec], [spec.name])


def test_a_folder_pins_nothing():
    with pytest.raises(UsageError, match="is a folder, which pins no commit"):
        trust([FOLDER], ["folder"])


def test_a_name_that_is_not_in_the_run_is_refused():
    with pytest.raises(UsageError, match=r"no candidate of that name\. Did you mean 'pinned'"):
        trust([PINNED], ["pined"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "one", "--trust-remote-code", "one"], "*one: * is a folder*"),
        (["--model", "x=a/b", "--trust-remote-code", "x"], "*Pin the full commit*"),
        (["--model", "x=a/b@main", "--trust-remote-code", "x"], "*Revision given: main*"),
        (["--model", "one", "--trust-remote-code", "on"], "*Did you mean 'one'*"),
    ],
)
def test_the_gate_refuses_it_before_anything_runs(project, arguments, sentence):
    result = project.runpytest_subprocess(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: --trust-remote-code {sentence}"])


@pytest.fixture
def with_code(checkpoint, tmp_path):
    """A checkpoint of a kind that nobody knows, whose code would leave a trace."""
    folder = shutil.copytree(checkpoint, tmp_path / "with-code")
    trace = tmp_path / "trace"
    (folder / "modeling_x.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "unheard-of"
    config["auto_map"] = {"AutoConfig": "modeling_x.C", "AutoModelForCausalLM": "modeling_x.M"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_its_code_is_not_run_and_the_message_says_what_to_do(with_code, tmp_path):
    with pytest.raises(CandidateError, match=r"config\.json.*not run.*--trust-remote-code"):
        basegate.load_candidate(str(with_code), device="cpu")
    assert not (tmp_path / "trace").exists()


def test_a_folder_is_not_trusted_whatever_revision_is_given(with_code, tmp_path):
    with pytest.raises(UsageError, match="pins no commit"):
        basegate.load_candidate(str(with_code), trust_remote_code=True, revision=COMMIT)
    assert not (tmp_path / "trace").exists()


def test_code_of_a_tokenizer_is_not_run_either(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    trace = tmp_path / "trace"
    (folder / "tokenization_x.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["tokenization_x.X", None]}}
        )
    )
    with pytest.raises(CandidateError, match="tokenizer could not be loaded"):
        basegate.load_candidate(str(folder), device="cpu")
    assert not trace.exists()


def test_code_of_another_repository_is_not_pinned(with_code):
    path = with_code / "tokenizer_config.json"
    path.write_text(json.dumps({"auto_map": {"AutoTokenizer": [None, "other/repo--tok.T"]}}))
    with pytest.raises(CandidateError, match=r"another repository \(other/repo--tok\.T\)"):
        check_code(with_code)


def test_what_is_trusted_is_another_measurement(tmp_path):
    """Another program may compute other numbers from the same files."""
    from basegate.checks.perplexity import PerplexitySettings
    from basegate.config.settings import CheckConfig, CorpusSource
    from basegate.runner.candidate import Candidate
    from basegate.runner.measure import identify

    (tmp_path / "text.txt").write_text("香港\n", encoding="utf-8")
    settings = PerplexitySettings(
        corpus=CorpusSource(path=tmp_path / "text.txt"), window=64, context=16
    )
    check = CheckConfig(name="perplexity", item="line", settings=settings)
    plain, trusted = (
        identify(Candidate(spec, device="cpu"), check)
        for spec in (PINNED, PINNED.model_copy(update={"trusted": True}))
    )
    assert "remote_code" not in plain["candidate"]
    assert trusted["candidate"]["remote_code"] is True


def test_collecting_a_trusted_candidate_imports_no_torch(project):
    result = project.run(
        sys.executable, "-X", "importtime", "-m", "pytest", "--collect-only", "-q",
        "--model", f"x=a/b@{COMMIT}", "--trust-remote-code", "x",
    )  # fmt: skip
    assert result.ret == 0
    assert not any(line.split("|")[-1].strip() == "torch" for line in result.errlines)
