"""The content itself: counts, balance, duplicates, scripts, and the language it is in."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher

import pytest

from basegate.checks import language_variety as variety
from basegate.config.declaration import check_names, declaration_of
from basegate.config.settings import CorpusSource, TableSource
from basegate.config.thresholds import load_thresholds
from basegate.data.banks import load_bank
from basegate.data.corpora import load_corpus
from basegate.data.records import Pair, Prompt, Question
from fixtures import review
from tests.helpers.paths import ROOT

FIXTURES = ROOT / "fixtures"
TOPICS = {
    "geography-and-transport",
    "history-before-1841",
    "colonial-era",
    "since-1997",
    "government-and-law",
    "food",
    "festivals-and-customs",
    "words-and-sayings",
    "film-music-and-television",
    "schools-and-exams",
    "nature",
    "sport",
    "economy",
}
KINDS = {
    "particle",
    "classifier",
    "aspect",
    "pronoun",
    "word-order",
    "mandarin-word",
    "homophone",
}
REGISTERS = {"speech", "news", "chat", "diary", "recipe", "forum", "story"}
# Chinese characters, ASCII, full-width marks, and the signs of degrees, money and sums.
EXPECTED = re.compile(
    r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5e\U00020000-\U0003134f"
    r"\u0020-\u007e\n\u2014\u2018-\u201d\u2026\u00b0\u00b7\u00d7\u00f7\u20ac\u2103]*"
)


def records(name):
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def texts_of(record):
    """Return every text of a record that a model is shown."""
    fields = [record.get(key, "") for key in ("context", "question", "prompt", "right", "wrong")]
    return [each for each in (*fields, *record.get("options", {}).values()) if each]


HONG_KONG = records("questions/hong-kong.jsonl")
MUST_KNOW = records("questions/must-know.jsonl")
PAIRS = records("questions/minimal-pairs.jsonl")
PROMPTS = records("prompts/continuation.jsonl")
CANTONESE = load_corpus(
    CorpusSource(
        path=FIXTURES / "corpora/yue",
        glob="*.md",
        parallel=FIXTURES / "corpora/written-chinese",
    )
)
NAMES = sorted(path.stem for path in (FIXTURES / "corpora/yue").glob("*.md"))
TWINS = sorted(path.stem for path in (FIXTURES / "corpora/written-chinese").glob("*.md"))
FILES = {
    f"{path.parent.name}/{path.stem}": path.read_text(encoding="utf-8")
    for path in sorted(FIXTURES.glob("corpora/*/*.md"))
}
TEXTS = {
    **{r["id"]: "\n".join(texts_of(r)) for r in (*HONG_KONG, *MUST_KNOW, *PAIRS, *PROMPTS)},
    **FILES,  # as they are: the loader would normalise them
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_in_the_expected_scripts_and_in_no_simplified_form(name):
    text = TEXTS[name]
    assert unicodedata.is_normalized("NFC", text)
    assert EXPECTED.fullmatch(text), set(EXPECTED.sub("", text))
    assert variety.simplified_characters(text) == []


@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("questions/hong-kong.jsonl", Question, 240),
        ("questions/must-know.jsonl", Question, 11),
        ("questions/minimal-pairs.jsonl", Pair, 150),
        ("prompts/continuation.jsonl", Prompt, 31),
    ],
)
def test_the_loader_takes_every_record_of_a_bank(name, kind, least):
    bank = load_bank(TableSource(path=FIXTURES / name), kind)
    assert bank.with_open_quotes == []
    assert bank.left_out == ()
    assert len(bank.records) >= least


def test_every_topic_has_its_questions():
    counts = Counter(record["topic"] for record in HONG_KONG)
    assert set(counts) == TOPICS
    assert min(counts.values()) >= 15


@pytest.mark.parametrize("record", HONG_KONG, ids=lambda record: record["id"])
def test_a_question_is_complete(record):
    assert {"id", "topic", "question", "options", "answer", "source", "difficulty"} <= set(record)
    assert set(record) <= {
        *("id", "topic", "question", "options", "answer", "source", "as_of", "difficulty")
    }
    assert record["id"].startswith(record["topic"])
    assert list(record["options"]) == ["A", "B", "C", "D"]
    assert record["difficulty"] in ("easy", "medium", "hard")
    assert len(record["source"]) >= 3
    assert record["question"].endswith("？")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", record.get("as_of", "2000-01-01"))


def test_answers_are_spread_over_the_letters():
    counts = Counter(record["answer"] for record in HONG_KONG)
    shares = [counts[letter] / len(HONG_KONG) for letter in "ABCD"]
    assert max(abs(share - 0.25) for share in shares) <= 0.03


@pytest.mark.parametrize("record", [*HONG_KONG, *MUST_KNOW], ids=lambda record: record["id"])
def test_no_option_stands_in_its_question(record):
    assert not [text for text in record["options"].values() if text in record["question"]]


def test_facts_that_change_are_dated():
    # Who holds an office, what is newest, deepest or how many there are now.
    dated = [record for record in HONG_KONG if "as_of" in record]
    assert len(dated) >= 20
    for record in HONG_KONG:
        if re.search("而家|現時|現任|截至", record["question"]):
            assert "as_of" in record, record["id"]


def number_in(text):
    digits = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    return float(digits[0].replace(",", "")) if digits else None


def test_the_right_number_is_not_always_in_the_middle():
    ranks = Counter()
    for record in HONG_KONG:
        numbers = {letter: number_in(text) for letter, text in record["options"].items()}
        if None not in numbers.values() and len(set(numbers.values())) == 4:
            ranks[sorted(numbers.values()).index(numbers[record["answer"]])] += 1
    assert ranks.total() >= 25
    assert max(ranks.values()) / ranks.total() <= 0.35


@pytest.mark.parametrize("extreme", [max, min])
def test_length_does_not_give_the_answer_away(extreme):
    # By chance the answer is the only longest (or shortest) option in a quarter or less.
    marked = 0
    for record in (*HONG_KONG, *MUST_KNOW):
        lengths = {letter: len(text) for letter, text in record["options"].items()}
        end = extreme(lengths.values())
        marked += lengths[record["answer"]] == end and list(lengths.values()).count(end) == 1
    assert marked / len((*HONG_KONG, *MUST_KNOW)) <= 0.25


def plain(text):
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in normal if char.isalnum())


def grams(text, size=4):
    return {text[at : at + size] for at in range(len(text) - size + 1)}


@pytest.mark.parametrize(
    ("texts", "most"),
    [
        ([record["question"] for record in (*HONG_KONG, *MUST_KNOW)], 0.5),
        ([record["prompt"] for record in PROMPTS], 0.3),
        ([record["right"] for record in PAIRS], 0.6),
    ],
    ids=["questions", "prompts", "pairs"],
)
def test_no_two_texts_are_nearly_the_same(texts, most):
    sets = [grams(plain(text)) for text in texts]
    near = [
        (texts[i], texts[j])
        for i in range(len(texts))
        for j in range(i)
        if sets[i] and sets[j]
        and len(sets[i] & sets[j]) / min(len(sets[i]), len(sets[j])) > most
    ]  # fmt: skip
    assert near == []


def test_no_two_documents_share_a_long_passage():
    sets = [grams(plain(text), 12) for text in CANTONESE.documents]
    shared = [
        (NAMES[i], NAMES[j], sorted(sets[i] & sets[j])[:2])
        for i in range(len(sets))
        for j in range(i)
        if len(sets[i] & sets[j]) > 3
    ]
    assert shared == []


def test_there_are_pairs_of_every_kind():
    counts = Counter(record["kind"] for record in PAIRS)
    assert set(counts) == KINDS
    assert min(counts.values()) >= 15


@pytest.mark.parametrize("record", PAIRS, ids=lambda record: record["id"])
def test_a_pair_differs_in_one_point(record):
    right, wrong = record["right"], record["wrong"]
    assert abs(len(right) - len(wrong)) <= 1
    edits = [
        code
        for code in SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes()
        if code[0] != "equal"
    ]
    if Counter(right) == Counter(wrong):
        # One stretch moved: taken out here, put in there.
        assert sorted(code[0] for code in edits) == ["delete", "insert"]
    else:
        # One word in the place of another.
        ((_, start, end, _, _),) = edits
        assert end - start <= 4


def test_most_pairs_are_of_the_same_length():
    same = sum(len(record["right"]) == len(record["wrong"]) for record in PAIRS)
    assert same / len(PAIRS) >= 0.8


def test_the_right_sentences_are_cantonese():
    labels = Counter(variety.label(record["right"]) for record in PAIRS)
    assert labels["written_chinese"] == 0
    assert labels["cantonese"] >= 0.7 * len(PAIRS)


def test_prompts_cover_the_registers_and_end_in_mid_sentence():
    assert {record["register"] for record in PROMPTS} == REGISTERS
    for record in PROMPTS:
        assert record["prompt"] == record["prompt"].strip()
        assert unicodedata.category(record["prompt"][-1])[0] == "L"


def test_the_corpus_is_large_enough():
    assert len(CANTONESE.documents) >= 80
    assert sum(map(len, CANTONESE.documents)) >= 60_000
    assert len(CANTONESE.parallel) >= 40
    assert CANTONESE.left_out == 0
    assert set(TWINS) <= set(NAMES)


FRONT = re.compile(
    r"---\nid: (?P<id>[\w-]+)\nregister: (?P<register>\w+)\ntitle: .+\n"
    r"language: (?P<language>[\w-]+)\nwritten: \d{4}-\d{2}\n---\n\n"
)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("corpora/*/*.md")), ids=lambda p: p.stem)
def test_a_document_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    front = FRONT.match(text)
    assert front, text[:200]
    assert front["id"] == path.stem
    assert front["register"] == path.stem.partition("-")[0]
    assert front["register"] in REGISTERS
    assert front["language"] == {"yue": "yue", "written-chinese": "zh-Hant-HK"}[path.parent.name]


def test_the_registers_are_all_there():
    counts = Counter(name.partition("-")[0] for name in NAMES)
    assert set(counts) == REGISTERS
    assert min(counts.values()) >= 8


@pytest.mark.parametrize("at", CANTONESE.parallel, ids=lambda at: NAMES[at])
def test_a_written_version_has_the_same_sentences(at):
    cantonese, written = (
        [len(variety.sentences(line)) for line in text.split("\n") if line.strip()]
        for text in (CANTONESE.documents[at], CANTONESE.parallel[at])
    )
    assert cantonese == written


def labelled(texts):
    return Counter(variety.label(each) for text in texts for each in variety.sentences(text))


def test_the_cantonese_is_cantonese_and_the_written_chinese_is_not():
    found = labelled(CANTONESE.documents)
    marked = found["cantonese"] + found["written_chinese"] + found["mixed"]
    assert found["cantonese"] / marked >= 0.9
    found = labelled(CANTONESE.parallel.values())
    assert found["written_chinese"] / (found.total() - found["neutral"]) >= 0.85
    assert found["cantonese"] == 0


def test_the_projects_thresholds_name_content_that_is_there():
    thresholds = load_thresholds(ROOT / "thresholds.toml")
    assert {check.name for check in thresholds.checks} == set(check_names())
    for check in thresholds.checks:
        declared = declaration_of(check.name)
        if check.item != "wikipedia-yue":  # on the hub
            assert declared.identity(check.settings)
            assert declared.prepare(check.settings)


@pytest.mark.parametrize("folder", ["questions", "prompts", "algebra", "corpora", "demo"])
def test_every_folder_says_where_its_content_comes_from_and_under_what_licence(folder):
    text = " ".join((FIXTURES / folder / "README.md").read_text(encoding="utf-8").split())
    assert "CC BY 4.0" in text
    assert "language model" in text or folder == "algebra"


@pytest.mark.parametrize("name", review.BANKS)
def test_the_review_shows_every_record_with_what_is_right(name):
    entries = list(review.BANKS[name]())
    text = "\n".join(review.as_text(name, entries))
    assert all(f"[{entry.id}]" in text for entry in entries)
    marked = [line for entry in entries for line, right in entry.lines if right]
    indented = (line.replace("\n", "\n  ") for line in marked)
    assert all(f"* {line}" in text for line in indented)
    assert len(marked) == (0 if name in ("continuation", "corpora") else len(entries))
    assert len({entry.id for entry in entries}) == len(entries)


def test_the_review_page_shows_text_as_text():
    entry = review.Entry("<g>", "<id>", (("<script>", False), ("a & b", True)), "<note>")
    page = review.as_html({"bank": [entry]})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<strong>✓ a &amp; b</strong>" in page
