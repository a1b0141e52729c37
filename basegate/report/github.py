"""Where the Markdown summary goes: a file, and the page that GitHub shows of a job."""

from __future__ import annotations

import os
from pathlib import Path

from basegate.i18n.catalogue import Translator
from basegate.ledger import Ledger
from basegate.serialization import write_atomically

VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub Actions shows on a job's page; steps append to it."""


def write_summary(ledger: Ledger, path: Path | None, tr: Translator) -> str:
    """Write the Markdown summary to a file, and append it to the GitHub job page.

    Returns:
        Why the job page lacks it, in a sentence; empty otherwise.

    Raises:
        OSError: `path` cannot be written.
    """
    job = os.environ.get(VARIABLE, "")
    if not (path or job):
        return ""
    # Late: a run without a summary need not wait for the templates behind it.
    from basegate.report.markdown import summarise

    text = summarise(ledger, tr)
    if path is not None and not (job and os.path.realpath(path) == os.path.realpath(job)):
        write_atomically(path, text)
    if not job:
        return ""
    try:
        with open(job, "a", encoding="utf-8", newline="\n") as file:
            # A blank line parts it from what another command of the step has written.
            file.write(f"\n{text}")
    except OSError as error:
        return f"the summary could not be added to ${VARIABLE}: {error}"
    return ""
