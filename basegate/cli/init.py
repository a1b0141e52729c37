"""`basegate init`: a folder of acceptance tests, questions, candidates and limits to begin with."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from basegate.cli.console import Commands
from basegate.data.suite import project_folder, suite_folder
from basegate.errors import UsageError

_DATA = (
    "__init__.py",
    "algebra/*",
    "corpora/**/*.md",
    "prompts/*",
    "questions/*",
    "demo/*.jsonl",
    "demo/*.toml",
    "demo/README.md",
    "demo/corpora/yue-held-out/*",
    "demo/tiny-*/*",
)
"""What goes into `fixtures/`: everything that the two thresholds files name, and its READMEs."""

_PYTEST_INI = """\
[pytest]
testpaths = tests_models
pythonpath = .
addopts = --import-mode=importlib
"""

_HEAD = """\
# What a base model has to reach before anyone fine-tunes it. Every limit may carry a `why`.
# Changing a limit judges the stored measurements again; changing a setting measures again.
# Where a part of a bank decided the old limit (early), a new one may need the rest of it measured.
#
# To begin with, these are limits for two demonstrations, so that `pytest --model tiny-yue` works at
# once. They are nothing to judge a real model by: thresholds-suite.toml holds all that the suite
# asks of one. Try it with `pytest --thresholds thresholds-suite.toml --model NAME`, and put it
# in the place of this file when you have seen the demonstration.
#
# A question of your own is a line in a bank, as in fixtures/questions/must-know.jsonl; a bank of
# your own is one more table, as [knowledge.banks.mine] with questions, samples and correct.
"""

_NEXT = """
Try the gate on the two demonstrations; one is accepted, one is rejected, report.html says why:

    pytest --model tiny-yue,tiny-en

Ask a real model all that the suite has (pytest --list-models names the models of models.toml):

    pytest --thresholds thresholds-suite.toml --model NAME

Questions and limits of your own go into thresholds.toml, models of your own into models.toml."""

_OTHER_SETTINGS = """
pytest's settings are in {name}, so no pytest.ini was written. Name the tests, as in
pytest tests_models --model NAME, or add tests_models to testpaths there, and . to pythonpath."""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "init",
        help="write acceptance tests, questions, models.toml and thresholds.toml to begin with",
        description="Writes what the gate needs into a folder: conftest.py, tests_models/, "
        "models.toml, thresholds.toml (limits for two demonstrations that come with it), "
        "thresholds-suite.toml (all that the suite asks of a real model), fixtures/ (the "
        "questions, texts and demonstrations that these name) and, where pytest has no settings "
        "there, pytest.ini. Nothing is overwritten: where one of the files exists, none is "
        "written.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where to, made if it is missing (default: the current folder)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the files, all of them or none."""
    folder: Path = options.folder
    settings = _pytest_settings(folder)
    files = dict(_files())
    if settings is None:
        files["pytest.ini"] = _PYTEST_INI.encode()
    _refuse_existing(folder, files)
    _write(folder, files)
    tops = sorted({f"{name.split('/')[0]}{'/' * ('/' in name)}" for name in files})
    print(f"{len(files)} files in {folder.resolve()}: {', '.join(tops)}")
    if settings is not None:
        print(_OTHER_SETTINGS.format(name=settings))
    print(_NEXT)
    return 0


def _files() -> Iterator[tuple[str, bytes]]:
    suite, project = suite_folder(), project_folder()
    for name in ("conftest.py", "models.toml"):
        yield name, (project / name).read_bytes()
    for path in sorted(project.glob("tests_models/test_*.py")):
        yield f"tests_models/{path.name}", path.read_bytes()
    yield "thresholds.toml", _demonstration(suite).encode()
    yield "thresholds-suite.toml", (project / "thresholds.toml").read_bytes()
    for pattern in _DATA:
        for path in sorted(suite.glob(pattern)):
            if path.is_file():
                yield f"fixtures/{path.relative_to(suite).as_posix()}", path.read_bytes()


def _demonstration(suite: Path) -> str:
    """The limits of the demonstrations, with paths from the folder that they are written into."""
    text = (suite / "demo/thresholds.toml").read_text(encoding="utf-8")
    tables = text[text.index("\n[") :]
    keys = r"^(path|pairs|prompts|questions|problems) = \""
    tables = re.sub(keys, r'\1 = "fixtures/demo/', tables, flags=re.MULTILINE)
    return _HEAD + tables.replace("demo/../", "")


def _pytest_settings(folder: Path) -> str | None:
    """The file of a folder that holds settings of pytest; `None` where there is none."""
    tables = {
        "pytest.ini": "",
        "pytest.toml": "",
        ".pytest.toml": "",
        ".pytest.ini": "",
        "pyproject.toml": "[tool.pytest",
        "tox.ini": "[pytest]",
        "setup.cfg": "[tool:pytest]",
    }
    for name, table in tables.items():
        path = folder / name
        if path.is_file() and table in path.read_text(encoding="utf-8", errors="replace"):
            return name
    return None


def _refuse_existing(folder: Path, files: Mapping[str, bytes]) -> None:
    existing = [name for name in files if (folder / name).exists()]
    if existing:
        shown = ", ".join(existing[:5]) + (f" and {len(existing) - 5} more" * (len(existing) > 5))
        raise UsageError(
            f"{folder.resolve()} holds files of these names already: {shown}. Nothing was written, "
            "so that none is lost. Name a new folder: basegate init FOLDER"
        )


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"{error.filename}: cannot be written ({error.strerror}), so the folder is not "
            "complete. Remove what was written, and name another: basegate init FOLDER"
        ) from None
