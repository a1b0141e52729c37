"""The methods every engine offers, or refuses with a clear error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from basegate.config.settings import Sampling
    from basegate.engines.batching import BatchCache
    from basegate.engines.checkpoints.inspection import LoadedCheckpoint
    from basegate.progress import Progress


LOST_SHARE = 0.01
"""Above this share of lost characters the text that was read is not the text that was given."""


@dataclass(frozen=True)
class TokenScores:
    """Log-probabilities of one text's tokens, each scored exactly once.

    Attributes:
        logprobs: natural logarithms, float64, shape [tokens]. Not checked for NaN. Without the
            first token of a text that nothing stands before (see `Engine.prefix`).
        starts: index of the character at which each token starts, shape [tokens]; `None` where
            the tokenizer cannot tell.
        lost: characters of the text, white space apart, that its tokens do not give back.
    """

    logprobs: NDArray[np.float64]
    starts: NDArray[np.int64] | None
    lost: int = 0

    def without_first(self) -> TokenScores:
        """Without the first token, where nothing stands before it that could tell of it."""
        starts = self.starts[1:] if self.starts is not None else None
        return replace(self, logprobs=self.logprobs[1:], starts=starts)


@dataclass(frozen=True)
class Draw:
    """One sampled text."""

    text: str  # special tokens left out
    seed: int  # the seed it came from
    one_token: bool = False  # whether it is eight tokens or more and all of them the same
    cut: bool = False  # whether it was broken off at the most tokens


class Engine(Protocol):
    """A loaded candidate."""

    batch_cache: BatchCache
    """Where finished batches are kept, and those of an earlier run are found; the runner sets it
    while a measurement is made."""

    @property
    def prefix(self) -> str:
        """What stands before every window and prompt, never scored, in words, e.g. `<s>`.

        Empty where nothing does, so that the first token of a text is not scored.
        """
        ...

    @property
    def loaded(self) -> LoadedCheckpoint | None:
        """The files that it comes from; `None` where it comes from none."""
        ...

    def log_likelihoods(
        self,
        texts: Sequence[str],
        *,
        window: int | None = None,
        context: int = 0,
        after: Sequence[str] | None = None,
        progress: Progress,
    ) -> list[TokenScores]:
        """Score every token of every text once.

        Args:
            texts: non-empty texts, scored independently of each other.
            window: tokens that the model sees at once, the tokenizer's prefix included; by default
                as many as it was made for.
            context: tokens before every scored token, unless the text starts there.
            after: for each text a prompt that it follows, read and not scored; texts after the
                same prompt share its reading. Both together have to fit into a window.
            progress: told of every window, or of every prompt.

        Raises:
            InvalidMeasurement: the tokenizer makes no token of a text or prompt.
            CandidateError: the engine cannot score, or not with this window; or a text does not
                fit into it with its prompt.
        """
        ...

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        numbers: Sequence[Sequence[int]] | None = None,
        is_final: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress,
    ) -> list[list[Draw]]:
        """Draw continuations of every prompt, in batches.

        A draw depends on the prompt, its own number and the seed, not on the other prompts.

        Args:
            prompts: what to go on with.
            sampling: temperature, length and the like.
            numbers: for each prompt the numbers of the samples to draw; by default 0 to
                `sampling.samples` - 1.
            is_final: for each prompt, tells of a sample so far whether more text could not change
                what is read from it; the engine may end the sample then.
            progress: told of every sample.

        Raises:
            InvalidMeasurement: the model gives no numbers (NaN).
            CandidateError: the engine cannot sample, or a prompt leaves no room for new tokens.
        """
        ...

    def cached_samples(
        self, prompts: Sequence[str], *, sampling: Sampling, numbers: Sequence[Sequence[int]]
    ) -> list[list[Draw]]:
        """Samples of an earlier run; of each prompt the first of `numbers`, up to a missing one."""
        ...

    def close(self) -> None: ...


def sample_seed(seed: int, prompt: str, index: int) -> int:
    """The seed of one sample: 63 bits of SHA-256 of the run's seed, the prompt and its number.

    It does not depend on the other prompts, so that adding a question leaves the samples of the
    others as they were.
    """
    text = f"{seed}\n{index}\n{prompt}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
