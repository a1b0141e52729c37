"""The hub's answers and refusals, in sentences."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from basegate.data import hub as hub_module
from basegate.errors import CandidateError
from tests.helpers.hub_server import COMMIT, address


def ask(endpoint, cache, call, **environment):
    """Run one call in a process of its own, since the endpoint is read once."""
    script = (
        # The hub's library waits ever longer between its tries.
        "import time\ntime.sleep = lambda seconds: None\n"
        "from basegate.data.hub import resolve_commit\n"
        "from basegate.engines.checkpoints.download import download_small_files\n"
        "from basegate.errors import BasegateError\n"
        f"try:\n    print('OK', {call})\n"
        "except BasegateError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, timeout=120,
        env={"PATH": "", "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), **environment},
    )  # fmt: skip
    assert done.stderr == "", "the hub's library speaks beside us"
    return done.stdout.strip()


NOWHERE = "http://127.0.0.1:9"


def test_a_branch_is_resolved_to_its_commit(hub, tmp_path):
    assert (
        ask(address(hub), tmp_path, "resolve_commit('model', 'owner/fine', None)") == f"OK {COMMIT}"
    )
    assert (
        ask(address(hub), tmp_path, "resolve_commit('dataset', 'owner/fine', None)")
        == f"OK {COMMIT}"
    )


def test_a_full_commit_asks_nobody(hub, tmp_path):
    call = f"resolve_commit('model', 'owner/misspelt', '{COMMIT}')"
    assert ask(address(hub), tmp_path, call) == f"OK {COMMIT}"
    assert hub.asked == []


def test_a_misspelt_id_says_so(hub, tmp_path):
    found = ask(address(hub), tmp_path, "resolve_commit('model', 'owner/misspelt', None)")
    assert found.startswith("CandidateError the hub has no model 'owner/misspelt'")
    assert "misspelt, or it is private" in found


def test_an_id_that_the_hub_would_not_even_look_up_says_so(hub, tmp_path):
    found = ask(address(hub), tmp_path, "resolve_commit('model', 'a--b/..', None)")
    assert found.startswith("CandidateError the hub has no model 'a--b/..'")


def test_a_gated_model_says_how_to_get_access(hub, tmp_path):
    found = ask(address(hub), tmp_path, f"download_small_files('owner/gated', '{COMMIT}')")
    assert found.startswith("CandidateError the model owner/gated is gated")
    assert "hf auth login" in found


def test_an_unknown_revision_says_so(hub, tmp_path):
    found = ask(address(hub), tmp_path, "resolve_commit('model', 'owner/fine', 'no-such-branch')")
    assert found.startswith("CandidateError the model owner/fine has no revision 'no-such-branch'")


def test_no_network_says_what_to_do_instead(tmp_path):
    found = ask(NOWHERE, tmp_path, "resolve_commit('model', 'owner/fine', None)")
    assert found.startswith("CandidateError the hub could not be reached for the model owner/fine")
    assert "`hf download owner/fine --local-dir DIR`" in found
    found = ask(NOWHERE, tmp_path, f"download_small_files('owner/fine', '{COMMIT}')")
    assert found.startswith("CandidateError the hub could not be reached for the model owner/fine")
    assert f"`hf download owner/fine --revision {COMMIT} --local-dir DIR`" in found


def test_the_librarys_own_words_come_back_afterwards():
    from huggingface_hub.utils import are_progress_bars_disabled

    logger = logging.getLogger("huggingface_hub.utils._http")
    level = logger.getEffectiveLevel()

    def fail():
        with hub_module.quiet():
            assert (logger.getEffectiveLevel(), are_progress_bars_disabled()) == (40, True)
            raise ValueError("ended")

    with pytest.raises(ValueError, match="ended"):
        fail()
    assert (logger.getEffectiveLevel(), are_progress_bars_disabled()) == (level, False)


def test_offline_mode_says_what_to_do_instead(tmp_path):
    call = "resolve_commit('dataset', 'owner/fine', None)"
    found = ask(NOWHERE, tmp_path, call, HF_HUB_OFFLINE="1")
    assert found.startswith("DataError the hub could not be reached for the data set owner/fine")
    assert 'path = "DIR"' in found


def test_without_a_network_the_caches_last_answer_is_used(tmp_path):
    refs = tmp_path / "hub" / "models--owner--fine" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(COMMIT)
    assert ask(NOWHERE, tmp_path, "resolve_commit('model', 'owner/fine', None)") == f"OK {COMMIT}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("owner/misspelt", "the hub has no model 'owner/misspelt'"),
        ("owner/gated", "is gated"),
        ("owner/unreachable", "could not be reached"),
    ],
)
def test_the_gate_shows_the_sentence_and_no_traceback(project, hub, monkeypatch, source, sentence):
    endpoint = NOWHERE if "unreachable" in source else address(hub)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_HOME", str(project.path / "cache"))
    result = project.runpytest_subprocess("--model", f"mine={source}", "-k", "reasoning")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"mine: *{sentence}*"])
    assert "Traceback" not in result.stdout.str()
    assert "hub.py" not in result.stdout.str()


def test_a_full_disk_is_not_a_missing_network():
    error = hub_module.translated(OSError(28, "No space left on device"), "model", "a/b", None)
    assert isinstance(error, CandidateError)
    assert "could not be written to the hub's cache" in str(error)
    assert "No space left" in str(error)
