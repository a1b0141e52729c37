"""The transformers engine on small real checkpoints, against plain loops over the model."""

from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pytest

import basegate
from basegate.config.settings import Sampling
from basegate.engines.batching import NO_CACHE
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.progress import SILENT, Progress
from basegate.store.file_batch_cache import FileBatchCache
from tests.helpers.checkpoints import break_weights, make_checkpoint, make_tokenizer

TEXT = "香港係我哋嘅屋企，唔係咩？一二三 abc。" * 9


@pytest.fixture(scope="module")
def engine(checkpoint):
    engine = basegate.load_candidate(
        str(checkpoint), quantization="none", dtype="float32", device="cpu"
    )
    yield engine
    engine.close()


def score(engine, texts, window=64, context=20):
    return engine.log_likelihoods(texts, window=window, context=context, progress=SILENT)


def sample(engine, prompts, journal=NO_CACHE, **settings):
    sampling = Sampling(**{"samples": 3, "temperature": 0.9, "max_new_tokens": 8, **settings})
    engine.batch_cache = journal
    try:
        drawn = engine.sample(prompts, sampling=sampling, progress=SILENT)
    finally:
        engine.batch_cache = NO_CACHE
    return [[draw.text for draw in draws] for draws in drawn]


@pytest.mark.parametrize("what", ["windows", "continuations", "samples"])
def test_progress_is_told_which_steps_an_earlier_run_has_taken(engine, tmp_path, what):
    class Told(Progress):
        @contextmanager
        def task(self, *given):
            yield lambda amount=1, kept=False: told.append((amount, kept))

    def run():
        if what == "samples":
            sampling = Sampling(samples=3, temperature=0.9, max_new_tokens=4)
            engine.sample(["香港", "我哋"], sampling=sampling, progress=Told())
        else:
            after = ["香港係", "我哋係"] if what == "continuations" else None
            engine.log_likelihoods(["屋企", "唔係"], window=64, after=after, progress=Told())

    engine.batch_cache = FileBatchCache(tmp_path / "batches", "key")
    try:
        for kept in (False, True):
            told = []
            run()
            assert sum(amount for amount, _ in told) == (6 if what == "samples" else 2)
            assert {each for _, each in told} == {kept}
    finally:
        engine.batch_cache = NO_CACHE


def plain_logprobs(engine, text, window, context):
    """One forward pass per token, float64: at least `context` tokens before each, as promised."""
    import torch

    ids = engine.tokenizer(text, add_special_tokens=False)["input_ids"]
    room = window - len(engine.prefix_ids)
    values, begin, end = [], 0, 0
    for position in range(len(ids)):
        if position == end:
            begin = max(0, position - context)
            end = begin + room
        row = [*engine.prefix_ids, *ids[begin:position]]
        with torch.inference_mode():
            logits = engine.model(torch.tensor([row])).logits[0, -1].double()
        values.append(float(torch.log_softmax(logits, dim=-1)[ids[position]]))
    return np.array(values)


@pytest.mark.parametrize(("window", "context"), [(128, 0), (24, 9), (17, 15), (40, 39)])
def test_every_token_is_scored_as_a_plain_loop_scores_it(engine, window, context):
    if window - context < 2:
        with pytest.raises(CandidateError, match="leave nothing to score"):
            score(engine, [TEXT], window, context)
        return
    text = TEXT[:34]
    (found,) = score(engine, [text], window, context)
    expected = plain_logprobs(engine, text, window, context)
    np.testing.assert_allclose(found.logprobs, expected, atol=2e-5)


def test_a_batch_of_unequal_texts_scores_each_as_if_alone(engine):
    texts = [TEXT, "香港", "唔係" * 10]
    together = score(engine, texts)
    for text, found in zip(texts, together, strict=True):
        (alone,) = score(engine, [text])
        np.testing.assert_allclose(found.logprobs, alone.logprobs, atol=2e-5)


