"""A model's files from the hub: which are fetched, and what is refused before large ones are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from huggingface_hub.utils import filter_repo_objects

from basegate.engines.checkpoints.download import SECOND_COPIES, SMALL, _counter, _weights
from basegate.errors import CandidateError
from basegate.serialization import hash_file
from tests.helpers.hub_server import COMMIT, address


def test_second_copies_are_not_fetched():
    names = ["config.json", "consolidated.json", "checkpoint-5/config.json", "sub/model.json"]
    patterns = {"allow_patterns": list(SMALL), "ignore_patterns": list(SECOND_COPIES)}
    assert list(filter_repo_objects(names, **patterns)) == names[:1]


@pytest.mark.parametrize(
    ("index", "listed", "wanted"),
    [
        ("", ["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        ("", ["adapter_model.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"]),
        ("", ["consolidated.safetensors"], []),
        ("model.safetensors", ["a", "b", "c"], ["a", "b"]),
        ("pytorch_model.bin", ["a", "b", "training_args.bin"], ["a", "b"]),
        ("pytorch_model.bin", ["model.safetensors", "a", "b"], ["model.safetensors"]),
        ("model.safetensors", [], ["a", "b"]),
        ("", [], ["model.safetensors", "pytorch_model.bin"]),
    ],
)
def test_only_weights_that_will_be_loaded_are_fetched(tmp_path, index, listed, wanted):
    if index:
        places = json.dumps({"weight_map": {"1": "b", "2": "a", "3": "b"}})
        (tmp_path / f"{index}.index.json").write_text(places)
    assert _weights(tmp_path, dict.fromkeys(listed, 1)) == wanted


LOAD = """
import io, json, sys
import basegate
from basegate.engines import loading
from basegate.errors import BasegateError
from basegate.data.fingerprint import describe_files
from basegate.progress import Progress

lines = io.StringIO()
if len(sys.argv) > 2:
    loading.free_memory = lambda device: int(sys.argv[2])
try:
    engine = basegate.load_candidate(
        "owner/real", device="cpu", revision=sys.argv[1], progress=Progress(lines),
        trust_remote_code=len(sys.argv) > 3,
    )
    loaded = engine.loaded
    files = describe_files(loaded.folder, loaded.files)
    found = {each.name: [each.bytes, each.sha256] for each in files}
    print(json.dumps({"weights": loaded.weights, "code": loaded.code, "files": found}))
except BasegateError as error:
    print(json.dumps({"error": str(error)}))
print(json.dumps(lines.getvalue()))
"""


def load_real(hub, cache, *arguments):
    """Load `owner/real` in a process of its own; return what it says of itself, and its lines."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *arguments],
        capture_output=True, text=True, check=True, timeout=120,
        env={"PATH": "", "HF_ENDPOINT": address(hub), "HF_HOME": str(cache), "HOME": str(cache)},
    )  # fmt: skip
    found, lines = map(json.loads, done.stdout.splitlines()[-2:])
    return found, lines


@pytest.fixture
def real(hub, checkpoint, tmp_path):
    """The hub, with a small checkpoint to fetch and a file of code beside it."""
    hub.folder = shutil.copytree(checkpoint, tmp_path / "on-the-hub")
    (hub.folder / "modeling_x.py").write_text("raise SystemExit('it ran')\n")
    return hub


def fetched(hub):
    return {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path}


def test_a_model_is_fetched_without_code_and_its_files_are_recorded(real, tmp_path):
    found, lines = load_real(real, tmp_path / "cache", COMMIT)
    weights = real.folder / "model.safetensors"
    assert found["weights"] == "safetensors"
    assert found["files"]["model.safetensors"] == [weights.stat().st_size, hash_file(weights)]
    assert found["files"]["config.json"][1] == hash_file(real.folder / "config.json")
    assert "modeling_x.py" not in found["files"]
    assert "modeling_x.py" not in fetched(real)
    # What it takes is said first, then what is fetched.
    said = lines.splitlines()
    assert "parameters" in said[0]
    assert said[1] == "owner/real: fetching 0.0 GiB of weights"


@pytest.mark.slow
def test_a_model_without_weights_that_are_loaded_is_told_what_it_has(real, tmp_path):
    (real.folder / "model.safetensors").rename(real.folder / "consolidated.safetensors")
    found, _ = load_real(real, tmp_path / "cache", COMMIT)
    assert found["error"].startswith("owner/real has no weights under a name that is loaded")
    assert "It has consolidated.safetensors, which nothing loads" in found["error"]


@pytest.mark.slow
def test_what_does_not_fit_is_refused_before_its_weights_are_fetched(real, tmp_path):
    found, _ = load_real(real, tmp_path / "cache", COMMIT, "1000")
    assert found["error"].startswith("owner/real does not fit. It needs")
    assert "config.json" in fetched(real)
    assert "model.safetensors" not in fetched(real)


@pytest.mark.slow
def test_an_index_that_leads_elsewhere_is_refused_before_weights_are_fetched(real, tmp_path):
    index = {"weight_map": {"model.norm.weight": "../../x.safetensors"}}
    (real.folder / "model.safetensors.index.json").write_text(json.dumps(index))
    found, _ = load_real(real, tmp_path / "cache", COMMIT)
    assert "which is no file beside it" in found["error"]
    assert "model.safetensors" not in fetched(real)


GATE = """
import sys
from basegate.runner.candidate import Candidate
from basegate.engines import loading
from basegate.errors import CandidateError
from basegate.config.registry import CandidateSpec

loading.free_memory = lambda device: 1000
candidate = Candidate(
    CandidateSpec(name="one", source="owner/real", revision=sys.argv[1]), device="cpu"
)
try:
    candidate.engine()
except CandidateError as error:
    print(error)
"""


