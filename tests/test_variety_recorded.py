"""Language variety, held against the 400 text pairs of the Yue-Benchmark; see docs/variety.md."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from basegate import variety

BENCHMARK = Path(__file__).parent.parent.parent / "shared/data/yue-benchmark"


@pytest.fixture(scope="module")
def pairs():
    """English with Cantonese, and Mandarin with Cantonese."""
    if not BENCHMARK.is_dir():
        pytest.skip("the benchmark is not part of the project")
    return [
        json.loads((BENCHMARK / f"Yue-TRANS-{name}-yue.json").read_text(encoding="utf-8"))
        for name in ("en", "zh")
    ]


def labels(texts):
    return Counter(variety.label(each) for text in texts for each in variety.sentences(text))


def simplified_share(texts):
    found = sum(len(variety.simplified_characters(text)) for text in texts)
    return found / sum(len(variety.han_characters(text)) for text in texts)


@pytest.mark.parametrize("source", [0, 1], ids=["of English", "of Mandarin"])
def test_cantonese_is_called_cantonese(pairs, source):
    texts = [each["yue"] for each in pairs[source]]
    found = labels(texts)
    telling = found.total() - found["neutral"]
    assert found["cantonese"] / telling >= 0.97
    assert found["foreign"] == 0
    assert simplified_share(texts) <= 0.001
    assert not any(map(variety.is_looping, texts))


@pytest.mark.parametrize("traditional", [True, False])
def test_mandarin_is_never_called_cantonese(pairs, traditional):
    import opencc

    texts = [each["en"] for each in pairs[1]]  # the file calls its source so
    if traditional:
        texts = list(map(opencc.OpenCC("s2hk").convert, texts))
    found = labels(texts)
    assert found["cantonese"] == 0
    assert found["written_chinese"] / (found.total() - found["neutral"]) >= 0.94
    share = simplified_share(texts)
    assert share == 0 if traditional else 0.2 <= share <= 0.3


def test_english_holds_no_chinese(pairs):
    assert set(labels(each["en"] for each in pairs[0])) == {"foreign"}