def test_tokens_know_where_they_start_and_bytes_share_their_character(engine):
    (found,) = score(engine, ["香屋A"])
    # 屋 is not in the vocabulary and becomes three bytes.
    assert found.starts.tolist() == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("family", "extra"),
    [
        ("Llama", {}),
        ("Qwen2", {}),
        ("Gemma2", {"head_dim": 32, "final_logit_softcapping": 3.0}),
        ("Granite", {"logits_scaling": 7.0}),
    ],
)
def test_families_that_bend_their_logits_are_scored_right(tmp_path, family, extra):
    """Gemma 2 caps and Granite scales logits after the head; both must be in the score."""
    import torch
    import transformers

    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=128,
        initializer_range=0.2, pad_token_id=None, bos_token_id=0, eos_token_id=1, **extra,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = basegate.load_candidate(
        str(tmp_path), quantization="none", dtype="float32", device="cpu"
    )
    (found,) = score(engine, [TEXT[:40]])
    np.testing.assert_allclose(found.logprobs, plain_logprobs(engine, TEXT[:40], 64, 20), atol=5e-5)


@pytest.mark.parametrize(("quantization", "kind"), [("nf4", "nf4"), ("fp4", "fp4")])
def test_four_bits_are_held_in_four_bits(checkpoint, packed, quantization, kind):
    import bitsandbytes
    import torch

    engine = basegate.load_candidate(str(checkpoint), quantization=quantization, device="cpu")
    layers = [
        module
        for module in engine.model.modules()
        if isinstance(module, bitsandbytes.nn.Linear4bit)
    ]
    assert len(layers) == 2 * 7
    for layer in layers:
        assert layer.weight.quant_type == kind
        assert layer.weight.dtype == torch.uint8
        assert layer.weight.compress_statistics
        assert layer.compute_dtype == torch.bfloat16
    (found,) = score(engine, [TEXT])
    assert np.isfinite(found.logprobs).all()
    engine.close()
    assert engine.model is None


def test_eight_bits_load_and_score(checkpoint):
    engine = basegate.load_candidate(str(checkpoint), quantization="int8", device="cpu")
    (found,) = score(engine, ["香港係"])
    assert np.isfinite(found.logprobs).all()


def test_the_tokenizers_own_prefix_stands_once_before_every_text(engine):
    assert engine.prefix_ids == [engine.tokenizer.bos_token_id]


def test_without_a_prefix_of_its_own_the_document_separator_is_the_prefix(tmp_path):
    make_checkpoint(tmp_path, adds_bos=False)
    engine = basegate.load_candidate(str(tmp_path), quantization="none", device="cpu")
    assert engine.prefix_ids == [engine.tokenizer.eos_token_id]


def test_draws_follow_the_models_distribution(engine):
    """Chi-square of 4,000 single draws against the softmax of the logits."""
    import torch
    from scipy import stats

    ids = torch.tensor(
        [[*engine.prefix_ids, *engine.tokenizer("香港", add_special_tokens=False)["input_ids"]]]
    )
    with torch.inference_mode():
        logits = engine.model(ids).logits[0, -1].double() / 1.5
    expected = torch.softmax(logits, dim=-1).numpy()
    sampling = Sampling(samples=4000, temperature=1.5, top_k=0, top_p=1.0, max_new_tokens=1)
    (draws,) = engine.sample(["香港"], sampling=sampling, progress=SILENT)
    counts = dict.fromkeys({draw.text for draw in draws}, 0)
    for draw in draws:
        counts[draw.text] += 1
    pieces = [engine.tokenizer.decode([index]) for index in range(len(expected))]
    likely = [i for i, p in enumerate(expected) if p * 4000 >= 5 and pieces.count(pieces[i]) == 1]
    found = np.array([counts.get(pieces[index], 0) for index in likely])
    rest = 4000 - found.sum()
    wanted = expected[likely] * 4000
    result = stats.chisquare([*found, rest], [*wanted, 4000 - wanted.sum()])
    assert len(likely) >= 10
    assert result.pvalue > 0.001


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_a_draw_does_not_depend_on_what_else_is_drawn(engine, penalty):
    # With a penalty, padding must not count as text that repeats.
    alone = sample(engine, ["香港係"], samples=2, repetition_penalty=penalty)
    together = sample(
        engine, ["一二三四五六七八九十", "香港係"], samples=5, repetition_penalty=penalty
    )
    assert together[1][:2] == alone[0]


