"""The base of every typed record: frozen, closed to unknown fields, JSON without NaN."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Frozen(BaseModel):
    """An immutable record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


FiniteOrNone = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A number that JSON can hold: NaN and infinities become `None`, which is judged `invalid`."""


_ENDS = (tuple, list)


def _finite_interval(value: Any) -> Any:
    if isinstance(value, _ENDS) and None in map(_finite_or_none, value):
        return None
    return value


Interval = Annotated[tuple[float, float] | None, BeforeValidator(_finite_interval)]
"""Lower and upper end; an interval with an end that is not finite is none."""


_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no white space: equal values, equal text.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of `canonical_json(value)` as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()
