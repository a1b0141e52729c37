"""basegate: a pytest-based acceptance test suite for base (pre-trained) language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from basegate.engines.loading import load_candidate

__all__ = ["load_candidate"]


def __getattr__(name: str) -> Any:
    # Late, because it imports torch, which `pytest --help` and collection must not.
    if name == "load_candidate":
        from basegate.engines.loading import load_candidate

        return load_candidate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
