"""Peak memory, and letting go of it. The GPU is a stand-in: there may be none here."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from basegate.engines.devices import clear_frames, free_memory, peak_memory, reset_peak_memory


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs as torch shows them; asking them anything before CUDA is initialised is an error."""
    state = SimpleNamespace(ready=False, peaks=[3, 4])

    def reset(index):
        if not state.ready:
            raise RuntimeError("did you call init?")
        state.peaks[index] = 0

    cuda = SimpleNamespace(
        device_count=lambda: 2,
        is_initialized=lambda: state.ready,
        reset_peak_memory_stats=reset,
        max_memory_allocated=lambda index: state.peaks[index],
        mem_get_info=lambda index: (100 + index, 1000),
        memory_reserved=lambda index: 30,
        memory_allocated=lambda index: 10,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    return state


def test_before_cuda_is_initialised_there_is_no_peak_to_forget(gpus):
    reset_peak_memory("cuda")
    assert gpus.peaks == [3, 4]


def test_the_peak_of_an_earlier_candidate_is_forgotten(gpus):
    gpus.ready = True
    reset_peak_memory("cuda")
    gpus.peaks = [5, 6]
    assert peak_memory("cuda") == 11


def test_what_torch_keeps_of_a_gpu_and_does_not_use_is_free(gpus):
    assert free_memory("cuda") == (100 + 30 - 10) + (101 + 30 - 10)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_of_the_process_covers_what_was_freed_again():
    reset_peak_memory("cpu")
    before = peak_memory("cpu")
    block = bytearray(64 * 2**20)
    block[:: 2**12] = b"x" * len(block[:: 2**12])
    del block
    assert peak_memory("cpu") >= before + 60 * 2**20


def test_the_frames_of_an_error_and_of_its_cause_are_emptied():
    class Big:
        alive = 0

        def __init__(self):
            Big.alive += 1

        def __del__(self):
            Big.alive -= 1

    def inner():
        _kept = Big()
        raise ValueError("inner")

    def outer():
        _kept = Big()
        try:
            inner()
        except ValueError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError) as caught:
        outer()
    assert Big.alive == 2
    clear_frames(caught.value)
    assert Big.alive == 0


def test_an_error_that_is_its_own_cause_ends():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    clear_frames(first)
    second.__cause__ = second
    clear_frames(second)
    assert (first.__cause__, second.__cause__) == (second, second), (
        "the errors are left as they are"
    )
