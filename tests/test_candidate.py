"""The handle on a candidate: one load, one failure, nothing kept."""

from __future__ import annotations

import gc
import weakref

import pytest

from basegate.candidate import Candidate
from basegate.errors import CandidateError
from basegate.registry import CandidateSpec
from tests.engines import PlainEngine

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
