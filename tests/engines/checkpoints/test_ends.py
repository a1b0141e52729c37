"""What ends a text: one token was trained to, and files or models.toml have to say which."""

from __future__ import annotations

import json
import random
import shutil
from itertools import chain

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

import basegate
from basegate.config.registry import CandidateSpec, load_registry
from basegate.config.settings import Sampling
from basegate.engines.checkpoints.generation_config import end_of_text
from basegate.engines.checkpoints.inspection import read_otherwise
from basegate.engines.tokenization import load_tokenizer
from basegate.errors import CandidateError, UsageError
from basegate.progress import SILENT
from basegate.runner.transformers_backend import identity
from tests.helpers.odd_checkpoints import (
    DEMO,
    change,
    copy,
    ending_with_sep,
    rewrite,
    with_special,
    word_pieces,
)


def byte_level(texts):
    """A tokenizer over bytes that has `<e>` for an end and knows whole characters of some texts."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, special_tokens=["<e>"], show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<e>")


CHARACTERS = [
    piece
    for piece in json.loads((DEMO / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    if "\u4e00" <= piece <= "\u9fff" and len(piece) == 1
]
QUESTIONS = dict(zip(CHARACTERS[:20], CHARACTERS[20:40], strict=True))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A GPT-2 with BERT's tokenizer that has learnt 20 answers, each with `[SEP]` behind it.

    As those that people train in Chinese: no file says that `[SEP]` is the end.
    """
    import torch
    from transformers import AutoTokenizer, GPT2LMHeadModel

    folder = word_pieces(tmp_path_factory.mktemp("gpt2") / "learnt")
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / file).is_file():
            rewrite(folder, file, lambda table: table.pop("sep_token", None))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [f"問{asked}{answer}[SEP]" for asked, answer in QUESTIONS.items()]
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert tokenizer.unk_token_id not in {key for row in rows for key in row}
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).train()
    torch.manual_seed(0)
    order, begin = random.Random(0), tokenizer.cls_token_id
    steps = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(200):
        batch = torch.tensor([[begin, *chain(*order.sample(rows, 12))] for _ in range(4)])
        model(batch, labels=batch).loss.backward()
        steps.step()
        steps.zero_grad()
    model.eval().save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    return folder


def right(folder, **given):
    """How many answers are right, and nothing but them; and what is said of the samples."""
    engine = basegate.load_candidate(
        str(folder), device="cpu", quantization="none", dtype="float32", **given
    )
    drawn = engine.sample(
        [f"問{asked}" for asked in QUESTIONS],
        sampling=Sampling(samples=1, temperature=0, max_new_tokens=12),
        progress=SILENT,
    )
    notes = engine.loaded.of_samples
    engine.close()
    texts = [draw.text.strip() for [draw] in drawn]
    return sum(
        text == answer for text, answer in zip(texts, QUESTIONS.values(), strict=True)
    ), notes


@pytest.mark.slow
def test_answers_of_a_chinese_gpt2_end_where_it_was_trained_to_end_them(gpt2, tmp_path):
    end = json.loads((gpt2 / "tokenizer.json").read_text())["model"]["vocab"]["[SEP]"]
    told = change(shutil.copytree(gpt2, tmp_path / "told"), "config.json", eos_token_id=end)
    assert right(told) == (20, ())
    # BERT's class knows its [SEP], whichever file has forgotten it.
    assert right(gpt2) == (20, ())
    unknown = change(
        shutil.copytree(gpt2, tmp_path / "unknown"),
        "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
    )
    found, [note] = right(unknown)
    assert found == 0
    assert "no end of a text is known" in note
    assert 'models.toml, as in end = ["[SEP]"]' in note
    assert right(unknown, end=["[SEP]"]) == (20, ())


def ends(folder, **given):
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none", **given)
    engine.close()
    return engine._stops, engine.loaded.of_samples


@pytest.fixture
def sep(tmp_path):
    return ending_with_sep(copy(tmp_path))


def test_no_end_is_noted_and_models_toml_names_one(sep):
    found, [note] = ends(sep)
    assert found == []
    assert "Samples could not end by themselves and went on to max_new_tokens" in note
    assert ends(sep, end=["[SEP]"]) == ([1], ())
    assert ends(DEMO, end=["\n", "。"])[1] == ()


def test_the_tokenizers_sep_ends_a_text(sep):
    assert ends(change(sep, "tokenizer_config.json", sep_token="[SEP]")) == ([1], ())


def test_what_models_toml_names_replaces_all_others(tmp_path):
    folder = change(copy(tmp_path), "generation_config.json", eos_token_id=[0, 1])
    assert ends(folder)[0] == [0, 1]
    assert ends(folder, end=["</s>"])[0] == [1]


