"""Where the suite's own content is: in the installed package, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from basegate.config.settings import CorpusSource


def suite_folder() -> Path:
    """The folder of questions, prompts and texts."""
    package = Path(__file__).parent.parent
    installed = package / "suite"
    return installed if installed.is_dir() else package.parent / "fixtures"


def project_folder() -> Path:
    """The folder of the suite's `models.toml`, `thresholds.toml` and `tests_models/`."""
    suite = suite_folder()
    return suite / "project" if suite.name == "suite" else suite.parent


def suite_corpus() -> CorpusSource:
    """The suite's Cantonese documents, with their versions in Standard Written Chinese."""
    texts = suite_folder() / "corpora"
    return CorpusSource(path=texts / "yue", glob="*.md", parallel=texts / "written-chinese")
