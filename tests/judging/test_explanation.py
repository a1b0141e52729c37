"""A row of the ledger as a sentence."""

from __future__ import annotations

import pytest

from basegate.i18n.catalogue import Translator
from basegate.judging.explanation import reason, sentence
from basegate.judging.judge import invalid
from basegate.ledger import Ledger
from basegate.measurement import SampleSize
from basegate.verdict import Result, SampleSizeHint, TokenizerCost
from tests.helpers.pages import make_page


def row(verdict="pass", **fields):
    given = {
        "check": "perplexity",
        "metric": "bits_per_char",
        "value": 5.312,
        "unit": "bits_per_char",
        "limit": 5.05,
        "direction": "max",
        "interval": (5.241, 5.378),
    }
    return Result(
        candidate="yi-6b",
        item="wiki",
        verdict=verdict,
        **{**given, **fields},
    )


FOUND = "yi-6b on wiki: 5.31 bits per character (95 %: 5.24 to 5.38), limit at most 5.05."


def test_every_sentence_of_a_ledger_follows_from_its_row_after_a_way_through_json():
    ledger = make_page(6).ledger
    again = Ledger.model_validate_json(ledger.to_json().replace('"schema"', '"schema_"', 1))
    assert {each.verdict for each in again.results} == {"pass", "fail", "inconclusive", "invalid"}
    told = [sentence(each) for each in ledger.results]
    assert [sentence(each) for each in again.results] == told


@pytest.mark.parametrize(
    ("settling", "text"),
    [
        (
            SampleSizeHint(kind="documents", have=20, more=1060),
            "about 1,060 more documents like these 20 would settle it, if the value stays.",
        ),
        (
            SampleSizeHint(kind="questions", have=1, more=1060),
            "about 1,060 more questions like this one would settle it, if the value stays.",
        ),
        (
            SampleSizeHint(kind="questions", have=20, more=1),
            "about 1 more question like these 20 would settle it, if the value stays.",
        ),
        (
            SampleSizeHint(kind="pairs", have=20),
            "more pairs would settle it, if the truth is not the limit itself.",
        ),
        (
            SampleSizeHint(kind="parallel_documents"),
            "more documents in both versions would settle it, if the truth is not the limit "
            "itself.",
        ),
    ],
)
def test_what_would_settle_it_is_said(settling, text):
    told = sentence(row("inconclusive", sample_size_hint=settling))
    assert told == f"{FOUND} The interval straddles the limit: {text}"


@pytest.mark.parametrize(
    ("density", "split", "blamed"),
    [
        (1.43, 0.4, ", 40 % of them parts of a character: the tokenizer is the likely cause"),
        (1.43, 0.997, ", 99.7 % of them parts of a character: the tokenizer is the likely cause"),
        (1.2, 0.05, ", 5 % of them parts of a character: the tokenizer is the likely cause"),
        (1.19, 0.4, ""),
        (1.43, 0.049, ""),
        (1.43, 0.0, ""),
        (1.43, None, ""),
    ],
)
def test_the_tokenizer_is_blamed_where_it_splits_characters_and_needs_many_tokens(
    density, split, blamed
):
    cost = TokenizerCost(tokens_per_character=density, split_share=split)
    assert sentence(row("fail", tokenizer=cost)) == (
        f"{FOUND} {density:.2f} tokens per character{blamed}."
    )
    assert sentence(row("pass", tokenizer=cost)) == FOUND


def test_the_tokenizer_is_not_blamed_where_the_model_does_not_know_the_text_either():
    # 57.9 bits per character are 19.5 a token: at one token per character too dear as well.
    cost = TokenizerCost(tokens_per_character=2.97, split_share=0.997)
    told = sentence(row("fail", value=57.9, interval=None, limit=8.0, tokenizer=cost))
    assert told == (
        "yi-6b on wiki: 57.90 bits per character, limit at most 8. 2.97 tokens per character, "
        "99.7 % of them parts of a character, at 19.49 bits a token: the model seems not to know "
        "such text."
    )