@pytest.mark.parametrize("word", ["[SEP]", "完結啦"])
def test_what_is_no_token_is_refused_with_what_it_is(word):
    with pytest.raises(CandidateError) as caught:
        ends(DEMO, end=[word])
    assert f"end in models.toml names {word!r}, which is no token of its tokenizer" in str(
        caught.value
    )


def test_an_id_left_over_that_is_an_ordinary_word_is_noted(tmp_path):
    folder = change(copy(tmp_path), "config.json", eos_token_id=700)
    token = json.loads((DEMO / "tokenizer.json").read_text())["model"]["vocab"]
    [word] = [piece for piece, key in token.items() if key == 700]
    found, [note] = ends(folder)
    assert found == [1, 700]
    assert f"config.json names 700 as the end of a text, which is {word!r} in its tokenizer" in note


@pytest.mark.parametrize("word", ["，", "="])
def test_an_end_of_the_tokenizers_own_that_is_ordinary_text_is_noted(tmp_path, word):
    folder = change(with_special(copy(tmp_path), word), "tokenizer_config.json", eos_token=word)
    _, [note] = ends(folder)
    assert "tokenizer_config.json names" in note
    assert f"as the end of a text, which is {word!r} in its tokenizer" in note


def test_a_piece_of_a_character_as_an_end_is_noted(tmp_path):
    tokenizer = byte_level(["佢哋琴晚喺度食咗飯"])
    part = tokenizer("鱻")["input_ids"][0]
    whole = tokenizer.convert_tokens_to_ids("<e>")
    _, _, [note] = end_of_text(tmp_path, {"eos_token_id": [part, whole]}, tokenizer, 300)
    assert f"config.json names {part} as the end of a text, which is é in its tokenizer" in note


def test_an_end_that_the_model_cannot_write_is_refused_with_what_to_write(sep):
    tokenizer, _ = load_tokenizer(sep, trusted=False)
    with pytest.raises(CandidateError) as caught:
        end_of_text(sep, {}, tokenizer, 1, ["[SEP]"])
    assert "end in models.toml names '[SEP]', which has the id 1, and the model has 1 ids" in str(
        caught.value
    )
    assert "Name a token that it can write, or leave end out" in str(caught.value)


def keyed(folder, **given):
    return identity(CandidateSpec(name="one", source=str(folder), local=True, **given))


def test_keys_change_where_the_ends_do_and_nowhere_else(sep, tmp_path):
    assert keyed(DEMO) == {}
    assert keyed(sep) == {}
    assert keyed(sep, end=["[SEP]"]) == {"ends": ["[SEP]"]}
    change(sep, "tokenizer_config.json", sep_token={"content": "[SEP]"})
    assert keyed(sep) == {"ends": [1]}
    # It held before, by another file.
    assert keyed(change(sep, "generation_config.json", eos_token_id=1)) == {}
    assert keyed(change(sep, "generation_config.json", eos_token_id=0)) == {"ends": [0, 1]}
    # Foreign ids are left out, as before.
    assert keyed(change(sep, "generation_config.json", eos_token_id=[1, 151645])) == {}
    assert read_otherwise(tmp_path / "model.gguf") == {}


@pytest.mark.slow
def test_the_key_of_a_gpt2_with_berts_tokenizer_changes(gpt2, tmp_path):
    [end] = keyed(gpt2)["ends"]
    assert {**keyed(gpt2), "ends": 0} == {"tokenization": 3, "ends": 0}
    folder = change(shutil.copytree(gpt2, tmp_path / "told"), "config.json", eos_token_id=end)
    assert keyed(folder) == {"tokenization": 3}


def test_keys_name_words_that_were_added_as_special(tmp_path):
    assert keyed(with_special(copy(tmp_path), "我哋", "</s>", "，")) == {"words": ["我哋", "，"]}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"[SEP]"', "end: accepted: a list of the tokens"),
        ("[]", "end: accepted: a list of the tokens"),
        ('[""]', 'end.0 = "": accepted: String should have at least 1 character'),
        ("[1]", "end: accepted: a list of the tokens"),
    ],
)
def test_models_toml_names_ends_as_a_list_of_tokens(tmp_path, value, said):
    path = tmp_path / "models.toml"
    path.write_text(f'[candidates.one]\nsource = "./one"\nend = {value}\n')
    with pytest.raises(UsageError) as caught:
        load_registry(path)
    assert f"candidates.one.{said}" in str(caught.value)
    path.write_text('[candidates.one]\nsource = "./one"\nend = ["[SEP]", "</s>"]\n')
    assert load_registry(path)["one"].end == ("[SEP]", "</s>")
