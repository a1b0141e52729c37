"""Which files hold a checkpoint's weights: absent, elsewhere, or by other names."""

from __future__ import annotations

import shutil

import pytest

import basegate
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.weight_files import find_weights
from basegate.errors import CandidateError
from tests.helpers.checkpoints import FIRST, INDEX, SECOND, read_index, refusal, write_index


def test_shards_load_as_one_file_does(sharded):
    engine = basegate.load_candidate(str(sharded), device="cpu")
    assert engine.loaded.weights == "safetensors"
    assert {FIRST, SECOND, INDEX, "config.json", "tokenizer.json"} <= set(engine.loaded.files)
    engine.close()


def test_a_shard_that_is_missing_is_named_with_a_tensor_of_it(sharded):
    tensor = next(name for name, file in read_index(sharded).items() if file == SECOND)
    (sharded / SECOND).unlink()
    assert refusal(sharded).startswith(
        f"{sharded / SECOND} is missing or no file: {INDEX} says that it holds {tensor}"
    )


def test_a_folder_in_the_place_of_a_shard_is_named(sharded):
    (sharded / FIRST).unlink()
    (sharded / FIRST).mkdir()
    assert refusal(sharded).startswith(
        f"{sharded / FIRST} is missing or no file: {INDEX} says that it holds"
    )


def test_a_shard_that_the_index_leaves_out_is_named(sharded):
    write_index(sharded, {n: f for n, f in read_index(sharded).items() if f == FIRST})
    assert refusal(sharded).startswith(f"{sharded / SECOND} is not named in {INDEX}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is not valid JSON"),
        ("[]", "should hold a table"),
        ("{}", "is no index of weights"),
        ('{"weight_map": []}', "is no index of weights"),
        ('{"weight_map": {}}', "is no index of weights"),
        ('{"weight_map": {"a": 1}}', "is no index of weights"),
    ],
)
def test_an_index_that_is_none_is_named(sharded, text, what):
    (sharded / INDEX).write_text(text)
    assert refusal(sharded).startswith(f"{sharded / INDEX} {what}")


@pytest.mark.parametrize(
    "name", ["../other/secret.safetensors", "/etc/secret", "..\\secret", "C:x"]
)
def test_an_index_that_names_a_file_elsewhere_is_refused(sharded, tmp_path, name):
    (tmp_path / "other").mkdir()
    shutil.copy(sharded / FIRST, tmp_path / "other" / "secret.safetensors")
    write_index(sharded, {**read_index(sharded), "model.norm.weight": name})
    message = refusal(sharded)
    assert message.startswith(
        f"{sharded / INDEX} says that model.norm.weight is in {name!r}, which is no file beside it"
    )
    with pytest.raises(CandidateError, match="no file beside it"):
        read_config(sharded)


def test_a_link_that_leads_out_of_the_folder_is_refused(sharded, tmp_path):
    shutil.move(sharded / FIRST, tmp_path / "elsewhere")
    (sharded / FIRST).symlink_to(tmp_path / "elsewhere")
    message = refusal(sharded)
    assert message.startswith(f"{sharded / FIRST} is a link out of the checkpoint's folder, to ")
    assert str(tmp_path / "elsewhere") in message


def test_a_single_file_that_is_a_link_out_of_the_folder_is_refused(single, tmp_path):
    shutil.move(single / "model.safetensors", tmp_path / "elsewhere")
    (single / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert "model.safetensors is a link out of the checkpoint's folder, to " in refusal(single)


def test_the_links_of_the_hubs_cache_are_fine(sharded, tmp_path):
    repo = tmp_path / "models--owner--name"
    (repo / "blobs").mkdir(parents=True)
    snapshot = shutil.copytree(sharded, repo / "snapshots" / ("0" * 40))
    for path in snapshot.iterdir():
        shutil.move(path, repo / "blobs" / f"blob-of-{path.name}")
        path.symlink_to(f"../../blobs/blob-of-{path.name}")
    assert find_weights(snapshot).files == (FIRST, SECOND)
    basegate.load_candidate(str(snapshot), device="cpu").close()


def test_safetensors_come_before_bin_files(single):
    (single / "pytorch_model.bin").write_bytes(b"anything")
    assert find_weights(single).files == ("model.safetensors",)


def test_weights_under_another_name_say_which_names_are_loaded(single):
    (single / "model.safetensors").rename(single / "weights.safetensors")
    message = refusal(single)
    assert "no weights under a name that is loaded (model.safetensors or" in message
    assert "It has weights.safetensors, which nothing loads" in message


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["consolidated.00.pth", "consolidated.01.pth"], "It has consolidated.00.pth, consol"),
        (["pytorch_model-00002-of-00002.bin"], "shards of them with their .index.json"),
        (["model-q4.gguf"], "that is GGUF: give the file itself (NAME=FOLDER/FILE.gguf"),
        (["a.safetensors", "b.safetensors", "c.bin", "d.pt"], "b.safetensors, c.bin and 1 more"),
        (["training_log.txt"], "Fetch what is absent"),
    ],
)
def test_what_there_is_instead_of_weights_is_named(single, names, words):
    (single / "model.safetensors").unlink()
    for name in names:
        (single / name).write_bytes(b"x")
    assert words in refusal(single)
