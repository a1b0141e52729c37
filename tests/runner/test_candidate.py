"""The handle on a candidate: one load, one failure, nothing kept."""

from __future__ import annotations

import gc
import io
import json
import shutil
import subprocess
import sys
import weakref

import pytest

from basegate.config.registry import CandidateSpec
from basegate.errors import CandidateError
from basegate.progress import Progress
from basegate.runner.candidate import Candidate
from tests.helpers.engines import PlainEngine
from tests.helpers.plain import ledger

SPEC = CandidateSpec(name="one", source="owner/one", revision="0" * 40)


class Weights:
    """Stands for a half-loaded model."""


def candidate(load):
    return Candidate(SPEC, device="cpu", load=load)


def test_it_loads_once_and_late():
    loads = []
    handle = candidate(lambda spec, revision, device: loads.append(revision) or PlainEngine("one"))
    assert loads == []
    assert handle.engine() is handle.engine()
    assert loads == ["0" * 40]


def test_closing_lets_go_of_the_engine():
    handle = candidate(lambda *_: PlainEngine("one"))
    engine = weakref.ref(handle.engine())
    handle.close()
    gc.collect()
    assert engine() is None


@pytest.mark.parametrize("error", [CandidateError("no room."), KeyError("a mistake")])
def test_a_load_that_fails_is_not_tried_again_and_keeps_nothing(error):
    loads, kept = [], []

    def load(*_):
        weights = Weights()
        kept.append(weakref.ref(weights))
        loads.append(1)
        try:
            raise OSError("first")
        except OSError as first:
            raise error from first

    handle = candidate(load)
    with pytest.raises(type(error)) as caught:
        handle.engine()
    for _ in range(2):
        with pytest.raises(CandidateError, match="could not be loaded"):
            handle.engine()
    assert loads == [1]
    # Even while someone, as pytest does, keeps the error.
    assert caught.value is error
    assert kept[0]() is None


def test_an_engine_that_fails_the_preflight_is_closed(monkeypatch):
    from basegate.engines import loading
    from basegate.runner import sanity_check as preflight
    from basegate.runner.candidate import load_engine

    engine = PlainEngine("one")
    closed = []
    monkeypatch.setattr(engine, "close", lambda: closed.append(True))
    monkeypatch.setattr(loading, "load_candidate", lambda *_, **__: engine)

    def refuse(checked):
        assert checked is engine
        raise CandidateError("its numbers overflow.")

    monkeypatch.setattr(preflight, "check", refuse)
    with pytest.raises(CandidateError, match="overflow"):
        load_engine(SPEC, "0" * 40, "cpu")
    assert closed == [True]


def test_a_hub_id_is_never_a_folder_of_that_name(tmp_path, checkpoint, monkeypatch):
    """Of a run, what is a folder is known; another's weights must not pass for the hub's."""
    from basegate.engines import loading
    from basegate.runner.candidate import load_engine

    shutil.copytree(checkpoint, tmp_path / "owner/one")
    monkeypatch.chdir(tmp_path)
    asked = []

    def download(source, commit, *_, **__):
        asked.append((source, commit))
        raise CandidateError("no network here.")

    monkeypatch.setattr(loading, "download_small_files", download)
    with pytest.raises(CandidateError, match="no network here"):
        load_engine(SPEC, "0" * 40, "cpu")
    assert asked == [("owner/one", "0" * 40)]
    # The function by itself takes a folder where there is one, as its documentation says.
    loading.load_candidate("owner/one", device="cpu").close()


def test_another_architecture_than_the_entrys_is_refused(checkpoint):
    from basegate.runner.candidate import load_engine

    spec = CandidateSpec(name="one", source=str(checkpoint), local=True, architecture="qwen3")
    with pytest.raises(CandidateError) as caught:
        load_engine(spec, "sha256:0", "cpu")
    assert (
        "its model_type is 'llama', and its entry in models.toml says architecture = 'qwen3'"
        in (str(caught.value))
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_one_that_fails_after_its_revision_is_known_says_which(isolated, workers):
    isolated.runpytest_subprocess("--model", "bug", "-n", workers, "-k", "reasoning")
    [entry] = ledger(isolated)["candidates"]
    assert entry["verdict"] == "invalid"
    assert entry["revision"].startswith("sha256:")


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def rename(folder):
    (folder / "model.safetensors").rename(folder / "weights.safetensors")


def requant(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": {"bits": 4}}))


@pytest.mark.parametrize(
    ("harm", "architecture", "message"),
    [
        (cut, "llama", "model.safetensors is damaged or cut short"),
        (rename, "llama", "no weights under a name that is loaded"),
        (requant, "llama", "quantization_config asks for weights that its owner has quantised"),
        (lambda folder: None, "qwen3", "says architecture = 'qwen3'"),
    ],
)
def test_what_small_files_and_headers_show_is_refused_before_anything_is_hashed(
    checkpoint, tmp_path, monkeypatch, harm, architecture, message
):
    from basegate.data import fingerprint

    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    harm(folder)
    hashed = []
    monkeypatch.setattr(fingerprint, "hash_file", lambda path, *_: hashed.append(path) or "0")
    spec = CandidateSpec(name="one", source=str(folder), local=True, architecture=architecture)
    handle = Candidate(spec, device="cpu")
    with pytest.raises(CandidateError, match=message):
        _ = handle.revision
    assert hashed == []


def test_a_disk_that_fails_while_it_is_hashed_is_told(checkpoint, monkeypatch):
    from basegate.data import fingerprint

    def fail(path, *_):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(fingerprint, "hash_file", fail)
    spec = CandidateSpec(name="one", source=str(checkpoint), local=True)
    with pytest.raises(CandidateError, match=r"config\.json cannot be read: Input/output error"):
        _ = Candidate(spec, device="cpu").revision


def test_a_candidates_fingerprint_takes_neither_torch_nor_transformers(checkpoint):
    code = (
        "import sys\n"
        "from basegate.runner.candidate import Candidate\n"
        "from basegate.config.registry import CandidateSpec\n"
        f"spec = CandidateSpec(name='one', source={str(checkpoint)!r}, local=True)\n"
        "assert Candidate(spec, device='cpu').revision.startswith('sha256:')\n"
        "print([name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_a_candidate_tells_that_it_is_hashed_under_its_own_name(checkpoint, monkeypatch):
    from basegate.data import fingerprint

    monkeypatch.setattr(fingerprint, "_TELL_ABOVE", 1)
    lines = io.StringIO()
    spec = CandidateSpec(name="one", source=str(checkpoint), local=True)
    assert Candidate(spec, device="cpu", progress=Progress(lines)).revision
    assert lines.getvalue().startswith("one: hashing ")
