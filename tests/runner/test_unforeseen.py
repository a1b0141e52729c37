"""What nobody foresaw is told as a fault of basegate, never as the bare text of an exception."""

from __future__ import annotations

import pytest

from basegate.checks.perplexity import PerplexitySettings
from basegate.config.settings import CheckConfig, CorpusSource
from basegate.errors import CandidateError, UnforeseenError
from basegate.runner.unforeseen import unforeseen, watching


def fail(tmp_path, error):
    """Return what is said of an error while `yi-6b` is measured."""
    with (
        pytest.raises(UnforeseenError) as caught,
        unforeseen("yi-6b", "measuring", "knowledge hong/kong", tmp_path),
    ):
        raise error
    return str(caught.value)


def test_candidate_phase_and_what_was_read_are_named_and_the_traceback_kept(tmp_path):
    said = fail(tmp_path, IndexError("list index out of range"))
    path = tmp_path / "errors/yi-6b.measuring.knowledge-hong-kong.txt"
    assert said == (
        "while measuring knowledge hong/kong for yi-6b, an error came that nobody foresaw "
        "(IndexError: list index out of range). That is a fault of basegate; it says nothing "
        f"about the model. Its traceback is in {path}: please report it with that file."
    )
    kept = path.read_text()
    assert kept.startswith("Traceback (most recent call last):")
    assert kept.endswith("IndexError: list index out of range\n")


def test_what_the_system_refuses_is_no_fault_of_basegate(tmp_path):
    said = fail(tmp_path, OSError(28, "No space left on device"))
    assert "The system refused something that basegate needs" in said
    assert "fault" not in said


def test_a_traceback_that_cannot_be_kept_is_told(tmp_path):
    (tmp_path / "errors").write_text("in the way")
    assert "Its traceback could not be kept in" in fail(tmp_path, IndexError("out"))


def test_what_is_written_for_the_user_is_let_through(tmp_path):
    error = CandidateError("it does not fit.")
    with pytest.raises(CandidateError) as caught, unforeseen("x", "loading", "y", tmp_path):
        raise error
    assert caught.value is error
    assert not (tmp_path / "errors").exists()


def test_the_files_of_a_check_are_what_it_reads(tmp_path):
    settings = PerplexitySettings(corpus=CorpusSource(path=tmp_path), window=64, context=16)
    files = {"path": tmp_path / "yue.txt"}
    check = CheckConfig(name="perplexity", item="yue", settings=settings, files=files)
    with (
        pytest.raises(UnforeseenError, match=rf"reading perplexity yue \({files['path']}\) for yi"),
        watching(check, "yi", "reading", tmp_path),
    ):
        raise KeyError("text")
