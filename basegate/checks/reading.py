"""How the measures of banks read them: the same for all, but for the kind of record."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from basegate.data.banks import Bank, Record, bank_identity, load_bank

if TYPE_CHECKING:
    from collections.abc import Callable

    from basegate.config.settings import PairSettings, SamplingSettings

    BankSettings = SamplingSettings | PairSettings


def prepares(kind: type[Record]) -> Callable[[BankSettings], Bank[Record]]:
    """Return a function that reads a bank of such records. See `load_bank` for errors."""
    return partial(_load, kind)


def identity(settings: BankSettings) -> str:
    """Return what identifies a bank's content. See `bank_identity` for errors."""
    return bank_identity(settings.source)


def _load(kind: type[Record], settings: BankSettings) -> Bank[Record]:
    return load_bank(settings.source, kind)
