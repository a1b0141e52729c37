"""One file per check: its declaration, and plain functions, numbers in, `Findings` out.

No limit is seen while measuring, but for when enough samples were drawn (`StoppingRule`). What only
`measure` needs and takes long to import is imported there: whoever judges what is stored, or
collects tests, asks the declaration alone.

Importing this package declares basegate's own checks. What a check is written with can be imported
from here; see docs/checks.md.
"""

import importlib

from basegate.config.declaration import (
    CheckDeclaration,
    MetricLabel,
    at_least,
    at_most,
    by_item,
    register,
)
from basegate.config.settings import (
    BankSettings,
    CheckSettings,
    Natural,
    Positive,
    Sampling,
    SamplingSettings,
    Share,
    TableSource,
)
from basegate.config.thresholds_schema import (
    BankTable,
    Confidence,
    PositiveLimit,
    SampledTable,
    ShareLimit,
    Table,
    place,
)
from basegate.errors import DataError, InvalidMeasurement
from basegate.measurement import Findings, ItemScores, Metric, Sample, SampleSize

__all__ = [
    "BankSettings",
    "BankTable",
    "CheckDeclaration",
    "CheckSettings",
    "Confidence",
    "DataError",
    "Findings",
    "InvalidMeasurement",
    "ItemScores",
    "Metric",
    "MetricLabel",
    "Natural",
    "Positive",
    "PositiveLimit",
    "Sample",
    "SampleSize",
    "SampledTable",
    "Sampling",
    "SamplingSettings",
    "Share",
    "ShareLimit",
    "Table",
    "TableSource",
    "at_least",
    "at_most",
    "by_item",
    "place",
    "register",
]

# In the article's order, which is that of every table of results.
for _name in ("perplexity", "minimal_pairs", "continuation", "knowledge", "reasoning"):
    importlib.import_module(f"basegate.checks.{_name}")
