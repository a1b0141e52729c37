"""Ids that end a text, from files that another tokenizer or trainer left; options nobody uses."""

from __future__ import annotations

import json

import pytest

import basegate
from basegate.engines.checkpoints.generation_config import end_of_text
from basegate.engines.tokenization import load_tokenizer
from basegate.errors import CandidateError
from tests.helpers.checkpoints import refusal
from tests.helpers.odd_checkpoints import IDS, change, copy, without_ends

FILE = "generation_config.json"
FOREIGN = 151645


def ends(folder):
    """Return the ids that end a text, and the notes on them."""
    config = json.loads((folder / "config.json").read_text())
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    found, notes, _ = end_of_text(folder, config, tokenizer, IDS)
    return found, notes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("eos_token_id", FOREIGN),
        ("eos_token_id", [1, FOREIGN]),
        ("eos_token_id", IDS),
        ("pad_token_id", FOREIGN),
    ],
)
def test_an_id_of_the_config_beyond_the_model_is_refused_by_file_and_key(tmp_path, key, value):
    folder = change(copy(tmp_path), "config.json", **{key: value})
    (folder / "model.safetensors").write_bytes(b"not looked at")
    found = value[-1] if isinstance(value, list) else value
    said = refusal(folder)
    assert said.startswith(f"{folder / 'config.json'}: {key} is {found}, and the model has {IDS} ")
    assert "left over from another tokenizer" in said
    assert ("name the token that ends a text in models.toml" in said) == (key == "eos_token_id")


def test_an_id_of_the_config_beyond_the_model_does_not_matter_where_another_end_is_named(tmp_path):
    folder = change(copy(tmp_path), "config.json", eos_token_id=FOREIGN)
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none", end=["</s>"])
    assert engine._stops == [1]
    engine.close()


def test_a_byte_that_is_left_over_as_the_end_of_a_text_is_noted(tmp_path):
    folder = change(copy(tmp_path), "config.json", eos_token_id=7)
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    config = json.loads((folder / "config.json").read_text())
    assert tokenizer.convert_ids_to_tokens(7) == "<0x05>"
    [note] = end_of_text(folder, config, tokenizer, IDS)[2]
    assert "names 7 as the end of a text, which is <0x05> in its tokenizer" in note


@pytest.mark.parametrize("value", [FOREIGN, [FOREIGN, 1]])
def test_an_id_that_only_generation_config_has_is_left_out_with_a_note(tmp_path, value):
    found, [note] = ends(change(copy(tmp_path), FILE, eos_token_id=value))
    assert found == [1]
    assert f"{FILE} names ids for the end of a text ({FOREIGN})" in note


def test_an_id_that_the_tokenizer_has_and_the_model_lacks_is_refused(tmp_path):
    folder = copy(tmp_path)
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    tokenizer.add_special_tokens({"eos_token": "<end>"})
    tokenizer.save_pretrained(folder)
    change(folder, FILE, eos_token_id=[1, IDS])
    with pytest.raises(CandidateError) as caught:
        ends(folder)
    assert str(caught.value).startswith(f"{folder / FILE}: eos_token_id is {IDS}, ")
    (folder / FILE).unlink()
    change(folder, "config.json", eos_token_id=None)
    with pytest.raises(CandidateError) as caught:
        ends(folder)
    assert f"tokenizer_config.json: eos_token is {IDS}, " in str(caught.value)


def test_an_id_of_the_config_is_told_where_its_own_code_hid_the_size_before(tmp_path):
    folder = change(copy(tmp_path), "config.json", eos_token_id=FOREIGN)
    (folder / FILE).unlink()
    with pytest.raises(CandidateError) as caught:
        ends(folder)
    assert str(caught.value).startswith(f"{folder / 'config.json'}: eos_token_id is {FOREIGN}, ")


@pytest.mark.parametrize(
    ("config", "generation", "found"),
    [
        (1, {"eos_token_id": 0}, [0, 1]),
        (1, {"eos_token_id": [0, 1]}, [0, 1]),
        (0, {}, [0, 1]),
        (0, None, [0, 1]),
        (None, None, [1]),  # by the tokenizer
        (-1, None, [1]),
    ],
)
def test_all_that_files_name_ends_a_text(tmp_path, config, generation, found):
    folder = change(copy(tmp_path), "config.json", eos_token_id=config)
    (folder / FILE).unlink()
    if generation is not None:
        (folder / FILE).write_text(json.dumps(generation))
    assert ends(folder) == (found, ())


def test_a_text_may_have_no_end(tmp_path):
    folder = change(without_ends(copy(tmp_path)), "config.json", eos_token_id=None)
    (folder / FILE).unlink()
    assert ends(folder) == ([], ())


@pytest.mark.parametrize(
    "option", [{"early_stopping": "sometimes"}, {"cache_implementation": "mine"}]
)
def test_an_option_that_nobody_uses_may_be_wrong(tmp_path, option):
    folder = change(copy(tmp_path), FILE, **option)
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none")
    assert engine.loaded.notes == ()
    assert engine._stops == [1]
    engine.close()


def test_what_would_have_changed_samples_is_noted(tmp_path):
    given = {"temperature": 0.6, "do_sample": True, "repetition_penalty": 1.05, "num_beams": 1}
    _, [note] = ends(change(copy(tmp_path), FILE, **given, suppress_tokens=[3, 4]))
    assert f"{FILE} asks for repetition_penalty = 1.05, suppress_tokens = [3, 4], which" in note
