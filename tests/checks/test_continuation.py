"""Continuation: shares over all samples."""

import math

import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks.continuation import (
    CHECK,
    TELLING,
    measure,
    paired,
    read_variety,
    summarise,
)
from basegate.checks.early_stopping import MeasureTask
from basegate.config.settings import Sampling, SamplingSettings, TableSource
from basegate.data.banks import Bank
from basegate.data.records import Prompt
from basegate.engines.protocol import Draw
from basegate.errors import InvalidMeasurement
from basegate.measurement import Findings, Sample
from basegate.stats.intervals import share_interval
from tests.helpers.checkpoints import write_jsonl

NOTHING = dict.fromkeys(
    (
        "cantonese",
        "written_chinese",
        "mixed",
        "neutral",
        "foreign",
        "latin_words",
        "han_characters",
        "simplified",
        "looping",
    ),
    0,
)


class DrawingEngine:
    """Writes the texts it was made with, and remembers what it was asked."""

    def __init__(self, *texts):
        self.texts = texts

    def sample(self, prompts, *, sampling, progress):
        self.asked = (list(prompts), sampling)
        return [[Draw(text, seed) for seed, text in enumerate(texts)] for texts in self.texts]


def summed(*notes):
    samples = [
        Sample(item="i", prompt="p", text="t", seed=0, notes={**NOTHING, **each}) for each in notes
    ]
    return summarise(samples)


def shares(findings):
    return {metric.name: metric.value for metric in findings.metrics}


def settings_for(path):
    return SamplingSettings(
        source=TableSource(path=path),
        sampling=Sampling(samples=2, temperature=0.9, max_new_tokens=100),
    )


def measured(tmp_path, *texts):
    prompts = [Prompt(id=f"p{number}", prompt="我") for number, _ in enumerate(texts)]
    return measure(DrawingEngine(*texts), MeasureTask(Bank(tuple(prompts)), settings_for(tmp_path)))


def test_the_readings_of_a_text_by_hand():
    text = "我哋嘅屋企喺香港。我們的家在香港。老師。OK, I like it."
    notes = read_variety(text)
    assert notes["cantonese"] == 1
    assert notes["written_chinese"] == 1
    assert notes["neutral"] == 1
    assert notes["foreign"] == 1
    assert notes["mixed"] == 0
    assert notes["latin_words"] == 4
    # 我哋嘅屋企喺香港, 我們的家在香港, 老師: 8 + 7 + 2
    assert notes["han_characters"] == 17
    assert notes["simplified"] == 0
    assert notes["looping"] is False


def test_the_readings_of_a_loop_and_of_simplified_characters():
    notes = read_variety("国家国家国家国家国家")
    # 10 characters hold 7 4-grams, 2 of them distinct.
    assert notes["repeated_share"] == pytest.approx(1 - 2 / 7)
    assert notes["looping"] is True
    assert notes["simplified"] == 5


def test_the_shares_of_two_samples_by_hand():
    findings = summed(
        {
            "cantonese": 2,
            "written_chinese": 1,
            "foreign": 1,
            "neutral": 3,
            "latin_words": 2,
            "han_characters": 18,
        },
        {"cantonese": 1, "mixed": 2, "han_characters": 20, "simplified": 4, "looping": True},
    )
    assert shares(findings) == pytest.approx(
        {
            # Neutral sentences show no variety: 3 of (2 + 1 + 1) + (1 + 2).
            "cantonese_share": 3 / 7,
            "latin_share": 2 / (2 + 18 + 20),
            "simplified_share": 4 / 38,
            "looping_share": 1 / 2,
        }
    )
    assert findings.facts == {"samples": 2, "sentences": 10, "neutral_sentences": 3}


def test_two_samples_tell_next_to_nothing_of_a_share():
    findings = summed({"cantonese": 2, "foreign": 2}, {"cantonese": 1, "mixed": 2})
    [cantonese] = [each for each in findings.metrics if each.name == "cantonese_share"]
    # Resamples have 1 / 3 to 2 / 4, which is 9.17 times as wide for two: beyond none and all.
    assert cantonese.interval == (0.0, 1.0)


