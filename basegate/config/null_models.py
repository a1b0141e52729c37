"""Null models as candidates: by name or `@null`, without an entry in `models.toml` or a file."""

from __future__ import annotations

from collections.abc import Mapping

from basegate.config.registry import RESERVED, CandidateSpec

_KINDS = ("unigram", "bigram", "5gram", "uniform", "letter-a", "copy")


def _spec(kind: str) -> CandidateSpec:
    name = f"{RESERVED}{kind}"
    # Precision is what it computes in, which no option changes.
    return CandidateSpec(
        name=name,
        source=name,
        tags=("null",),
        engine="null",
        quantization="none",
        dtype="float64",
    )


NULL_MODELS: Mapping[str, CandidateSpec] = {spec.name: spec for spec in map(_spec, _KINDS)}
"""By name. `all` does not mean them: it stands for what `models.toml` registers."""