def test_a_text_ends_at_its_end(engine, monkeypatch):
    # With a stop token that decodes to something, padding after it would show.
    long = sample(engine, ["香港係"], samples=6)[0]
    ids = [engine.tokenizer(text, add_special_tokens=False)["input_ids"] for text in long]
    stop = ids[0][1]
    monkeypatch.setattr(engine, "_stops", [stop])
    short = sample(engine, ["香港係"], samples=6)[0]
    assert short[0] != long[0]
    assert all(engine.tokenizer.decode([stop]) not in text for text in short)


def test_keys_and_values_read_once_give_the_logits_of_the_whole_text(engine):
    import torch

    from basegate.engines.kv_cache import repeat

    ids = torch.tensor(
        [engine.tokenizer("香港係我哋嘅屋企", add_special_tokens=False)["input_ids"]]
    )
    with torch.inference_mode():
        whole = engine.model(ids).logits[0]
        cache = engine.model(ids[:, :3], use_cache=True).past_key_values
        cache = repeat(cache, [2], ids.shape[1] - 3)
        for at in range(3, ids.shape[1]):
            step = engine.model(ids[:, at : at + 1].repeat(2, 1), past_key_values=cache).logits
            assert torch.allclose(step[0, 0], whole[at], atol=1e-5)
            assert torch.allclose(step[1, 0], whole[at], atol=1e-5)


