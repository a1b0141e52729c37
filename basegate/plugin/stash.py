"""What basegate keeps on pytest's objects, by typed keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from basegate.ledger import Record
    from basegate.plugin.option_names import OptionNames
    from basegate.plugin.session import GateSession

GATE: pytest.StashKey[GateSession] = pytest.StashKey()
"""On the config: the run of the gate; absent where `--model` is."""

NAMES: pytest.StashKey[OptionNames] = pytest.StashKey()
"""On the config: what the options are called."""

RECORDS: pytest.StashKey[list[Record]] = pytest.StashKey()
"""On a test: the records that `judge` made of its measurements."""

PROPERTY = "basegate"
"""Prefix of the entries in `user_properties` that are records; the phase follows."""
