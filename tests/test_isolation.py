"""Which GPUs a process takes; the machine's are pretended."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from basegate.options import RunOptions
from basegate.progress import SILENT
from basegate.registry import CandidateSpec
from basegate.run import Run
from basegate.spread import child, isolation, leases
from basegate.spread.child import Loading
from basegate.spread.isolation import Isolation
from basegate.spread.relay import ToldProgress


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of four GPUs, and leases of its own."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(leases, "gpu_count", lambda: 4)
    monkeypatch.setattr(leases, "_of_this_user", lambda: tmp_path / "leases")
    yield
    for lease in list(leases._held):
        lease.release()


def loaded_with(gpus, device="cuda"):
    """Return what CUDA is shown when a candidate loads in its process."""
    seen = []
    spec = CandidateSpec(name="one", source="owner/one", revision="0" * 40)
    loading = Loading(
        spec=spec,
        revision="0" * 40,
        device=device,
        memory=None,
        window=64,
        gpus=gpus,
        load=lambda *_, **given: seen.append((os.environ["CUDA_VISIBLE_DEVICES"], given["window"])),
    )
    child._load(loading, ToldProgress(lambda message: None), spec, "0" * 40, device)
    return seen


@pytest.mark.parametrize(
    ("gpus", "device", "shown"),
    [(1, "cuda", "0"), (2, "cuda", "0,1"), (None, "cuda", "0,1,2,3"), (2, "cpu", "0,1,2,3")],
)
def test_a_candidate_loads_where_it_sees_its_own_gpus_alone(machine, gpus, device, shown):
    assert loaded_with(gpus, device) == [(shown, 64)]


def test_a_second_candidate_gets_others(machine, monkeypatch):
    assert loaded_with(2) == [("0,1", 64)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")  # another process
    assert loaded_with(1) == [("2", 64)]


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


def test_a_worker_that_measures_itself_takes_gpus_once(machine, monkeypatch, tmp_path):
    specs = tuple(CandidateSpec(name=name, source="./x") for name in ("one", "two"))
    options = RunOptions(
        candidates=(replace_gpus(specs[0], 2), specs[1]),
        thresholds=SimpleNamespace(window=None),
        store=tmp_path,
        ledger=tmp_path / "ledger.json",
        remeasure=False,
        device="cpu",
        command="",
        in_process=True,
        gpus=1,
    )
    run = Run(options, SILENT)
    run.device = "cuda"
    for spec in options.candidates:
        run._lease()
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1", spec.name


def replace_gpus(spec, gpus):
    return spec.model_copy(update={"gpus": gpus})
