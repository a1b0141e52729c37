"""The GPU path, walked without a GPU: fake tensors have a device, a dtype and a shape, no numbers.

What is mixed of two devices, or of shapes that do not go together, raises, as it would on a GPU.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch._subclasses import FakeTensorMode
from torch.overrides import TorchFunctionMode
from transformers.initialization import no_init_weights

from basegate.config.settings import Sampling
from basegate.engines.checkpoints.model_config import model_class
from basegate.engines.continuation_scoring import ContinuationRequest, ContinuationScorer
from basegate.engines.lm_head import LMHead
from basegate.engines.memory_budget import BatchMemory
from basegate.engines.sampling import Sampler, SampleRequest
from basegate.engines.window_scoring import WindowScorer, plan_windows
from tests.helpers.families import FAMILIES, family_config

REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"
META = 14


def step(amount=1, kept=False):
    pass


@pytest.fixture(scope="module", autouse=True)
def _guard():
    """Give CUDA the guard of the meta device, which does nothing, in a torch without CUDA."""
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib/libc10.so"))
        guards = (ctypes.c_void_p * 20).in_dll(library, REGISTRY)
    except (OSError, ValueError) as error:
        pytest.skip(f"this torch keeps its device guards elsewhere: {error}")
    before = guards[1]
    guards[1] = before or guards[META]
    yield
    guards[1] = before


def made(data, dtype=None, device="cpu"):
    """Return what `torch.tensor` would, which first makes tensors that are not fake."""
    held = np.asarray(data)
    kinds = {"i": torch.int64, "b": torch.bool, "f": torch.get_default_dtype()}
    return torch.empty(held.shape, dtype=dtype or kinds[held.dtype.kind], device=device)


class Numbers(TorchFunctionMode):
    """Answers where a number is asked of a tensor: zeros, and `truth` for yes or no."""

    def __init__(self, truth):
        super().__init__()
        self.truth = truth

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.__bool__:
            return self.truth
        if func is torch.allclose:
            return True
        if func is torch.tensor:
            return made(*args, **(kwargs or {}))
        if func is torch.Tensor.item:
            return 0
        if func in (torch.Tensor.numpy, torch.Tensor.tolist):
            zeros = np.zeros(tuple(args[0].shape), dtype=np.int64)
            return zeros if func is torch.Tensor.numpy else zeros.tolist()
        return func(*args, **(kwargs or {}))


def spread(model):
    """Put the second layer, the norm and the head on a second GPU, as `device_map="auto"` does."""
    for name in ("model.layers.1", "model.norm", "lm_head"):
        module = model.get_submodule(name)
        for part in module.modules():
            for own, weight in list(part.named_parameters(recurse=False)):
                part._parameters[own] = torch.nn.Parameter(weight.to("cuda:1"), False)
        add_hook_to_module(module, AlignDevicesHook("cuda:1", io_same_device=False))
    add_hook_to_module(model, AlignDevicesHook("cuda:0", io_same_device=True))
    return model


@pytest.fixture
def truth():
    return True


EVERY = [pytest.param(name, marks=() if name == "llama" else pytest.mark.slow) for name in FAMILIES]


@pytest.fixture(params=[*EVERY, "llama on two GPUs"])
def model(monkeypatch, truth, request):
    """Every architecture of the registry that transformers has a class for."""
    monkeypatch.setattr("basegate.engines.memory_budget.free_memory", lambda device: 2**30)
    monkeypatch.setattr("basegate.engines.memory_budget.memory_held", lambda device: 0)
    name, _, several = request.param.partition(" ")
    config = family_config(name, vocabulary=100)
    with FakeTensorMode(), Numbers(truth):
        with torch.device("cuda"), no_init_weights():
            made = model_class(Path(name), config).from_config(config, dtype=torch.bfloat16)
        # The usual way of experts asks the GPU what it can do.
        made.set_experts_implementation("batched_mm")
        yield spread(made.eval()) if several else made.eval()


def test_scores(model):
    texts = [list(range(5, 45)), [7, 8, 9]]
    plans = [plan_windows(len(ids), window=16, context=4, prefix=1) for ids in texts]
    scores = WindowScorer(LMHead(model, [1]), [1], BatchMemory(model)).score(texts, plans, step)
    assert [len(each) for each in scores] == [40, 3]


@pytest.mark.parametrize("truth", [True, False], ids=["full rows", "padded rows"])
def test_options(model):
    asked = [
        ContinuationRequest([1, 5, 6, 7], [[8], [9, 10]]),
        ContinuationRequest([1, 5], [[7, 8, 9]]),
    ]
    scores = ContinuationScorer(LMHead(model), BatchMemory(model)).score(asked, step)
    assert [[len(tail) for tail in tails] for tails in scores] == [[1, 2], [3]]


def test_samples(model):
    sampling = Sampling(samples=3, temperature=0.9, top_k=5, top_p=0.9, max_new_tokens=4)
    asked = [SampleRequest([1, 5, 6, 7], [1, 2, 3]), SampleRequest([1, 5], [4], lambda text: False)]
    drawn = Sampler(model, [2], str).draw(asked, sampling, step)
    assert [len(rows) for rows in drawn] == [3, 1]
