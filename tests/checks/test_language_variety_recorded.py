"""Language variety, held against texts that are not part of the project; see docs/variety.md.

The 400 text pairs of the Yue-Benchmark, what models wrote to its questions, and the article's six
quoted continuations.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from basegate.checks import language_variety as variety
from basegate.checks.continuation import TELLING, read_variety
from tests.helpers.paths import SHARED

BENCHMARK = SHARED / "data/yue-benchmark"
PROMPT = "大家好，我係你哋嘅特首李家超，我熱愛"
# What a reader from Hong Kong calls each sentence of the six, the prompt left out.
READER = {
    "01-ai/Yi-6B": ["neutral", "written_chinese"],
    "01-ai/Yi-34B": ["mixed", "mixed"],
    "THUDM/chatglm3-6b-base": ["neutral", "written_chinese"],
    "Qwen/Qwen-7B": ["written_chinese", "written_chinese"],
    "meta-llama/Llama-2-7b-hf": ["written_chinese", "foreign"],
    "indiejoseph/cantonese-llama-2-7b": ["cantonese", "cantonese"],
}
# Where the code differs: 呢一日 and 及 are none of its markers.
DIFFERENT = {
    ("01-ai/Yi-34B", 1): "written_chinese",
    ("meta-llama/Llama-2-7b-hf", 0): "neutral",
}


@pytest.fixture(scope="module")
def pairs():
    """English with Cantonese, and Mandarin with Cantonese."""
    if not BENCHMARK.is_dir():
        pytest.skip("the benchmark is not part of the project")
    return [
        json.loads((BENCHMARK / f"Yue-TRANS-{name}-yue.json").read_text(encoding="utf-8"))
        for name in ("en", "zh")
    ]


@pytest.fixture(scope="module")
def article():
    """The article's text."""
    for path in sorted(SHARED.glob("seed/*.txt")):
        text = path.read_text(encoding="utf-8")
        if "### 句子接龍" in text:
            return text
    pytest.skip("the article is not part of the project")


@pytest.fixture(scope="module")
def continuations(article):
    """The article's quoted continuations by candidate, without their prompt."""
    section = article.split("### 句子接龍")[1].split("### 問答比賽")[0]
    return dict(re.findall(rf"\*\*(.+?)\*\*\n> {PROMPT}(.+)", section))


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


def test_no_text_of_the_benchmark_loops_or_holds_an_english_clause(pairs):
    texts = [each[name] for rows in pairs for each in rows for name in ("en", "yue")]
    assert not any(map(variety.is_looping, texts))
    assert max(map(variety.compression_ratio, texts)) < 2
    assert not [
        word for rows in pairs for each in rows for word in variety.clause_words(each["yue"])
    ]


def test_the_articles_continuations_are_called_what_a_reader_calls_them(continuations):
    found = {
        (name, place): variety.label(sentence)
        for name, text in continuations.items()
        for place, sentence in enumerate(variety.sentences(text))
    }
    read = {(name, place): each for name in READER for place, each in enumerate(READER[name])}
    assert found == {**read, **DIFFERENT}


def test_only_the_cantonese_model_of_the_article_passes_the_limit_on_cantonese(continuations):
    passed = []
    for name, text in continuations.items():
        notes = read_variety(text)
        telling = sum(notes[each] for each in TELLING)
        if notes["cantonese"] / telling >= 0.5:
            passed.append(name)
    assert passed == ["indiejoseph/cantonese-llama-2-7b"]


def test_only_llama_2_of_the_article_holds_english(continuations):
    words = {name: len(variety.clause_words(text)) for name, text in continuations.items()}
    assert words.pop("meta-llama/Llama-2-7b-hf") == 7
    assert set(words.values()) == {0}
    text = continuations["meta-llama/Llama-2-7b-hf"]
    assert text.strip().endswith("nobody is perfect, so let's love everyone!")
    assert 7 / (7 + len(variety.han_characters(text))) == pytest.approx(1 / 3)


def test_none_of_the_articles_continuations_is_simplified_or_loops(continuations):
    for text in continuations.values():
        assert variety.simplified_characters(text) == []
        assert not variety.is_looping(text)
        assert variety.compression_ratio(text) < 1.5


def test_the_articles_own_code_mixing_is_natural(article):
    # The prose: no code, quotations, tables and addresses.
    prose = re.sub(r"```.*?```|\(https?:.*?\)|https?:\S+", "", article, flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.startswith((">", "|", "#", "**"))]
    text = "\n".join(line for line in lines if variety.han_characters(line))
    assert len(variety.latin_words(text)) >= 50
    assert variety.clause_words(text) == []


def test_compression_finds_loops_of_real_models_that_four_grams_miss():
    if not BENCHMARK.is_dir():
        pytest.skip("the benchmark is not part of the project")
    texts = {
        each["llm_output"]
        for path in (BENCHMARK / "recorded").glob("yi-6b-hf_ARC-c_cantonese_0shot.json")
        for each in json.loads(path.read_text(encoding="utf-8"))
    }
    missed = [text for text in texts if variety.repeated_share(text) < variety.LOOP_SHARE]
    found = [text for text in missed if variety.is_looping(text)]
    assert any(text.startswith("\n1. 唔知。\n2. 唔知。\n3. 唔知。") for text in found)
    assert len(found) <= 0.05 * len(missed)