def test_a_batch_that_does_not_fit_is_halved_with_the_same_texts(engine, monkeypatch):
    import torch

    expected = sample(engine, ["香港係", "一二三四五"], samples=4)
    generate = engine.model.generate

    def small(**given):
        if given.get("past_key_values") is not None and len(given["inputs"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return generate(**given)

    monkeypatch.setattr(engine.model, "generate", small)
    journal = FileBatchCache(None, "key")
    assert sample(engine, ["香港係", "一二三四五"], samples=4, journal=journal) == expected
    # Eight, then four twice, then two four times.
    assert journal.spent()[1] == 3


def test_a_single_sample_that_does_not_fit_is_refused(engine, monkeypatch):
    import torch

    def none(**_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine.model, "generate", none)
    with pytest.raises(CandidateError, match=r"does not fit into memory\. Use a machine.*int8"):
        sample(engine, ["香港係"], samples=2)


def test_a_single_window_that_does_not_fit_may_be_made_smaller(engine, monkeypatch):
    import torch

    def none(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine.model.base_model, "forward", none)
    monkeypatch.setattr(engine.model, "forward", none)
    with pytest.raises(CandidateError, match=r"single window.*or a smaller \[perplexity\] window"):
        score(engine, ["香港係"])


def test_prompts_of_one_batch_may_be_cut_at_any_sample(engine, monkeypatch):
    from basegate.engines.memory_budget import BatchMemory

    expected = sample(engine, ["香港係", "一二三四五", "屋企"], samples=5)
    monkeypatch.setattr(BatchMemory, "rows", lambda *_, **__: 7)
    assert sample(engine, ["香港係", "一二三四五", "屋企"], samples=5) == expected


def test_a_sample_ends_where_more_text_could_not_change_its_reading(engine):
    # Line breaks are rare in random text: any token counts as one here.
    from basegate.engines.sampling import EarlyStop, Sampler

    seen = []

    def is_final(text):
        seen.append(text)
        return len(text) >= 4

    import torch

    done = []
    sampler = Sampler(engine.model, [9], lambda ids: "\n" * len(ids))
    finished = EarlyStop(sampler, [is_final, None], 2, lambda n=1: done.append(n))
    for length in range(3, 8):
        rows = torch.ones((2, length), dtype=torch.long)
        found = finished(rows, torch.zeros(2)).tolist()
    assert found == [True, False]
    finished.tell_rest()
    assert sum(done) == 2
    assert finished.cut([[1] * 5, [1] * 5]) == [[1] * 4, [1] * 5]
    assert seen == ["\n", "\n\n", "\n\n\n", "\n\n\n\n"]


def test_samples_by_number_are_those_of_the_whole(engine):
    whole = sample(engine, ["香港係", "一二三四五"], samples=4)
    sampling = Sampling(samples=4, temperature=0.9, max_new_tokens=8)
    parts = engine.sample(["香港係", "一二三四五"], sampling=sampling, numbers=[[2, 3], [1]])
    assert [[draw.text for draw in draws] for draws in parts] == [whole[0][2:4], [whole[1][1]]]


@pytest.mark.parametrize(
    ("ids", "expected"), [([7] * 8, True), ([7] * 7, False), ([7] * 8 + [6], False)]
)
def test_one_token_over_and_over_is_noted(engine, monkeypatch, ids, expected):
    from basegate.engines.sampling import Sampler

    monkeypatch.setattr(Sampler, "draw", lambda *_: [[ids]])
    sampling = Sampling(samples=1, temperature=0.9, max_new_tokens=9)
    assert engine.sample(["香港"], sampling=sampling)[0][0].one_token is expected


def test_another_seed_draws_otherwise(engine):
    assert sample(engine, ["香港"], seed=1) != sample(engine, ["香港"], seed=2)


def test_temperature_zero_takes_the_likeliest_token(engine):
    import torch

    ids = [*engine.prefix_ids, *engine.tokenizer("香港", add_special_tokens=False)["input_ids"]]
    for _ in range(4):
        with torch.inference_mode():
            ids.append(int(engine.model(torch.tensor([ids])).logits[0, -1].argmax()))
    expected = engine.tokenizer.decode(ids[-4:])
    assert sample(engine, ["香港"], temperature=0, max_new_tokens=4) == [[expected] * 3]


def test_the_checkpoints_own_generation_defaults_do_not_leak_in(checkpoint, engine, tmp_path):
    import shutil

    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    path = folder / "generation_config.json"
    config = json.loads(path.read_text())
    config |= {"repetition_penalty": 9.0, "temperature": 0.1, "do_sample": True, "max_length": 5}
    path.write_text(json.dumps(config))
    other = basegate.load_candidate(str(folder), quantization="none", dtype="float32", device="cpu")
    assert sample(other, ["香港係"]) == sample(engine, ["香港係"])


def test_a_repetition_penalty_that_is_asked_for_acts(engine):
    assert sample(engine, ["香港係"], max_new_tokens=30) != sample(
        engine, ["香港係"], max_new_tokens=30, repetition_penalty=5.0
    )


def test_broken_numbers_are_refused_and_never_token_zero(checkpoint, tmp_path):
    import shutil

    folder = break_weights(shutil.copytree(checkpoint, tmp_path / "nan"))
    engine = basegate.load_candidate(str(folder), quantization="none", device="cpu")
    (found,) = score(engine, ["香港係"])
    assert np.isnan(found.logprobs).all()
    with pytest.raises(InvalidMeasurement, match="not finite"):
        sample(engine, ["香港係"])


def test_characters_that_the_tokenizer_loses_are_counted(tmp_path):
    make_checkpoint(tmp_path, unk=True)
    engine = basegate.load_candidate(str(tmp_path), quantization="none", device="cpu")
    (found,) = score(engine, ["香港屋企"])
    assert found.lost == 2


def test_a_tokenizer_that_gives_all_back_loses_nothing(engine):
    (found,) = score(engine, ["香港 屋企。\n\nHello, 你好！"])
    assert found.lost == 0


def test_marks_of_the_tokenizer_in_a_text_are_text(engine):
    mark = engine.tokenizer.eos_token
    special = engine.tokenizer.convert_tokens_to_ids(mark)
    assert special not in engine._encoder.encode(f"香港{mark}係").ids


def test_a_window_beyond_the_models_context_is_refused(engine):
    with pytest.raises(CandidateError, match="longer than the 128 tokens"):
        score(engine, ["香港"], window=129)


def test_a_prompt_beyond_the_models_context_is_refused(engine):
    with pytest.raises(CandidateError, match="do not fit into the 128 tokens"):
        sample(engine, ["香" * 125])
