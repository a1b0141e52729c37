"""What is counted without a model is what is fed to one, token by token."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import torch

import basegate
from basegate.checks.early_stopping import ALL_SAMPLES, MeasureTask
from basegate.config.declaration import declaration_of
from basegate.config.settings import Sampling
from basegate.config.thresholds import load_thresholds
from basegate.engines import counting, sampling, window_scoring
from basegate.engines.counting import CountingEngine
from basegate.engines.tokenization import Encoder
from basegate.errors import InvalidMeasurement
from basegate.measurement import Work
from basegate.runner.plan import _NEVER, count
from tests.helpers.checkpoints import make_checkpoint

THRESHOLDS = """
[perplexity]
window = 24
context = 7
[perplexity.corpora.own]
path = "yue"
parallel = "written"
max_bits_per_char = 9.0
[perplexity.corpora.joined]
path = "yue"
join = "\\n"
max_bits_per_char = 9.0

[minimal_pairs.banks.pairs]
pairs = "pairs.jsonl"
min_preferred = 0.5

[continuation]
prompts = "prompts.jsonl"
samples = 3
max_new_tokens = 5
max_looping_share = 0.5

[knowledge]
max_new_tokens = 6
[knowledge.banks.options]
questions = "questions.jsonl"
min_accuracy = 0.5
template = "{question}{options}"
examples = "examples.jsonl"
shots = 2
[knowledge.banks.pmi]
questions = "questions.jsonl"
min_accuracy = 0.5
formulation = "text"
normalize = "pmi"
[knowledge.banks.turned]
questions = "questions.jsonl"
samples = 4
correct = 2
[knowledge.banks.all-drawn]
questions = "questions.jsonl"
samples = 3
min_accuracy = 0.5

[reasoning]
max_new_tokens = 4
[reasoning.banks.sums]
problems = "problems.jsonl"
samples = 2
correct = 1
"""
IN_ROUNDS = (
    *("perplexity-own", "minimal_pairs-pairs"),
    *("knowledge-options", "knowledge-pmi", "knowledge-all-drawn"),
)
AT_ONCE = ("perplexity-joined", "continuation-prompts", "knowledge-turned", "reasoning-sums")
"""Check and item of those that may stop between two rounds, and of those that ask only once."""


@pytest.fixture(scope="module")
def thresholds(tmp_path_factory):
    """Every check, on texts and prompts of many lengths."""
    root = tmp_path_factory.mktemp("counted")

    def write(name, records):
        lines = (json.dumps(each, ensure_ascii=False) for each in records)
        (root / name).write_text("\n".join(lines), encoding="utf-8")

    for folder in ("yue", "written"):
        (root / folder).mkdir()
        for place in range(20):
            text = "香港係我哋嘅" * (place % 9 + 1) + "z" * (folder == "written")
            (root / folder / f"{place}.txt").write_text(text, encoding="utf-8")
    options = {"A": "一二", "B": "三", "C": "四五六"}
    texts = [f"{'佢喺' * (place % 4 + 1)}{place}" for place in range(20)]
    asked = [
        {"id": f"q{place}", "question": text, "options": options, "answer": "A"}
        for place, text in enumerate(texts)
    ]
    write("questions.jsonl", asked)
    write("examples.jsonl", [{**asked[0], "id": f"e{n}", "question": f"{n}號"} for n in range(2)])
    write(
        "pairs.jsonl", [{"id": t, "right": f"佢{t}", "wrong": f"我{t}", "kind": "x"} for t in texts]
    )
    write("prompts.jsonl", [{"id": text, "prompt": text} for text in texts])
    write("problems.jsonl", [{"id": t, "prompt": f"{t} + 1 = ", "answer": 2} for t in texts])
    path = root / "thresholds.toml"
    path.write_text(THRESHOLDS, encoding="utf-8")
    return load_thresholds(path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """A random Llama, after its first forward passes, of which some are tried twice."""
    folder = make_checkpoint(tmp_path_factory.mktemp("longer"), context=512)
    engine = basegate.load_candidate(
        str(folder), quantization="none", dtype="float32", device="cpu"
    )
    engine.log_likelihoods(["ab"])
    engine.log_likelihoods(["ab"], after=["cd"])
    yield engine
    engine.close()


@pytest.fixture
def fed(engine, monkeypatch):
    """Tokens that enter the model, padding not counted; no sample ends before its length."""
    tokens = []

    def note(module, arguments, given):
        ids = given.get("input_ids", arguments[0] if arguments else None)
        mask = given.get("attention_mask")
        tokens.append(ids.numel() if mask is None else int(mask[:, -ids.shape[1] :].sum()))

    # Of windows there is no mask: one at a time, so that nothing is padded.
    monkeypatch.setattr(
        window_scoring.WindowScorer, "_batches", lambda self, rows, cache: ([row] for row in rows)
    )
    monkeypatch.setattr(
        sampling.EarlyStop,
        "__call__",
        lambda self, ids, scores, **_: torch.zeros(len(ids), dtype=torch.bool),
    )
    monkeypatch.setattr(engine, "_stops", [])
    hook = engine.model.model.register_forward_pre_hook(note, with_kwargs=True)
    yield tokens
    hook.remove()


def check_in(thresholds, item):
    check, _, name = item.partition("-")
    return thresholds.find(check, name)


@pytest.mark.parametrize(
    ("item", "in_rounds"),
    [*((item, False) for item in IN_ROUNDS + AT_ONCE), *((item, True) for item in IN_ROUNDS)],
)
def test_what_is_planned_is_what_the_model_is_fed(engine, thresholds, fed, item, in_rounds):
    asked = check_in(thresholds, item)
    rule = _NEVER if in_rounds else ALL_SAMPLES
    planned = count(CountingEngine(Encoder(engine.tokenizer, "x")), asked, rule=rule)
    made, before = declaration_of(asked.name), engine.workload
    with suppress(InvalidMeasurement):  # of a random model
        made.measure(
            engine, MeasureTask(made.prepare(asked.settings), asked.settings, stopping=rule)
        )
    assert planned.workload.tokens > 100
    assert sum(fed) == planned.workload.tokens
    assert engine.workload - before == planned.workload


def test_in_characters_every_text_and_every_prompt_that_differs_counts_once():
    engine = CountingEngine()
    engine.log_likelihoods(["香港", "abc"], window=2)
    assert (engine.workload, engine.steps) == (Work(fed=5), 2)
    engine.log_likelihoods(["A", "B", "A"], after=["1234", "1234", "56"])
    assert (engine.workload, engine.steps) == (Work(fed=5 + 3 + 6), 4)
    drawing = Sampling(samples=3, temperature=0.5, max_new_tokens=7)
    [drawn] = engine.sample(["prompt"], sampling=drawing)
    assert len({each.seed for each in drawn}) == 3
    assert (engine.workload, engine.steps) == (Work(fed=14 + 6, drawn=21), 7)


def test_what_would_ask_for_ever_is_ended(monkeypatch):
    monkeypatch.setattr(counting, "MOST_CALLS", 3)
    engine = CountingEngine()
    for _ in range(3):
        engine.log_likelihoods(["a"])
    with pytest.raises(RuntimeError, match="asked 3 times"):
        engine.log_likelihoods(["a"])
