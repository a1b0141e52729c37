"""Which candidates `--model` names, as it does in pytest: names, `@TAG` and `all`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.errors import UsageError
from basegate.fingerprint import FINGERPRINTS
from basegate.references import origins_of
from basegate.registry import load_registry
from basegate.selecting import select
from basegate.sources import names_in
from basegate.store.overview import stored_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping

    from basegate.measurement import Measurement
    from basegate.references import Origin
    from basegate.registry import CandidateSpec
    from basegate.store import Store
    from basegate.thresholds import Thresholds

_REGISTRY = Path("models.toml")


@dataclass(frozen=True)
class Chosen:
    """Candidates by name.

    Attributes:
        names: in the order given, each once; empty where none is named, which means all.
        registered: names of `models.toml`, of which nothing need be stored.
    """

    names: tuple[str, ...]
    registered: frozenset[str] = frozenset()

    def holds(self, measurement: Measurement) -> bool:
        """Whether a measurement is of one of them."""
        return not self.names or measurement.candidate.name in self.names


def add_models(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--model`.

    Args:
        parser: of a command.
        what: is done with the measurements of these candidates.
    """
    parser.add_argument(
        "--model",
        dest="models",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"{what} of this candidate only; several separated by commas or spaces, @TAG for a "
        "group of models.toml, 'all' for all of it",
    )


def chosen_by(options: argparse.Namespace) -> Chosen:
    """Return the candidates that `--model` names.

    Raises:
        UsageError: there is no such group, or something is wrong in `models.toml`.
    """
    requests = names_in(options.models)
    registry = load_registry(_REGISTRY) if requests else {}
    names = (name for request in requests for name in _names(request, registry))
    return Chosen(tuple(dict.fromkeys(names)), frozenset(registry))


def absent_of(chosen: Chosen, store: Iterable[Measurement]) -> list[str]:
    """Return the chosen candidates that nothing is stored of, since `models.toml` knows them.

    Args:
        chosen: candidates.
        store: what is stored.

    Raises:
        UsageError: nothing is stored of another name, or of none of them.
    """
    if not chosen.names:
        return []
    known = {each.candidate.name for each in store}
    stored_of(chosen.names, known, chosen.registered)
    return [name for name in chosen.names if name not in known]


def origins_for(thresholds: Thresholds, store: Store) -> dict[str, Origin]:
    """Return where the candidates of `models.toml` come from, if limits are relative to any.

    Args:
        thresholds: with the limits.
        store: that remembers hashes of large files.

    Raises:
        UsageError: something is wrong in `models.toml`.
    """
    if not thresholds.relative:
        return {}
    return origins_of(thresholds.relative, load_registry(_REGISTRY), store.folder / FINGERPRINTS)


def _names(request: str, registry: Mapping[str, CandidateSpec]) -> Iterator[str]:
    if request != "all" and not request.startswith("@"):
        yield _plain(request)
    elif not registry:
        raise UsageError(
            "--model {request}: groups are those of models.toml, and there are no candidates "
            "in {path}. Give names, or leave --model out for all that is stored.",
            request=request,
            path=_REGISTRY.absolute(),
        )
    else:
        yield from (spec.name for spec in select([request], registry, Path()))


def _plain(request: str) -> str:
    name, given, _ = request.partition("=")
    if given:
        raise UsageError(
            "--model {request}: what is stored goes by its name alone: --model {name}",
            request=request,
            name=name,
        )
    return name
