"""Candidates on the command line: those that `--model` names, and what measures the rest of one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.cli.console import STORE, THRESHOLDS
from basegate.config.model_source import asked_for, names_in
from basegate.config.registry import CandidateSpec, load_registry
from basegate.config.selection import is_group, of_group
from basegate.data.fingerprint import FINGERPRINTS
from basegate.errors import UsageError
from basegate.judging.from_store import judge_stored
from basegate.judging.relative_limits import origins_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from basegate.config.thresholds import Thresholds
    from basegate.judging.from_store import StoredJudgement, ThresholdQuery
    from basegate.judging.relative_limits import Origin
    from basegate.store.folder import Store
    from basegate.store.union import Readable

_REGISTRY = Path("models.toml")


@dataclass(frozen=True)
class Chosen:
    """Candidates by name.

    Attributes:
        names: in the order given, each once; empty where none is named, which means all.
        grouped: those that are named by a group only.
        registered: names of `models.toml`, of which nothing need be stored.
    """

    names: tuple[str, ...]
    grouped: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()


def add_models(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--model`: `what` is done for these candidates only."""
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


def chosen_by(given: Sequence[str], option: str = "--model") -> Chosen:
    """The candidates that the values of an option name: names, `@TAG` and `all`.

    Raises:
        UsageError: there is no such group, or something is wrong in `models.toml`.
    """
    requests = names_in(given)
    registry = load_registry(_REGISTRY) if requests else {}
    plain = {_plain(each, option) for each in requests if not is_group(each)}
    names = dict.fromkeys(name for each in requests for name in _names(each, registry, option))
    return Chosen(tuple(names), frozenset(names.keys() - plain), frozenset(registry))


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


def origins_for(thresholds: Thresholds, store: Store) -> dict[str, Origin]:
    """Where the candidates of `models.toml` come from, if limits are relative to any.

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
    """`judge_stored` of the chosen candidates; `store` remembers hashes of large files."""
    return partial(
        judge_stored,
        thresholds=thresholds,
        asked=asked,
        names=chosen.names,
        registered=chosen.registered,
        origins=origins_for(thresholds, store),
        brief=brief,
    )


def measure_commands(
    judged: Iterable[StoredJudgement], thresholds: Path, store_of: Callable[[StoredJudgement], Path]
) -> dict[str, str]:
    """The command that measures the rest of each candidate, by the name that it is shown by."""
    lacking = [each for each in judged if each.missing or each.undecided]
    try:
        registry = load_registry(_REGISTRY) if lacking else {}
    except UsageError:
        registry = {}
    return {
        each.facts.name: _measure_command(each, thresholds, store_of(each), registry)
        for each in lacking
    }


def _measure_command(
    each: StoredJudgement, thresholds: Path, store: Path, registry: Mapping[str, CandidateSpec]
) -> str:
    facts = each.facts
    parts = ["pytest", "--model", asked_for(each.name, facts.located, registry)]
    # With `=`, as pytest wants them.
    if thresholds != THRESHOLDS:
        parts.append(f"--thresholds={thresholds}")
    if store != STORE:
        parts.append(f"--store={store}")
    # Without such an option pytest goes by the entry, and would load it otherwise.
    usual = registry.get(each.name) or CandidateSpec(name=each.name, source=facts.source)
    several = facts.name != each.name
    if several or facts.quantization != usual.quantization:
        parts += ["--quantization", facts.quantization]
    if several or facts.dtype != usual.dtype:
        parts += ["--dtype", facts.dtype]
    if several:
        parts += ["--device", facts.device]
    return shlex.join(parts)
