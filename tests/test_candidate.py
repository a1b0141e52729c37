"""The handle on a candidate: one load, one failure, nothing kept."""

from __future__ import annotations

import gc
import shutil
import weakref

import pytest

from basegate.candidate import Candidate
from basegate.errors import CandidateError
from basegate.registry import CandidateSpec
from tests.engines import PlainEngine
from tests.plain import ledger

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
    from basegate import preflight
    from basegate.candidate import load_engine
    from basegate.engines import loading

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
    from basegate.candidate import load_engine
    from basegate.engines import loading

    shutil.copytree(checkpoint, tmp_path / "owner/one")
    monkeypatch.chdir(tmp_path)
    asked = []

    def download(source, commit, *_, **__):
        asked.append((source, commit))
        raise CandidateError("no network here.")

    monkeypatch.setattr(loading, "download_model", download)
    with pytest.raises(CandidateError, match="no network here"):
        load_engine(SPEC, "0" * 40, "cpu")
    assert asked == [("owner/one", "0" * 40)]
    # The function by itself takes a folder where there is one, as its documentation says.
    loading.load_candidate("owner/one", device="cpu").close()


def test_another_architecture_than_the_entrys_is_refused(checkpoint):
    from basegate.candidate import load_engine

    spec = CandidateSpec(name="one", source=str(checkpoint), local=True, architecture="qwen3")
    with pytest.raises(CandidateError) as caught:
        load_engine(spec, "sha256:0", "cpu")
    assert (
        "its model_type is 'llama', and its entry in models.toml says architecture = 'qwen3'"
        in (str(caught.value))
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_one_that_fails_after_its_revision_is_known_says_which(plain, workers):
    plain.runpytest_subprocess("--model", "bug", "-n", workers, "-k", "reasoning")
    [entry] = ledger(plain)["candidates"]
    assert entry["verdict"] == "invalid"
    assert entry["revision"].startswith("sha256:")