def test_the_tokenizer_is_not_blamed_where_frequencies_of_characters_alone_would_do_better():
    cost = TokenizerCost(tokens_per_character=3.0, split_share=0.9)
    within, beyond = (
        sentence(row("fail", value=value, interval=None, limit=5.0, tokenizer=cost))
        for value in (9.6, 9.7)
    )
    assert within.endswith("parts of a character: the tokenizer is the likely cause.")
    assert beyond.endswith("at 3.23 bits a token: the model seems not to know such text.")


def test_a_limit_that_all_shares_meet_needs_nothing_to_count():
    all_ = row("pass", metric="simplified_share", value=0.0, unit="fraction", limit=1.0,
               interval=(0.0, 1.0), count=0)  # fmt: skip
    assert "nothing is known" not in sentence(all_)


def test_of_other_metrics_than_bits_the_tokenizer_is_told_and_not_blamed():
    cost = TokenizerCost(tokens_per_character=2.97, split_share=0.997)
    told = sentence(
        row("fail", metric="gap", unit="bits", value=1.5, interval=None, tokenizer=cost)
    )
    assert told.endswith(" 2.97 tokens per character, 99.7 % of them parts of a character.")


def test_a_share_of_nothing_says_so():
    told = sentence(
        row(
            "inconclusive",
            check="continuation",
            metric="simplified_share",
            value=0.0,
            unit="fraction",
            limit=0.1,
            interval=(0.0, 1.0),
            count=0,
        )
    )
    assert told == (
        "yi-6b on wiki: 0 % of characters in Simplified form (95 %: 0 % to 100 %), limit at most "
        "10 %. No sample holds anything to count that share of, so nothing is known of it."
    )


def test_a_count_says_what_was_not_drawn_and_what_its_gate_lets_through():
    counted = row(
        metric="correct",
        value=7.0,
        unit="correct",
        limit=7,
        direction="min",
        interval=None,
        count=10,
        n_generated=7,
        curve=((0.5, 0.1719),),
    )
    assert sentence(counted) == (
        "yi-6b on wiki: 7 of 7 correct, limit at least 7. The other 3 of 10 samples could not "
        "change that and were not generated. (A model that is right half of the time passes 17 % "
        "of the time.)"
    )


def test_what_another_limit_left_undecided_says_so():
    part, whole = (SampleSize(kind="documents", n=8, out_of=of) for of in (88, None))
    told = sentence(row("inconclusive", sample_size=part))
    assert told == f"{FOUND} The rest was not asked, since another limit is certainly not met."
    assert sentence(row("inconclusive", sample_size=whole)) == FOUND
    assert sentence(row("pass", sample_size=part)) == FOUND


@pytest.mark.parametrize(("item", "place"), [("bank", "bank"), ("", "minimal pairs")])
def test_a_row_without_numbers_gives_its_reason(item, place):
    broken = invalid("yi-6b", "minimal_pairs", item, "it broke.")
    assert reason(broken) == "it broke."
    assert sentence(broken) == f"yi-6b on {place}: it broke."


def test_a_sentence_is_said_in_the_words_that_it_is_given():
    catalogue = {
        "{candidate} on {item}: {found}, limit {asked}.": "{asked}!{candidate}!{item}!{found}。",
        "{value} bits per character": "每字 {value} bits",
        " ({level} %: {low} to {high})": "（{low}）",
        "at most {value}": "上限 {value}",
        "{density} tokens per character.": "每字 {density} 個 token。",
    }
    told = sentence(
        row("fail", tokenizer=TokenizerCost(tokens_per_character=1.5)),
        Translator("zh-HK", catalogue),
    )
    assert told == "上限 5.05!yi-6b!wiki!每字 5.31 bits（5.24）。每字 1.50 個 token。"
