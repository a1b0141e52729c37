"""Which candidates `--model` names, as it does in pytest: names, `@TAG` and `all`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.config.model_source import names_in
from basegate.config.registry import load_registry
from basegate.config.selection import is_group, of_group
from basegate.data.fingerprint import FINGERPRINTS
from basegate.errors import UsageError
from basegate.judging.checkpoint_identity import origins_of
from basegate.judging.from_store import judge_stored
from basegate.store.inventory import require_stored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from basegate.config.registry import CandidateSpec
    from basegate.config.thresholds import Thresholds
    from basegate.judging.checkpoint_identity import Origin
    from basegate.judging.from_store import StoredJudgement, ThresholdQuery
    from basegate.measurement import Measurement
    from basegate.store import Readable, Store

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


@dataclass(frozen=True)
class Named:
    """Candidates that an option names.

    Attributes:
        plain: by their own names, in the order given.
        grouped: by a group only, of which nothing need be stored.
    """

    plain: tuple[str, ...]
    grouped: tuple[str, ...]

    @property
    def every(self) -> tuple[str, ...]:
        """All of them, each once."""
        return (*self.plain, *self.grouped)


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
    names = (name for request in requests for name in _names(request, registry, "--model"))
    return Chosen(tuple(dict.fromkeys(names)), frozenset(registry))


def named_by(option: str, given: Sequence[str]) -> Named:
    """Return the candidates that another option than `--model` names in the same way.

    Args:
        option: as it is written, for errors.
        given: its values.

    Raises:
        UsageError: there is no such group, or something is wrong in `models.toml`.
    """
    requests = names_in(given)
    groups = [each for each in requests if is_group(each)]
    registry = load_registry(_REGISTRY) if groups else {}
    plain = [name for each in requests if each not in groups for name in _names(each, {}, option)]
    members = (name for each in groups for name in _names(each, registry, option))
    grouped = (name for name in dict.fromkeys(members) if name not in plain)
    return Named(tuple(dict.fromkeys(plain)), tuple(grouped))


def registry_here() -> dict[str, CandidateSpec]:
    """Return the candidates of the `models.toml` here; none where it cannot be read."""
    try:
        return load_registry(_REGISTRY)
    except UsageError:
        return {}


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
    require_stored(chosen.names, known, chosen.registered)
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


def judges(
    thresholds: Thresholds,
    asked: ThresholdQuery,
    chosen: Chosen,
    store: Store,
    *,
    brief: bool = False,
) -> Callable[[Readable], list[StoredJudgement]]:
    """Return what judges the chosen candidates by what a store holds; see `judge_stored`.

    Args:
        thresholds: the limits.
        asked: of the same thresholds.
        chosen: the candidates.
        store: see `origins_for`.
        brief: see `judge`.
    """
    return partial(
        judge_stored,
        thresholds=thresholds,
        asked=asked,
        names=chosen.names,
        registered=chosen.registered,
        origins=origins_for(thresholds, store),
        brief=brief,
    )


def _names(request: str, registry: Mapping[str, CandidateSpec], option: str) -> Iterator[str]:
    if not is_group(request):
        yield _plain(request, option)
    elif not registry:
        otherwise = ", or leave --model out for all that is stored" if option == "--model" else ""
        raise UsageError(
            f"{option} {request}: groups are those of models.toml, and there are no candidates "
            f"in {_REGISTRY.absolute()}. Give names{otherwise}."
        )
    else:
        yield from (spec.name for spec in of_group(request, registry, option))


def _plain(request: str, option: str) -> str:
    name, given, _ = request.partition("=")
    if given:
        raise UsageError(
            f"{option} {request}: what is stored goes by its name alone: {option} {name}"
        )
    return name
