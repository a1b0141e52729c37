"""A checkpoint's small files: whatever stands in them, a sentence with the file's name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import basegate
from basegate.data.fingerprint import checkpoint_fingerprint
from basegate.engines.checkpoints.config_files import check_code, code_places, is_plain, read_config
from basegate.errors import CandidateError

DEEP = b'{"model_type": "llama", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture
def folder(tmp_path):
    """A checkpoint as far as its config tells."""
    write(tmp_path / "config.json", {"model_type": "llama"})
    return tmp_path


def write(path, values):
    path.write_text(json.dumps(values), encoding="utf-8")


def refusal(folder):
    with pytest.raises(CandidateError) as caught:
        read_config(folder)
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "pytorch_model.bin"])
def test_a_pointer_of_git_lfs_is_told_from_a_damaged_file(tmp_path, name):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / name).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123456789\n"
    )
    with pytest.raises(CandidateError, match=f"{name} is a pointer of Git LFS.*git lfs pull"):
        read_config(tmp_path)


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path):
    assert "no config.json (it holds nothing)" in refusal(tmp_path)
    (tmp_path / "model-q4_k_m.gguf").write_bytes(b"GGUF")
    message = refusal(tmp_path)
    assert "no config.json (it holds model-q4_k_m.gguf)" in message
    assert "that is GGUF: give the file itself (NAME=FOLDER/FILE.gguf" in message
    assert "is not a folder" in refusal(tmp_path / "model-q4_k_m.gguf")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"max_position_embeddings": 0}, "max_position_embeddings is 0"),
        ({"n_positions": -1}, "n_positions is -1"),
        ({"max_position_embeddings": 2048.5}, "max_position_embeddings is 2048.5"),
        ({"text_config": {"max_position_embeddings": 0}}, "text_config.max_position_embeddings"),
        ({"seq_length": "long"}, 'seq_length is "long"'),
    ],
)
def test_a_context_length_that_is_none_is_refused_by_its_key(folder, config, words):
    write(folder / "config.json", {"model_type": "llama", **config})
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: {words}")


def test_a_context_length_may_be_left_out(folder):
    config = {"model_type": "llama", "max_position_embeddings": None, "text_config": None}
    write(folder / "config.json", config)
    assert read_config(folder) == config


def test_what_keeps_the_rules_is_returned_as_it_is(folder):
    config = {
        "model_type": "llama",
        "eos_token_id": [1, 2],
        "quantization_config": None,
        "attn_implementation": "sdpa",
        "text_config": {"num_hidden_layers": 80, "vocab_size_per_layer_input": 262144},
        "model_config": "a name that pydantic has for itself",
    }
    write(folder / "config.json", config)
    write(folder / "generation_config.json", {"eos_token_id": 2, "temperature": 0.6})
    write(folder / "tokenizer_config.json", {"fast_tokenizer_files": ["tokenizer.4.0.0.json"]})
    write(folder / "model.safetensors.index.json", {"weight_map": {"a": "model-1.safetensors"}})
    assert read_config(folder) == config


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("config.json", b"", "config.json is not valid JSON"),
        ("config.json", b"\xff\xfe", "config.json is in UTF-16, and every program"),
        ("config.json", b"null", "config.json should hold a table"),
        ("config.json", b"[" * 200_000, "config.json is nested deeper"),
        ("config.json", DEEP, "config.json is nested deeper"),
        ("config.json", b'{"a":' * 100 + b"1" + b"}" * 100, "config.json is nested deeper"),
        ("generation_config.json", b"{", "generation_config.json is not valid JSON"),
        ("generation_config.json", b"[]", "generation_config.json should hold a table"),
        ("tokenizer_config.json", b"[]", "tokenizer_config.json should hold a table"),
        ("pytorch_model.bin.index.json", b"{", "pytorch_model.bin.index.json is not valid JSON"),
    ],
)
def test_a_file_that_is_no_table_is_named(folder, name, data, what):
    (folder / name).write_bytes(data)
    assert refusal(folder).startswith(f"{folder / what}")


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_a_folder_in_the_place_of_a_file_is_named(folder, name):
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    assert refusal(folder).startswith(f"{folder / name} cannot be read: Is a directory")


@pytest.fixture
def forbidden(monkeypatch):
    """Return what lets nobody open a file or look into a folder, whoever runs the tests."""

    def forbid(path):
        for way in ("open", "iterdir", "is_dir"):
            monkeypatch.setattr(Path, way, _refusing(getattr(Path, way), path))

    return forbid


def _refusing(way, path):
    def refuse(self, *given, **named):
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return way(self, *given, **named)

    return refuse


@pytest.mark.parametrize(
    "name",
    ["config.json", "generation_config.json", "tokenizer.json", "merges.txt", "model.safetensors"],
)
def test_a_file_that_this_user_may_not_read_is_named(folder, forbidden, name):
    if name != "config.json":
        write(folder / name, {})
    forbidden(folder / name)
    message = refusal(folder)
    assert message.startswith(f"{folder / name} cannot be read: Permission denied. Run as")
    assert f"`chmod a+rX {folder / name}`" in message


def test_a_folder_that_this_user_may_not_look_into_is_named(folder, forbidden):
    forbidden(folder)
    assert refusal(folder).startswith(f"{folder} cannot be read: Permission denied. Run as")


def test_a_file_that_is_never_loaded_may_be_unreadable(folder, forbidden):
    (folder / "README.md").write_text("x")
    forbidden(folder / "README.md")
    assert read_config(folder) == {"model_type": "llama"}


def test_a_link_that_leads_nowhere_is_named(folder):
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(folder / "gone")
    assert refusal(folder).startswith(f"{folder / 'config.json'} cannot be read: No such file")


@pytest.mark.parametrize("value", [["x"], {"a": 1}, 5, None, ""])
def test_a_model_type_that_is_no_name_is_told(folder, value):
    write(folder / "config.json", {"model_type": value})
    assert f"config.json: model_type is {json.dumps(value)} (" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("value", ["x", [1, "x"], 1.5, True])
def test_an_end_of_text_that_is_no_id_is_told(folder, name, value):
    write(folder / name, {"model_type": "llama", "eos_token_id": value})
    assert f"{name}: eos_token_id is {json.dumps(value)} (Input should be" in refusal(folder)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("transformers_weights", "hidden.safetensors", "weights under a name of its own"),
        ("configuration_files", ["config.4.0.0.json"], "other configs to be read instead"),
        ("quantization_config", {"quant_method": "gptq"}, "its owner has quantised"),
        ("quantization_config", {}, "its owner has quantised"),
        ("compression_config", {"bits": 4}, "its owner has quantised"),
        ("attn_implementation", "owner/kernel", "compiled code of another repository"),
        ("_attn_implementation", "paged|owner/kernel@v1", "compiled code of another repository"),
        ("attn_implementation", {"": "sdpa", "x": "a/b"}, "compiled code of another repository"),
        ("experts_implementation", "owner/kernel", "compiled code of another repository"),
        ("num_hidden_layers", 10**9, "is 1000000000, and no model has more than"),
        ("n_layer", 5000, "is 5000, and no model has more than"),
        ("num_local_experts", 10**6, "is 1000000, and no model has more than"),
    ],
)
def test_what_would_get_round_a_check_is_refused_by_its_key(folder, key, value, what, nested):
    given = {key: value}
    write(folder / "config.json", {"model_type": "x", **({"sub": [given]} if nested else given)})
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: {key} ")
    assert what in message


@pytest.mark.parametrize("name", ["../x/tokenizer.5.json", "/etc/x", "sub/x", "..", "a\\b", ""])
def test_a_tokenizer_file_elsewhere_is_refused(folder, name):
    write(folder / "tokenizer_config.json", {"fast_tokenizer_files": ["tokenizer.json", name]})
    assert f"tokenizer_config.json: fast_tokenizer_files names {name!r}" in refusal(folder)


def test_tokenizer_files_that_are_no_list_are_told(folder):
    write(folder / "tokenizer_config.json", {"fast_tokenizer_files": "tokenizer.json"})
    assert "fast_tokenizer_files is " in refusal(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("file", ["../x", "/x", "", ".", "C:x", "sub/model-1"])
def test_an_index_may_name_only_files_beside_it(folder, name, file):
    write(folder / f"{name}.index.json", {"weight_map": {"model.norm.weight": file}})
    assert refusal(folder).startswith(
        f"{folder / name}.index.json says that model.norm.weight is in {file!r}, which is no file"
    )


def test_a_weight_in_a_folder_is_not_in_the_fingerprint(folder):
    """Which is why an index may not name one."""
    (folder / "sub").mkdir()
    before = checkpoint_fingerprint(folder)
    (folder / "sub" / "model.safetensors").write_bytes(b"other weights")
    assert checkpoint_fingerprint(folder) == before


def test_an_adapter_beside_a_whole_model_is_refused(folder):
    """peft, where it is installed, would apply it silently."""
    write(folder / "adapter_config.json", {"peft_type": "LORA"})
    assert "holds an adapter (LoRA or the like)" in refusal(folder)
    (folder / "config.json").unlink()
    assert "holds an adapter (LoRA or the like)" in refusal(folder)


def test_a_distributed_checkpoint_is_refused(folder):
    name = "shard-00001-model-00001-of-00001.safetensors"
    (folder / name).write_bytes(b"")
    assert refusal(folder).startswith(f"{folder / name} is part of a distributed checkpoint")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("config.json", {"model_type": "x", "auto_map": {"AutoConfig": "o/r--x.C"}}),
        ("config.json", {"model_type": "x", "text_config": {"auto_map": {"A": "o/r--x.C"}}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": [None, "o/r--x.C"]}}),
        ("tokenizer_config.json", {"auto_map": ["o/r--x.C", None]}),
        ("processor_config.json", {"auto_map": {"AutoProcessor": "o/r--x.C"}}),
    ],
)
def test_code_is_found_wherever_it_is_named(folder, name, values):
    assert code_places(folder) == []
    write(folder / name, values)
    assert code_places(folder) == [(folder / name, "o/r--x.C")]
    with pytest.raises(CandidateError, match=rf"{name}: .*another repository \(o/r--x\.C\)"):
        check_code(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "a b.bin", "..x", ".hidden"])
def test_a_plain_name_is_one(name):
    assert is_plain(name)


@pytest.mark.parametrize(
    ("file", "given"),
    [
        ("config.json", {"transformers_weights": "hidden.safetensors"}),
        ("config.json", {"quantization_config": {"quant_method": "gptq"}}),
        ("generation_config.json", {"eos_token_id": "x"}),
        ("adapter_config.json", {"peft_type": "LORA"}),
    ],
)
def test_loading_asks_first(checkpoint, tmp_path, file, given):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    before = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    write(folder / file, {**before, **given})
    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), device="cpu")
    assert str(caught.value) == refusal(folder)