def test_samples_that_show_nothing_leave_the_interval_to_the_others():
    findings = summed(
        {"cantonese": 10, "foreign": 10}, {"neutral": 4}, {"cantonese": 11, "foreign": 9}
    )
    [cantonese] = [each for each in findings.metrics if each.name == "cantonese_share"]
    assert cantonese.value == pytest.approx(21 / 40)
    half = (11 / 20 - 21 / 40) * 12.7062 / 1.95996 * math.sqrt(2)
    assert cantonese.interval == pytest.approx((21 / 40 - half, 21 / 40 + half), rel=1e-4)


def test_where_nothing_can_be_counted_any_share_is_possible():
    findings = summed({"neutral": 1}, {"neutral": 2})
    for metric in findings.metrics:
        assert metric.value == 0.0
        if metric.name != "looping_share":
            assert (metric.interval, metric.count) == ((0.0, 1.0), 0)


@pytest.mark.parametrize(("looping", "ends"), [(False, (0, 0.3244)), (True, (0.6756, 1))])
def test_a_share_of_none_or_all_has_the_interval_of_so_many_draws(looping, ends):
    # Wilson at 95 % of 0 of 8 by hand: z² / (8 + z²) = 3.8415 / 11.8415.
    findings = summed(*[{"looping": looping}] * 8)
    [share] = [each for each in findings.metrics if each.name == "looping_share"]
    assert share.value == float(looping)
    assert share.interval == pytest.approx(ends, abs=1e-4)
    assert share.count == 8


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("我哋的是嘅係国。！ abc\n", min_size=0), min_size=1, max_size=4))
def test_every_share_is_a_share(texts):
    notes = [read_variety(text) for text in texts]
    for metric in summed(*notes).metrics:
        assert 0 <= metric.value <= 1
        low, high = metric.interval or (0, 1)
        assert 0 <= low <= high <= 1


def test_every_draw_of_every_prompt_is_a_sample_with_its_seed(tmp_path):
    engine = DrawingEngine(["係呀", "好呀"], ["唔好", "走啦"])
    prompts = (Prompt(id="a", prompt="我係"), Prompt(id="b", prompt="你係"))
    settings = settings_for(tmp_path)
    findings = measure(engine, MeasureTask(Bank(tuple(prompts)), settings))
    assert engine.asked == (["我係", "你係"], settings.sampling)
    assert [(each.item, each.prompt, each.text, each.seed) for each in findings.samples] == [
        ("a", "我係", "係呀", 0),
        ("a", "我係", "好呀", 1),
        ("b", "你係", "唔好", 0),
        ("b", "你係", "走啦", 1),
    ]
    assert findings.samples[0].expected is None


def test_the_prompt_itself_is_not_judged(tmp_path):
    # The prompt is 我, one Chinese character; the sample has none.
    findings = measured(tmp_path, ["Hello there.", "Hello again."])
    assert shares(findings)["latin_share"] == 1.0


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["!!!!!!!!!!", "!!!!!!!!!!", "好呀，我哋行啦"], 2 / 3),
        (["", " ", "好呀，我哋行啦"], 2 / 3),
        (["!!!!!!!!!!", "好呀，我哋行啦"], 1 / 2),
        (["\ufffd\ufffd好", "好呀，我哋行啦"], 1 / 2),
        (["", ""], 1),
    ],
    ids=["one character", "empty", "half of them", "no characters", "all"],
)
def test_output_of_a_broken_run_is_counted(tmp_path, texts, share):
    findings = measured(tmp_path, texts)
    assert shares(findings)["degenerate_share"] == pytest.approx(share)
    assert sum(sample.degenerate for sample in findings.samples) == share * len(texts)


def test_a_degenerate_sample_does_not_make_the_others_evidence(tmp_path):
    with pytest.raises(InvalidMeasurement, match=r"^none of the sentences of 3 samples shows"):
        measured(tmp_path, ["", "好。", "香港。"])


