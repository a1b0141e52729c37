"""A `thresholds.toml` with other limits: all else stays, comments and order included."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import Item, Table

from basegate.i18n.catalogue import ENGLISH
from basegate.i18n.messages import Message, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping, Sequence

    from basegate.config.thresholds import Check
    from basegate.i18n.catalogue import Words
    from basegate.judging.calibration import Proposal

_BEFORE = "# before: "
"""Begins a comment on what stood in a line before."""
_PATHS = ("path", "parallel", "prompts", "pairs", "questions", "problems")
"""Keys whose values are relative to the file that names them."""


def rewritten(
    text: str, proposals: Iterable[Proposal], source: Path, target: Path, say: Words = ENGLISH
) -> str:
    """Return the text of a thresholds file with proposed limits and their reasons.

    What a limit and its `why` were before stands in a comment beside them, unless there is another.

    Args:
        text: of the present file.
        proposals: of its limits; a table whose limits are all kept stays as it is.
        source: the present file's folder.
        target: the new file's folder, which local paths are made relative to.
        say: in whose language a `why` is written.
    """
    document = tomlkit.parse(text)
    by_table: dict[tuple[str, ...], list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        by_table[_steps(proposal.check)].append(proposal)
    for steps, own in by_table.items():
        if any(each.value is not None for each in own):
            _set_limits(_at(document, steps), own, say)
    if os.path.abspath(source) != os.path.abspath(target):
        for table in _tables(document):
            _move_paths(table, source, target)
    return tomlkit.dumps(document)


def _steps(check: Check) -> tuple[str, ...]:
    """Return the names of the tables that lead to a check's own."""
    if check.check == "continuation":
        return (check.check,)
    return check.check, "corpora" if check.check == "perplexity" else "banks", check.item


def _at(document: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        document = document[step]
    return document


def _set_limits(table: Any, proposals: Sequence[Proposal], say: Words) -> None:
    for proposal in proposals:
        if proposal.value is not None:
            _put(table, proposal.key, proposal.value)
    several = len(proposals) > 1
    reasons = [
        Message("{key}: {why}", key=each.key, why=each.why) if several else each.why
        for each in proposals
    ]
    # A plain text: tomlkit has a way of its own with classes of strings.
    _put(table, "why", str(say.retold(joined(reasons, "; "))))


def _put(table: Any, key: str, value: float | str) -> None:
    """Set a key in its place; a new one after the last, before what leads to the next table."""
    before = table.get(key)
    if before == value:
        return
    # In an inline table a comment would end the line, and nothing follows.
    if not isinstance(table, Table):
        table[key] = value
    elif before is not None:
        table[key] = value
        _note(table[key], before)
    else:
        body = table.value.body
        rest = []
        while body and body[-1][0] is None:
            rest.append(body.pop())
        table[key] = value
        body.extend(reversed(rest))


def _note(item: Any, before: Item) -> None:
    there = item.trivia.comment
    if there and not there.startswith(_BEFORE):
        return
    # Anew, since a text may stand on several lines.
    text = tomlkit.item(before.unwrap()).as_string()
    item.comment(_BEFORE.removeprefix("# ") + text)


def _tables(document: Any) -> Iterator[MutableMapping[str, Any]]:
    """Yield the tables that may name local files."""
    for name, table in document.items():
        if name == "candidates" or not isinstance(table, dict):
            continue
        yield table
        for group in ("corpora", "banks"):
            yield from table.get(group, {}).values()


def _move_paths(table: MutableMapping[str, Any], source: Path, target: Path) -> None:
    for key in _PATHS:
        given = table.get(key)
        if isinstance(given, str) and not Path(given).expanduser().is_absolute():
            moved = os.path.relpath(source / given, target)
            table[key] = Path(moved).as_posix()
