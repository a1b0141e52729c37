"""The page that people decide from: sections of HTML, made of a ledger and its measurements.

Nothing is computed here that a ledger could hold. Everything a model wrote is data: jinja2 escapes
it, or it travels as JSON that a script puts in as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.ledger import Ledger, NullFigure
from basegate.measurement import Measurement
from basegate.verdict import Result


@dataclass(frozen=True)
class Page:
    """A ledger, the stored measurements behind its rows by key, and a language."""

    ledger: Ledger
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    tr: Translator = ENGLISH

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.ledger.candidates)

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Every check with its corpus, bank or prompt file, in the order of the ledger."""
        return tuple(dict.fromkeys((row.check, row.part) for row in self.ledger.results))

    def rows(self, candidate: str, check: str, part: str) -> tuple[Result, ...]:
        return tuple(
            row
            for row in self.ledger.results
            if (row.candidate, row.check, row.part) == (candidate, check, part)
        )

    def null(self, check: str, part: str, metric: str) -> NullFigure | None:
        """The best figure of a null model."""
        place = (check, part, metric)
        found = (n for n in self.ledger.nulls if (n.check, n.item, n.metric) == place)
        return next(found, None)

    def measured(self, candidate: str, check: str, part: str) -> Measurement | None:
        keys = (row.measurement or "" for row in self.rows(candidate, check, part))
        return next((self.measurements[key] for key in keys if key in self.measurements), None)