@pytest.mark.slow
def test_the_gate_goes_on_after_a_refusal_before_the_weights(real, tmp_path):
    """An error that is its own cause once kept the gate busy for ever."""
    cache = str(tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-c", GATE, COMMIT],
        capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": "", "HF_ENDPOINT": address(real), "HF_HOME": cache, "HOME": cache},
    )  # fmt: skip
    assert done.stdout.startswith("one does not fit. It needs")


def test_a_refusal_while_fetching_stays_as_it_is(monkeypatch, tmp_path):
    from basegate.engines.checkpoints import download

    def fetch(*_, **__):
        raise refused

    refused = CandidateError("no room on the disk.")
    monkeypatch.setattr(download, "_listing", lambda *_: {"model.safetensors": 1})
    monkeypatch.setattr(download, "_fetch", fetch)
    with pytest.raises(CandidateError) as caught:
        download.download_weights("owner/one", COMMIT, tmp_path)
    assert caught.value is refused
    assert refused.__cause__ is None


def ask_for_code(real):
    """Make the checkpoint one that only its own code can load; the code leaves a trace."""
    trace = real.folder.parent / "trace"
    config = json.loads((real.folder / "config.json").read_text())
    auto = {"AutoConfig": "modeling_x.MyConfig", "AutoModelForCausalLM": "modeling_x.MyModel"}
    text = json.dumps({**config, "model_type": "unheard-of", "auto_map": auto})
    (real.folder / "config.json").write_text(text)
    (real.folder / "modeling_x.py").write_text(
        "from transformers import LlamaConfig, LlamaForCausalLM\n"
        f"open({str(trace)!r}, 'w').close()\n"
        "class MyConfig(LlamaConfig):\n    model_type = 'unheard-of'\n"
        "class MyModel(LlamaForCausalLM):\n    config_class = MyConfig\n"
    )
    return trace


def test_code_is_neither_fetched_nor_run_unless_it_is_trusted(real, tmp_path):
    trace = ask_for_code(real)
    found, _ = load_real(real, tmp_path / "cache", COMMIT)
    assert "--trust-remote-code" in found["error"]
    assert "modeling_x.py" not in fetched(real)
    assert not trace.exists()


@pytest.mark.slow
def test_pinned_code_runs_where_it_is_trusted_and_is_recorded(real, tmp_path):
    trace = ask_for_code(real)
    found, lines = load_real(real, tmp_path / "cache", COMMIT, str(2**40), "trust")
    assert found.get("code") is True, found
    assert trace.exists()
    assert found["files"]["modeling_x.py"][1] == hash_file(real.folder / "modeling_x.py")
    assert "its own Python code runs" in lines


def ask_for_a_tokenizer(real, place):
    """Let the checkpoint's tokenizer alone be code of its own, which leaves a trace."""
    trace = real.folder.parent / "trace"
    path = real.folder / "tokenizer_config.json"
    values = json.loads(path.read_text())
    values |= {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": [None, place]}}
    path.write_text(json.dumps(values))
    (real.folder / "tokenization_x.py").write_text(
        f"open({str(trace)!r}, 'w').close()\n"
        "from transformers import PreTrainedTokenizerFast as X\n"
    )
    return trace


@pytest.mark.slow
def test_a_tokenizers_code_that_is_trusted_is_recorded(real, tmp_path):
    trace = ask_for_a_tokenizer(real, "tokenization_x.X")
    found, lines = load_real(real, tmp_path / "cache", COMMIT, str(2**40), "trust")
    assert trace.exists()
    assert found.get("code") is True, found
    assert "tokenization_x.py" in found["files"]
    assert "its own Python code runs" in lines


@pytest.mark.slow
def test_a_tokenizers_code_of_another_repository_is_neither_fetched_nor_run(real, tmp_path):
    trace = ask_for_a_tokenizer(real, "owner/other--tokenization_x.X")
    found, _ = load_real(real, tmp_path / "cache", COMMIT, str(2**40), "trust")
    assert "tokenizer_config.json: auto_map names code of another repository" in found["error"]
    assert not any("other" in path for path in real.asked)
    assert not trace.exists()


@pytest.mark.slow
def test_trust_without_code_is_recorded_as_no_code(real, tmp_path):
    found, lines = load_real(real, tmp_path / "cache", COMMIT, str(2**40), "trust")
    assert found["code"] is False
    assert "modeling_x.py" not in found["files"]
    assert "parameters" in lines


@pytest.mark.slow
def test_pickles_are_fetched_only_where_there_are_no_safetensors(real, tmp_path):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(real.folder / "model.safetensors"), real.folder / "pytorch_model.bin")
    (real.folder / "training_args.bin").write_bytes(b"a pickle that nobody needs")
    load_real(real, tmp_path / "cache", COMMIT)
    assert "pytorch_model.bin" not in fetched(real)
    (real.folder / "model.safetensors").unlink()
    found, _ = load_real(real, tmp_path / "another-cache", COMMIT)
    assert found["weights"] == "pickle"
    assert "training_args.bin" not in fetched(real)


def test_how_much_is_fetched_is_counted_in_the_cache(tmp_path):
    folder = tmp_path / "models--owner--x" / "snapshots" / COMMIT
    blobs = tmp_path / "models--owner--x" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "old").write_bytes(b"x" * 2**20)
    tell = _counter(folder, 2**31)
    with (blobs / "new.incomplete").open("wb") as file:
        file.truncate(2**30)
    assert tell() == "1.0 of 2.0 GiB fetched"
