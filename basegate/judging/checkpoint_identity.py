"""Where candidates come from, which tells whether two names mean one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.config.model_source import COMMIT
from basegate.data.fingerprint import known_fingerprint
from basegate.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from basegate.config.limits import RelativeLimit
    from basegate.config.registry import CandidateSpec
    from basegate.measurement import CandidateFacts


@dataclass(frozen=True)
class Origin:
    """Where a candidate comes from, by `models.toml` or `--model`.

    Attributes:
        source: hub id, or folder.
        local: whether it is a folder.
        revision: a full commit, or the fingerprint of a folder; `None` where the hub would have to
            be asked for it, or gigabytes read.
    """

    source: str
    local: bool = False
    revision: str | None = None

    def is_of(self, facts: CandidateFacts | Origin) -> bool:
        """Whether a candidate, measured or known, is surely this one, whatever its name."""
        same = self.local or facts.source == self.source
        return same and self.revision is not None and facts.revision == self.revision


def origins_of(
    limits: Iterable[RelativeLimit], known: Mapping[str, CandidateSpec], memory: Path | None = None
) -> dict[str, Origin]:
    """Where known candidates come from; with revisions, of those that limits speak of.

    Args:
        limits: of the thresholds.
        known: candidates by name.
        memory: see `checkpoint_fingerprint`.
    """
    names = {limit.candidate for limit in limits}
    return {
        name: Origin(spec.source, spec.local, _revision(spec, memory) if name in names else None)
        for name, spec in known.items()
        if names
    }


def measured_first(
    candidates: Iterable[CandidateSpec],
    limits: Iterable[RelativeLimit],
    known: Mapping[str, CandidateSpec],
    memory: Path | None = None,
) -> set[str]:
    """The names of those that limits speak of, or that may be the same checkpoint.

    Args:
        candidates: of a run.
        limits: of the thresholds.
        known: candidates by name.
        memory: see `checkpoint_fingerprint`.
    """
    limits = list(limits)
    names = {limit.candidate for limit in limits}
    origins = origins_of(limits, known, memory)
    references = [origins[name] for name in names if name in origins]

    def same(spec: CandidateSpec) -> bool:
        # Which revision it is without a full commit shows only once it is measured.
        if any(each.source == spec.source for each in references):
            return True
        own = Origin(spec.source, spec.local, _revision(spec, memory)) if references else None
        return own is not None and any(each.is_of(own) for each in references)

    return {spec.name for spec in candidates if spec.name in names or same(spec)}


def _revision(spec: CandidateSpec, memory: Path | None) -> str | None:
    if spec.local:
        return known_fingerprint(Path(spec.source), memory)
    return spec.revision if COMMIT.fullmatch(spec.revision or "") else None


def suggestion(name: str, stored: Collection[str], known: Collection[str]) -> str:
    """What a reference that nothing is known of may mean; empty where there is no telling.

    Args:
        name: of the reference.
        stored: names that something is stored of.
        known: names of `models.toml` and `--model`.
    """
    return "" if name in stored or name in known else did_you_mean(name, {*stored, *known})
