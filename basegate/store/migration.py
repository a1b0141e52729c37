"""Read measurements of schema 1 and 2, which held English sentences where records hold data now.

Numbers, evidence, identity and key are the same. Nothing is lost: a text that is not recognised
becomes a note as it is.
"""

from __future__ import annotations

import re
from typing import Any

_UNITS = {
    "bits per character": "bits_per_char",
    "bits per character of the same in written Chinese": "bits_per_char",
    "bits per character more than in written Chinese": "bits_per_char",
    "bits per byte": "bits_per_byte",
    "token perplexity": "perplexity",
    "perplexity as the article's code computes it (20 of 512 tokens; never judged)": "perplexity",
    "tokens per character": "tokens_per_char",
}
_COUNT = re.compile(r"of \d+ correct")
_SIZE = re.compile(
    r"(?P<n>\d+) (?P<kind>document|question|problem|prompt|pair)s?"
    r"(?:, (?P<at_most>up to )?(?P<samples_each>\d+) samples? each)?"
    r"(?:, (?P<left_out>\d+) (?:empty ones? )?left out)?"
    r"(?:, (?P<parallel>\d+) of them in written Chinese too)?"
)
_NOTES = (
    "sampling and likelihood disagree: {sampled} % of sampled answers are right, {likely} % of "
    "questions by likelihood (it answers in text what its probabilities do not show; look at its "
    "samples).",
    "sampling and likelihood disagree: {sampled} % of sampled answers are right, {likely} % of "
    "questions by likelihood (it knows more than it writes: look for samples without a "
    "recognisable answer).",
    "copies of other documents: {copies} of {documents} documents, {share} % of the characters. "
    "They show nothing new, and the interval is too narrow for it: leave them out.",
    "a batch did not fit into memory and was halved, {count}; the numbers are not affected.",
    "the options could not be scored by likelihood: {error}",
)
"""Templates of notes that have values; one without values is its own template."""
_HALVED = (
    "batches that did not fit into memory were halved ({count} times in all); the numbers are not "
    "affected."
)


def migrate(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a measurement of schema 1 or 2 in schema 3.

    Args:
        fields: as the JSON file has them; not changed. They need not be valid.
    """
    findings = fields.get("findings")
    if not isinstance(findings, dict):
        return fields
    found = dict(findings)
    basis, notes = str(found.pop("basis", "")), found.get("notes") or ()
    size = _SIZE.fullmatch(basis)
    if size is not None:
        found["sample_size"] = _sample_size(size)
    elif basis:
        notes = [*notes, basis]
    found["notes"] = [_note(each) if isinstance(each, str) else each for each in notes]
    found["metrics"] = [
        {**each, "unit": _unit(str(each.get("unit")))} for each in found.get("metrics") or ()
    ]
    return {**fields, "schema_version": 3, "findings": found}


def _unit(text: str) -> str:
    if _COUNT.fullmatch(text):
        return "correct"
    return "fraction" if text.startswith("share ") else _UNITS.get(text, text)


def _sample_size(found: re.Match[str]) -> dict[str, Any]:
    each = found["samples_each"]
    return {
        "kind": f"{found['kind']}s",
        "n": int(found["n"]),
        "samples_each": int(each) if each else None,
        "at_most": found["at_most"] is not None,
        "left_out": int(found["left_out"] or 0),
        "parallel": int(found["parallel"] or 0),
    }


def _note(text: str) -> dict[str, Any]:
    for template in _NOTES:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, text, re.DOTALL):
            values = found.groupdict()
            if "halved" not in template:
                return {"template": template, "values": values}
            times = values["count"].removesuffix(" times")
            return {"template": _HALVED, "values": {"count": "1" if times == "once" else times}}
    return {"template": text, "values": {}}
