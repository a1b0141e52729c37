"""How many workers there are, and the order in which candidates are handed out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec
from basegate.engines import devices
from basegate.errors import UsageError
from basegate.plugin import xdist
from basegate.plugin.xdist import CandidateScheduling, auto_workers, biggest_first
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
            "basegate.plugin.xdist.parse",
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


class Node:
    """Stands for a worker: keeps what it is given, like one that runs nothing."""

    def __init__(self, tests):
        self.tests = tests
        self.gateway = SimpleNamespace(id="gw")
        self.given = []
        self.shutting_down = False

    def send_runtest_some(self, indices):
        self.given.extend(self.tests[index] for index in indices)

    def shutdown(self):
        self.shutting_down = True


class Play:
    """A scheduler with workers that stand for real ones.

    Args:
        units: number of tests by candidate, in the order of the command line.
        order: candidates as they are to be handed out.
        workers: how many.
    """

    def __init__(self, units, order, workers):
        self.tests = [
            f"t.py::test_{number}[{name}]" for name, tests in units for number in range(tests)
        ]
        config = SimpleNamespace(
            getvalue=lambda _: ["popen"] * workers, option=SimpleNamespace(loadscopereorder=True)
        )
        self.scheduler = CandidateScheduling(config, None, order, ())
        self.nodes = [self.start() for _ in range(workers)]
        self.scheduler.schedule()

    def start(self):
        node = self.begin()
        self.scheduler.add_node_collection(node, list(self.tests))
        return node

    def begin(self):
        """Start a worker that has not collected yet."""
        node = Node(self.tests)
        self.scheduler.add_node(node)
        return node

    def replace(self, node):
        """Let a worker die; return the test that it died of, and its replacement."""
        crashed = self.scheduler.remove_node(node)
        fresh = self.start()
        self.scheduler.schedule()
        return crashed, fresh

    def done(self, node, *tests):
        for test in tests:
            self.scheduler.mark_test_complete(node, self.tests.index(test))


def candidates_of(tests):
    return list(dict.fromkeys(test.partition("[")[2].removesuffix("]") for test in tests))


def runs(node):
    """Return the tests that a worker would run: it keeps the last until it knows what follows."""
    return node.given if node.shutting_down else node.given[:-1]


def test_the_biggest_candidates_come_first_whatever_the_number_of_their_tests():
    play = Play([("small", 9), ("big", 3), ("middle", 5)], ["big", "middle", "small"], 2)
    assert [candidates_of(node.given) for node in play.nodes] == [["big"], ["middle"]]
    play.done(play.nodes[1], *play.nodes[1].given[:3])
    assert candidates_of(play.nodes[1].given) == ["middle", "small"]


def test_what_a_dead_worker_leaves_is_still_handed_out_in_order():
    play = Play([("small", 4), ("big", 4), ("middle", 4)], ["big", "middle", "small"], 1)
    crashed, fresh = play.replace(play.nodes[0])
    assert crashed == "t.py::test_0[big]"
    assert candidates_of(fresh.given) == ["big"]
    assert crashed not in fresh.given


def test_tests_of_no_candidate_come_last():
    play = Play([("other", 5), ("big", 3)], ["big"], 1)
    assert candidates_of(play.nodes[0].given) == ["big"]


def test_a_candidate_that_is_done_is_not_given_to_the_next_worker():
    play = Play([("big", 3), ("bad", 3), ("small", 3)], ["big", "bad", "small"], 1)
    play.done(play.nodes[0], *play.nodes[0].given[:3])
    crashed, fresh = play.replace(play.nodes[0])
    assert crashed == "t.py::test_0[bad]"
    assert candidates_of(fresh.given) == ["bad"]
    assert runs(fresh), "it does not wait for ever"


def test_a_worker_that_dies_while_another_collects_is_told_and_what_it_leaves_is_run():
    play = Play([("one", 2), ("two", 2)], ["one", "two"], 1)
    first = play.nodes[0]
    second = play.begin()
    assert play.scheduler.remove_node(first) == "t.py::test_0[one]"
    assert second.given == []
    play.scheduler.add_node_collection(second, list(play.tests))
    play.scheduler.schedule()
    assert second.given == ["t.py::test_1[one]", "t.py::test_0[two]", "t.py::test_1[two]"]


def test_a_worker_that_is_left_one_test_is_given_the_next_candidate_too():
    play = Play([("bad", 2), ("small", 3)], ["bad", "small"], 1)
    _, fresh = play.replace(play.nodes[0])
    assert "t.py::test_1[bad]" in runs(fresh)


def test_a_worker_that_is_left_the_last_test_of_all_runs_it():
    play = Play([("big", 4), ("bad", 2)], ["big", "bad"], 2)
    _, fresh = play.replace(play.nodes[1])
    assert runs(fresh) == ["t.py::test_1[bad]"]
