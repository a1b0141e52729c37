"""The Hong Kong bank on a real model: scores of options beside a plain loop and the peer."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

import basegate
from basegate.checks.option_likelihood import score_options
from basegate.checks.validity import LostCharacters
from basegate.config.thresholds import load_thresholds
from basegate.data.few_shot import prepares
from basegate.data.records import Question
from basegate.progress import SILENT
from fixtures.real.models import gemma, packages_missing
from tests.helpers.paths import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(packages_missing()), reason="make real installs the real models"),
]
ASKED = int(os.environ.get("BASEGATE_REAL_QUESTIONS", "6"))
"""Of 277. All of them take half an hour on one core."""
CUE = "\n\n答案是：\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    file = gemma(tmp_path_factory.mktemp("real"))
    engine = basegate.load_candidate(str(file), quantization="none", dtype="float32", device="cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def settings():
    import basegate.checks  # noqa: F401  declares knowledge

    checks = load_thresholds(ROOT / "thresholds.toml").checks
    [check] = [each for each in checks if (each.name, each.item) == ("knowledge", "hong-kong")]
    return check.settings


@pytest.fixture(scope="module")
def bank(settings):
    bank = prepares(Question)(settings)
    return replace(bank, records=bank.records[:: len(bank.records) // ASKED][:ASKED])


def tokens(engine, prompt, text):
    """Those of the prompt, and those of the text after it."""
    whole, head = (
        engine.tokenizer(prompt + text)["input_ids"],
        engine.tokenizer(prompt)["input_ids"],
    )
    assert whole[: len(head)] == head
    assert whole[0] == engine.prefix_ids[0]
    return head, whole[len(head) :]


def log_probabilities(engine, ids, count):
    """Of every token of the vocabulary at the last `count` places, in one pass without a cache."""
    import torch

    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids]), logits_to_keep=count).logits[0]
    return logits.double().log_softmax(-1)


def listed(question, options):
    return "\n".join([question.question, "", *(f"{key}: {text}" for key, text in options)]) + CUE


def by_letter(engine, question, examples):
    letters, texts = list(question.options), list(question.options.values())
    shown = "".join(listed(each, each.options.items()) + each.answer + "\n\n" for each in examples)
    sums = dict.fromkeys(letters, 0.0)
    for shift in range(len(letters)):
        order = [*range(shift, len(letters)), *range(shift)]
        turned = [(letter, texts[at]) for letter, at in zip(letters, order, strict=True)]
        prompt = shown + listed(question, turned)
        [logs] = log_probabilities(engine, tokens(engine, prompt, "A")[0], 1)
        for letter, at in zip(letters, order, strict=True):
            [token] = tokens(engine, prompt, letter)[1]
            sums[letters[at]] += float(logs[token])
    return {letter: value / len(letters) for letter, value in sums.items()}


def by_text(engine, question, examples):
    shown = "".join(each.question + CUE + each.options[each.answer] + "\n\n" for each in examples)
    found = {}
    for letter, text in question.options.items():
        head, tail = tokens(engine, shown + question.question + CUE, text)
        logs = log_probabilities(engine, head + tail[:-1], len(tail))
        total = sum(float(one[token]) for one, token in zip(logs, tail, strict=True))
        found[letter] = total / len(text)
    return found


def likeliest(scores):
    return max(scores, key=scores.get)


def test_every_question_is_answered_as_by_a_plain_loop(engine, bank, settings):
    found = score_options(engine, bank, settings, SILENT, LostCharacters(None))
    assert len(found) == ASKED
    for question, own in zip(bank.records, found, strict=True):
        letters = by_letter(engine, question, bank.examples)
        texts = by_text(engine, question, bank.examples)
        assert own.letters == pytest.approx(letters, abs=1e-4)
        assert own.texts == pytest.approx(texts, abs=1e-4)
        assert (own.by_letter, own.by_text) == (likeliest(letters), likeliest(texts))


@pytest.mark.peer
def test_options_after_examples_are_scored_as_by_the_peer(engine, bank):
    """lm-evaluation-harness is given tokens: it would score a prompt's last line break, too."""
    pytest.importorskip("lm_eval", reason='needs the extra "bench": make peer')
    from benchmarks.peers import harness

    prompt = "".join(
        listed(each, each.options.items()) + each.answer + "\n\n" for each in bank.examples
    )
    asked = [
        (prompt + listed(each, each.options.items()), text)
        for each in bank.records[:2]
        for text in (*each.options, *each.options.values())
    ]
    peer = harness(engine.model, engine.tokenizer, batch=4, prefix=engine.prefix_ids[0])
    expected = peer._loglikelihood_tokens([(each, *tokens(engine, *each)) for each in asked])
    found = engine.log_likelihoods(
        [text for _, text in asked], after=[prompt for prompt, _ in asked]
    )
    sums = [float(each.logprobs.sum()) for each in found]
    assert sums == pytest.approx([value for value, _ in expected], abs=1e-4)
