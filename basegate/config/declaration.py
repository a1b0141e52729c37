"""Which checks there are: each is one declaration, which everything else asks.

A declaration says which limits a check has (`LimitRule`), never what they are: that is in
`basegate.config.limits`, which no check may import.

A module declares a check by calling `register`: those of `basegate.checks`, and a project's own
`conftest.py`. The process that measures is told where the check is declared that it is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from basegate.errors import UsageError

if TYPE_CHECKING:
    from basegate.checks.early_stopping import MeasureTask
    from basegate.config.thresholds_schema import Table
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings
    from basegate.stats.paired import ItemScores

    Prepare = Callable[[Any], Any]
    Identity = Callable[[Any], str]
    Measure = Callable[[Engine, MeasureTask[Any, Any]], Findings]
    Compare = Callable[[Findings, Findings], Iterable[tuple[ItemScores, ItemScores]]]

Direction = Literal["max", "min"]
_RESERVED = ("candidate", "candidates", "judge", "request")
"""Names of fixtures and of a table that are no checks."""
DECLARE_IT = (
    "A check of your own is declared in conftest.py (docs/checks.md), and `python -m basegate` is "
    "given that file, too: --check conftest.py."
)


@dataclass(frozen=True, kw_only=True)
class LimitRule:
    """What a limit key means, as metadata of its field in a check's table.

    Attributes:
        metric: that it judges.
        direction: `max`: the value must not be above it; `min`: it must not be below it.
        by_interval: whether the metric's interval must lie wholly on the right side; a limit on
            counts applies to the count itself, as k of n is defined.
        signed: whether the metric may be 0 or less, as a difference may.
        sequential: whether it may be decided by a confidence sequence before all is measured.
        validity: whether a value beyond it makes the measurement `invalid` instead of judging it.
    """

    metric: str
    direction: Direction
    by_interval: bool = True
    signed: bool = False
    validity: bool = False
    sequential: bool = False


def at_most(metric: str, **rule: bool) -> LimitRule:
    return LimitRule(metric=metric, direction="max", **rule)


def at_least(metric: str, **rule: bool) -> LimitRule:
    return LimitRule(metric=metric, direction="min", **rule)


class MetricLabel(NamedTuple):
    """What one metric is called.

    Attributes:
        name: by itself, as in a column of metrics.
        unit: what its number is of, as a heading.
        value: with its number, which stands for `{value}`.
        short: likewise, below the name of its check; as `value` where it is empty.
    """

    name: str
    unit: str
    value: str
    short: str = ""


def by_item(scores: Callable[[Findings], ItemScores]) -> Compare:
    """Compare in one metric, given what a candidate reached on every item."""
    return lambda one, other: [(scores(one), scores(other))]


@dataclass(frozen=True)
class CheckDeclaration:
    """A check: one question that is put to every candidate.

    Attributes:
        name: of its table in `thresholds.toml`, of its fixture, and in every report.
        doc: what is measured, in a line.
        table: its table in `thresholds.toml`: settings and limits.
        version: of the measuring, part of every measurement's key. Raise it when the same input
            would give another number.
        measure: measures one item; raises `InvalidMeasurement` if the result would mean nothing.
        prepare: reads the data that the settings name; raises `DataError` before any model is
            loaded.
        identity: what identifies that data, cheaply; raises `DataError` if there is none.
        libraries: whose versions can change its numbers, beside the engine's.
        counted: the fact of its findings that says on how much it was measured, e.g. `questions`.
        counted_by_metric: the same of single metrics that are measured on something else.
        evidence: the fields of `Findings` that hold what its numbers are based on.
        compare: what two candidates' findings can be compared in, item by item.
        label: what the check is called; its name with spaces where it is empty.
        labels: what its metrics are called; likewise.
    """

    name: str
    doc: str
    table: type[Table]
    version: int
    measure: Measure
    prepare: Prepare = lambda settings: None
    identity: Identity = lambda settings: "none"
    libraries: tuple[str, ...] = ()
    counted: str = "samples"
    counted_by_metric: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ("samples",)
    compare: Compare = lambda one, other: ()
    label: str = ""
    labels: Mapping[str, MetricLabel] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        return self.compare is not type(self).compare


class Origin(NamedTuple):
    """The module that declares a check.

    Attributes:
        module: its name.
        file: its file; empty where it has none.
    """

    module: str
    file: str

    @property
    def is_ours(self) -> bool:
        return self.module.partition(".")[0] == "basegate"

    @property
    def shown(self) -> str:
        return self.file or self.module

    @property
    def is_loaded(self) -> bool:
        return getattr(sys.modules.get(self.module), "__file__", None) == self.file


class _Declared(NamedTuple):
    check: CheckDeclaration
    origin: Origin
    session: int


_DECLARED: dict[str, _Declared] = {}
_session = 0


def begin_session() -> None:
    """A session of pytest begins: what an earlier one in this process declared may be gone."""
    global _session
    _session += 1


def register(check: CheckDeclaration) -> CheckDeclaration:
    """Raises `UsageError` for a name that is no identifier or taken, and for labels without value.

    Two files of one module name cannot both declare checks: the process that measures could import
    only one of them.
    """
    names = sys._getframe(1).f_globals
    origin = Origin(names["__name__"], str(names.get("__file__", "")))
    declares = f"{origin.shown} declares a check called {check.name!r}"
    if not check.name.isidentifier() or keyword.iskeyword(check.name):
        raise UsageError(
            f"{declares}: it names a fixture, too, so it has to be one of Python (letters, digits "
            "and '_'). Choose another one."
        )
    for metric, label in check.labels.items():
        if not _is_label(label):
            raise UsageError(
                f"{declares}, and its label of {metric} is {label!r}. Give MetricLabel(name, unit, "
                "value, short), value and short with the number as {value} in them."
            )
    if check.name in _RESERVED:
        raise UsageError(f"{declares}, a name that basegate has taken. Choose another one.")
    for name, (_, other, session) in _DECLARED.items():
        # A file may be imported under two names, as by pytest and by --check.
        same = other == origin or (other.file and other.file == origin.file)
        if same or not (session == _session or other.is_loaded):
            continue
        if name == check.name:
            taken = "basegate" if other.is_ours else other.shown
            raise UsageError(f"{declares}, a name that {taken} has taken. Choose another one.")
        if other.module == origin.module:
            raise UsageError(
                f"{declares}, and {other.shown} one called {name!r}: both files are the module "
                f"{origin.module}, of which a process can import only one. Put one of the checks "
                "into a module with a name of its own, and import that in conftest.py."
            )
    _DECLARED[check.name] = _Declared(check, origin, _session)
    return check


def _is_label(label: object) -> bool:
    if not isinstance(label, MetricLabel) or not all(isinstance(text, str) for text in label):
        return False
    try:
        return all(
            [name for _, name, *_ in Formatter().parse(text) if name is not None] == ["value"]
            for text in (label.value, label.short or label.value)
        )
    except ValueError:  # a single brace
        return False


def check_names() -> tuple[str, ...]:
    """In the article's order, then the project's own."""
    return tuple(_DECLARED)


def declarations() -> tuple[CheckDeclaration, ...]:
    return tuple(each.check for each in _DECLARED.values())


def find_declaration(name: str) -> CheckDeclaration | None:
    """`None` if no check of that name is declared, as where a ledger is of another project."""
    return _DECLARED[name].check if name in _DECLARED else None


def declaration_of(name: str) -> CheckDeclaration:
    """Raises `UsageError` if no check of that name is declared."""
    if (found := find_declaration(name)) is None:
        raise UsageError(f"{name}: no check of that name is declared. {DECLARE_IT}")
    return found


def origin_of(name: str) -> Origin:
    return _DECLARED[name].origin


def import_origin(origin: Origin) -> None:
    """Import a module that declares checks, under the name that pickled classes refer to."""
    if origin.is_loaded:
        return
    try:
        if not origin.file or _finds(origin):
            importlib.import_module(origin.module)
        else:
            _import_file(origin.module, Path(origin.file))
    except KeyboardInterrupt:
        raise
    # Whatever it does at its import: pytest.skip() raises what is no Exception.
    except BaseException as error:
        raise RuntimeError(
            f"{origin.shown} declares a check and cannot be imported in the process that measures "
            f"({type(error).__name__}: {error}). Put the check into a file that can be imported "
            "without pytest, and import it in conftest.py."
        ) from error


def _finds(origin: Origin) -> bool:
    """Whether an import by name gives that file: there may be several `conftest`."""
    try:
        found = importlib.util.find_spec(origin.module)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin == origin.file


def _import_file(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def load_checks(given: str) -> None:
    """Import what `--check` names, a Python file or a module; raises `UsageError`."""
    before = dict(_DECLARED)
    try:
        if given.endswith(".py"):
            path = Path(given).resolve()
            _import_file(f"basegate_check:{path}", path)
        else:
            importlib.import_module(given)
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  as in `import_origin`
        raise UsageError(
            f"--check {given}: cannot be imported ({type(error).__name__}: {error}). Give the file "
            "or the module that declares the check."
        ) from None
    if before == _DECLARED:
        raise UsageError(
            f"--check {given}: declares no check. Give the file or the module that calls "
            "basegate.checks.register(CheckDeclaration(...))."
        )
