"""Small files as other programs write them: byte order marks, UTF-16, whole numbers as floats."""

from __future__ import annotations

import codecs
import dataclasses

import pytest
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

import basegate
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.file_reading import _as_meant, check_file, readable
from basegate.engines.checkpoints.model_config import model_config
from basegate.engines.tokenization import load_tokenizer
from tests.helpers.checkpoints import INDEX, refusal, shard
from tests.helpers.odd_checkpoints import DEMO, change, copy, rewrite

TEXT = "佢哋琴晚喺度食咗飯，A 1"


def mark(folder, *names):
    """Let files begin with a byte order mark."""
    for name in names:
        path = folder / name
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    return folder


@pytest.mark.parametrize(
    "names",
    [("config.json",), ("tokenizer.json",), ("tokenizer_config.json", "generation_config.json")],
)
def test_files_with_a_byte_order_mark_are_read(tmp_path, names):
    folder = mark(copy(tmp_path), *names)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = read_config(folder)
    assert model_config(folder, config).to_diff_dict() == model_config(DEMO, config).to_diff_dict()
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    plain, _ = load_tokenizer(DEMO, trusted=False)
    assert tokenizer(TEXT)["input_ids"] == plain(TEXT)["input_ids"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    ("encoding", "known"),
    [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE"), ("utf-32-be", "UTF-32BE")],
)
def test_another_encoding_is_named_as_iconv_knows_it(tmp_path, name, encoding, known):
    folder = copy(tmp_path)
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    said = refusal(folder)
    assert said.startswith(f"{path} is in {known}, and every program reads")
    assert f"iconv -f {known} -t UTF-8" in said


def test_a_file_that_nobody_reads_may_be_in_any_encoding(tmp_path):
    (tmp_path / "trainer_log.json").write_text("{}", encoding="utf-16")
    check_file(tmp_path / "trainer_log.json")  # raises nothing


def test_whole_numbers_as_floats_are_taken(tmp_path):
    folder = change(
        copy(tmp_path),
        "config.json",
        max_position_embeddings=512.0,
        num_hidden_layers=4.0,
        vocab_size=2459.0,
        eos_token_id=[1.0],
        attention_dropout=0.0,
    )
    config = read_config(folder)
    assert config["eos_token_id"] == [1]
    assert repr(config["max_position_embeddings"]) == "512"
    assert repr(config["attention_dropout"]) == "0.0", "not a whole number by its nature"
    assert repr(config["rope_parameters"]["rope_theta"]) == "10000.0"
    assert model_config(folder, config).num_hidden_layers == 4
    load_tokenizer(folder, trusted=False)


@pytest.mark.parametrize(
    ("model_type", "key"),
    [
        ("deepseek_v2", "kv_lora_rank"),
        ("deepseek_v2", "n_group"),
        ("deepseek_v2", "first_k_dense_replace"),
        ("falcon_h1", "mamba_d_state"),
        ("llama", "pretraining_tp"),
        ("ernie4_5_moe", "moe_k"),
        ("falcon_h1", "num_logits_to_keep"),
    ],
)
def test_whole_numbers_of_other_families_are_taken(tmp_path, model_type, key):
    found = change(copy(tmp_path), "config.json", model_type=model_type, **{key: 8.0})
    assert getattr(model_config(found, read_config(found)), key) == 8


@pytest.mark.slow
def test_no_option_that_is_a_float_by_nature_is_taken_for_a_whole_number():
    for kind in MODEL_FOR_CAUSAL_LM_MAPPING:
        for option in dataclasses.fields(kind):
            if "float" in str(option.type):
                assert type(_as_meant(1.0, option.name)) is float, (kind, option.name)


def test_a_folder_with_nothing_to_mend_is_handed_on_itself():
    with readable(DEMO) as folder:
        assert folder == DEMO


def test_an_index_without_metadata_is_read(tmp_path):
    folder = shard(copy(tmp_path))
    rewrite(folder, INDEX, lambda table: table.pop("metadata"))
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none")
    assert len(engine.loaded.files) > 2
    engine.close()


def test_a_mended_folder_is_gone_afterwards(tmp_path):
    with readable(mark(copy(tmp_path), "config.json")) as folder:
        assert (folder / "model.safetensors").resolve() == tmp_path / "odd/model.safetensors"
    assert not folder.exists()
