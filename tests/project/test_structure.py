"""The layout that a newcomer relies on: few modules at the root, short files, no circles."""

from __future__ import annotations

import grimp
import pytest

from tests.helpers.paths import ROOT

PACKAGE = ROOT / "basegate"


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_root_holds_few_packages_and_modules():
    packages = [each for each in PACKAGE.iterdir() if (each / "__init__.py").is_file()]
    assert len(packages) <= 12
    assert len(list(PACKAGE.glob("*.py"))) <= 8


@pytest.mark.parametrize(("folder", "most"), [("basegate", 400), ("tests", 500)])
def test_no_file_is_long(folder, most):
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / folder).rglob("*.py")
        if (count := lines(path)) > most
    }
    assert long == {}


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph("basegate", exclude_type_checking_imports=True)
    circles = []
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            # A package and what it is made of are one: `__init__` may import its own modules.
            if imported.startswith(f"{module}.") or module.startswith(f"{imported}."):
                continue
            if graph.find_shortest_chain(imported, module) is not None:
                circles.append((module, imported))
    assert circles == []
