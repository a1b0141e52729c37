"""Which checks there are: each is one declaration, which everything else asks.

A module declares a check by calling `register`: those of `basegate.checks`, and a project's own
`conftest.py`. Whoever has to know a check in another process is told where it is declared.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import ModuleType

    from basegate.checks.early_stopping import MeasureTask
    from basegate.config.thresholds_schema import LimitRule, Table
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings, ItemScores

    Prepare = Callable[[Any], Any]
    Identity = Callable[[Any], str]
    Measure = Callable[[Engine, MeasureTask[Any, Any]], Findings]
    Compare = Callable[[Findings, Findings], Iterable[tuple[ItemScores, ItemScores]]]

_RESERVED = ("candidate", "candidates", "judge", "request")
"""Names of fixtures and of a table that are no checks."""
DECLARE_IT = (
    "A check of your own is declared in conftest.py (docs/checks.md), and `python -m basegate` is "
    "given that file, too: --check conftest.py."
)


def _nothing(settings: Any) -> None:
    return None


def _no_data(settings: Any) -> str:
    return "none"


def _no_comparison(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    return iter(())


def by_item(scores: Callable[[Findings], ItemScores]) -> Compare:
    """Compare in one metric, given what a candidate reached on every item."""
    return lambda one, other: [(scores(one), scores(other))]


class MetricLabel(NamedTuple):
    """What one metric is called.

    Attributes:
        name: by itself, as in a column of metrics.
        unit: what its number is of, as a heading.
        value: with its number.
        short: with its number, below the name of its check; where it is empty, as `value`.
    """

    name: str
    unit: str
    value: str
    short: str = ""


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
    prepare: Prepare = _nothing
    identity: Identity = _no_data
    libraries: tuple[str, ...] = ()
    counted: str = "samples"
    counted_by_metric: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ("samples",)
    compare: Compare = _no_comparison
    label: str = ""
    labels: Mapping[str, MetricLabel] = field(default_factory=dict)


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


_DECLARED: dict[str, tuple[CheckDeclaration, Origin]] = {}


def register(check: CheckDeclaration) -> CheckDeclaration:
    """Raises `UsageError` for an invalid name, or one that another module has declared."""
    names = sys._getframe(1).f_globals
    origin = Origin(names["__name__"], str(names.get("__file__", "")))
    if not check.name.isidentifier() or keyword.iskeyword(check.name):
        raise UsageError(
            f"{origin.shown} declares a check called {check.name!r}: it names a fixture, "
            "too, so it has to be one of Python (letters, digits and '_'). Choose another one."
        )
    _, other = _DECLARED.get(check.name, (None, origin))
    if check.name in _RESERVED or (other.file != origin.file and _is_loaded(other)):
        taken = "basegate" if check.name in _RESERVED or other.is_ours else other.shown
        raise UsageError(
            f"{origin.shown} declares a check called {check.name!r}, a name that {taken} has "
            "taken. Choose another one."
        )
    _DECLARED[check.name] = check, origin
    return check


def _is_loaded(origin: Origin) -> bool:
    """Whether a module is still loaded: a later session in this process has modules of its own."""
    return getattr(sys.modules.get(origin.module), "__file__", None) == origin.file


def check_names() -> tuple[str, ...]:
    """In the article's order, then the project's own."""
    return tuple(_DECLARED)


def declarations() -> tuple[CheckDeclaration, ...]:
    return tuple(check for check, _ in _DECLARED.values())


def declaration_of(name: str) -> CheckDeclaration:
    """Raises `UsageError` if no check of that name is declared."""
    if name not in _DECLARED:
        raise UsageError(f"{name}: no check of that name is declared. {DECLARE_IT}")
    return _DECLARED[name][0]


def find_declaration(name: str) -> CheckDeclaration | None:
    """`None` if no check of that name is declared, as where a ledger is of another project."""
    return _DECLARED[name][0] if name in _DECLARED else None


def limit_rules() -> dict[str, LimitRule]:
    return {
        key: rule for check in declarations() for key, rule in check.table.limit_rules().items()
    }


def origin_of(name: str) -> Origin:
    return _DECLARED[name][1]


def own_origins() -> tuple[Origin, ...]:
    """Origins of checks that are not basegate's, for another process to import."""
    return tuple(dict.fromkeys(origin for _, origin in _DECLARED.values() if not origin.is_ours))


def import_origin(origin: Origin) -> None:
    """Import a module that declares checks, under the name that pickled classes refer to."""
    if origin.module in sys.modules:
        return
    try:
        if not origin.file or _finds(origin):
            importlib.import_module(origin.module)
        else:
            _import_file(origin.module, Path(origin.file))
    except Exception as error:
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


def _import_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load_checks(given: str) -> None:
    """Import what `--check` names, a Python file or a module; raises `UsageError`."""
    before = dict(_DECLARED)
    path = Path(given)
    try:
        if path.suffix == ".py":
            _import_file(f"basegate_check_{path.stem}", path.resolve())
        else:
            importlib.import_module(given)
    except UsageError:
        raise
    # Whatever it does at its import.
    except Exception as error:  # noqa: BLE001
        raise UsageError(
            f"--check {given}: cannot be imported ({type(error).__name__}: {error}). Give the file "
            "or the module that declares the check."
        ) from None
    if before == _DECLARED:
        raise UsageError(
            f"--check {given}: declares no check. Give the file or the module that calls "
            "basegate.checks.register(CheckDeclaration(...))."
        )
