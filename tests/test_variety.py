"""Which variety a text is written in, and whether it turns in circles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basegate.variety import (
    han_characters,
    is_degenerate,
    is_looping,
    label,
    latin_words,
    repeated_share,
    sentences,
    simplified_characters,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我係香港人。你呢？好！", ["我係香港人。", "你呢？", "好！"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("佢話：「我走先。」然後走咗。", ["佢話：「我走先。」", "然後走咗。"]),
        ("佢話：「阿媽講：『返嚟。』」好。", ["佢話：「阿媽講：『返嚟。』」", "好。"]),
        ("Pi is 3.14. Yes.", ["Pi is 3.14.", "Yes."]),
        ("等等……係咩？！", ["等等…", "係咩？"]),
        ("123。……\n\n", []),
        ("冇句號", ["冇句號"]),
        ("", []),
    ],
    ids=[
        "marks",
        "lines",
        "quotation",
        "quotation in a quotation",
        "decimal",
        "doubled marks",
        "no letter",
        "open",
        "empty",
    ],
)
def test_sentences_by_hand(text, expected):
    assert sentences(text) == expected


@given(st.text("我係a。！\n. 」1", max_size=40))
def test_sentences_keep_every_letter_in_order(text):
    kept = [char for char in "".join(sentences(text)) if char.isalpha()]
    assert kept == [char for char in text if char.isalpha()]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("我哋嘅屋企喺香港", "cantonese"),
        ("我們的家在香港", "written_chinese"),
        ("佢係我嘅朋友，但是他們的家不在這裏", "mixed"),
        ("香港", "neutral"),
        ("Hello there", "foreign"),
        ("こんにちは", "foreign"),
        ("123!?", "foreign"),
    ],
)
def test_the_variety_of_a_sentence(sentence, expected):
    assert label(sentence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know", ["I", "don't", "know"]),
        ("well-being at the café", ["well-being", "at", "the", "café"]),
        ("我好 like 你", ["like"]),
        ("我好like你", ["like"]),
        ("iPhone好貴", ["iPhone"]),
        ("買咗個iPad同MacBook返嚟", ["iPad", "MacBook"]),
        ("Привет αβγ 香港 123", []),
        ("", []),
    ],
)
def test_latin_words_by_hand(text, expected):
    assert latin_words(text) == expected


@given(st.lists(st.sampled_from(["like", "OK", "café", "send"]), max_size=5), st.booleans())
def test_white_space_around_latin_words_does_not_change_their_number(words, spaced):
    gap = " " if spaced else ""
    text = "".join(f"我{gap}{word}{gap}你" for word in words)
    assert latin_words(text) == words


def test_chinese_characters_are_counted_beyond_the_basic_plane():
    assert han_characters("A香，港。𨋢x㗎1") == ["香", "港", "𨋢", "㗎"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("国家学习", ["国", "学", "习"]),
        ("我们说汉语", ["们", "说", "汉", "语"]),
        ("國家學習", []),
        ("我哋嘅屋企喺香港，唔係咩？嚟啦喂，啲嘢好掂㗎", []),
        ("乜嘢冇攞搵瞓慳掹揼噉冚唓", []),
        ("台灣、床、群、晒、着數、揾工", []),
        ("滙豐銀行、綫路、衞生、説話", []),
        ("Hello 123", []),
    ],
    ids=[
        "Simplified",
        "Simplified words",
        "Traditional",
        "Cantonese",
        "Cantonese words",
        "Hong Kong forms",
        "Hong Kong names",
        "no Chinese",
    ],
)
def test_simplified_characters_by_hand(text, expected):
    assert simplified_characters(text) == expected


@pytest.mark.parametrize("word", ["試吓", "等一吓", "恒生指數", "叱咤樂壇", "糯米糍", "佢响邊度"])
def test_words_as_hong_kong_writes_them_are_not_simplified(word):
    assert simplified_characters(word) == []


@pytest.mark.parametrize("char", "爲衆糉竈鉢")
def test_a_traditional_variant_is_not_simplified(char):
    assert simplified_characters(char) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # abcd bcda cdab dabc abcd: four of five are new.
        ("abcdabcd", 1 - 4 / 5),
        ("abcdefgh", 0.0),
        # Six times the same 4-gram: one of six is new.
        ("aaaaaaaaa", 1 - 1 / 6),
        ("ab cd\nab cd", 1 - 4 / 5),
        ("abc", 0.0),
        ("", 0.0),
    ],
    ids=["period of four", "no repetition", "one letter", "white space", "too short", "empty"],
)
def test_the_repeated_share_by_hand(text, expected):
    assert repeated_share(text) == pytest.approx(expected)


@given(st.text(max_size=60))
def test_the_repeated_share_is_a_share(text):
    assert 0 <= repeated_share(text) < 1


def test_a_text_loops_from_half_repeated_grams_on():
    # abcd over and over has four distinct 4-grams; of eight grams (11 characters) half repeat.
    assert is_looping(("abcd" * 3)[:11])
    assert not is_looping(("abcd" * 3)[:10])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        (" \n\t", True),
        ("!" * 8, True),
        ("! " * 8, True),
        ("!" * 7, False),
        ("!!!!!!!?", False),
        ("\ufffd\ufffdab", True),
        ("\ufffdab", False),
        ("A", False),
        ("9", False),
        ("哈哈哈哈", False),
    ],
)
def test_degenerate_texts_by_hand(text, expected):
    assert is_degenerate(text) is expected
