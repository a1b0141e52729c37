"""README, docs and CONTRIBUTING: links resolve, paths exist, the layers are the linter's."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.helpers.paths import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "README.zh-HK.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
OF_ANOTHER_PROJECT = "checks.md"
"""The page on checks of the reader's own: its acceptance tests and data are in that project."""
PATH = re.compile(r"`((?:basegate|tests|tests_models|fixtures|benchmarks|docs)/[^` ]*)`")


def anchor(heading: str) -> str:
    """GitHub's: lower case, punctuation dropped, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {anchor(each) for each in re.findall(r"^#+ (.+)$", outside, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, place = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (place and place not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_a_page_names_are_there(page):
    named = PATH.findall(page.read_text(encoding="utf-8"))
    exact = [each for each in named if not re.search(r"[A-Z]{3,}|\*", each)]
    if page.name == OF_ANOTHER_PROJECT:
        exact = [each for each in exact if not each.startswith(("tests_models/", "fixtures/"))]
    assert [each for each in exact if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-HK.md"])
def test_the_readme_is_short_and_names_every_package(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    packages = {each.parent.name for each in (ROOT / "basegate").glob("*/__init__.py")}
    assert packages <= {*re.findall(r"^\| `(\w+)` \|", "\n".join(lines), re.MULTILINE)}


def test_the_layers_described_are_those_that_import_linter_holds():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = next(
        each["layers"]
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
    )
    text = (ROOT / "docs/structure.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| (.+) \|$", text, re.MULTILINE)
    described = [
        " | ".join(f"basegate.{each}" for each in re.findall(r"`(\w+)(?:\.py)?`", row))
        for row in rows
    ]
    assert described == held
