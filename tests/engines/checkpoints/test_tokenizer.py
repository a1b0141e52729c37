"""A tokenizer that does not belong to the model."""

from __future__ import annotations

import json
import shutil

import pytest
from transformers import AddedToken

import basegate
from basegate.engines.tokenization import check_vocabulary
from basegate.errors import CandidateError
from tests.helpers.checkpoints import make_tokenizer


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
