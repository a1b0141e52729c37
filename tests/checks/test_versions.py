"""A check's version has to rise when the code that reads texts changes what it reads.

Stored measurements are served by it. This test holds a digest of the reading code, comments
and docstrings apart: whoever changes that code has to look here, and decides.
"""

from __future__ import annotations

import ast
import hashlib
import sys

import pytest

from basegate.config.declaration import declaration_of
from tests.helpers.paths import ROOT

PACKAGE = ROOT / "basegate"
READERS = {
    "knowledge": (
        "data/banks.py",
        "data/option_labels.py",
        "data/option_texts.py",
        "data/plain_text.py",
        "data/records.py",
        "data/tables.py",
        "data/text_files.py",
        "checks/answers/choice.py",
        "checks/answers/mentions.py",
        "checks/answers/final.py",
        "checks/answers/patterns.py",
        "checks/option_likelihood.py",
        "checks/k_of_n.py",
    ),
    "reasoning": (
        "data/banks.py",
        "data/option_labels.py",
        "data/option_texts.py",
        "data/plain_text.py",
        "data/records.py",
        "data/tables.py",
        "data/text_files.py",
        "checks/answers/number.py",
        "checks/answers/numerals.py",
        "checks/answers/final.py",
        "checks/answers/patterns.py",
        "checks/k_of_n.py",
    ),
    "continuation": ("checks/language_variety.py", "checks/continuation.py"),
    "perplexity": (
        "data/corpora.py",
        "data/text_files.py",
        "engines/window_scoring.py",
        "checks/corpus_sums.py",
        "checks/perplexity.py",
    ),
    "minimal_pairs": (
        "data/banks.py",
        "data/plain_text.py",
        "data/records.py",
        "data/tables.py",
        "data/text_files.py",
        "checks/minimal_pairs.py",
    ),
}
KNOWN = {
    "knowledge": (9, "ee2ecf549e310ca0"),
    "reasoning": (6, "2913825fcfbc66f4"),
    "continuation": (8, "d5233a6ef87021c3"),
    "minimal_pairs": (3, "fa8a6ae8d629d0f1"),
    "perplexity": (7, "d5d468d03f5e7a54"),
}


class WithoutImports(ast.NodeTransformer):
    """Modules may move: where a name comes from does not change what is read."""

    def visit_Import(self, node: ast.Import) -> None: ...

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """What is imported for types alone goes, too."""
        types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if types else self.generic_visit(node)


def digest(*names: str) -> str:
    """Return a digest of what modules do, without docstrings, layout and imports."""
    found = hashlib.sha256()
    for name in names:
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        tree = WithoutImports().visit(tree)
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
    found = (declaration_of(check).version, digest(*READERS[check]))
    assert found == KNOWN[check], (
        f"the code behind {check!r} changed. If it gives another number for the same texts, raise "
        f"version in basegate/checks/{check}.py; then write {found} here."
    )
