"""The two verbs every engine offers, or refuses with a clear error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from basegate.progress import Progress
    from basegate.settings import Sampling


@dataclass(frozen=True)
class TokenScores:
    """Log-probabilities of one text's tokens, each scored exactly once.

    Attributes:
        logprobs: natural logarithms, float64, shape [tokens]. Not checked for NaN.
        starts: index of the character at which each token starts, shape [tokens]; `None` where
            the tokenizer cannot tell.
        lost: characters of the text, white space apart, that its tokens do not give back.
    """

    logprobs: NDArray[np.float64]
    starts: NDArray[np.int64] | None
    lost: int = 0


@dataclass(frozen=True)
class Draw:
    """One sampled text and the seed it came from."""

    text: str
    seed: int


class Engine(Protocol):
    """A loaded candidate."""

    def log_likelihoods(
        self, texts: Sequence[str], *, window: int, context: int, progress: Progress
    ) -> list[TokenScores]:
        """Score every token of every text once.

        Args:
            texts: non-empty texts, scored independently of each other.
            window: tokens that the model sees at once, the tokenizer's prefix included.
            context: tokens before every scored token, unless the text starts there.
            progress: told of every window.

        Raises:
            CandidateError: the engine cannot score, or not with this window.
        """
        ...

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        settled: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress,
    ) -> list[list[Draw]]:
        """Draw `sampling.samples` continuations of every prompt, in batches.

        A draw depends on the prompt, its own number and the seed, not on the other prompts.

        Args:
            prompts: what to go on with.
            sampling: how to draw.
            settled: for each prompt, tells of a sample so far whether more text could not change
                what is read from it; the engine may end the sample then.
            progress: told of every sample.

        Raises:
            InvalidMeasurement: the model gives no numbers (NaN).
            CandidateError: the engine cannot sample.
        """
        ...

    def close(self) -> None:
        """Free the model. The engine cannot be used afterwards."""
        ...
