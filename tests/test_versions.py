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
        "answers/settled.py",
        "answers/wording.py",
        "measures/choices.py",
        "measures/counting.py",
    ),
    "reasoning": (
        "banks.py",
        "columns.py",
        "answers/number.py",
        "answers/settled.py",
        "answers/wording.py",
        "measures/counting.py",
    ),
    "continuation": ("variety.py", "measures/continuation.py"),
    "perplexity": ("corpora.py", "windows.py", "measures/perplexity.py"),
    "minimal_pairs": ("banks.py", "columns.py", "measures/minimal_pairs.py"),
}
KNOWN = {
    "knowledge": (6, "d6eb08c62294a6bd"),
    "reasoning": (5, "ec95657ee6441f6c"),
    "continuation": (7, "260ad2772359845a"),
    "minimal_pairs": (3, "47436478d88ff34e"),
    "perplexity": (5, "8c4c584a875f3f81"),
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
