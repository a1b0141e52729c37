"""An engine whose finished batches are kept in a journal: what a measure is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.engines.batch_cache import BatchCache
    from basegate.engines.checkpoints.inspection import Loaded
    from basegate.engines.protocol import Draw, Engine, TokenScores


class Keeping:
    """Passes everything on to an engine, and the journal of a measurement with it.

    It holds the engine and not its model, so that closing the engine frees the model even where
    someone, as pytest does, keeps a traceback that leads here.
    """

    def __init__(self, engine: Engine, journal: BatchCache) -> None:
        self._engine = engine
        self.journal = journal

    @property
    def prefix(self) -> str:
        """See `Engine.prefix`."""
        return self._engine.prefix

    @property
    def loaded(self) -> Loaded | None:
        """See `Engine.loaded`."""
        return self._engine.loaded

    def log_likelihoods(self, texts: Sequence[str], **given: Any) -> list[TokenScores]:
        """See `Engine.log_likelihoods`."""
        return self._engine.log_likelihoods(texts, **{"journal": self.journal, **given})

    def sample(self, prompts: Sequence[str], **given: Any) -> list[list[Draw]]:
        """See `Engine.sample`."""
        return self._engine.sample(prompts, **{"journal": self.journal, **given})

    def recall(self, prompts: Sequence[str], **given: Any) -> list[list[Draw]]:
        """See `Engine.recall`."""
        return self._engine.recall(prompts, **{"journal": self.journal, **given})

    @property
    def model(self) -> Any:
        """The transformers model, or `None` where the engine is another."""
        return getattr(self._engine, "model", None)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of that model."""
        return getattr(self._engine, "tokenizer", None)

    def close(self) -> None:
        """See `Engine.close`."""
        self._engine.close()
