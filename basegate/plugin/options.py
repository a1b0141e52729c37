"""The command line to `RunOptions`; whatever is wrong in it is a usage error."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from basegate.config.declaration import CheckDeclaration
from basegate.config.output_paths import check_outputs, check_store, ledger_in
from basegate.errors import UsageError, did_you_mean
from basegate.i18n.catalogue import LANGUAGES, Language, of_locale
from basegate.i18n.formatting import table
from basegate.plugin.option_names import NAMES, OptionNames

if TYPE_CHECKING:
    from basegate.config.registry import CandidateSpec
    from basegate.config.thresholds import Thresholds


DEFAULT_TIMEOUT = 6 * 3600.0


def add_options(parser: pytest.Parser, config: pytest.Config) -> None:
    """Declare the command line: the long names now, the short ones when `conftest.py` is read."""
    title = "basegate: acceptance tests for base language models (--NAME or --basegate-NAME)"
    names = OptionNames(parser, parser.getgroup("basegate", title), OPTIONS)
    config.stash[NAMES] = names
    if config.pluginmanager._conftest_plugins:  # that one of them names this plugin
        names.add_short_names()


def _seconds(text: str) -> float:
    if not 0 <= (value := _number(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a number of seconds, or 0 for no limit")
    return value


def _gibibytes(text: str) -> float:
    if not 0 < (value := _number(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a number of GiB above 0, such as 6 or 1.5")
    return value


def _number(text: str) -> float:
    """NaN of what is none, which is within no bounds."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


_REPEATABLE = {"action": "append", "default": [], "metavar": "NAME"}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--model": {
        **_REPEATABLE,
        "help": "candidate to test: a name of models.toml, several separated by commas, @TAG for a "
        "group (--model=@7b, with '=': --model @7b is a file of arguments to pytest, which then "
        "finds no '7b'), 'all', or NAME=SOURCE for any hub id (owner/name[@revision]), local "
        "folder or GGUF file (FILE.gguf, owner/name:FILE.gguf[@revision]); repeatable",
    },
    "--list-models": {
        "action": "store_true",
        "help": "print the candidates of models.toml, or those that --model names, and exit",
    },
    "--thresholds": {
        "metavar": "FILE",
        "help": "settings and limits (default: thresholds.toml in the project's root)",
    },
    "--store": {
        "metavar": "DIR",
        "help": "where measurements are kept (default: .basegate in the project's root)",
    },
    "--dry-run": {
        "action": "store_true",
        "help": "measure nothing; print what is stored and, for the rest, how "
        "many tokens are read and written at most, and how long that takes at the speed of what "
        "is stored of this device",
    },
    "--remeasure": {"action": "store_true", "help": "measure again even what the store holds"},
    "--ledger": {
        "metavar": "FILE",
        "help": "where to write the JSON record of the run, in place of an earlier one; folders "
        "that are missing are made (default: ledger.json in the store)",
    },
    "--summary": {
        "metavar": "FILE",
        "help": "where to write a summary in Markdown, in place of an earlier one; where "
        "GITHUB_STEP_SUMMARY is set, as in GitHub Actions, that file gets it in any case",
    },
    "--quantization": {
        "choices": ("nf4", "fp4", "int8", "none"),
        "help": "precision of the weights, instead of what models.toml says (default there: nf4)",
    },
    "--device": {
        "choices": ("auto", "cuda", "cpu"),
        "default": "auto",
        "help": "where to run the candidates (default: %(default)s)",
    },
    "--dtype": {
        "choices": ("bfloat16", "float16", "float32"),
        "help": "dtype of the computation, instead of what models.toml says (default there: "
        "bfloat16)",
    },
    "--memory": {
        "type": _gibibytes,
        "metavar": "GIB",
        "help": "memory that a candidate may take, weights and libraries included: of the machine "
        "on a CPU, of its GPUs there; batches are calculated to fit (default: what is free, on a "
        "CPU less 2 GiB)",
    },
    "--compare": {
        **_REPEATABLE,
        "help": "show this candidate of an earlier run, too, as the store knows it; several "
        "separated by commas, @TAG for a group (with '=': --compare=@7b), or 'all'; repeatable. "
        "It does not count for the exit status",
    },
    "--language": {
        "choices": LANGUAGES,
        "help": "language of verdicts and progress in the terminal, of the page and of the "
        "summary; errors are in English (default: from LC_ALL, LC_MESSAGES or LANG)",
    },
    "--trust-remote-code": {
        **_REPEATABLE,
        "help": "run the Python code that this candidate's checkpoint brings; only where "
        "models.toml or NAME=SOURCE@COMMIT pins a full commit of a hub id; several separated by "
        "commas; repeatable",
    },
    "--measure-timeout": {
        "type": _seconds,
        "default": DEFAULT_TIMEOUT,
        "metavar": "SECONDS",
        "help": "how long loading a candidate from disk, and each of its measurements, may take "
        "before its process is ended; what was done is kept; 0 for no limit (default: %(default)s)",
    },
    "--in-process": {
        "action": "store_true",
        "help": "measure in pytest's own process, for debuggers (--pdb does so by itself); a crash "
        "of one candidate then ends the run",
    },
}
"""What the command line takes, by short name, in the order of `--help`; see `OptionNames`."""


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks for; see `OPTIONS`.

    Attributes:
        command: the command line, for the ledger.
        timeout: seconds that loading, and each measurement, may take; 0 for no limit.
        gpus: GPUs of a candidate whose entry does not say; `None` for all that are visible.
        memory: GiB that a candidate may take; `None` for what is free.
        known: candidates of `models.toml` and `--model` by name.
        worker: whether this process is one of several that measure.
    """

    candidates: tuple[CandidateSpec, ...]
    thresholds: Thresholds
    store: Path
    ledger: Path
    remeasure: bool
    device: str
    command: str
    timeout: float = DEFAULT_TIMEOUT
    in_process: bool = False
    gpus: int | None = None
    memory: float | None = None
    compare: tuple[str, ...] = ()
    language: Language = "en"
    summary: Path | None = None
    known: Mapping[str, CandidateSpec] = field(default_factory=dict)
    worker: bool = False


_PARSED: pytest.StashKey[RunOptions] = pytest.StashKey()


def parse(config: pytest.Config) -> RunOptions:
    """Read options, registry and thresholds, once in a process; raises `UsageError`."""
    if _PARSED not in config.stash:
        config.stash[_PARSED] = _parse(config)
    return config.stash[_PARSED]


def declared_checks() -> tuple[CheckDeclaration, ...]:
    """Every check: basegate's own, which this declares, and those of `conftest.py` files."""
    import basegate.checks  # noqa: F401
    from basegate.config.declaration import declarations

    return declarations()


