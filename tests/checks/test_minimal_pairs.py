"""Minimal pairs: which of two sentences is likelier."""

from __future__ import annotations

import math

import numpy as np
import pytest

from basegate.checks.early_stopping import MeasureTask
from basegate.checks.labels import format_sample_size
from basegate.checks.minimal_pairs import CHECK, PairSettings, measure
from basegate.config.settings import TableSource
from basegate.config.thresholds import load_thresholds
from basegate.data.banks import Bank
from basegate.data.records import Pair
from basegate.engines.protocol import TokenScores
from basegate.errors import InvalidMeasurement
from basegate.stats.intervals import share_interval
from tests.helpers.checkpoints import write_jsonl


class ScoringEngine:
    """Gives every text the log-probability it was made with."""

    prefix = "<s>"

    def __init__(self, bits):
        self.bits = bits

    def log_likelihoods(self, texts, *, window, context, progress):
        self.asked = (list(texts), window, context)
        return [
            TokenScores(np.array([-self.bits[text] * math.log(2)]), np.array([0])) for text in texts
        ]


def measured(tmp_path, *pairs):
    """Measure pairs of (kind, right, bits, wrong, bits)."""
    bits = {}
    records = []
    for number, (kind, right, right_bits, wrong, wrong_bits) in enumerate(pairs):
        bits |= {right: right_bits, wrong: wrong_bits}
        records.append(Pair(id=f"p{number}", kind=kind, right=right, wrong=wrong))
    engine = ScoringEngine(bits)
    settings = PairSettings(source=TableSource(path=tmp_path))
    return measure(engine, MeasureTask(Bank(tuple(records)), settings)), engine


def test_the_likelier_sentence_is_preferred_per_character(tmp_path):
    findings, _ = measured(
        tmp_path,
        ("a", "一隻狗", 9.0, "一張狗", 12.0),
        # 8 bits over 4 characters are less than 7 over 3.
        ("a", "一二三四", 8.0, "一二三", 7.0),
        ("b", "甲乙", 6.0, "甲丙", 4.0),
        ("b", "丁戊", 5.0, "丁己", 5.0),
    )
    whole, *kinds = findings.metrics
    assert (whole.name, whole.value, whole.effective_count) == ("preferred_share", 0.5, 4)
    assert whole.interval == pytest.approx(share_interval(0.5, 4, 0.95))
    assert [(each.item, each.value) for each in kinds] == [("a", 1.0), ("b", 0.0)]
    assert [each.preferred for each in findings.preferences] == [True, True, False, False]
    assert findings.preferences[0].right_bits == pytest.approx(3.0)
    assert format_sample_size(findings.sample_size) == "4 pairs, 0 left out"


def test_all_sentences_are_scored_together(tmp_path):
    _, engine = measured(tmp_path, ("a", "一", 1.0, "二", 2.0), ("a", "三", 1.0, "四", 2.0))
    assert engine.asked == (["一", "二", "三", "四"], 512, 256)


@pytest.mark.parametrize(("context", "window"), [(256, 256), (4096, 512), (None, 512)])
def test_a_candidate_made_for_fewer_tokens_takes_these(tmp_path, monkeypatch, context, window):
    monkeypatch.setattr(ScoringEngine, "context_length", context, raising=False)
    _, engine = measured(tmp_path, ("a", "一", 1.0, "二", 2.0))
    assert engine.asked == (["一", "二"], window, window // 2)


def test_no_candidate_is_too_small_for_pairs(tmp_path):
    write_jsonl(tmp_path / "pairs.jsonl", {"id": "1", "right": "一", "wrong": "二"})
    bank = '[minimal_pairs.banks.b]\npairs = "pairs.jsonl"\nmin_preferred = 0.5\n'
    table = f"[minimal_pairs]\nwindow = 64\n{bank}"
    (tmp_path / "t.toml").write_text(table, encoding="utf-8")
    thresholds = load_thresholds(tmp_path / "t.toml")
    assert thresholds.checks[0].settings.window == 64
    assert thresholds.window is None


def test_a_number_that_is_not_finite_is_invalid(tmp_path):
    with pytest.raises(InvalidMeasurement, match="not finite"):
        measured(tmp_path, ("a", "一", math.nan, "二", 2.0))


def test_pairs_are_read_and_identified_by_their_content(tmp_path):
    record = {"id": "p", "kind": "k", "right": "一", "wrong": "二"}
    paths = [
        write_jsonl(tmp_path / "a.jsonl", record),
        write_jsonl(tmp_path / "b.jsonl", record),
        write_jsonl(tmp_path / "c.jsonl", {**record, "wrong": "三"}),
    ]
    here, copy, other = (PairSettings(source=TableSource(path=path)) for path in paths)
    assert CHECK.prepare(here).records == (Pair(**record),)
    assert CHECK.identity(here) == CHECK.identity(copy) != CHECK.identity(other)


@pytest.mark.parametrize("edge", ["\u200b", "\u3000", "\n"])
def test_pairs_that_were_scored_with_their_ends_are_measured_anew(tmp_path, edge):
    """A measurement with an invisible character at a sentence's end says nothing of the pair."""
    pair = {"id": "p", "right": "一隻狗。", "wrong": "一張狗。"}
    plain = CHECK.identity(PairSettings(source=TableSource(path=write_pairs(tmp_path / "a", pair))))
    assert not plain.endswith("trimmed")
    dressed = {"id": "p", "good": "一隻狗。", "wrong": f"一張狗。{edge}"}
    path = write_pairs(tmp_path / "b", dressed)
    source = TableSource(path=path, columns={"right": "good"})
    assert CHECK.identity(PairSettings(source=source)).endswith(", trimmed")


def write_pairs(folder, *pairs):
    folder.mkdir()
    return write_jsonl(folder / "pairs.jsonl", *pairs)
