"""From a folder to an engine: what is refused, and what is asked of the libraries below."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

import basegate
from basegate.errors import CandidateError, UsageError
from tests.helpers.checkpoints import make_checkpoint, refusal


def test_remote_code_needs_a_commit():
    with pytest.raises(UsageError, match="full commit"):
        basegate.load_candidate("owner/name", trust_remote_code=True, revision="main")


def test_a_checkpoint_without_tokenizer_is_named(single):
    (single / "tokenizer.json").unlink()
    assert "has no tokenizer" in refusal(single)


CODE = "class C: pass\nclass M: pass\n"


def with_code(folder, trace, model_type=None):
    """Let a checkpoint name Python code of its own, which leaves a trace."""
    (folder / "modeling_x.py").write_text(f"open({str(trace)!r}, 'w')\n{CODE}")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "modeling_x.C", "AutoModelForCausalLM": "modeling_x.M"}
    config["model_type"] = model_type or config["model_type"]
    (folder / "config.json").write_text(json.dumps(config))


def test_an_unknown_architecture_is_named_and_its_code_not_run(single, tmp_path):
    with_code(single, tmp_path / "trace", "baichuan")
    message = refusal(single)
    assert "no class for model_type 'baichuan'" in message
    assert "stranger" in message
    assert not (tmp_path / "trace").exists()


def test_a_known_architecture_with_code_of_its_own_loads_without_running_it(single, tmp_path):
    with_code(single, tmp_path / "trace")
    basegate.load_candidate(str(single), quantization="none", device="cpu").close()
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("key", ["rope_parameters", "rope_scaling"])
def test_positions_that_transformers_does_not_know_are_named(single, key):
    path = single / "config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    kind = "rope_type" if key == "rope_parameters" else "type"
    table = {kind: "magic", "factor": 2.0, "rope_theta": 10000.0}
    path.write_text(json.dumps({**config, key: table}))
    assert refusal(single).startswith(f"{path}: no model can be built from it (KeyError: 'magic')")


@pytest.mark.slow
def test_transformers_does_not_speak_of_positions_beside_us(single):
    path = single / "config.json"
    config = json.loads(path.read_text())
    config["rope_parameters"] = {"rope_type": "magic", "factor": 2.0, "rope_theta": 10000.0}
    path.write_text(json.dumps(config))
    # In a process of its own, to hear it.
    code = f"""
import basegate
try:
    basegate.load_candidate({str(single)!r}, device="cpu")
except basegate.errors.CandidateError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'magic'" in done.stdout
    assert done.stderr == "", "transformers speaks beside us"


@pytest.mark.parametrize("whose", ["torch's", "Python's"])
def test_memory_that_ends_while_loading_is_no_fault_of_the_checkpoint(single, monkeypatch, whose):
    import torch

    from basegate.engines import loading

    class Class:
        @staticmethod
        def from_pretrained(*_, **given):
            raise torch.OutOfMemoryError("no room") if whose == "torch's" else MemoryError

    monkeypatch.setattr(loading, "model_class", lambda *_: Class)
    said = refusal(single)
    assert "does not fit into the memory that is free" in said
    assert "Use a machine with more memory" in said
    assert "Check that the checkpoint is whole" not in said


def test_memory_that_ends_at_the_first_pass_is_no_fault_of_the_model(tmp_path):
    import torch

    from basegate.engines.loading import LoadOptions, _check_incremental_decoding

    class Model:
        device = torch.device("cpu")

        def base_model(self, **given):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(CandidateError, match="does not fit into the memory that is free"):
        _check_incremental_decoding(
            tmp_path, Model(), LoadOptions("nf4", "bfloat16", "cuda", False)
        )


def test_weights_are_asked_for_as_numbers_only(single, monkeypatch):
    from basegate.engines import loading

    asked = {}

    class Class:
        @staticmethod
        def from_pretrained(*_, **given):
            asked.update(given)
            raise RuntimeError("enough")

    monkeypatch.setattr(loading, "model_class", lambda *_: Class)
    assert "could not be loaded (RuntimeError: enough)" in refusal(single)
    assert asked["weights_only"] is True
    assert asked["trust_remote_code"] is False
    assert asked["local_files_only"] is True


@pytest.mark.parametrize("place", ["cpu", "disk"])
def test_a_model_that_is_partly_beside_the_gpus_is_refused(tmp_path, place):
    from basegate.engines.loading import LoadOptions, _check_placed

    model = SimpleNamespace(hf_device_map={"model.layers.0": 0, "model.layers.1": place})
    gpu, cpu = (LoadOptions("int8", "bfloat16", device, False) for device in ("cuda", "cpu"))
    with pytest.raises(CandidateError, match=r"does not fit into the memory.*--quantization nf4"):
        _check_placed(tmp_path, model, gpu)
    _check_placed(tmp_path, model, cpu)
    _check_placed(tmp_path, SimpleNamespace(hf_device_map={"": 0}), gpu)


MEMORY = """
import gc, sys
from pathlib import Path
import torch, bitsandbytes, transformers
from basegate.engines.loading import load_candidate
from basegate.progress import SILENT

def resident():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in l)
    return int(line.split()[1]) / 1024

def once(folder):
    engine = load_candidate(folder, device="cpu")
    engine.log_likelihoods(["x" * 50], window=64, context=16, progress=SILENT)
    high = resident()
    engine.close()
    return high

once(sys.argv[1])
before = resident()
high = once(sys.argv[2])
print(before, high, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.slow
def test_memory_returns_after_closing(checkpoint, tmp_path):
    """A candidate of some hundred megabytes leaves within 10 % of what was there before."""
    folder = make_checkpoint(tmp_path, hidden=1024, layers=8)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(checkpoint), str(folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    before, high, after = map(float, done.stdout.split())
    assert high > before + 30, "the candidate is too small to tell"
    assert after < 1.10 * before
