"""The same numbers from other libraries: lm-evaluation-harness, statsmodels and scipy.

Where definitions differ, the comments say how, and the comparison is made where they do not.
"""

import gc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

import basegate
from basegate.engines.window_scoring import plan_windows
from basegate.stats.intervals import count_interval, passing_probability, share_interval
from basegate.stats.paired import holm, sign_test
from tests.helpers.checkpoints import make_checkpoint

pytestmark = pytest.mark.peer

INSTALL = 'needs the extra "bench": make peer'
CONTEXT = 128

SHORT = (
    "香港係我哋嘅屋企，唔係咩？",
    "a b c: 1 + 2 = 3\n",
    "佢",
    "The quick brown fox jumps over the lazy dog.",
    "龍舟 🐉",  # characters that the vocabulary lacks, in bytes
    "abcdefghij" * 12,
)
LONG = ("香港係我哋嘅屋企，佢唔喺呢度。" * 20, "one two three four five six seven " * 11, SHORT[0])

QUESTIONS = ("香港最高嘅山係邊座？答案係：", "1 + 1 =", "The sky is", "佢喺")
OPTIONS = ("大帽山", " 2", " blue and not green", "一", "🐉")


@pytest.fixture(scope="module", params=[True, False], ids=["adds BOS", "adds nothing"])
def both(request, tmp_path_factory):
    """basegate's engine and lm-evaluation-harness's model, each loaded by its own library.

    basegate predicts the first token from what the tokenizer puts before a text, else from the
    document separator. lm-evaluation-harness (0.4.13, #3333) takes what the tokenizer adds for
    text: it would put a BOS of its own before it and score the tokenizer's. So it is told to add
    nothing and what to predict from.
    """
    pytest.importorskip("lm_eval", reason=INSTALL)
    from lm_eval.models.huggingface import HFLM

    folder = make_checkpoint(
        tmp_path_factory.mktemp("peer"), context=CONTEXT, adds_bos=request.param
    )
    engine = basegate.load_candidate(
        str(folder), quantization="none", dtype="float32", device="cpu"
    )
    bos, eos = engine.tokenizer.bos_token_id, engine.tokenizer.eos_token_id
    peer = HFLM(
        pretrained=str(folder),
        device="cpu",
        dtype="float32",
        batch_size=4,
        max_length=CONTEXT,
        add_bos_token=False,
        prefix_token_id=bos if request.param else eos,
    )
    yield engine, peer
    engine.close()


@pytest.fixture(scope="module")
def proportion():
    pytest.importorskip("statsmodels", reason=INSTALL)
    from statsmodels.stats.proportion import proportion_confint

    return proportion_confint


@pytest.fixture(scope="module")
def tables():
    pytest.importorskip("statsmodels", reason=INSTALL)
    from statsmodels.stats import contingency_tables

    return contingency_tables


@pytest.fixture(scope="module")
def multipletests():
    pytest.importorskip("statsmodels", reason=INSTALL)
    from statsmodels.stats.multitest import multipletests

    # It collects garbage at every call, a fifth of a second where torch is loaded, unless frozen.
    gc.freeze()
    yield multipletests
    gc.unfreeze()


def requests(kind, *arguments):
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, each, index) for index, each in enumerate(arguments)]


def test_documents_of_one_window(both):
    engine, peer = both
    ours = engine.log_likelihoods(SHORT, window=CONTEXT, context=0)
    theirs = peer.loglikelihood_rolling(
        requests("loglikelihood_rolling", *((text,) for text in SHORT)), disable_tqdm=True
    )
    assert [float(each.logprobs.sum()) for each in ours] == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize(("window", "context"), [(CONTEXT, 32), (64, 16), (40, 0)])
def test_every_token_of_documents_of_many_windows(both, window, context):
    # Its rolling windows cannot be made ours: it predicts the first token of a window from the one
    # before, without BOS, and we from BOS and `context` tokens. So it is asked for every token on
    # its own, after what our plan of windows says that the model has seen.
    engine, peer = both
    prefix = [peer.prefix_token_id]
    ours = engine.log_likelihoods(LONG, window=window, context=context)
    for text, scores in zip(LONG, ours, strict=True):
        ids = peer.tok_encode(text)
        asked = [
            (None, [*prefix, *ids[each.begin : place]], [ids[place]])
            for each in plan_windows(len(ids), window=window, context=context, prefix=1)
            for place in range(each.scored, each.end)
        ]
        theirs = [total for total, _ in peer._loglikelihood_tokens(asked, disable_tqdm=True)]
        assert scores.logprobs == pytest.approx(np.array(theirs), rel=1e-4, abs=1e-5)


def test_the_long_documents_are_longer_than_a_window(both):
    engine, _ = both
    lengths = [
        len(each.logprobs) for each in engine.log_likelihoods(LONG, window=CONTEXT, context=32)
    ]
    assert lengths[0] > 2 * CONTEXT
    assert lengths[1] > 2 * CONTEXT
    assert lengths[2] < CONTEXT


def test_options_after_prompts(both):
    engine, peer = both
    pairs = [(prompt, option) for prompt in QUESTIONS for option in OPTIONS]
    ours = engine.log_likelihoods(
        [option for _, option in pairs],
        after=[prompt for prompt, _ in pairs],
        window=CONTEXT,
        context=0,
    )
    # It predicts an option from the prompt alone, and we from the prefix and the prompt: the prefix
    # is written before its prompts. No prompt ends in a space, which it would move to the option.
    prefix = peer.tokenizer.decode(peer.prefix_token_id)
    theirs = peer.loglikelihood(
        requests("loglikelihood", *((prefix + prompt, option) for prompt, option in pairs)),
        disable_tqdm=True,
    )
    sums = [float(each.logprobs.sum()) for each in ours]
    assert sums == pytest.approx([total for total, _ in theirs], rel=1e-5)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.5, 0.999))
def test_count_intervals(proportion, right, more, confidence):
    count = max(1, right + more)
    theirs = proportion(right, count, alpha=1 - confidence, method="beta")
    assert count_interval(right, count, confidence) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.5, 0.999))
def test_share_intervals(proportion, right, more, confidence):
    count = max(1, right + more)
    theirs = proportion(right, count, alpha=1 - confidence, method="wilson")
    ours = share_interval(right / count, count, confidence)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_sign_test_of_right_and_wrong_is_mcnemars(tables, pairs):
    counts = np.zeros((2, 2), dtype=int)
    for first, second in pairs:
        counts[int(first), int(second)] += 1
    theirs = tables.mcnemar(counts, exact=True).pvalue
    ours = sign_test([float(first) - float(second) for first, second in pairs])
    assert ours == pytest.approx(theirs, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm(multipletests, values):
    theirs = multipletests(values, method="holm")[1]
    assert holm(values) == pytest.approx(list(theirs), rel=1e-9, abs=1e-300)


@given(st.integers(1, 200), st.floats(0, 1), st.data())
def test_passing_probabilities(samples, accuracy, data):
    correct = data.draw(st.integers(0, samples))
    theirs = float(stats.binom.sf(correct - 1, samples, accuracy))
    ours = passing_probability(accuracy, correct, samples)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-300)
