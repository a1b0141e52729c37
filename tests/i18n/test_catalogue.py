"""The reader's language: which it is, and the words of it."""

from __future__ import annotations

import pytest

from basegate.i18n.catalogue import ENGLISH, Translator, of_locale, set_in, translator


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_HK.UTF-8"}, "zh-HK"),
        ({"LANG": "zh_MO"}, "zh-HK"),
        ({"LANG": "zh-Hant-HK"}, "zh-HK"),
        ({"LANG": "yue_HK"}, "zh-HK"),
        ({"LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_HK.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_HK.UTF-8"}, "zh-HK"),
        ({"LC_ALL": "C.UTF-8", "LC_MESSAGES": "zh_HK.UTF-8", "LANG": "zh_HK.UTF-8"}, "en"),
    ],
)
def test_the_locale_says_which_language(variables, language):
    assert of_locale(variables) == language


CATALOGUE = {
    "{count} samples": "{count} 個樣本",
    "{0} of {1} are right (of {2})": "{1} 之中 {0}（{2}）",
    "as it is {x}": "照舊",
}


def test_a_text_that_the_catalogue_lacks_is_shown_in_english():
    tr = Translator("zh-HK", CATALOGUE)
    assert tr("{count} samples", count=4) == "4 個樣本"
    assert tr("{count} questions", count=4) == "4 questions"
    assert tr("a {brace} without values") == "a {brace} without values"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "3 of 1,024.5 are right (of 2026-01-02T03:04:05+00:00)",
            "1,024.5 之中 3（2026-01-02T03:04:05+00:00）",
        ),
        ("as it is {x}", "照舊"),
        ("3 of 4 are wrong (of 5)", "3 of 4 are wrong (of 5)"),
        ("{0} of {1} are right (of 7)", "{0} of {1} are right (of 7)"),
        ("a text of {someone} else, 7 %", "a text of {someone} else, 7 %"),
        ("", ""),
    ],
)
def test_a_text_of_a_ledger_is_shown_as_far_as_it_is_known_whatever_it_holds(text, shown):
    assert Translator("zh-HK", CATALOGUE).known(text) == shown
    assert ENGLISH.known(text) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"a": "yi", "b": "nf4"}, "模型 yi 用 nf4。"),
        ({"a": "甲", "b": "乙"}, "模型甲用乙。"),
        ({"a": "yi（甲）", "b": "（乙）"}, "模型 yi（甲）用（乙）。"),
        ({"a": "", "b": "{a}"}, "模型  用 {a}。"),
    ],
)
def test_a_space_parts_two_scripts_and_nothing_else(values, text):
    assert set_in("模型 {a} 用 {b}。", values) == text


def test_sentences_are_kept_apart_as_the_language_does():
    assert (translator("en").gap, translator("zh-HK").gap) == (" ", "")
