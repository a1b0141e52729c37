"""A server on this machine that stands for the hub, at the HTTP layer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from basegate.serialization import hash_file

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
        if path.startswith(("/api/models/owner/real", "/owner/real")):
            self._real(path, body)
        elif "gated" in path and "/resolve/" in path:
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

    def _real(self, path, body):
        """Answer for a checkpoint whose files are there."""
        folder = self.server.folder
        if "/tree/" in path:
            entries = [_entry(each) for each in sorted(folder.iterdir())]
            self._send(200, json.dumps(entries), body)
        elif "/resolve/" not in path:
            files = [{"rfilename": each.name} for each in folder.iterdir()]
            self._send(
                200, json.dumps({"id": "owner/real", "sha": COMMIT, "siblings": files}), body
            )
        elif (file := folder / path.rpartition("/")[2]).is_file():
            digest = hash_file(file)
            headers = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}
            if file.suffix != ".json":
                headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": file.stat().st_size}
            self._send(200, file.read_bytes(), body, headers)
        else:
            self._refuse(404, "EntryNotFound", "Entry not found", body)

    def _refuse(self, status, code, message, body):
        self._send(status, "", body, {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, status, text, body, headers=None):
        data = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


def _entry(file):
    size, digest = file.stat().st_size, hash_file(file)
    entry = {"type": "file", "path": file.name, "size": size, "oid": digest[:40]}
    large = {"oid": digest, "size": size, "pointerSize": 130}
    return entry if file.suffix == ".json" else {**entry, "lfs": large}


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"
