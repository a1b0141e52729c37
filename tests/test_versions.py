"""A measure's VERSION has to rise when the code that reads texts changes what it reads.

Stored measurements are served by VERSION. This test holds a digest of the reading code, comments
and docstrings apart: whoever changes that code has to look here, and decides.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from pathlib import Path

import pytest

from basegate.measures import measure_for

ROOT = Path(__file__).parent.parent / "basegate"
READERS = {
    "knowledge": (
        "banks.py",
        "columns.py",
        "answers/choice.py",
        "answers/mentions.py",
        "answers/wording.py",
        "measures/choices.py",
        "measures/counting.py",
    ),
    "reasoning": (
        "banks.py",
        "columns.py",
        "answers/number.py",
        "answers/wording.py",
        "measures/counting.py",
    ),
    "continuation": ("variety.py", "measures/continuation.py"),
    "perplexity": ("corpora.py", "windows.py", "measures/perplexity.py"),
    "minimal_pairs": ("banks.py", "columns.py", "measures/minimal_pairs.py"),
}
KNOWN = {
    "knowledge": (5, "efa90e8a3878f3e7"),
    "reasoning": (5, "6d8faba51e4857dc"),
    "continuation": (6, "414ae454066ab99e"),
    "minimal_pairs": (3, "7aab96016e8cf802"),
    "perplexity": (4, "204ca839617afebf"),
}


def digest(*names: str) -> str:
    """Return a digest of what modules do, without docstrings and layout."""
    found = hashlib.sha256()
    for name in names:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and (
                ast.get_docstring(node) is not None
            ):
                node.body = node.body[1:] or [ast.Pass()]
        found.update(ast.dump(tree).encode())
    return found.hexdigest()[:16]


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the digests are of Python 3.11's syntax trees"
)
@pytest.mark.parametrize("check", READERS)
def test_the_version_is_of_this_code(check):
    found = (measure_for(check).VERSION, digest(*READERS[check]))
    assert found == KNOWN[check], (
        f"the code behind {check!r} changed. If it gives another number for the same texts, raise "
        f"VERSION in basegate/measures/{check}.py; then write {found} here."
    )
