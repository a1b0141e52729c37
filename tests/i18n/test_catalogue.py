"""The reader's language: which it is, and the words of it."""

from __future__ import annotations

import pytest

from basegate.i18n.catalogue import ENGLISH, Translator, of_locale, read_po, set_in, translator


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
    "{count} file in {place}": "{place} 的 {count} 個檔案",
}


def test_a_text_that_the_catalogue_lacks_is_shown_in_english():
    tr = Translator("zh-HK", CATALOGUE)
    assert tr("{count} samples", count=4) == "4 個樣本"
    assert tr("{count} questions", count=4) == "4 questions"
    assert tr("a {brace} without values") == "a {brace} without values"


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (1, "1 file in a", "a 的 1 個檔案"),
        (0, "0 files in a", "a 的 0 個檔案"),
        (2, "2 files in a", "a 的 2 個檔案"),
    ],
)
def test_a_number_chooses_the_form_of_its_text(count, english, chinese):
    forms = ("{count} file in {place}", "{count} files in {place}", count)
    assert ENGLISH.ngettext(*forms, place="a") == english
    assert Translator("zh-HK", CATALOGUE).ngettext(*forms, place="a") == chinese
    assert ENGLISH.ngettext("one", "{count}", 2000, count="2,000") == "2,000"


def test_a_po_file_is_read():
    text = """
# a comment with msgid "x"
msgid ""
msgstr "Language: zh_HK\\n"

#, python-brace-format
msgid "{name} \\"in quotes\\""
msgstr ""
"{name}"
"「」\\n"

msgid "{count} file"
msgid_plural "{count} files"
msgstr[0] "{count} 個檔案"

msgid "not translated"
msgstr ""
"""
    assert read_po(text) == {'{name} "in quotes"': "{name}「」\n", "{count} file": "{count} 個檔案"}


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
