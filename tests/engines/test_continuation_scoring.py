"""What follows a prompt, scored on the prompt's cache, against single full forward passes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings, strategies as st
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast

from basegate.engines.continuation_scoring import (
    ContinuationRequest,
    ContinuationScorer,
    fed_after,
)
from basegate.engines.lm_head import LMHead
from basegate.engines.tokenization import Encoder
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.progress import SILENT
from basegate.store.file_batch_cache import FileBatchCache
from tests.helpers.checkpoints import make_tokenizer
from tests.helpers.engines import Batches

SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
FAMILIES = {
    "Llama": SMALL,
    "Qwen2": SMALL,
    "Mistral": {**SMALL, "sliding_window": 8},
    "Gemma2": {**SMALL, "head_dim": 8, "sliding_window": 8, "final_logit_softcapping": 3.0},
    "Granite": {**SMALL, "logits_scaling": 4.0},
    "GPT2": {"vocab_size": 97, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "Bloom": {"vocab_size": 97, "hidden_size": 32, "n_layer": 2, "n_head": 4},
}


def make(family):
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**FAMILIES[family])
    head = "LMHeadModel" if family == "GPT2" else "ForCausalLM"
    return getattr(transformers, f"{family}{head}")(config).float().eval()


@pytest.fixture(scope="module")
def llama():
    return make("Llama")


def alone(model, ids, tail):
    """One forward pass over prompt and continuation, nothing cached, nothing padded."""
    with torch.inference_mode():
        logits = model(torch.tensor([[*ids, *tail]]), use_cache=False).logits[0].double()
    chances = torch.log_softmax(logits, dim=-1)
    return [float(chances[len(ids) + at - 1, token]) for at, token in enumerate(tail)]


def farthest(model, asked, batch_tokens=512):
    """How far any score is from that of its text `alone`."""
    requests = [ContinuationRequest(*each) for each in asked]
    scorer = ContinuationScorer(LMHead(model), Batches(batch_tokens))
    found = scorer.score(requests, SILENT_STEP)
    assert [[len(values) for values in scores] for scores in found] == [
        [len(tail) for tail in tails] for _, tails in asked
    ]
    scored = np.concatenate([values for scores in found for values in scores])
    expected = np.concatenate([alone(model, ids, tail) for ids, tails in asked for tail in tails])
    return np.abs(scored - expected).max()


def SILENT_STEP(amount=1, kept=False):
    return None


ASKED = [
    (list(range(2, 22)), [[5], [6, 7, 8], [9, 10]]),
    ([3, 4, 5], [[11, 12], [13]]),
    (list(range(40, 52)), [[20, 21, 22, 23, 24]]),
]


REQUESTS = [ContinuationRequest(*each) for each in ASKED]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_scores_as_a_full_pass_does(family):
    assert farthest(make(family), ASKED) < 3e-5


@settings(max_examples=30, deadline=None)
@given(
    asked=st.lists(
        st.tuples(
            st.lists(st.integers(0, 96), min_size=2, max_size=20),
            st.lists(st.lists(st.integers(0, 96), min_size=1, max_size=6), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=5,
    ),
    batch_tokens=st.sampled_from([1, 30, 512]),
)
def test_any_prompts_in_any_batches(asked, batch_tokens):
    assert farthest(MODEL[0], asked, batch_tokens=batch_tokens) < 3e-5


MODEL = [make("Llama")]


def test_a_batch_that_does_not_fit_is_halved(llama, monkeypatch):
    scorer = ContinuationScorer(LMHead(llama), Batches(512))
    whole = scorer.score(REQUESTS, SILENT_STEP)
    read = scorer.head.hidden_after

    def small(cache, ids, mask):
        if len(ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(cache, ids, mask)

    monkeypatch.setattr(scorer.head, "hidden_after", small)
    journal = FileBatchCache(None, "key")
    again = scorer.score(REQUESTS, SILENT_STEP, journal)
    for first, second in zip(whole, again, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
    # Six rows, then three and three (a prompt of three rows is itself cut).
    assert journal.spent()[1] >= 2


def test_no_more_continuations_are_read_at_once_than_there_is_memory_for(llama, monkeypatch):
    scorer, batches = ContinuationScorer(LMHead(llama), Batches(512)), []
    whole = scorer.score(REQUESTS, SILENT_STEP)
    monkeypatch.setattr(Batches, "rows", lambda *_, **__: 2)
    run, done = scorer._score_batch, []
    monkeypatch.setattr(
        ContinuationScorer,
        "_score_batch",
        lambda self, *given: (
            batches.append([len(each.continuations) for each in given[-1]]) or run(*given)
        ),
    )
    again = scorer.score(REQUESTS, lambda amount, kept: done.append(amount))
    # Three after the longest prompt, then one, then two.
    assert batches == [[2], [1, 1], [2]]
    assert done == [1, 1, 1]
    for first, second in zip(whole, again, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_one_continuation_that_does_not_fit_is_refused(llama, monkeypatch):
    scorer = ContinuationScorer(LMHead(llama), Batches(512))

    def none(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(scorer.head, "read", none)
    with pytest.raises(CandidateError, match="does not fit into memory"):
        scorer.score(REQUESTS, SILENT_STEP)


def test_texts_are_scored_after_their_prompts(engine):
    prompts = ["香港係\n", "一二三", "香港係\n", "香港係\n"]
    texts = ["我哋嘅屋企", "四", "A", "唔"]
    found = engine.log_likelihoods(texts, window=64, after=prompts, progress=SILENT)
    for prompt, text, scores in zip(prompts, texts, found, strict=True):
        head = [*engine.prefix_ids, *engine.tokenizer(prompt, add_special_tokens=False).input_ids]
        tail = engine.tokenizer(text, add_special_tokens=False).input_ids
        np.testing.assert_allclose(scores.logprobs, alone(engine.model, head, tail), atol=3e-5)
        assert scores.lost == 0
        assert scores.starts[0] == 0


def test_after_the_beginning_of_a_text_is_the_end_of_the_whole(engine):
    text = "香港係我哋嘅屋企"
    (whole,) = engine.log_likelihoods([text], window=64, progress=SILENT)
    (end,) = engine.log_likelihoods([text[3:]], window=64, after=[text[:3]], progress=SILENT)
    np.testing.assert_allclose(end.logprobs, whole.logprobs[-len(end.logprobs) :], atol=3e-5)


def test_prompt_and_text_have_to_fit_into_the_window(engine):
    with pytest.raises(CandidateError, match="do not fit into the 8 tokens that"):
        engine.log_likelihoods(["四五六七"], window=8, after=["香港係我哋"], progress=SILENT)


def test_a_text_without_a_token_has_no_probability(engine, monkeypatch):
    def nothing(prompt, text):
        return engine._encoder.encode(prompt).ids, engine._encoder.encode("")

    monkeypatch.setattr(engine._encoder, "encode_after", nothing)
    with pytest.raises(InvalidMeasurement, match="makes no token of '四'"):
        engine.log_likelihoods(["四"], after=["香港係"], progress=SILENT)


def test_characters_that_the_tokenizer_drops_are_not_the_prompts_tokens():
    tokenizer = make_tokenizer()
    dropping = normalizers.Replace("#", "")
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), dropping])
    head, tail = Encoder(tokenizer, "it").encode_after("香港", "##")
    assert len(head) == 2
    assert tail.ids == []


def merging_tokenizer():
    """A tokenizer that makes one token of 係 and what follows it."""
    pieces = {piece: at for at, piece in enumerate(["<s>", "香", "港", "係", "我", "係我", "<u>"])}
    model = models.BPE(vocab=pieces, merges=[("係", "我")], unk_token="<u>")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(model), bos_token="<s>", eos_token="<s>", unk_token="<u>"
    )


def test_a_token_over_the_boundary_belongs_to_the_text():
    encoder = Encoder(merging_tokenizer(), "it")
    head, tail = encoder.encode_after("香港係", "我")
    assert encoder.tokenizer.convert_ids_to_tokens(head) == ["香", "港"]
    assert encoder.tokenizer.convert_ids_to_tokens(tail.ids) == ["係我"]
    assert tail.starts.tolist() == [0]


@pytest.mark.parametrize(
    ("text", "tokens"), [("cat", ["▁cat"]), ("0", ["▁", "0"]), ("00", ["▁", "0", "0"])]
)
def test_a_space_at_the_end_of_a_prompt_belongs_to_every_text(text, tokens):
    """As Gemma's: a word's token holds the space before it, a digit stands alone."""
    pieces = ["<s>", "<u>", "A", ":", "▁", "0", "c", "a", "t", "▁c", "at", "▁cat"]
    merges = [("▁", "c"), ("a", "t"), ("▁c", "at")]
    model = models.BPE({piece: at for at, piece in enumerate(pieces)}, merges, unk_token="<u>")
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Replace(" ", "▁")
    encoder = Encoder(PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>"), "it")
    head, tail = encoder.encode_after("A: ", text)
    assert encoder.tokenizer.convert_ids_to_tokens(head) == ["A", ":"]
    assert encoder.tokenizer.convert_ids_to_tokens(tail.ids) == tokens
    assert tail.starts[0] == 0


class Slow:
    """A tokenizer that cannot tell where its tokens start."""

    is_fast = False
    bos_token_id, eos_token_id = 1, 2
    bos_token, eos_token, unk_token = "<1>", "<2>", None
    all_special_tokens, all_special_ids = ("<1>", "<2>"), (1, 2)
    vocab_size = 300
    added_tokens_decoder: ClassVar = {}

    def __init__(self, bos=False):
        self.bos = bos

    def __call__(self, text, **given):
        return {"input_ids": [1] * self.bos + [ord(char) for char in text]}

    def convert_ids_to_tokens(self, ids):
        return [f"<{each}>" for each in ids]


def test_a_slow_tokenizer_is_cut_where_the_prompts_tokens_end():
    assert Encoder(Slow(), "it").encode_after("ab", "cd") == ([97, 98], ([99, 100], None))
    assert Encoder(Slow(), "it").encode_after("ab ", "cd") == ([97, 98], ([32, 99, 100], None))


def test_a_prefix_that_is_always_written_is_not_written_twice():
    encoder = Encoder(Slow(bos=True), "it")
    assert (encoder.prefix, encoder.prefix_in_words) == ([1], "<1>")
    assert encoder.encode("ab").ids == [97, 98]


def test_the_prefix_is_named():
    assert Encoder(make_tokenizer(), "it").prefix_in_words == "<s>"
    assert Encoder(make_tokenizer(adds_bos=False), "it").prefix_in_words == "</s>"


BEGINNING = [2 + (7 * place) % 90 for place in range(34)]
FEW_SHOT = [
    ([*BEGINNING, 5, 6, 7, 8], [[9], [10, 11]]),
    ([*BEGINNING, 6, 7, 8, 9], [[9, 3], [10]]),
    ([*BEGINNING, 7, 8, 9, 5, 6, 7], [[12], [13, 14, 15]]),
    # Another beginning, a short prompt, and one alone with its length.
    ([3, *BEGINNING, 5], [[9]]),
    (BEGINNING[:20], [[4, 5]]),
    ([*BEGINNING, *range(40, 52)], [[20, 21]]),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_prompts_begin_with_alike_changes_no_score(family):
    assert farthest(make(family), FEW_SHOT) < 1e-4


def test_what_prompts_begin_with_alike_is_read_once(llama):
    fed = []
    handle = llama.base_model.register_forward_pre_hook(
        lambda module, args, given: fed.append(given["input_ids"].numel()), with_kwargs=True
    )
    try:
        head = LMHead(llama)
        fed.clear()
        asked = [([*BEGINNING, 5 + n, 6, 7, 8], [[9], [10]]) for n in range(8)]
        requests = [ContinuationRequest(*each) for each in asked]
        ContinuationScorer(head, Batches(512)).score(requests, SILENT_STEP)
    finally:
        handle.remove()
    # The beginning; three tokens of each prompt; the last one with each of its continuations.
    assert sum(fed) == 34 + 8 * 3 + 16


def test_prompts_of_one_bank_in_two_layouts_are_parted_where_they_go_on_apart():
    """Examples with their options listed and without: the first question is the same."""
    listed, bare = [*BEGINNING, *range(2, 82)], [*BEGINNING, *range(90, 2, -1)]
    asked = [
        ContinuationRequest([*begin, *tail], [[9]])
        for begin in (listed, bare)
        for tail in ([5, 5, 6, 7], [6, 5, 6, 7], [7, 5, 5, 6, 7])
    ]
    # Each beginning once, what follows it less the last token, and that one with the continuation.
    assert fed_after(asked) == len(listed) + len(bare) + 2 * (3 + 3 + 4) + 6
    # One alone is read as it is.
    assert fed_after(asked[:4]) == len(listed) + (3 + 3 + 4) + len(bare) + 3 + 4


def test_a_prompt_that_is_all_beginning_of_another_is_right(llama):
    asked = [(BEGINNING, [[5]]), ([*BEGINNING, 6], [[7, 8]]), ([*BEGINNING, 6, 9], [[7]])]
    assert farthest(llama, asked) < 1e-5
