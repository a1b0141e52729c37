"""Which GPUs a process takes; the machine's are pretended."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec
from basegate.errors import CandidateError, UsageError
from basegate.plugin.options import check_in_process
from basegate.runner import gpu_leases as leases, isolation, worker as child
from basegate.runner.isolation import Isolation
from basegate.runner.worker import SentProgress, WorkerConfig
from tests.helpers.stored import make_measurement


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of four GPUs, and leases of its own."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(leases, "gpu_count", lambda: 4)
    monkeypatch.setattr(leases, "_of_this_user", lambda: tmp_path / "leases")
    yield
    while leases._held:
        leases._held.pop().close()


def leased_with(gpus, device="cuda"):
    """Return what CUDA is shown once a process has taken its GPUs."""
    config = WorkerConfig(
        spec=CandidateSpec(name="one", source="owner/one", revision="0" * 40),
        revision="0" * 40,
        device=device,
        memory=None,
        window=64,
        budget=None,
        gpus=gpus,
        load=lambda *_, **__: None,
    )
    child._lease(config, SentProgress(lambda *message: None))
    return os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize(
    ("gpus", "device", "shown"),
    [(1, "cuda", "0"), (2, "cuda", "0,1"), (None, "cuda", "0,1,2,3"), (2, "cpu", "0,1,2,3")],
)
def test_a_candidate_loads_where_it_sees_its_own_gpus_alone(machine, gpus, device, shown):
    assert leased_with(gpus, device) == shown


def test_a_second_candidate_gets_others(machine, monkeypatch):
    assert leased_with(2) == "0,1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")  # another process
    assert leased_with(1) == "2"


@pytest.mark.parametrize(("own", "others", "taken"), [(None, 1, 1), (2, 1, 2), (2, None, 2)])
def test_the_entry_says_how_many_gpus_or_the_run_does(monkeypatch, own, others, taken):
    started = []
    monkeypatch.setattr(
        isolation, "_Process", lambda name, loading: started.append(loading) or SimpleNamespace()
    )
    spec = CandidateSpec(name="one", source="owner/one", revision="0" * 40, gpus=own)
    candidate = SimpleNamespace(name="one", spec=spec, revision="0" * 40, device="cuda")
    Isolation(None, 64, 0, others)._process_of(candidate)
    assert [each.gpus for each in started] == [taken]


def test_workers_that_measure_themselves_are_refused_on_gpus():
    config = SimpleNamespace(option=SimpleNamespace(basegate_in_process=True, tx=["popen"]))
    with pytest.raises(UsageError, match="does not go with -n on GPUs"):
        check_in_process(config, "cuda")
    check_in_process(config, "cpu")


def test_an_answer_to_another_question_is_not_taken(monkeypatch):
    measurement = make_measurement()
    answer = ("result", measurement.model_dump_json(), [])
    assert isolation._measurement_of(answer, SimpleNamespace(key=measurement.key)) == measurement
    with pytest.raises(RuntimeError, match="asked for the measurement other"):
        isolation._measurement_of(answer, SimpleNamespace(key="other"))


class Foreign(Exception):
    """An error of a library that the other process has not imported."""


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (CandidateError("no room."), CandidateError),
        (FileNotFoundError(2, "No such file"), FileNotFoundError),
        (Foreign("odd"), RuntimeError),
    ],
)
def test_errors_cross_as_the_other_process_can_take_them(error, sent):
    found = child._sendable(error)
    assert type(found) is sent
    assert str(error) in str(found)