def load_known_models(config: pytest.Config) -> dict[str, CandidateSpec]:
    from basegate.config.registry import load_registry

    return load_registry(config.rootpath / "models.toml")


def _parse(config: pytest.Config) -> RunOptions:
    from basegate.config.selection import names_in, select, trust
    from basegate.config.thresholds import load_thresholds

    option, here = config.option, config.invocation_params.dir
    _check_root(config)
    declared_checks()  # `-n auto` asks before there are fixtures
    registry = load_known_models(config)
    chosen = select(option.basegate_model, registry, here)
    candidates = trust(chosen, option.basegate_trust_remote_code)
    known = {**registry, **{spec.name: spec for spec in candidates}}
    thresholds = load_thresholds(
        _place(option.basegate_thresholds, here) or config.rootpath / "thresholds.toml"
    )
    _check_own_limits(thresholds, known)
    store = _place(option.basegate_store, here) or config.rootpath / ".basegate"
    outputs = _outputs(config)
    worker = hasattr(config, "workerinput")
    return RunOptions(
        candidates=tuple(_overridden(spec, option) for spec in candidates),
        thresholds=thresholds,
        store=store,
        ledger=outputs["ledger"] or ledger_in(store),
        remeasure=option.basegate_remeasure,
        device=option.basegate_device,
        command=shlex.join([Path(sys.argv[0]).name, *map(str, config.invocation_params.args)]),
        timeout=option.basegate_measure_timeout,
        in_process=option.basegate_in_process or option.usepdb or option.trace,
        # Workers share the GPUs of the machine; alone, a candidate may have them all.
        gpus=1 if worker else None,
        memory=option.basegate_memory,
        compare=names_in(option.basegate_compare),
        language=option.basegate_language or of_locale(os.environ),
        summary=outputs["summary"],
        known=known,
        worker=worker,
    )


def check_places(config: pytest.Config, store: Path) -> None:
    """Refuse places where the run's files cannot be written; missing folders are made."""
    if not config.option.collectonly:
        check_store(store)
        check_outputs(_outputs(config), store)


def only_plan(config: pytest.Config) -> None:
    """Set a run up that measures nothing: without workers, and no file of it is written."""
    option = config.option
    if not option.basegate_model:
        refuse_without_model(config)
    for name, value in (("dist", "no"), ("tx", []), ("htmlpath", None), ("xmlpath", None)):
        if hasattr(option, name):
            setattr(option, name, value)


def check_in_process(config: pytest.Config, device: str) -> None:
    """Refuse workers that measure in their own processes on GPUs: none would lease one."""
    workers = getattr(config.option, "tx", None) or hasattr(config, "workerinput")
    if config.option.basegate_in_process and workers and device == "cuda":
        raise UsageError(
            "--in-process does not go with -n on GPUs: two workers would use the same one. Leave "
            "one of the two out."
        )


