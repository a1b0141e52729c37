"""Sample tokens from logits, so that each sample depends on its own seed and on nothing else.

Inverse-transform sampling from numbers fixed beforehand per sample, so a sample stays the same
whatever else is in its batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
)

from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.settings import Sampling


def uniforms(seeds: Sequence[int], steps: int) -> torch.Tensor:
    """The numbers in [0, 1) that decide the draws, shape [samples, steps], float64."""
    rows = [np.random.Generator(np.random.Philox(key=seed)).random(steps) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


class _RefuseNonFinite(LogitsProcessor):
    """NaN must never become a token: an argmax over NaN is token 0."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # NaN and inf show in the maximum, and so does a row of nothing but -inf.
        if not bool(torch.isfinite(scores.amax(dim=-1)).all()):
            reason = Message(
                "the model's logits are not finite (NaN or inf), so nothing can be drawn from "
                "them. It is numerically unstable, which says nothing about what it knows: "
                "try another --dtype or --quantization."
            )
            raise InvalidMeasurement(reason)
        return scores.float()


class _Draw(LogitsProcessor):
    """Leaves only the drawn token, so that greedy search takes it.

    Temperature, then the k most probable tokens, then the most probable that hold top_p of what is
    left; of these, in falling order, the first whose cumulated probability exceeds the sample's
    number of this step. Only the top k are ever sorted.
    """

    def __init__(self, sampling: Sampling, draws: torch.Tensor, prompt_length: int) -> None:
        self.sampling = sampling
        self.draws = draws
        self.prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self.prompt_length
        count = self.sampling.top_k or scores.shape[-1]
        kept, tokens = torch.topk(scores, min(count, scores.shape[-1]), dim=-1)
        chances = torch.softmax(kept.double() / self.sampling.temperature, dim=-1)
        # A token stays if those before it hold less than top_p; the first always does.
        before = chances.cumsum(dim=-1) - chances
        cumulated = torch.where(before < self.sampling.top_p, chances, 0.0).cumsum(dim=-1)
        # Scaled by the total, so that a token is always found.
        threshold = self.draws[:, step : step + 1].to(scores.device) * cumulated[:, -1:]
        place = torch.searchsorted(cumulated, threshold, right=True)
        chosen = tokens.gather(1, place.clamp(max=tokens.shape[-1] - 1))
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


def processors(sampling: Sampling, seeds: Sequence[int], prompt_length: int) -> LogitsProcessorList:
    """The chain from logits to the drawn token, with one seed per row; greedy at temperature 0."""
    chain = LogitsProcessorList([_RefuseNonFinite()])
    if sampling.repetition_penalty != 1.0:
        chain.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.temperature == 0:
        return chain
    chain.append(_Draw(sampling, uniforms(seeds, sampling.max_new_tokens), prompt_length))
    return chain
