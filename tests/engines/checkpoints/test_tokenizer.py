"""A tokenizer that does not belong to the model."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from transformers import AddedToken

import basegate
from basegate.engines.tokenization import check_vocabulary, load_tokenizer
from basegate.errors import CandidateError
from tests.helpers.checkpoints import make_tokenizer
from tests.helpers.odd_checkpoints import IDS, change, copy, rewrite
from tests.helpers.originals import write_sentencepiece


def test_a_vocabulary_smaller_than_the_tokenizers_ids_is_refused(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    size = config["vocab_size"]
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": size - 1}))
    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), device="cpu")
    assert f"gives ids up to {size - 1}, and by config.json the model knows {size - 1} ids" in str(
        caught.value
    )


def test_as_many_ids_as_the_model_knows_are_fine(tmp_path):
    tokenizer = make_tokenizer()
    size = max(tokenizer.get_vocab().values()) + 1
    check_vocabulary(tmp_path, tokenizer, size)  # raises nothing
    check_vocabulary(tmp_path, tokenizer, None)
    with pytest.raises(CandidateError):
        check_vocabulary(tmp_path, tokenizer, size - 1)


def test_a_token_added_without_resizing_the_embeddings_is_named(tmp_path):
    tokenizer = make_tokenizer()
    size = len(tokenizer)
    tokenizer.add_tokens(["喺度"])
    with pytest.raises(CandidateError, match=r"texts with '喺度'.*resize the model's embeddings"):
        check_vocabulary(tmp_path, tokenizer, size)


def test_a_mark_that_no_text_becomes_may_be_beyond(tmp_path):
    """As the place for an image in Gemma 3 1B, which knows no images."""
    tokenizer = make_tokenizer()
    size = len(tokenizer)
    tokenizer.add_tokens([AddedToken("<image>", special=True)], special_tokens=True)
    assert tokenizer.convert_tokens_to_ids("<image>") == size
    check_vocabulary(tmp_path, tokenizer, size)  # raises nothing


def test_a_prefix_beyond_is_refused(tmp_path):
    tokenizer = make_tokenizer(adds_bos=False)
    size = len(tokenizer)
    tokenizer.add_special_tokens({"eos_token": AddedToken("<end>", special=True)})
    with pytest.raises(CandidateError, match="'<end>'"):
        check_vocabulary(tmp_path, tokenizer, size)


def test_a_place_for_padding_that_only_added_tokens_names_may_be_beyond(tmp_path):
    """As after `add_special_tokens`, without a word in tokenizer.json; no text becomes it."""
    folder = copy(tmp_path)
    (folder / "added_tokens.json").write_text(json.dumps({"<pad>": IDS}))
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    assert tokenizer.convert_tokens_to_ids("<pad>") == IDS
    check_vocabulary(folder, tokenizer, IDS)  # raises nothing


@pytest.mark.parametrize("empty", ["", {"content": ""}])
def test_special_tokens_that_are_empty_are_none(tmp_path, empty):
    """As in the first conversions of Llama: `RecursionError` elsewhere."""
    folder = change(copy(tmp_path), "tokenizer_config.json", unk_token=empty, bos_token=empty)
    tokenizer, notes = load_tokenizer(folder, trusted=False)
    assert tokenizer.unk_token is None
    assert tokenizer("A")["input_ids"][0] == 0
    assert notes == ()


def put_before(folder, *ids):
    """Let the tokenizer put these before every text; return the folder."""

    def put(table):
        begin = [{"SpecialToken": {"id": str(key), "type_id": 0}} for key in ids]
        table["post_processor"] = {
            "type": "TemplateProcessing",
            "single": [*begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"],
            "special_tokens": {
                str(key): {"id": str(key), "ids": [key], "tokens": [str(key)]} for key in ids
            },
        }

    return rewrite(folder, "tokenizer.json", put)


@pytest.mark.parametrize(("ids", "noted"), [((0,), False), ((0, 0), True), ((77,), True)])
def test_what_hardly_belongs_before_a_text_is_noted(tmp_path, ids, noted):
    tokenizer, notes = load_tokenizer(put_before(copy(tmp_path), *ids), trusted=False)
    before = " ".join(tokenizer.convert_ids_to_tokens(list(ids)))
    found = [note for note in notes if f"its tokenizer puts {before} before every text" in note]
    assert len(found) == noted


def refusal(folder):
    """Return the sentences with which a tokenizer is refused."""
    with pytest.raises(CandidateError) as caught:
        load_tokenizer(folder, trusted=False)
    return str(caught.value)


def test_a_file_of_a_newer_version_is_told(tmp_path):
    folder = rewrite(
        copy(tmp_path), "tokenizer.json", lambda table: table["model"].update(type="New")
    )
    assert "was written by a newer version of tokenizers than" in refusal(folder)


def test_a_file_that_is_no_json_is_told(tmp_path):
    folder = copy(tmp_path)
    (folder / "tokenizer.json").write_text("Entry not found")
    assert "tokenizer.json is not valid JSON" in refusal(folder)
    assert "it holds the text 'Entry not found'" in refusal(folder)


@pytest.mark.parametrize("here", [True, False])
def test_sentencepiece_that_is_not_installed_is_named(tmp_path, monkeypatch, here):
    """transformers asks for tiktoken, which could not read it either."""
    folder = copy(tmp_path)
    (folder / "tokenizer.json").unlink()
    write_sentencepiece(folder)
    monkeypatch.setattr(
        "basegate.engines.checkpoints.config_files.find_spec", lambda name: here or None
    )
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert ("pip install sentencepiece protobuf" in refusal(folder)) is not here
