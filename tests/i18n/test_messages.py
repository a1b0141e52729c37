"""Messages that can be said again in another language, and that survive their way to the reader."""

from __future__ import annotations

import json
import pickle

import pytest

from basegate.errors import (
    InvalidMeasurement,
    did_you_mean,
)
from basegate.i18n.catalogue import ENGLISH, Translator, translator
from basegate.i18n.messages import Message, joined, some
from basegate.judging.explanation import reason, sentence
from basegate.judging.judge import invalid
from basegate.ledger import Record
from basegate.measurement import CandidateFacts
from basegate.runner.worker import _sendable
from basegate.verdict import Result

CATALOGUE = {
    "{path} is damaged: {how}.": "{path} 已損毀：{how}。",
    "{count} bytes are missing": "欠缺 {count} bytes",
    "{some}, {next}": "{some}、{next}",
    "nothing": "甚麼也沒有",
}
SAY = Translator("zh-HK", CATALOGUE)
DAMAGED = Message(
    "{path} is damaged: {how}.", path="a.bin", how=Message("{count} bytes are missing", count=3)
)


def test_a_message_is_english_text_that_is_said_again_with_the_messages_in_it():
    assert DAMAGED == "a.bin is damaged: 3 bytes are missing."
    assert SAY.translate(DAMAGED) == "a.bin 已損毀：欠缺 3 bytes。"
    assert ENGLISH.translate(DAMAGED) == DAMAGED
    assert SAY.translate("a text of somebody else {x}") == "a text of somebody else {x}"
    assert SAY.translate(Message("nothing")) == "甚麼也沒有"
    assert SAY.translate("nothing") == "nothing", "a text of somebody else, or a model's"


def test_a_template_that_the_catalogue_lacks_stays_english_with_what_is_in_it():
    text = Message("I found {what} in {{braces}}.", what=Message("nothing"))
    assert text == "I found nothing in {braces}."
    assert SAY.translate(text) == "I found nothing in {braces}."


def test_braces_in_values_are_no_places():
    text = Message("{path} is damaged: {how}.", path="{how}", how="{0.__class__}")
    assert text == "{how} is damaged: {0.__class__}."
    assert SAY.translate(text) == "{how} 已損毀：{0.__class__}。"


def test_parts_in_a_row_stay_messages():
    parts = joined([Message("nothing"), "x", Message("nothing")])
    assert parts == "nothing, x, nothing"
    assert SAY.translate(parts) == "甚麼也沒有、x、甚麼也沒有"
    assert joined([]) == ""
    many = [f"yi-{number}" for number in range(3000)]
    assert joined(many) == ", ".join(many)
    assert SAY.translate(joined(many)) == "、".join(many)
    assert did_you_mean("yi-6", ["yi-6b", "yi-9b"]) == " Did you mean 'yi-6b' or 'yi-9b'?"


def test_an_error_carries_its_message_to_another_process():
    error = InvalidMeasurement(
        "{path} is damaged: {how}.", path="a.bin", how=DAMAGED, measurement="k"
    )
    sent = pickle.loads(pickle.dumps(_sendable(error)))
    assert str(sent) == str(error)
    assert sent.measurement == "k"
    assert SAY.translate(sent.message) == "a.bin 已損毀：a.bin 已損毀：欠缺 3 bytes。。"


def record(why):
    facts = CandidateFacts(name="yi", source="s", quantization="none", dtype="d", device="cpu")
    return Record(candidate=facts, results=(invalid("yi", "knowledge", "bank", why),))


def test_a_row_keeps_why_it_is_invalid_in_a_form_that_crosses_to_the_reader():
    [row] = Record.model_validate_json(record(DAMAGED).model_dump_json()).results
    assert sentence(row) == f"yi on bank: {DAMAGED}"
    assert json.loads(record(DAMAGED).model_dump_json())["results"][0]["reason"] == {
        "template": "{path} is damaged: {how}.",
        "values": {
            "path": "a.bin",
            "how": {"template": "{count} bytes are missing", "values": {"count": "3"}},
        },
    }
    assert reason(row) == DAMAGED
    assert reason(row, SAY) == "a.bin 已損毀：欠缺 3 bytes。"
    assert sentence(row, translator("zh-HK")).startswith("yi 在 bank：")


@pytest.mark.parametrize("text", ["", "as it is", "a {brace}", "{0.__class__}"])
def test_any_text_is_kept_by_a_record_as_it_is(text):
    [row] = Record.model_validate_json(record(text).model_dump_json()).results
    assert (row.reason, row.reason.values) == (text, {})
    assert SAY.translate(row.reason) == text


@pytest.mark.parametrize(
    "field", [3, ["x"], {"template": "x"}, {"template": "{a}", "values": {"a": 1}}]
)
def test_what_is_no_message_is_refused(field):
    with pytest.raises(ValueError, match="reason"):
        Result(candidate="yi", check="c", item="i", verdict="invalid", reason=field)


def test_of_many_names_some_are_told_and_how_many_more():
    assert some([]) == ""
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    shown = translator("zh-HK").translate(some(["a", "b", "c", "d", "e"]))
    assert shown == "a、b、c，另外還有 2 個"
