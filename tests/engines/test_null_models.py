"""Null models: what each says, that it keeps to the protocol, and that no torch is needed."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from basegate.config.registry import NULL_MODELS
from basegate.config.settings import Sampling
from basegate.data.corpora import corpus_identity
from basegate.data.suite import suite_corpus
from basegate.engines import null_models
from basegate.engines.character_ngrams import SCALARS
from basegate.engines.null_models import LEAK
from basegate.engines.protocol import sample_seed
from basegate.errors import CandidateError
from basegate.progress import SILENT

NAMES = pytest.mark.parametrize("name", NULL_MODELS)
SAMPLING = Sampling(samples=2, temperature=0.9, max_new_tokens=30)
TEXT = "佢哋聽日去邊度飲茶？😀"


def load(name):
    return null_models.load(NULL_MODELS[name], "", "cpu")


def scores(engine, *texts, **given):
    return [each.logprobs for each in engine.log_likelihoods(texts, progress=SILENT, **given)]


@NAMES
def test_every_character_is_a_token_with_a_probability(name):
    [found] = load(name).log_likelihoods([TEXT], progress=SILENT)
    assert found.logprobs.dtype == np.float64
    assert list(found.starts) == list(range(len(TEXT)))
    assert np.isfinite(found.logprobs).all()
    assert (found.logprobs < 0).all()


@NAMES
def test_draws_depend_on_prompt_number_and_seed_alone(name):
    engine = load(name)
    both = engine.sample(["香港係", "我哋"], sampling=SAMPLING, progress=SILENT)
    [[second]] = engine.sample(["我哋"], sampling=SAMPLING, numbers=[[1]], progress=SILENT)
    assert both[1][1] == second
    assert second.seed == sample_seed(SAMPLING.seed, "我哋", 1)
    assert 0 < len(second.text) <= 30


@pytest.mark.parametrize("name", ["null-unigram", "null-bigram", "null-5gram", "null-uniform"])
def test_what_follows_a_prompt_is_scored_as_in_one_text(name):
    engine = load(name)
    [after] = scores(engine, "飲茶", after=["佢哋聽日"])
    [whole] = scores(engine, "佢哋聽日飲茶")
    np.testing.assert_array_equal(after, whole[-2:])


@pytest.mark.slow
def test_a_longer_history_tells_a_known_word():
    wrong, right = ([scores(load(f"null-{kind}"), text)[0].sum() for kind in ("unigram", "5gram")]
                    for text in ("哋我", "我哋"))  # fmt: skip
    assert right[0] == pytest.approx(wrong[0])
    assert right[1] > wrong[1] + 3


def test_uniform_takes_all_characters_for_equally_likely():
    known, emoji = scores(load("null-uniform"), "我", "😀")
    others = SCALARS - (1 / np.exp(known[0]) - 1)
    assert np.exp(known[0]) == pytest.approx(np.exp(emoji[0]) * others, rel=1e-9)


def test_letter_a_answers_a_to_everything():
    engine = load("null-letter-a")
    [draws] = engine.sample(["1 + 1 = "], sampling=SAMPLING, progress=SILENT)
    assert [draw.text for draw in draws] == ["A", "A"]
    right, wrong, longer = scores(engine, "A", "B", "AA", after=["問"] * 3)
    assert right == [math.log(1 - LEAK)]
    assert wrong == [math.log(LEAK / (SCALARS - 1))]
    assert list(longer) == [right[0], wrong[0]]


def test_copy_repeats_the_prompt():
    engine = load("null-copy")
    [[draw, _]] = engine.sample(["我哋去邊？"], sampling=SAMPLING, progress=SILENT)
    assert draw.text == "我哋去邊？" * 6
    [copied, alone] = scores(engine, "我哋我X", "我", after=["我哋", ""])
    assert list(copied[:3]) == [math.log(1 - LEAK)] * 3
    assert copied[3] == math.log(LEAK / (SCALARS - 1))
    assert alone == [-math.log(SCALARS)]


@pytest.mark.parametrize(
    "given",
    [{"window": 4}, {"window": 9, "context": 9}, {"window": 5, "after": ["佢哋聽日"]}],
)
def test_a_window_that_is_too_small_is_refused(given):
    with pytest.raises(CandidateError, match=r"a window of \d characters is too small"):
        scores(load("null-5gram"), "飲茶", **given)


@NAMES
def test_what_it_is_made_of_stands_in_its_key(name):
    told = null_models.identity(NULL_MODELS[name])["null"]
    counted = name in null_models.ORDERS
    trained = counted or name == "null-uniform"
    assert told.get("training") == (corpus_identity(suite_corpus()) if trained else None)
    assert told.get("order") == null_models.ORDERS.get(name)
    revisions = {null_models.find_revision(spec, None, SILENT) for spec in NULL_MODELS.values()}
    assert len(revisions) == len(NULL_MODELS)


def test_no_torch_is_needed():
    code = (
        "import sys; from basegate.config.registry import NULL_MODELS; "
        "from basegate.config.settings import Sampling; from basegate.progress import SILENT; "
        "from basegate.engines import null_models; "
        "engine = null_models.load(NULL_MODELS['null-5gram'], '', 'cpu'); "
        "engine.log_likelihoods(['我哋'], progress=SILENT); "
        "asked = Sampling(samples=1, temperature=1, max_new_tokens=9); "
        "engine.sample(['我'], sampling=asked, progress=SILENT); "
        "print({'torch', 'transformers', 'tokenizers', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
