"""One file per check: its declaration, and plain functions, numbers in, `Findings` out.

No limit is seen while measuring, but for when enough samples were drawn (`StoppingRule`). What only
`measure` needs and takes long to import is imported there: whoever judges what is stored, or
collects tests, asks the declaration alone.

Importing this package declares basegate's own checks. What a check is written with can be imported
from here; see docs/checks.md.
"""

import importlib

from basegate.config.declaration import (
    CheckDeclaration as CheckDeclaration,
    MetricLabel as MetricLabel,
    at_least as at_least,
    at_most as at_most,
    by_item as by_item,
    register as register,
)
from basegate.config.settings import (
    BankSettings as BankSettings,
    CheckSettings as CheckSettings,
    Natural as Natural,
    Positive as Positive,
    Sampling as Sampling,
    SamplingSettings as SamplingSettings,
    Share as Share,
    TableSource as TableSource,
)
from basegate.config.thresholds_schema import (
    BankTable as BankTable,
    Confidence as Confidence,
    PositiveLimit as PositiveLimit,
    SampledTable as SampledTable,
    ShareLimit as ShareLimit,
    Table as Table,
    place as place,
)
from basegate.errors import DataError as DataError, InvalidMeasurement as InvalidMeasurement
from basegate.measurement import (
    Findings as Findings,
    Metric as Metric,
    Sample as Sample,
    SampleSize as SampleSize,
)
from basegate.stats.paired import ItemScores as ItemScores

# In the article's order, which is that of every table of results.
for _name in ("perplexity", "minimal_pairs", "continuation", "knowledge", "reasoning"):
    importlib.import_module(f"basegate.checks.{_name}")
