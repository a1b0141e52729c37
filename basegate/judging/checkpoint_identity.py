"""Whether two names mean one checkpoint: by hub id and commit, or a folder's fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.config.registry import COMMIT
from basegate.data.fingerprint import known_fingerprint
from basegate.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from basegate.config.limits import RelativeLimit
    from basegate.config.registry import CandidateSpec
    from basegate.measurement import CandidateFacts


@dataclass(frozen=True)
class Origin:
    """Source of a candidate in `models.toml` or `--model`: hub id, or folder (`local`).

    Attributes:
        revision: a full commit, or the fingerprint of a folder; `None` where the hub would have to
            be asked for it, or gigabytes read.
    """

    source: str
    local: bool = False
    revision: str | None = None

    def is_same_checkpoint(self, facts: CandidateFacts | Origin) -> bool:
        """Whether a candidate is certainly this one; False where a revision is not known."""
        same = self.local or facts.source == self.source
        return same and self.revision is not None and facts.revision == self.revision


def origins_of(
    limits: Iterable[RelativeLimit], known: Mapping[str, CandidateSpec], memory: Path | None = None
) -> dict[str, Origin]:
    """Origins of known candidates, if limits refer to any; those have revisions.

    `memory`: see `checkpoint_fingerprint`.
    """
    names = {limit.candidate for limit in limits}
    return {
        name: Origin(spec.source, spec.local, _revision(spec, memory) if name in names else None)
        for name, spec in known.items()
        if names
    }


def references_first(
    candidates: Iterable[CandidateSpec],
    limits: Iterable[RelativeLimit],
    known: Mapping[str, CandidateSpec],
    memory: Path | None = None,
) -> set[str]:
    """Names of candidates that limits refer to, or that may be the same checkpoint as one."""
    limits = list(limits)
    names = {limit.candidate for limit in limits}
    origins = origins_of(limits, known, memory)
    references = [origins[name] for name in names if name in origins]

    def same(spec: CandidateSpec) -> bool:
        # Which revision it is without a full commit shows only once it is measured.
        if any(each.source == spec.source for each in references):
            return True
        own = Origin(spec.source, spec.local, _revision(spec, memory)) if references else None
        return own is not None and any(each.is_same_checkpoint(own) for each in references)

    return {spec.name for spec in candidates if spec.name in names or same(spec)}


def _revision(spec: CandidateSpec, memory: Path | None) -> str | None:
    if spec.local:
        return known_fingerprint(Path(spec.source), memory)
    return spec.revision if COMMIT.fullmatch(spec.revision or "") else None


def suggestion(name: str, stored: Collection[str], known: Collection[str]) -> str:
    """A hint for the name of a reference that is neither stored nor known."""
    return "" if name in stored or name in known else did_you_mean(name, {*stored, *known})
