"""Perplexity, from log-probabilities that were chosen to be added up by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from basegate.checks.corpus_sums import (
    Sums,
    TextCost,
    as_part,
    copies,
    joined,
    per_document,
    split_share,
)
from basegate.checks.early_stopping import MeasureTask
from basegate.checks.labels import format_sample_size
from basegate.checks.perplexity import PerplexitySettings, measure, summarise
from basegate.config.settings import CorpusSource
from basegate.data.corpora import Corpus
from basegate.engines.protocol import TokenScores
from basegate.errors import InvalidMeasurement
from basegate.measurement import Findings

# 香港: 2 characters, 6 bytes, two tokens of 3 bits and 1 bit.
# abcd: 4 characters, 4 bytes, one token of 5 bits.
DOCUMENTS = ("香港", "abcd")
BITS = ((3.0, 1.0), (5.0,))


def scored(bits, starts=None, lost=0):
    """Return scores from bits: a token of b bits has a log-probability of -b ln 2."""
    logprobs = np.array(bits, dtype=np.float64) * -math.log(2)
    return TokenScores(logprobs, None if starts is None else np.array(starts), lost)


class ScoringEngine:
    """Gives the scores it was made with, and remembers what it was asked."""

    prefix = "<s>"

    def __init__(self, *scores):
        self.scores = list(scores)

    def log_likelihoods(self, texts, *, window, context, progress):
        self.asked = (list(texts), window, context)
        return self.scores


def measured(engine, documents=DOCUMENTS, join=None, left_out=0):
    settings = PerplexitySettings(
        corpus=CorpusSource(dataset="a/b", join=join), window=64, context=16
    )
    return measure(engine, MeasureTask(Corpus(tuple(documents), left_out), settings))


def numbers(findings):
    return {metric.name: metric.value for metric in findings.metrics if not metric.informative}


def intervals(findings):
    return {metric.name: metric.interval for metric in findings.metrics}


def test_the_metrics_of_two_documents_by_hand():
    findings = measured(ScoringEngine(*map(scored, BITS)))
    # 3 + 1 + 5 = 9 bits over 3 tokens, 6 characters and 10 bytes.
    assert numbers(findings) == pytest.approx(
        {
            "bits_per_char": 9 / 6,
            "perplexity": 2 ** (9 / 3),
            "bits_per_byte": 9 / 10,
            "tokens_per_char": 3 / 6,
        }
    )


def of_two(low, high, value):
    """Return the interval of two documents by the ratios of both and of them together.

    Student's t of one degree of freedom is 12.7062 where the normal has 1.95996.
    """
    factor = 12.7062 / 1.95996 * math.sqrt(2)
    ends = max(0.0, value - (value - low) * factor), value + (high - value) * factor
    return pytest.approx(ends, rel=1e-4)


def test_the_intervals_of_two_documents_are_those_of_their_resamples_as_wide_as_two_ask_for():
    # 4 / 2 and 5 / 4 bits per character, 4 / 2 and 5 / 1 per token, 4 / 6 and 5 / 4 per byte.
    found = intervals(measured(ScoringEngine(*map(scored, BITS))))
    assert found["bits_per_char"] == of_two(5 / 4, 4 / 2, 9 / 6)
    assert tuple(map(math.log2, found["perplexity"])) == of_two(4 / 2, 5 / 1, 9 / 3)
    assert found["bits_per_byte"] == of_two(4 / 6, 5 / 4, 9 / 10)


def test_documents_on_their_own_are_scored_each_on_its_own():
    engine = ScoringEngine(*map(scored, BITS))
    measured(engine)
    assert engine.asked == (["香港", "abcd"], 64, 16)


def test_documents_that_are_joined_are_scored_as_one_text():
    # 香港--abcd: 8 characters, 12 bytes; the token of the dashes has 7 bits.
    engine = ScoringEngine(scored((3, 1, 7, 5), starts=(0, 1, 2, 4)))
    findings = measured(engine, join="--")
    assert engine.asked == (["香港--abcd"], 64, 16)
    assert numbers(findings) == pytest.approx(
        {
            "bits_per_char": 16 / 8,
            "perplexity": 2 ** (16 / 4),
            "bits_per_byte": 16 / 12,
            "tokens_per_char": 4 / 8,
        }
    )
    # The dashes belong to the document before them: 11 bits in 4 characters, 5 bits in 4.
    assert intervals(findings)["bits_per_char"] == of_two(5 / 4, 11 / 4, 16 / 8)


def test_perplexity_weighs_tokens_and_not_documents():
    # The mean of the documents' own perplexities, (2 + 256) / 2, would be 129.
    findings = measured(ScoringEngine(scored((1.0,) * 6), scored((8.0,))), ("abcdef", "g"))
    assert numbers(findings)["perplexity"] == pytest.approx(2 ** ((6 + 8) / 7))


def test_the_articles_figure_is_of_all_documents_and_never_judged():
    asked = []
    engine = ScoringEngine(*map(scored, BITS))
    engine.article_perplexity = lambda text: asked.append(text) or 37.2
    [shown] = [each for each in measured(engine, join="--").metrics if each.informative]
    assert (shown.name, shown.value) == ("article_perplexity", 37.2)
    assert asked == ["香港\n\nabcd"]


def test_without_a_transformers_model_there_is_no_figure_of_the_article():
    metrics = measured(ScoringEngine(*map(scored, BITS))).metrics
    assert "perplexity" in {each.name for each in metrics}
    assert "article_perplexity" not in {each.name for each in metrics}


def test_a_single_document_has_no_interval():
    found = intervals(measured(ScoringEngine(scored((3, 1))), ("香港",)))
    assert set(found.values()) == {None}


def test_the_facts_count_what_was_scored():
    facts = measured(ScoringEngine(*map(scored, BITS)), left_out=4).facts
    assert (facts["documents"], facts["left_out"]) == (2, 4)
    assert (facts["tokens"], facts["characters"]) == (3, 6)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_log_probability_that_is_not_finite_makes_the_measurement_invalid(number):
    with pytest.raises(InvalidMeasurement, match=r"^1 of 3 log-probabilities are not finite"):
        measured(ScoringEngine(scored((3.0, number)), scored((5.0,))))


@pytest.mark.parametrize(("lost", "refused"), [(0, False), (1, False), (2, True)])
def test_more_than_one_in_a_hundred_lost_characters_makes_it_invalid(lost, refused):
    engine = ScoringEngine(scored((1.0,) * 60, lost=lost), scored((1.0,) * 40))
    documents = ("a" * 60, "b" * 40)
    if refused:
        with pytest.raises(InvalidMeasurement, match=r"^the tokenizer loses 2 of 100 char"):
            measured(engine, documents)
    else:
        assert numbers(measured(engine, documents))["bits_per_char"] == pytest.approx(1.0)


def test_a_perplexity_too_large_for_a_number_is_none_and_the_rest_is_kept():
    huge = Sums(*(np.array([number]) for number in (800.0, 1.0, 4.0, 4.0)))
    found = numbers(summarise(huge, None))
    assert found["perplexity"] is None
    assert found["bits_per_char"] == pytest.approx(800 / math.log(2) / 4)


@pytest.mark.parametrize(
    "sums",
    [
        pytest.param(
            Sums(*map(np.array, ([1.0, 900.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]))),
            id="one document so bad that the interval's end is infinite",
        ),
        pytest.param(
            Sums(*map(np.array, ([3.0, 0.0], [2.0, 0.0], [2.0, 1.0], [6.0, 3.0]))),
            id="one document in which no token starts",
        ),
    ],
)
def test_the_findings_survive_their_own_json(sums):
    findings = summarise(sums, None)
    assert Findings.model_validate_json(findings.model_dump_json()) == findings


def test_a_document_in_which_no_token_starts_leaves_the_interval_to_the_others():
    sums = joined(("ab", "c", "d"), "", scored((3, 5), starts=(0, 2)))
    assert list(sums.tokens) == [1, 1, 0]
    assert tuple(map(math.log2, intervals(summarise(sums, None))["perplexity"])) == of_two(3, 5, 4)


def test_sums_of_documents_count_characters_and_bytes():
    sums = per_document(DOCUMENTS, [TextCost.of(scored(bits)) for bits in BITS])
    assert list(sums.nll / math.log(2)) == pytest.approx([4, 5])
    assert list(sums.tokens) == [2, 1]
    assert list(sums.characters) == [2, 4]
    assert list(sums.utf8_bytes) == [6, 4]


def test_a_token_belongs_to_the_document_in_which_it_starts():
    # The second token begins in the join and reaches into abcd; the third is the rest.
    sums = joined(DOCUMENTS, "\n", scored((4, 2, 1), starts=(0, 2, 5)))
    assert list(sums.nll / math.log(2)) == pytest.approx([6, 1])
    assert list(sums.tokens) == [2, 1]
    assert list(sums.characters) == [3, 4]
    assert list(sums.utf8_bytes) == [7, 4]


def test_without_starts_the_joined_text_is_one_document():
    sums = joined(DOCUMENTS, "\n", scored((4, 2, 1)))
    assert list(sums.characters) == [7]
    assert list(sums.utf8_bytes) == [11]
    assert list(sums.nll / math.log(2)) == pytest.approx([7])


@st.composite
def joined_texts(draw):
    documents = draw(st.lists(st.text("香港ab\n", min_size=1), min_size=1, max_size=6))
    join = draw(st.sampled_from(["", "\n", "\n\n", "—"]))
    length = len(join.join(documents))
    starts = sorted(draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=12)))
    bits = draw(st.lists(st.floats(0, 20), min_size=len(starts), max_size=len(starts)))
    return documents, join, scored(bits, starts)


@given(joined_texts())
def test_joined_documents_have_the_same_totals_as_the_whole(case):
    documents, join, scores = case
    apart, whole = (
        joined(documents, join, scores),
        per_document([join.join(documents)], [TextCost.of(scores)]),
    )
    assert len(apart.nll) == len(documents)
    for name in ("nll", "tokens", "characters", "utf8_bytes"):
        assert getattr(apart, name).sum() == pytest.approx(getattr(whole, name).sum())


@pytest.mark.parametrize(
    ("starts", "share"),
    [
        # Three bytes of one character, a whole one, two bytes of another: 5 of 6.
        ((0, 0, 0, 1, 2, 2), 5 / 6),
        ((0, 1, 2, 5), 0.0),
        ((7, 7), 1.0),
        ((0,), 0.0),
        ((), 0.0),
    ],
)
def test_the_share_of_tokens_that_are_parts_of_a_character(starts, share):
    assert split_share(np.array(starts, dtype=np.int64)) == pytest.approx(share)


def test_the_share_of_split_tokens_weighs_documents_by_their_tokens():
    # None of 6 tokens in the one, all 4 in the other: 4 of 10.
    engine = ScoringEngine(scored((1,) * 6, range(6)), scored((1,) * 4, (0,) * 4))
    facts = measured(engine, ("abcdef", "港")).facts
    assert facts["split_token_share"] == pytest.approx(4 / 10)
    assert (facts["tokens"], facts["characters"]) == (10, 7)


@pytest.mark.parametrize(("starts", "share"), [(None, None), (range(4), 0.0)])
def test_a_tokenizer_that_splits_no_character_says_so(starts, share):
    facts = measured(ScoringEngine(scored((1,) * 4, starts)), ("abcd",)).facts
    assert facts["split_token_share"] == share


class TwoScorings(ScoringEngine):
    """Scores Cantonese first, written Chinese second."""

    def __init__(self, first, second):
        self.rounds = [first, second]
        self.asked = []

    def log_likelihoods(self, texts, *, window, context, progress):
        self.asked.append(list(texts))
        return self.rounds.pop(0)


def test_the_gap_is_between_versions_of_the_same_documents():
    engine = TwoScorings(
        [scored((8.0,)), scored((100.0,)), scored((6.0,))], [scored((4.0,)), scored((5.0,))]
    )
    corpus = Corpus(("甲乙", "丙丁戊", "己庚"), 0, {0: "ABCD", 2: "EF"})
    settings = PerplexitySettings(
        corpus=CorpusSource(path="yue", parallel="written"), window=64, context=16
    )
    findings = measure(engine, MeasureTask(corpus, settings))
    assert engine.asked == [["甲乙", "丙丁戊", "己庚"], ["ABCD", "EF"]]
    found = numbers(findings)
    # All: 114 bits over 7 characters. The two with a version: 14 / 4, against 9 / 6.
    assert found["bits_per_char"] == pytest.approx(114 / 7)
    assert found["written_chinese_bits_per_char"] == pytest.approx(9 / 6)
    assert found["gap"] == pytest.approx(14 / 4 - 9 / 6)
    low, high = intervals(findings)["gap"]
    # Resamples of two documents: 8/2 - 4/4, 6/2 - 5/2, or both; a difference may be negative.
    factor = 12.7062 / 1.95996 * math.sqrt(2)
    assert low == pytest.approx(2.0 - (2.0 - 0.5) * factor, rel=1e-4)
    assert high == pytest.approx(2.0 + (3.0 - 2.0) * factor, rel=1e-4)
    assert (
        format_sample_size(findings.sample_size) == "3 documents, 2 of them in written Chinese too"
    )
    assert findings.facts["parallel_documents"] == 2


def test_documents_that_say_another_once_more_are_noted():
    score = scored((3.0, 1.0))
    [note] = measured(ScoringEngine(score, score, score), ("香港", "九龍", "香港\n")).notes
    assert note.startswith(
        "copies of other documents: 1 of 3 documents, 42.9 % of the characters. They show nothing"
    )
    assert measured(ScoringEngine(score, score)).notes == ()


def test_a_heading_that_stands_there_twice_is_not_worth_a_note():
    assert copies(["香港", "x" * 200, "香港"]) is None
    assert copies(["香港", "x" * 100, "香港"]) is not None


def test_of_a_part_the_standard_error_is_told_beside_the_sequence():
    sums = Sums(
        nll=np.array([3.0, 4.0, 8.0]) * math.log(2),
        tokens=np.array([2.0, 2.0, 2.0]),
        characters=np.array([1.0, 1.0, 1.0]),
        utf8_bytes=np.array([3.0, 3.0, 3.0]),
    )
    found = {each.name: each for each in as_part(summarise(sums, None), 9, 0.95, sums).metrics}
    # 3, 4 and 8 bits per character: s² = 7. Per token they are halved, in natural logarithms.
    error = math.sqrt(7 / 3)
    assert found["bits_per_char"].standard_error == pytest.approx(error)
    assert found["perplexity"].standard_error == pytest.approx(error / 2 * math.log(2))
    low, high = found["bits_per_char"].interval
    assert high - low > 2 * 1.96 * error
    assert found["tokens_per_char"].standard_error is None
