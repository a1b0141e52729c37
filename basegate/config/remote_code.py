"""`--trust-remote-code`: a checkpoint's Python code runs only on request, at a pinned commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.config.model_source import COMMIT, names_in
from basegate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.registry import CandidateSpec


def trust(candidates: Sequence[CandidateSpec], names: Sequence[str]) -> tuple[CandidateSpec, ...]:
    """The candidates, those named in `--trust-remote-code` marked as trusted.

    Raises `UsageError` if a name is no candidate of the run, or its code not pinned to a commit.
    """
    known = [spec.name for spec in candidates]
    if any(not each.strip(" ,") for each in names):
        raise UsageError(
            "--trust-remote-code names nobody: --trust-remote-code NAME. Candidates: "
            f"{', '.join(known)}."
        )
    names = names_in(names)
    for name in names:
        if name.startswith("@") or (name == "all" and name not in known):
            raise UsageError(
                f"--trust-remote-code {name}: code is trusted model by model, by whoever has read "
                "it. Name each one: --trust-remote-code NAME,NAME."
            )
        if name not in known:
            raise UsageError(
                f"--trust-remote-code {name}: this run has no candidate of that "
                f"name.{did_you_mean(name, known)} Candidates: {', '.join(known)}."
            )
    for spec in candidates:
        if spec.name in names:
            check_pinned(spec.source, spec.revision, spec.local, f"--trust-remote-code {spec.name}")
    return tuple(
        spec.model_copy(update={"trusted": True}) if spec.name in names else spec
        for spec in candidates
    )


def check_pinned(source: str, revision: str | None, local: bool, what: str) -> None:
    """Raise `UsageError` unless code is pinned to one commit; `what` asks for it."""
    if local:
        raise UsageError(
            f"{what}: {source} is a folder, which pins no commit: its code may change between two "
            "runs. Give the hub id and the full commit of the code that you have read."
        )
    if not (revision and COMMIT.fullmatch(revision)):
        raise UsageError(
            f"{what}: code that may change tomorrow cannot be trusted today. Pin the full commit "
            'that you have read, all 40 digits of it: revision = "..." in models.toml, or --model '
            f"NAME={source}@COMMIT. Revision given: {revision or 'none'}."
        )
