"""What it wrote: every prompt with the samples of all candidates side by side, to filter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from markupsafe import Markup

from basegate.i18n.formatting import printable
from basegate.report.page.samples import collect
from basegate.report.page.templating import asset, render

if TYPE_CHECKING:
    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page

SECTION = "bg-texts"
"""The section's id, with which its addresses begin."""
SCRIPT = "texts.js"
_IN_SCRIPT = str.maketrans(
    {char: f"\\u{ord(char):04x}" for char in ("<", ">", "&", "\u2028", "\u2029")}
)
"""What could end a script or a line of it, as JSON writes it otherwise."""


def render_texts(page: Page) -> Markup:
    data = collect(page)
    if not data["groups"]:
        return Markup()
    return render(
        "texts.html",
        page,
        data=as_json({**data, "words": _words(page.tr), "language": page.tr.language}),
        script=Markup(asset(SCRIPT)),
        parts=data["parts"],
        names=data["candidates"],
    )


def address(
    candidate: str = "", check: str = "", part: str = "", sample: str = "", verdict: str = ""
) -> str:
    """The URL fragment that opens the section with a filter; empty values filter nothing.

    `sample` is `right`, `wrong`, `none` (no answer), `degenerate` or `loops`; `verdict` is of the
    check, or of a question judged alone.
    """
    asked = {
        "candidate": printable(candidate),
        "check": printable(f"{check}/{part}") if check else "",
        "sample": sample,
        "verdict": verdict,
    }
    return f"#{SECTION}?{urlencode({name: value for name, value in asked.items() if value})}"


def as_json(value: Any) -> Markup:
    """JSON that can stand in a `script` element, whatever texts it contains."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # All that could be markup is escaped.
    return Markup(text.translate(_IN_SCRIPT))


def _words(tr: Translator) -> dict[str, str]:
    """The texts that the script shows; it replaces what stands in braces."""
    return {
        "all": tr("Show all {count} characters"),
        "alike": tr("{count} alike: {numbers}"),
        "answer": tr("Right answer: {answer}"),
        "bits": tr("Options by likelihood: bits per character of each text, bits of each letter"),
        "built": tr("{shown} of {all} groups are on the page so far."),
        "cantonese": tr("Cantonese marker"),
        "candidate": tr("candidate"),
        "count": tr("{shown} of {all} samples"),
        "count_options": tr("{shown} of {all} questions by likelihood"),
        "count_pairs": tr("{shown} of {all} pairs"),
        "degenerate": tr("degenerate"),
        "differs": tr("differs"),
        "empty": tr("wrote nothing"),
        "english": tr("clause of English"),
        "fail": tr("fail"),
        "found": tr("found"),
        "inconclusive": tr("inconclusive"),
        "invalid": tr("invalid"),
        "join": tr(", "),
        "left_out": tr("{count} more characters are in the store only."),
        "less": tr("Show less"),
        "letter": tr("most probable letter"),
        "loop": tr("said before"),
        "loops": tr("loops"),
        "more": tr("Show {count} more"),
        "no_match": tr("none of {count} matches"),
        "no_sample": tr("no sample"),
        "none": tr("no answer"),
        "not_a_number": tr("not a number"),
        "nothing": tr("Nothing matches these filters."),
        "pair": tr("pair: right sentence, wrong sentence"),
        "pairs": tr("Minimal pairs: bits per character of the right and of the wrong sentence"),
        "part": tr("Show {count} of {all} characters"),
        "pass": tr("pass"),
        "prompt": tr("Prompt"),
        "range": tr("{first} to {last} of {all} pairs"),
        "right": tr("right"),
        "sample": tr("sample {number}"),
        "simplified": tr("Simplified form"),
        "text": tr("most probable text"),
        "then": tr("; "),
        "tie": tr("tie"),
        "unknown": tr(
            "The link asks for something that this page cannot show and is left out: {names}"
        ),
        "wrong": tr("wrong"),
    }
