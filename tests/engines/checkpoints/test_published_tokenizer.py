"""`tokenizer.json` is read as it was published, whatever class is named for it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer

import basegate
from basegate.engines.tokenization import PROBES, Encoder, load_tokenizer
from basegate.progress import SILENT
from tests.helpers.checkpoints import make_tokenizer
from tests.helpers.paths import FIXTURES

DEMO = FIXTURES / "demo/tiny-yue"
TEXT = "香港嘅天氣好熱，\n  我哋去海邊玩，食咗 2 個雪糕。"
CONFIGS = {
    "a class for SentencePiece": ("llama", {"tokenizer_class": "LlamaTokenizer"}),
    "its older name": ("llama", {"tokenizer_class": "LlamaTokenizerFast"}),
    "a class for bytes": ("llama", {"tokenizer_class": "GPT2Tokenizer"}),
    "another for bytes": ("llama", {"tokenizer_class": "Qwen2Tokenizer"}),
    "a class with spaces of its own": ("llama", {"tokenizer_class": "GemmaTokenizer"}),
    "a model_type that has a class": ("qwen2", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "a model_type and no class": ("qwen2", {}),
}
"""By what disagrees with the file: `model_type`, and what tokenizer_config.json says of a class."""


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def write(folder, **tables):
    for name, table in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(table), encoding="utf-8")


@pytest.fixture(params=CONFIGS)
def misnamed(request, tmp_path):
    """The demonstration's tokenizer beside a config that names a class of another kind."""
    shutil.copy(DEMO / "tokenizer.json", tmp_path)
    model_type, named = CONFIGS[request.param]
    own = {"bos_token": "<s>", "eos_token": "</s>", "clean_up_tokenization_spaces": False}
    write(tmp_path, config={"model_type": model_type}, tokenizer_config={**own, **named})
    return tmp_path


def test_texts_are_split_as_the_file_says(misnamed):
    plain = Tokenizer.from_file(str(misnamed / "tokenizer.json"))
    loaded = AutoTokenizer.from_pretrained(str(misnamed))
    assert any(
        ids_of(loaded, text) != plain.encode(text, add_special_tokens=False).ids for text in PROBES
    ), "transformers reads it as it is by now"
    tokenizer, (note,) = load_tokenizer(misnamed, False)
    for text in (*PROBES, TEXT):
        assert ids_of(tokenizer, text) == plain.encode(text, add_special_tokens=False).ids
    assert tokenizer.get_vocab() == plain.get_vocab()
    assert Encoder(tokenizer, "one").prefix == [plain.token_to_id("<s>")]
    assert f"transformers' {type(loaded).__name__}" in note
    assert "tokenizer.json" in note


def test_the_scores_of_a_checkpoint_do_not_depend_on_the_class_it_names(tmp_path):
    folder = shutil.copytree(DEMO, tmp_path / "named")
    named = json.loads((folder / "tokenizer_config.json").read_text())
    write(folder, tokenizer_config={**named, "tokenizer_class": "LlamaTokenizer"})
    found = []
    for each in (DEMO, folder):
        engine = basegate.load_candidate(str(each), device="cpu")
        found.append(engine.log_likelihoods([TEXT], progress=SILENT)[0])
        assert len(engine.loaded.notes) == (each == folder)
        engine.close()
    np.testing.assert_array_equal(found[0].logprobs, found[1].logprobs)
    np.testing.assert_array_equal(found[0].starts, found[1].starts)


def bytewise(**config):
    """Return a tokenizer of bytes in Qwen's way, and its file's table."""
    pieces = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    return Qwen2Tokenizer(vocab={piece: at for at, piece in enumerate(pieces)}, merges=[], **config)


def test_a_class_that_agrees_with_the_file_is_not_mentioned(tmp_path):
    bytewise().save_pretrained(tmp_path)
    write(tmp_path, config={"model_type": "qwen2"})
    tokenizer, notes = load_tokenizer(tmp_path, False)
    assert notes == ()
    assert Encoder(tokenizer, "one").prefix == [0]


def test_a_class_may_name_the_end_of_a_text_where_the_files_do_not(tmp_path):
    """As the first GPT-2, whose tokenizer_config.json names no token."""
    bytewise().save_pretrained(tmp_path)
    write(tmp_path, config={"model_type": "qwen2"}, tokenizer_config={})
    tokenizer, notes = load_tokenizer(tmp_path, False)
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|endoftext|>", 0)
    assert tokenizer.bos_token is None
    assert notes == ()


def test_a_class_does_not_bring_tokens_that_the_file_lacks(tmp_path):
    make_tokenizer().save_pretrained(tmp_path)
    write(tmp_path, config={"model_type": "qwen2"}, tokenizer_config={"bos_token": "<s>"})
    tokenizer, _ = load_tokenizer(tmp_path, False)
    assert tokenizer.eos_token is None
    assert len(tokenizer) == len(make_tokenizer())


@pytest.mark.parametrize(("asked", "prefix"), [(True, "<bos>"), (False, "<eos>"), (None, "<eos>")])
def test_bos_stands_before_a_text_where_only_the_config_asks_for_it(tmp_path, asked, prefix):
    """As in DeepSeek's checkpoints."""
    pieces = ["<bos>", "<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    built = Tokenizer(models.BPE(vocab={piece: at for at, piece in enumerate(pieces)}, merges=[]))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.post_processor = processors.ByteLevel(trim_offsets=True)
    PreTrainedTokenizerFast(
        tokenizer_object=built, bos_token="<bos>", eos_token="<eos>"
    ).save_pretrained(tmp_path)
    named = {"bos_token": "<bos>", "eos_token": "<eos>", "tokenizer_class": "LlamaTokenizerFast"}
    if asked is not None:
        named["add_bos_token"] = asked
    write(tmp_path, config={"model_type": "llama"}, tokenizer_config=named)
    tokenizer, _ = load_tokenizer(tmp_path, False)
    encoder = Encoder(tokenizer, "one")
    assert encoder.prefix_in_words == prefix
    # The file's own way of counting characters stays.
    assert encoder.encode("a b").starts.tolist() == [0, 2, 2]


def test_a_prefix_of_the_file_stands_once(tmp_path):
    make_tokenizer().save_pretrained(tmp_path)
    named = {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True}
    write(tmp_path, config={"model_type": "llama"}, tokenizer_config=named)
    tokenizer, _ = load_tokenizer(tmp_path, False)
    assert tokenizer("香")["input_ids"] == [0, *ids_of(tokenizer, "香")]


def test_what_has_no_such_file_is_what_transformers_makes_of_it(tmp_path):
    bytewise().save_pretrained(tmp_path)
    table = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").unlink()
    write(tmp_path, config={"model_type": "qwen2"}, vocab=table["model"]["vocab"])
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer, notes = load_tokenizer(tmp_path, False)
    assert isinstance(tokenizer, Qwen2Tokenizer)
    assert notes == ()
