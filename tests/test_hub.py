"""The hub's refusals, simulated at the HTTP layer: a server on this machine stands for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub.utils import filter_repo_objects

from basegate import hub as hub_module
from basegate.errors import CandidateError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """`owner/fine` is there; others are refused as the real hub refuses them."""

    def do_GET(self):
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def _answer(self, *, body):
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if "gated" in path and "/resolve/" in path:
            self._refuse(403, "GatedRepo", "Access to this repo is restricted.", body)
        elif "misspelt" in path:
            self._refuse(401, "RepoNotFound", "Invalid username or password.", body)
        elif "no-such-branch" in path:
            self._refuse(404, "RevisionNotFound", "Invalid rev id", body)
        elif "/tree/" in path:
            entry = {"type": "file", "path": "config.json", "size": 2, "oid": "0" * 40}
            self._send(200, json.dumps([entry]), body)
        elif path.startswith(("/api/models/owner/", "/api/datasets/owner/")):
            files = [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}]
            name = path.split("/")[4]
            self._send(
                200, json.dumps({"id": f"owner/{name}", "sha": COMMIT, "siblings": files}), body
            )
        else:
            self._refuse(404, "EntryNotFound", "Entry not found", body)

    def _refuse(self, status, code, message, body):
        self._send(status, "", body, {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, status, text, body, headers=None):
        data = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def ask(endpoint, cache, call, **environment):
    """Run one call of `basegate.hub` in a process of its own, since the endpoint is read once."""
    script = (
        "from basegate import hub\nfrom basegate.errors import BasegateError\n"
        f"try:\n    print('OK', hub.{call})\n"
        "except BasegateError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, timeout=120,
        env={"PATH": "", "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), **environment},
    )  # fmt: skip
    return done.stdout.strip()


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


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
    found = ask(address(hub), tmp_path, f"download_model('owner/gated', '{COMMIT}')")
    assert found.startswith("CandidateError the model owner/gated is gated")
    assert "hf auth login" in found


def test_an_unknown_revision_says_so(hub, tmp_path):
    found = ask(address(hub), tmp_path, "resolve_commit('model', 'owner/fine', 'no-such-branch')")
    assert found.startswith("CandidateError the model owner/fine has no revision 'no-such-branch'")


def test_no_network_says_what_to_do_instead(tmp_path):
    found = ask(NOWHERE, tmp_path, "resolve_commit('model', 'owner/fine', None)")
    assert found.startswith("CandidateError the hub could not be reached for the model owner/fine")
    assert "--local-dir DIR" in found
    found = ask(NOWHERE, tmp_path, f"download_model('owner/fine', '{COMMIT}')")
    assert found.startswith("CandidateError the hub could not be reached for the model owner/fine")


def test_offline_mode_says_what_to_do_instead(tmp_path):
    call = "resolve_commit('dataset', 'owner/fine', None)"
    found = ask(NOWHERE, tmp_path, call, HF_HUB_OFFLINE="1")
    assert found.startswith("DataError the hub could not be reached for the data set owner/fine")
    assert "path = DIR" in found


def test_without_a_network_the_caches_last_answer_is_used(tmp_path):
    refs = tmp_path / "hub" / "models--owner--fine" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(COMMIT)
    assert ask(NOWHERE, tmp_path, "resolve_commit('model', 'owner/fine', None)") == f"OK {COMMIT}"


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
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_HOME", str(project.path / "cache"))
    result = project.runpytest_subprocess("--model", f"mine={source}", "-k", "reasoning")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"mine: *{sentence}*"])
    assert "Traceback" not in result.stdout.str()
    assert "hub.py" not in result.stdout.str()


def test_a_full_disk_is_not_a_missing_network():
    error = hub_module._translated(OSError(28, "No space left on device"), "model", "a/b", None)
    assert isinstance(error, CandidateError)
    assert "could not be written to the hub's cache" in str(error)
    assert "No space left" in str(error)


def test_second_copies_of_the_weights_are_not_fetched():
    names = [
        "model-00001-of-00002.safetensors",
        "consolidated.safetensors",
        "checkpoint-5/m.safetensors",
    ]
    patterns = {"allow_patterns": ["*.safetensors"], "ignore_patterns": hub_module._SECOND_COPIES}
    assert list(filter_repo_objects(names, **patterns)) == names[:1]
