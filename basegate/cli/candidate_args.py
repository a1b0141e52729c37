"""Candidates on the command line: those that `--model`, `--good` or `--bad` name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from basegate.config.registry import NULL_MODELS, load_registry, tagged
from basegate.config.selection import is_group, names_in, of_group
from basegate.errors import UsageError

REGISTRY = Path("models.toml")


@dataclass(frozen=True)
class Chosen:
    """Candidates by name.

    Attributes:
        names: in the order given, each once; empty where none is named, which means all.
        grouped: those that are named by a group only.
        registered: names of `models.toml` and of null models, of which nothing need be stored.
    """

    names: tuple[str, ...]
    grouped: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()


def chosen_by(given: Sequence[str], option: str = "--model") -> Chosen:
    """The candidates that the values of an option name: names, `@TAG` and `all`.

    Raises:
        UsageError: there is no such group, or something is wrong in `models.toml`.
    """
    requests = names_in(given)
    registry = load_registry(REGISTRY) if requests else {}
    plain: dict[str, bool] = {}
    for request in requests:
        name, source, _ = request.partition("=")
        if source:
            raise UsageError(
                f"{option} {request}: what is stored goes by its name alone: {option} {name}"
            )
        if not is_group(request):
            plain[request] = True
        elif registry or tagged(NULL_MODELS.values(), request.removeprefix("@")):
            for spec in of_group(request, registry, option):
                plain.setdefault(spec.name, False)
        else:
            raise UsageError(
                f"{option} {request}: groups are those of models.toml, and there are no "
                f"candidates in {REGISTRY.absolute()}. Give names of what is stored."
            )
    grouped = frozenset(name for name, named in plain.items() if not named)
    return Chosen(tuple(plain), grouped, frozenset((*registry, *NULL_MODELS)))
