"""A measurement that was ended goes on: the same numbers, no batch done twice but the one."""

from __future__ import annotations

import contextlib
import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch

from basegate.checks.early_stopping import ALL_SAMPLES, StoppingRule
from basegate.config.settings import Sampling
from basegate.engines import (
    batching as halving,
    memory_budget as memory,
    window_scoring as article,
)
from basegate.store.file_batch_cache import FileBatchCache

TEXTS = ["香港係我哋嘅屋企。" * 9, "佢哋今日唔得閒，聽日先至得。", "一二三四五六七八九十" * 4]
PROMPTS = ["香港係", "我哋今日", "佢話", "聽日"]
SAMPLING = Sampling(samples=5, temperature=1.0, max_new_tokens=9)


class Ended(Exception):
    """The process ends here."""


def keeping(engine, cache):
    """The engine, with its batches kept there."""
    engine.batch_cache = cache
    return engine


class Mortal(FileBatchCache):
    """A journal whose process ends when it has kept so many batches."""

    def __init__(self, path, key, batches):
        super().__init__(path, key)
        self.batches = batches
        self.kept = set()

    def put(self, pieces):
        if self.batches == 0:
            raise Ended
        self.batches -= 1
        self.kept |= set(pieces)
        super().put(pieces)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setitem(memory.BATCH_TOKENS, "cpu", 128)
    monkeypatch.setattr(
        memory.BatchMemory, "rows", lambda self, tokens, *_, **__: 60 // tokens or 1
    )


def silent(engine):
    from basegate.progress import SILENT

    def scores():
        found = engine.log_likelihoods(TEXTS, window=64, context=16, progress=SILENT)
        return [each.logprobs.tolist() for each in found]

    def options():
        found = engine.log_likelihoods(
            [text for _ in PROMPTS for text in ("一", "二二", "三三三")],
            after=[prompt for prompt in PROMPTS for _ in range(3)],
            progress=SILENT,
        )
        return [each.logprobs.tolist() for each in found]

    def samples():
        drawn = engine.sample(PROMPTS, sampling=SAMPLING, progress=SILENT)
        return [(draw.text, draw.seed) for draws in drawn for draw in draws]

    return {"scores": scores, "options": options, "samples": samples}


WORK = ("scores", "options", "samples")


@pytest.mark.parametrize("work", WORK)
def test_it_goes_on_with_the_same_numbers_wherever_it_was_ended(engine, tmp_path, work):
    plain = silent(keeping(engine, FileBatchCache(None, "key")))[work]()
    for batches in itertools.count():
        path = tmp_path / f"{batches}.jsonl"
        first = Mortal(path, "key", batches)
        try:
            assert silent(keeping(engine, first))[work]() == plain
            break
        except Ended:
            first.close()
        kept = FileBatchCache(path, "key")
        done = len(kept)
        counted = Counting(kept)
        assert silent(keeping(engine, counted))[work]() == plain, f"after {batches} batches"
        assert counted.new & set(counted.given) == set()
        assert len(counted.given) == done, "what was kept is not done again"
    assert batches >= 2, "a measurement of one batch proves nothing"


@pytest.mark.parametrize("work", WORK)
def test_with_less_memory_it_goes_on_in_smaller_batches(engine, tmp_path, work, monkeypatch):
    path = tmp_path / "journal"
    first = Mortal(path, "key", 1)
    with pytest.raises(Ended):
        silent(keeping(engine, first))[work]()
    first.close()
    monkeypatch.setitem(memory.BATCH_TOKENS, "cpu", 64)
    monkeypatch.setattr(memory.BatchMemory, "rows", lambda *_, **__: 1)
    second = Counting(FileBatchCache(path, "key"))
    found = silent(keeping(engine, second))[work]()
    assert max(second.sizes) == 1, "one row, or one window of 64 tokens"
    assert second.new & first.kept == set(), "what is done is not done again"
    whole = silent(keeping(engine, FileBatchCache(None, "key")))[work]()
    assert found == whole if work == "samples" else close(found, whole)


def close(found, other):
    pairs = zip(found, other, strict=True)
    return all(one == pytest.approx(two, abs=1e-4) for one, two in pairs)


class Counting:
    """Tells what was taken from a journal and what was put into it."""

    def __init__(self, kept):
        self._kept = kept
        self.given, self.new, self.sizes = set(), set(), []

    def __len__(self):
        return len(self._kept)

    def __getattr__(self, name):
        return getattr(self._kept, name)

    def get(self, names):
        found = self._kept.get(names)
        self.given |= set(names) if found is not None else set()
        return found

    def put(self, pieces):
        self.new |= set(pieces)
        self.sizes.append(len(pieces))
        self._kept.put(pieces)