@pytest.mark.parametrize("prompts", [1, 10])
def test_samples_without_chance_are_one_draw_of_each_prompt(prompts):
    """At temperature 0 eight samples are one: none of 80 says no more than none of 10."""
    samples = [
        Sample(item=str(number), prompt="p", text="t", seed=seed, notes=NOTHING)
        for number in range(prompts)
        for seed in range(8)
    ]
    found = summarise(samples, certain=True)
    [share] = [each for each in found.metrics if each.name == "looping_share"]
    assert share.interval == share_interval(0.0, prompts, 0.95)
    assert (found.facts["samples"], len(found.samples)) == (8 * prompts, 8 * prompts)


@pytest.mark.parametrize(
    ("way", "worth"),
    [({"temperature": 0.0}, 1), ({"temperature": 0.9, "top_k": 1}, 1), ({"temperature": 0.9}, 2)],
)
def test_chance_is_told_from_how_samples_are_drawn(tmp_path, way, worth):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"id": "a", "prompt": "我"}\n', encoding="utf-8")
    plain = settings_for(path)
    sampling = Sampling(**{**plain.sampling.model_dump(), **way})
    settings = plain.model_copy(update={"sampling": sampling})
    engine = DrawingEngine(["佢哋都嚟咗。"] * 2)
    found = measure(engine, MeasureTask(CHECK.prepare(settings), settings))
    [share] = [each for each in found.metrics if each.name == "looping_share"]
    assert share.effective_count == worth


def test_samples_of_one_prompt_are_one_cluster():
    counts = [{"cantonese": 1}, {"written_chinese": 1}]
    two_prompts = [
        Sample(item=item, prompt="p", text="t", seed=0, notes={**NOTHING, **each})
        for item in "ab"
        for each in counts * 4
    ]
    # Every prompt has the same share: over prompts there is nothing to resample, and Wilson's
    # interval of 8 of 16 stands in: 0.5 ± 1.96 sqrt(0.25 / 16 + 3.8415 / 1024) / (1 + 3.8415 / 16).
    [share] = [m for m in summarise(two_prompts).metrics if m.name == "cantonese_share"]
    assert share.value == 0.5
    assert share.interval == pytest.approx((0.28, 0.72), abs=1e-3)


def test_samples_that_do_not_show_their_variety_are_no_evidence(tmp_path):
    with pytest.raises(InvalidMeasurement, match=r"^none of the sentences of 2 samples shows"):
        measured(tmp_path, ["好。", "香港。"])


def test_prompts_are_read_from_the_bank_and_identified_by_its_content(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", {"id": "a", "prompt": "我係"})
    copy = write_jsonl(tmp_path / "b.jsonl", {"id": "a", "prompt": "我係"})
    other = write_jsonl(tmp_path / "c.jsonl", {"id": "a", "prompt": "佢係"})
    assert CHECK.prepare(settings_for(path)).records == (Prompt(id="a", prompt="我係"),)
    assert CHECK.identity(settings_for(path)) == CHECK.identity(settings_for(copy))
    assert CHECK.identity(settings_for(path)) != CHECK.identity(settings_for(other))


def test_all_shares_are_compared_prompt_by_prompt():
    def sample(prompt, **notes):
        empty = dict.fromkeys((*TELLING, "latin_words", "han_characters", "simplified"), 0)
        return Sample(item=prompt, prompt="?", text="t", seed=0, notes={**empty, **notes})

    one = Findings(
        metrics=(),
        samples=(
            sample("a", cantonese=3, mixed=1, han_characters=30, simplified=2, looping=True),
            sample("a", foreign=1, latin_words=9, looping=False),
        ),
    )
    found = {ours.metric: (ours, theirs) for ours, theirs in paired(one, one)}
    assert {name: (ours.counts, ours.totals) for name, (ours, _) in found.items()} == {
        "cantonese_share": ({"a": 3.0}, {"a": 5.0}),
        "latin_share": ({"a": 9.0}, {"a": 39.0}),
        "simplified_share": ({"a": 2.0}, {"a": 30.0}),
        "looping_share": ({"a": 1.0}, {"a": 2.0}),
    }
    assert [ours.lower for ours, _ in found.values()] == [False, True, True, True]
