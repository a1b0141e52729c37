"""Check before hours of measuring that the run's files can be written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from basegate.errors import UsageError

_ELSEWHERE = ", or, where all that is asked is in this store, --ledger FILE outside of it"


def ledger_in(store: Path) -> Path:
    return store / "ledger.json"


def check_store(store: Path) -> None:
    """Raise `UsageError` for a store that is no folder, or a new one that cannot be made."""
    if store.exists():
        if not store.is_dir():
            raise UsageError(f"--store {store}: is a file; give a folder, which may be new.")
        return  # one that cannot be written to may still hold all that is asked for
    _check_writable("store", store)


def check_outputs(named: Mapping[str, Path | None], store: Path) -> None:
    """Raise `UsageError` unless the file of each option, by its name, can be written.

    The store takes the ledger where no file is named for it.
    """
    check_files({**named, "ledger": named.get("ledger") or ledger_in(store)})
    for option in ("ledger", "summary", "html"):  # pytest looks after the one of --junitxml
        if path := named.get(option):
            _check_writable(option, path.parent)
        elif option == "ledger":
            _check_writable("store", store, _ELSEWHERE)


def check_files(places: Mapping[str, Path | None]) -> None:
    """Raise `UsageError` for a place that is a folder, or two results in one file."""
    seen: dict[Path, str] = {}
    for option, path in places.items():
        if path is None:
            continue
        _check_file(option, path)
        # The later would replace the earlier.
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(
                f"--{other} and --{option} both name {path}: one would replace the other. Give "
                "each a file of its own."
            )


def _check_file(option: str, path: Path) -> None:
    if path.name == "-":
        raise UsageError(
            f"--{option} -: is written to a file, not to standard output; give its name."
        )
    if path.is_dir():
        raise UsageError(f"--{option} {path}: is a folder; give a file, which may be new.")


def _check_writable(option: str, folder: Path, otherwise: str = "") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"--{option}: nothing can be written in {folder} ({error.strerror}), so the results of "
            f"the run would be lost. Give another place{otherwise}."
        ) from None
