"""A measurement as two files: JSON for its numbers, JSON Lines beside it for the evidence.

The first line of the JSON file is a checksum over the rest, which names the other file and its
checksum. Files of schema 2, which held English sentences in place of data, and of schema 1, which
held everything in one and had no checksum, are still read.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, cast

from pydantic import Field, ValidationError

from basegate.measurement import (
    DocumentScore,
    Findings,
    Measurement,
    OptionScores,
    Preference,
    Sample,
)
from basegate.serialization import Frozen, digest

SCHEMA = 3
EVIDENCE: dict[str, type[Frozen]] = {
    "samples": Sample,
    "preferences": Preference,
    "choices": OptionScores,
    "documents": DocumentScore,
}
"""Fields of `Findings` that go into the second file, and what each of their lines is."""
_HEAD = re.compile(rb'\{\n "checksum": "([0-9a-f]{64})",\n')
_LAST = b',\n "evidence": '
_SCHEMA_NUMBER = re.compile(rb'"schema_version": ?(\d+)')
_OLD_UNITS = {
    "bits per character": "bits_per_char",
    "bits per character of the same in written Chinese": "bits_per_char",
    "bits per character more than in written Chinese": "bits_per_char",
    "bits per byte": "bits_per_byte",
    "token perplexity": "perplexity",
    "perplexity as the article's code computes it (20 of 512 tokens; never judged)": "perplexity",
    "tokens per character": "tokens_per_char",
}
_OLD_COUNT = re.compile(r"of \d+ correct")
_OLD_SIZE = re.compile(
    r"(?P<n>\d+) (?P<kind>document|question|problem|prompt|pair)s?"
    r"(?:, (?P<at_most>up to )?(?P<samples_each>\d+) samples? each)?"
    r"(?:, (?P<left_out>\d+) (?:empty ones? )?left out)?"
    r"(?:, (?P<parallel>\d+) of them in written Chinese too)?"
)


class Damaged(Exception):
    """A file of the store that cannot be trusted; says why, e.g. `its key is not …`."""


class Newer(Damaged):
    """A file of the store that a newer basegate wrote."""


class Evidence(Frozen):
    """Where the samples, pairs or option scores of a measurement are.

    Attributes:
        file: name of the file beside the measurement's; never one elsewhere.
        sha256: of its bytes.
        lines: how many it holds.
    """

    file: Annotated[str, Field(pattern=r"^[^/\\]+\.samples\.jsonl$")]
    sha256: str
    lines: int


def write_evidence(findings: Findings) -> str:
    """The text of the second file, a line per sample, pair or question."""
    return "".join(
        json.dumps({name: each.model_dump(mode="json")}, ensure_ascii=False, allow_nan=False) + "\n"
        for name in EVIDENCE
        for each in getattr(findings, name)
    )


def write(measurement: Measurement, evidence: Evidence | None) -> str:
    fields = measurement.model_dump(
        mode="json", exclude={"findings": set(EVIDENCE), "earlier": True}
    )
    fields["evidence"] = evidence.model_dump() if evidence is not None else None
    rest = json.dumps(fields, ensure_ascii=False, indent=1, allow_nan=False).removeprefix("{\n")
    checksum = hashlib.sha256(rest.encode()).hexdigest()
    return f'{{\n "checksum": "{checksum}",\n{rest}\n'


def read(data: bytes) -> tuple[Measurement, Evidence | None]:
    """The measurement of a file, without its evidence, and where that is.

    Raises:
        Newer: it is of a schema that is not known here yet.
        Damaged: it was cut short or changed.
    """
    head = _HEAD.match(data)
    if head is None:
        return _of_its_key(_measurement(data)), None
    rest = data[head.end() : -1] if data.endswith(b"\n") else data[head.end() :]
    if hashlib.sha256(rest).hexdigest().encode() != head[1]:
        raise Damaged("its checksum is not that of its content")
    # The evidence's place is the last field: cut off, the rest is a measurement as it is.
    numbers, found, place = rest.rpartition(_LAST)
    measurement = _of_its_key(_measurement(b"{%b}" % numbers if found else data))
    place = place.removesuffix(b"\n}")
    return measurement, None if place == b"null" else _validate(Evidence, place)


def _measurement(data: bytes) -> Measurement:
    schema = _SCHEMA_NUMBER.search(data)
    if schema is not None and int(schema[1]) < SCHEMA:
        try:
            data = json.dumps(migrate(json.loads(data))).encode()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Damaged(f"it is no measurement ({type(error).__name__})") from None
    return cast("Measurement", _validate(Measurement, data))


def _validate(kind: type[Any], data: bytes) -> Any:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        given = _SCHEMA_NUMBER.search(data)
        if given and int(given[1]) > SCHEMA:
            raise Newer(f"it is of schema {int(given[1])}, of a newer basegate") from None
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(f"{where}: {first['msg']}" if where else first["msg"]) from None


def _of_its_key(measurement: Measurement) -> Measurement:
    try:
        key = digest(measurement.identity)
    except ValueError:
        raise Damaged("its identity holds what JSON cannot") from None
    if measurement.key != key:
        raise Damaged("its key is not that of its identity")
    return measurement


def migrate(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a measurement of schema 1 or 2 in schema 3; they need not be valid.

    Numbers, evidence, identity and key are the same. A text that is not recognised becomes a note.
    """
    findings = fields.get("findings")
    if not isinstance(findings, dict):
        return fields
    found = dict(findings)
    basis = str(found.pop("basis", ""))
    if size := _OLD_SIZE.fullmatch(basis):
        found["sample_size"] = {
            "kind": f"{size['kind']}s",
            "n": int(size["n"]),
            "samples_each": int(size["samples_each"]) if size["samples_each"] else None,
            "at_most": size["at_most"] is not None,
            "left_out": int(size["left_out"] or 0),
            "parallel": int(size["parallel"] or 0),
        }
    elif basis:
        found["notes"] = [*(found.get("notes") or ()), basis]
    found["metrics"] = [
        {**each, "unit": _migrate_unit(str(each.get("unit")))}
        for each in found.get("metrics") or ()
    ]
    return {**fields, "schema_version": SCHEMA, "findings": found}


def _migrate_unit(text: str) -> str:
    if _OLD_COUNT.fullmatch(text):
        return "correct"
    return "fraction" if text.startswith("share ") else _OLD_UNITS.get(text, text)


def without_evidence(measurement: Measurement) -> Measurement:
    findings = measurement.findings.model_copy(update=dict.fromkeys(EVIDENCE, ()))
    return measurement.model_copy(update={"findings": findings})


def with_evidence(measurement: Measurement, evidence: Evidence, data: bytes) -> Measurement:
    """A measurement with the evidence in `data`, its second file.

    Raises:
        Damaged: the second file was cut short or changed.
    """
    if hashlib.sha256(data).hexdigest() != evidence.sha256:
        raise Damaged(f"the checksum of {evidence.file} is not that of its content")
    found: dict[str, list[Any]] = {name: [] for name in EVIDENCE}
    try:
        for line in filter(None, data.decode("utf-8").split("\n")):
            for name, fields in json.loads(line).items():
                found[name].append(EVIDENCE[name].model_validate(fields))
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(f"{evidence.file} holds no samples ({type(error).__name__})") from None
    parts = {name: tuple(each) for name, each in found.items()}
    findings = measurement.findings.model_copy(update=parts)
    return measurement.model_copy(update={"findings": findings})