def _check_root(config: pytest.Config) -> None:
    """Refuse a path after an option that pytest took for a test path.

    pytest looks for its settings before it knows a plugin's options, so `--store /data/store`
    with a space makes it look in /data, if that folder exists, and lose the project's own.
    """
    here = config.invocation_params.dir
    if config.inipath is not None and config.rootpath in (here, *here.parents):
        return
    for name in ("thresholds", "store", "ledger", "summary"):
        value = getattr(config.option, f"basegate_{name}")
        if value in config.invocation_params.args and (here / value).exists():
            raise UsageError(
                f"--{name} {value}: pytest took this for a test path and looked for its settings "
                f"there (rootdir {config.rootpath}). Write it with '=': --{name}={value}"
            )


def _place(given: str | None, here: Path) -> Path | None:
    if given is None:
        return None
    return Path(os.path.normpath(here / Path(os.path.expandvars(given)).expanduser()))


def _outputs(config: pytest.Config) -> dict[str, Path | None]:
    option, here = config.option, config.invocation_params.dir
    return {
        "ledger": _place(option.basegate_ledger, here),
        "summary": _place(option.basegate_summary, here),
        # pytest expands nothing in its own.
        "html": here / option.htmlpath if getattr(option, "htmlpath", None) else None,
        "junitxml": here / option.xmlpath if getattr(option, "xmlpath", None) else None,
    }


def _overridden(spec: CandidateSpec, option: argparse.Namespace) -> CandidateSpec:
    if spec.engine == "null":  # no precision to choose
        return spec
    asked = {"quantization": option.basegate_quantization, "dtype": option.basegate_dtype}
    return spec.model_copy(update={key: value for key, value in asked.items() if value})


def _check_own_limits(thresholds: Thresholds, known: Mapping[str, CandidateSpec]) -> None:
    """Refuse limits of a candidate that nobody knows: a misspelt name would change nothing."""
    for name in thresholds.own_limits:
        if name not in known:
            raise UsageError(
                f"{thresholds.path}: candidates.{name}: there is no candidate of that "
                f"name.{did_you_mean(name, known)} Known names: {', '.join(sorted(known))}."
            )


def refuse_without_model(config: pytest.Config) -> None:
    """Raise a usage error that tells how to name a candidate."""
    from basegate.config.selection import EVERY, known_names

    with config.stash[NAMES].usage_errors():
        names = known_names(load_known_models(config), few=EVERY)
        raise UsageError(
            f"the acceptance tests need a candidate: pytest --model NAME. {names} For any other "
            "model write --model NAME=SOURCE with a hub id, a folder or a GGUF file; pytest "
            "--list-models tells more."
        )


def list_models(config: pytest.Config) -> str:
    """What `--list-models` prints: the registry, or what `--model` names of it."""
    from basegate.config.selection import select

    registry: Mapping[str, CandidateSpec] = load_known_models(config)
    if requests := config.option.basegate_model:
        chosen = select(requests, registry, config.invocation_params.dir)
        registry = {spec.name: spec for spec in chosen}
    return format_registry(registry, config.rootpath)


def format_registry(registry: Mapping[str, CandidateSpec], base: Path) -> str:
    """A line per candidate, then groups and notes; `base` is where `models.toml` is."""
    from basegate.config.registry import NULL_MODELS, known_tags, tagged

    if not registry:
        return f"There is no candidate in {base / 'models.toml'}."
    specs = registry.values()
    rows = [("name", "size", "context", "native", "licence", "source")]
    lines = table([*rows, *(_listed(spec, base) for spec in specs)])
    groups = [f"{tag}: {_names(tagged(specs, tag.removeprefix('@')))}" for tag in known_tags(specs)]
    notes = [f"{spec.name}: {note}" for spec in specs for note in _notes(spec)]
    null = [f"null models, which a gate has to reject (--model=@null): {', '.join(NULL_MODELS)}"]
    for texts in filter(None, (groups, notes, null)):
        lines.append("")
        for text in texts:
            lines += textwrap.wrap(text, 100, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def _names(specs: Iterable[CandidateSpec]) -> str:
    return ", ".join(spec.name for spec in specs)


def _listed(spec: CandidateSpec, base: Path) -> tuple[str, ...]:
    from basegate.engines.architectures import known_model_types

    context = str(spec.context_length) if spec.context_length else "unknown"
    known = "yes" if spec.architecture in known_model_types() else "unknown"
    native = "no" if spec.unsupported else known
    source = spec.source
    if spec.local:  # as `models.toml` would name it
        path = os.path.relpath(source, base)
        source = path if path.startswith("..") else f"./{path}"
    gated = " (gated)" if spec.gated else ""
    return (spec.name, spec.parameters, context, native, spec.licence, source + gated)


def _notes(spec: CandidateSpec) -> Iterator[str]:
    from basegate.engines.architectures import known_model_types

    yield from filter(None, (spec.unsupported, spec.notes))
    if spec.architecture and spec.architecture not in known_model_types():
        yield (
            f"no class is known for architecture {spec.architecture!r}; it loads only where the "
            f"installed transformers has one.{did_you_mean(spec.architecture, known_model_types())}"
        )
