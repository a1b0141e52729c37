"""How many workers there are, and the order in which candidates are handed out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec
from basegate.engines import devices
from basegate.errors import UsageError
from basegate.plugin import xdist
from basegate.plugin.xdist import auto_workers, biggest_first
from basegate.runner import gpu_leases as leases


def specs(*sizes, gpus=None):
    return [
        CandidateSpec(name=f"c{place}", source="a/b", parameters=size, gpus=gpus)
        for place, size in enumerate(sizes)
    ]


def test_candidates_are_ordered_by_size_then_as_given_and_unknown_ones_last():
    given = specs("135M", "unknown", "6B", "30B-A3B", "6B", "unknown", "0.5B")
    assert [spec.name for spec in biggest_first(given)] == [
        "c3", "c2", "c4", "c6", "c0", "c1", "c5"
    ]  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """Return a function that says how many workers a command line gets on a pretend machine."""

    def ask(candidates, *, device="auto", gpus=0, cores=8, model=("all",)):
        monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
        monkeypatch.setattr(
            "basegate.plugin.options.parse",
            lambda config: SimpleNamespace(
                candidates=candidates, device=config.option.basegate_device
            ),
        )
        monkeypatch.setattr(devices, "_gpus", lambda visible: ("H100",) * gpus)
        monkeypatch.setattr(devices.importlib.metadata, "version", lambda package: "2.13")
        monkeypatch.setattr(leases, "visible_gpus", lambda: tuple(map(str, range(gpus))))
        monkeypatch.setattr(xdist, "_usable_cores", lambda: cores)
        option = SimpleNamespace(basegate_model=list(model), basegate_device=device)
        return auto_workers(SimpleNamespace(option=option))

    return ask


@pytest.mark.parametrize(
    ("needs", "gpus", "workers"),
    [
        ((None, None, None), 2, 2),
        ((None, None, None), 8, 3),
        ((2, 2, 2), 5, 2),
        ((4, 4, 1), 4, 1),  # three workers would only wait for each other
        ((1, 2, 4), 4, 2),
        ((1, 2, 4), 7, 3),
        ((4, 4), 2, 1),  # each will say that there are not enough
    ],
)
def test_on_gpus_there_are_as_many_workers_as_can_hold_leases_at_once(asked, needs, gpus, workers):
    candidates = [spec for need in needs for spec in specs("6B", gpus=need)]
    assert asked(candidates, gpus=gpus) == workers


@pytest.mark.parametrize(("candidates", "workers"), [(1, 1), (3, 3), (99, 8)])
@pytest.mark.parametrize("machine", [{"device": "cpu", "gpus": 2}, {"gpus": 0}])
def test_on_a_cpu_there_is_a_worker_per_candidate_and_core(asked, machine, candidates, workers):
    assert asked(specs(*["6B"] * candidates), **machine) == workers


def test_without_a_candidate_xdist_decides(asked):
    assert asked([], model=()) is None


def test_a_number_in_xdists_own_variable_holds(asked, monkeypatch):
    assert asked(specs("6B")) == 1
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "7")
    option = SimpleNamespace(basegate_model=["all"], basegate_device="auto")
    assert auto_workers(SimpleNamespace(option=option)) is None


def test_a_gpu_that_is_asked_for_and_not_there_is_a_usage_error(asked):
    with pytest.raises(UsageError, match="no NVIDIA GPU can be used"):
        asked(specs("6B"), device="cuda")
