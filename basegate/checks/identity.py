"""What can change the numbers of a check, beside the candidate: settings, data and software."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from basegate.config.declaration import declaration_of
from basegate.config.settings import CheckConfig
from basegate.errors import DataError
from basegate.stats.bootstrap import RESAMPLES, SEED

MEASURING_LIBRARIES = ("torch", "transformers", "tokenizers", "bitsandbytes", "numpy", "scipy")


@functools.cache
def installed_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def library_versions(*further: str) -> dict[str, str | None]:
    return {name: installed_version(name) for name in (*MEASURING_LIBRARIES, *further)}


def identify_check(check: CheckConfig) -> dict[str, Any]:
    """The part of an identity that the check decides; raises `DataError` if data is missing."""
    for key, path in check.files.items():
        if not path.exists():
            raise DataError(
                f"{path}: there is no such file or folder. {check.origin} names it as {key}; "
                f"relative paths there start at the folder of {check.origin}."
            )
    declared = declaration_of(check.name)
    return {
        "measure": {"name": check.name, "version": declared.version},
        "settings": check.settings_identity,
        "data": declared.identity(check.settings),
    }


def identify_software(check: str) -> dict[str, Any]:
    """The part of an identity that the installed software decides."""
    declared = declaration_of(check)
    return {
        "measure": {"name": check, "version": declared.version},
        "libraries": library_versions(*declared.libraries),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED},
    }