@pytest.mark.slow
@pytest.mark.parametrize("work", WORK)
def test_what_did_not_fit_is_noted_as_by_a_run_that_was_not_ended(
    engine, tmp_path, work, monkeypatch
):
    monkeypatch.setattr(halving, "release_memory", lambda: None)  # it takes a while

    def cramped(layer, given):
        if len(given[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    def forgetful():
        """An engine as a new process loads it: it knows of nothing that did not fit."""
        for each in (engine._score_backoff, engine._continue_backoff, engine._draw_backoff):
            each._too_large = math.inf
        return engine

    hook = engine.model.get_input_embeddings().register_forward_pre_hook(cramped)
    try:
        whole = FileBatchCache(None, "key")
        plain = silent(keeping(forgetful(), whole))[work]()
        for batches in itertools.count():
            path = tmp_path / f"{batches}.jsonl"
            first = Mortal(path, "key", batches)
            try:
                silent(keeping(forgetful(), first))[work]()
                break
            except Ended:
                first.close()
            second = FileBatchCache(path, "key")
            assert silent(keeping(forgetful(), second))[work]() == plain
            assert second.spent()[1] == whole.spent()[1] > 0, f"after {batches} batches"
    finally:
        hook.remove()
        forgetful()


@pytest.fixture
def bank(tmp_path):
    """A function that counts the answers of a bank of problems, none of which is ever right."""
    from basegate.checks import reasoning
    from basegate.checks.early_stopping import MeasureTask
    from basegate.config.settings import QuestionSettings, TableSource
    from basegate.data.banks import Bank
    from basegate.data.records import Problem

    records = tuple(
        Problem(id=f"p{number}", prompt=prompt, answer=10**9)
        for number, prompt in enumerate(PROMPTS)
    )
    sampling = Sampling(samples=7, temperature=1.0, max_new_tokens=6)
    source = TableSource(path=tmp_path / "bank")
    settings = QuestionSettings(source=source, sampling=sampling, rotate_options=False)

    def count(engine, journal, stopping):
        task = MeasureTask(Bank(records), settings, stopping=stopping)
        return reasoning.measure(keeping(engine, journal), task)

    return count


LIMITS = {
    "strict": StoppingRule(6, 1.0),
    "middle": StoppingRule(3, 1.0),
    "lax": StoppingRule(1, 1.0),
    "all": ALL_SAMPLES,
}


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(LIMITS, 2)])
@pytest.mark.parametrize("batches", [1, 3, 5])
def test_samples_drawn_under_other_limits_are_not_drawn_again_and_none_is_lost(
    engine, tmp_path, bank, before, after, batches
):
    first = Mortal(tmp_path / "j", "key", batches)
    with contextlib.suppress(Ended):
        bank(engine, first, LIMITS[before])
    first.close()
    counted = Counting(FileBatchCache(tmp_path / "j", "key"))
    found = bank(engine, counted, LIMITS[after])
    assert first.kept
    assert not counted.new & first.kept, "drawn twice"
    seeds = {str(sample.seed) for sample in found.samples}
    assert {name.rpartition(":")[2] for name in first.kept} <= seeds, "paid for and lost"
    plain = bank(engine, FileBatchCache(None, "key"), ALL_SAMPLES)
    for prompt in PROMPTS:
        ours, all_of_it = (
            [sample for sample in each.samples if sample.prompt == prompt]
            for each in (found, plain)
        )
        assert ours == all_of_it[: len(ours)]


@pytest.mark.parametrize("after", LIMITS)
def test_under_the_limits_that_it_was_begun_with_nothing_is_drawn_beside(
    engine, tmp_path, bank, after
):
    plain = bank(engine, FileBatchCache(None, "key"), LIMITS[after])
    first = Mortal(tmp_path / "j", "key", 3)
    with contextlib.suppress(Ended):
        bank(engine, first, LIMITS[after])
    first.close()
    assert bank(engine, FileBatchCache(tmp_path / "j", "key"), LIMITS[after]) == plain


def test_the_articles_figure_goes_on_too(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(article, "ARTICLE_BATCH", 2)
    text = "\n\n".join(TEXTS * 60)
    figure = partial(article.article_perplexity, engine.model, engine.tokenizer, text)
    plain = figure()
    first = Mortal(tmp_path / "j", "key", 1)
    with pytest.raises(Ended):
        figure(first)
    first.close()
    counted = Counting(FileBatchCache(tmp_path / "j", "key"))
    assert figure(counted) == plain
    assert len(counted.given) == 2, "the two windows of a batch"


def test_batches_are_those_of_the_beginning_even_where_memory_has_changed(
    engine, tmp_path, monkeypatch
):
    first = Mortal(tmp_path / "j", "key", 1)
    with pytest.raises(Ended):
        silent(keeping(engine, first))["samples"]()
    first.close()
    monkeypatch.setattr(memory.BatchMemory, "rows", lambda *_, **__: 10**6)
    counted = Counting(FileBatchCache(tmp_path / "j", "key"))
    silent(keeping(engine, counted))["samples"]()
    assert counted.given, "another number of rows would fit none of the batches"


def test_numbers_that_broke_are_not_kept(engine, tmp_path, monkeypatch):
    from basegate.engines.lm_head import LMHead

    kept = FileBatchCache(tmp_path / "j", "key")
    with monkeypatch.context() as broken:
        broken.setattr(
            LMHead,
            "logprobs",
            lambda self, hidden, pieces: [np.full(len(p[2]), np.nan) for p in pieces],
        )
        silent(keeping(engine, kept))["scores"]()
    assert len(kept) == 0
