"""A limit relative to the candidate `ref`, and measurements of it."""

from __future__ import annotations

from basegate.config.limits import RelativeLimit
from basegate.config.registry import CandidateSpec
from basegate.config.thresholds import load_thresholds
from basegate.judging.judge import judge
from basegate.judging.relative_limits import References, origins_of
from tests.helpers.stored import (
    THRESHOLDS,
    candidate,
    measurement,
    perplexity,
)

RELATIVE = THRESHOLDS.replace(
    "max_bits_per_char = 5.0", 'max_bits_per_char = { reference = "ref", factor = 1.25 }'
)
REF = candidate("ref", revision="b" * 40)


def judging(thresholds):
    """Return a function that judges a perplexity of 4 bits by the references that are given."""

    def judged(*references, bits=4.0, **known):
        loaded = load_thresholds(thresholds)
        [limit] = [each for each in loaded.relative if each.metric == "bits_per_char"]
        own = measurement(thresholds, "perplexity", perplexity(bits))
        return judge(own, [limit], "mine", References([limit], references, **known))

    return judged


def reference(thresholds, bits=4.0, facts=REF, **changes):
    return measurement(thresholds, "perplexity", perplexity(bits), facts, **changes)


def known_as_ref(**fields):
    """Return what models.toml says of `ref`: by default the commit of the measurements of REF."""
    spec = CandidateSpec(name="ref", **{"source": REF.source, "revision": REF.revision} | fields)
    line = RelativeLimit(key="k", metric="m", direction="max", candidate="ref", plus=0.0)
    return origins_of([line], {"ref": spec, "other": spec})
