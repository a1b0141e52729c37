"""Drawing characters: the rule of `engines.sampling`, over all of Unicode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from basegate.config.settings import Sampling
from basegate.engines.character_ngrams import SCALARS, CharacterNgrams
from basegate.engines.character_sampling import Kept, Uniform, another, keep, pick, writing
from basegate.engines.sampling import processors

TEXT = "今日落大雨，我哋一齊留喺屋企食火鍋。\n佢哋琴日去咗行山，行到腳都軟晒先至返。\n"
MODEL = CharacterNgrams([TEXT], 2)


def sampling(**given):
    return Sampling(**{"samples": 1, "temperature": 0.9, "max_new_tokens": 40} | given)


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(range(1, 30)),
    st.floats(0.2, 2),
    st.integers(1, 20),
    st.floats(0.1, 1),
    st.integers(0, 10**6),
)
def test_it_draws_what_a_transformers_model_would(ranks, temperature, top_k, top_p, seed):
    chances = np.array([*ranks, 0.001]) / (sum(ranks) + 0.001)
    asked = sampling(temperature=temperature, top_k=top_k, top_p=top_p, max_new_tokens=1)
    logits = torch.from_numpy(np.log(chances))[None]
    theirs = processors(asked, [seed], 1)(torch.zeros((1, 1), dtype=torch.long), logits).argmax()
    number = np.random.Generator(np.random.Philox(key=seed)).random(1)[0]
    characters = tuple(map(chr, range(100, 129)))
    assert pick(keep(chances, asked), float(number), characters) == characters[int(theirs)]


def test_a_text_follows_from_its_seed_alone():
    write = writing(MODEL, sampling())
    assert write("我", 7, None) == writing(MODEL, sampling())("我", 7, None)
    assert write("我", 7, None) != write("我", 8, None)
    assert len(write("我", 7, None)) == 40


def test_at_temperature_0_the_most_probable_character_follows():
    write = writing(CharacterNgrams(["abcabcabc"], 2), sampling(temperature=0, max_new_tokens=5))
    assert write("a", 1, None) == "bcabc"


def test_a_repetition_penalty_avoids_what_was_written():
    strong = sampling(temperature=0, repetition_penalty=50.0, max_new_tokens=3)
    assert writing(CharacterNgrams(["aab"], 1), strong)("x", 1, None) == "aba"


def test_it_ends_at_a_line_after_which_nothing_would_change():
    write = writing(MODEL, sampling(max_new_tokens=500))
    whole = write("我", 1, None)
    assert write("我", 1, lambda text: True) == whole[: whole.index("\n") + 1]
    assert write("我", 1, lambda text: False) == whole


def test_without_top_k_any_character_of_unicode_can_be_drawn():
    model = Uniform(("a", "b", "\ue000"))
    kept = keep(model.distribution(""), sampling(temperature=1.0, top_k=0, top_p=1.0))
    assert [pick(kept, number, model.characters) for number in (0.0, 0.3, 0.6)] == [
        *("a", "b", "\ue000")
    ]
    assert pick(kept, 0.75, model.characters) == "\0"
    assert pick(kept, 1 - 1e-9, model.characters) == "\U0010ffff"


def test_all_of_unicode_but_the_models_own_has_a_number():
    own = ("\0", "b", "\ud7ff", "\ue000", "\U0010ffff")
    others = SCALARS - len(own)
    found = [another(number, own) for number in range(others)]
    assert len(set(found)) == others
    assert not set(found) & set(own)
    assert not any(0xD800 <= ord(char) < 0xE000 for char in found)


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
def test_some_character_is_always_found(number):
    kept = Kept(np.array([2, 0]), np.array([0.9, 0.95]))
    assert pick(kept, number, ("a", "b", "c")) in ("c", "a")
