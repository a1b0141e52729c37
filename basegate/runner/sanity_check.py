"""Sanity checks after loading: finite numbers, no leak of padding, KV cache, tokenizer, word order.

A broken run (numbers that overflow, a tokenizer that does not belong to the weights, weights that
were never loaded) gives numbers like a bad model's. It is `invalid`, which says nothing about the
model; a model that is merely bad at Cantonese has to pass here and fail at its checks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from basegate.checks.validity import is_broken
from basegate.config.settings import Sampling
from basegate.engines.checkpoints.inspection import LoadedCheckpoint
from basegate.engines.checkpoints.weight_files import find_non_finite
from basegate.engines.protocol import Engine, TokenScores
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined
from basegate.progress import SILENT

WINDOW, CONTEXT = 256, 64
DRIFT = 0.1
"""Nats per token by which a text may score otherwise in a padded batch than alone; bfloat16 and
4-bit weights move it by a few hundredths."""
NEAR = 8
"""Tokens behind a beginning that show whether it was read: later ones know of each other."""
ORDER_GAIN = 0.02
"""Share of its bits per token that a text must save over its own words in a wrong order. Random
weights save nothing."""
LOST_SHARE = 0.01
CHARACTER_BITS = 17.2
"""Of a guess that takes all of Unicode's 150,000 characters for equally likely."""


class Text(NamedTuple):
    """A text in one language, and how its parts are told apart."""

    language: str
    text: str
    apart: str

    def shuffled(self) -> str:
        """Its words (or characters) in another order, the same every time."""
        parts = self.text.split(self.apart) if self.apart else list(self.text)
        random.Random(0).shuffle(parts)
        return self.apart.join(parts)


TEXTS = (
    Text(
        "English",
        "The old woman opened the window and looked down at the street. It had rained in the "
        "night, and the children were walking to school under their umbrellas. She waved to them, "
        "put the kettle on, and sat down to read the letter that her son had sent her.",
        " ",
    ),
    Text(
        "written Chinese",
        "老人打開窗戶，看看下面的街道。昨天晚上下過雨，孩子們撐着雨傘走路上學。她向他們揮手，然後燒水泡茶，"
        "坐下來讀兒子寄給她的信。信裏說，他下個月會回來看她，還會帶她去吃飯。",
        "",
    ),
    Text(
        "Cantonese",
        "阿婆打開窗，望下條街。琴晚落過雨，班細路擔住遮行路返學。佢同佢哋揮下手，跟住煲水沖茶，坐低睇佢個仔"
        "寄畀佢嘅信。封信話，佢下個月會返嚟探佢，仲會帶佢去食飯。",
        "",
    ),
)


class ReadingEngine(Engine, Protocol):
    """An engine with a tokenizer, which may not know every language."""

    def lost_share(self, text: str) -> float:
        """The share of a text's characters that its tokens do not hold."""
        ...


def check(engine: ReadingEngine) -> None:
    """Refuse a candidate whose numbers cannot mean anything, by what its tokenizer can read.

    Raises:
        CandidateError: with what is wrong and what may have caused it.
    """
    read = _read(engine)
    texts = [each.text for each in read]
    together = _score(engine, [*texts, *(each.shuffled() for each in read)])
    alone = _score(engine, texts[:1])[0]
    _check_finite(together, engine)
    _check_padding(together[0], alone)
    _check_kv_cache(engine, texts)
    _check_word_order(together, read)
    _check_better_than_uniform(together, read, getattr(engine, "vocabulary", None))
    _check_generation(engine, texts)


def _read(engine: ReadingEngine) -> list[Text]:
    """The texts in languages that the tokenizer can read."""
    lost = [engine.lost_share(each.text) for each in TEXTS]
    if min(lost) > LOST_SHARE:
        raise CandidateError(
            f"its tokenizer loses {min(lost) * 100:.0f} % of the characters or more in every "
            "language: decoding does not give a text back. The tokenizer's files are broken or "
            "of another version; fetch them again."
        )
    return [each for each, share in zip(TEXTS, lost, strict=True) if share <= LOST_SHARE]


def _score(engine: Engine, texts: list[str]) -> list[TokenScores]:
    longest = getattr(engine, "context_length", None)
    window = min(WINDOW, longest) if isinstance(longest, int) else WINDOW
    return engine.log_likelihoods(
        texts, window=window, context=min(CONTEXT, window // 4), progress=SILENT
    )


def _check_finite(scores: list[TokenScores], engine: Engine) -> None:
    broken = sum(int((~np.isfinite(each.logprobs)).sum()) for each in scores)
    if not broken:
        return
    loaded: LoadedCheckpoint | None = getattr(engine, "loaded", None)
    if loaded is not None and (found := find_non_finite(loaded.folder, loaded.files)) is not None:
        raise CandidateError(
            f"{found}, so that {broken} log-probabilities of a few plain sentences are not finite "
            "(NaN or inf). It was broken while it was trained, merged or saved, and no --dtype "
            "mends that. Fetch the file again; if it was published so, choose another checkpoint."
        )
    raise CandidateError(
        Message(
            "{broken} log-probabilities of a few plain sentences are not finite (NaN or inf): "
            "its numbers overflow. Try another --dtype (bfloat16 instead of float16) or "
            "--quantization.",
            broken=broken,
        )
    )


def _check_padding(together: TokenScores, alone: TokenScores) -> None:
    drift = float(np.mean(np.abs(alone.logprobs - together.logprobs)))
    if not drift <= DRIFT:  # NaN, too, is no agreement
        raise CandidateError(
            f"a sentence differs by {drift:.2f} nats per token between a batch with longer and "
            "shorter ones and alone: padding leaks into its numbers. The model's code ignores the "
            "attention mask; try another version of transformers."
        )


def _check_kv_cache(engine: Engine, texts: Sequence[str]) -> None:
    """Compare ends of sentences after their beginnings, read beside longer ones, alone and at once.

    Prompts are padded on the left, where a model that does not heed the mask sees it. And the code
    of some models decodes incrementally by one token only: with several it begins anew, unnoticed.
    """
    heads = [each[: len(each) // 2] for each in texts]
    tails = [each[len(each) // 2 :] for each in texts]
    together = engine.log_likelihoods(tails, after=heads, progress=SILENT)
    at_once = engine.log_likelihoods(texts, progress=SILENT)
    apart: list[float] = []
    for head, tail, beside, whole in zip(heads, tails, together, at_once, strict=True):
        [alone] = engine.log_likelihoods([tail], after=[head], progress=SILENT)
        _check_finite([beside], engine)
        _check_padding(beside, alone)
        # The tokens are the same: a text is encoded together with its prompt.
        same = whole.logprobs[-len(alone.logprobs) :]
        apart += list(np.abs(alone.logprobs - same)[:NEAR])
    drift = float(np.mean(apart))
    if not drift <= DRIFT:
        raise CandidateError(
            f"the end of a sentence differs by {drift:.2f} nats per token between incremental "
            "decoding with the KV cache and one pass: the model's code does not support "
            "incremental decoding, as options after a prompt need. Try another version of "
            "transformers, or choose a model of another kind."
        )


def _check_word_order(scores: list[TokenScores], read: Sequence[Text]) -> None:
    gains = []
    for right, wrong in zip(scores[: len(read)], scores[len(read) :], strict=True):
        # Per token: in disorder there are more of them, which would look like knowledge.
        gains.append(1 - float(right.logprobs.mean()) / float(wrong.logprobs.mean()))
    if max(gains) < ORDER_GAIN:
        found = joined(
            f"{text.language} {gain * 100:.1f} %" for text, gain in zip(read, gains, strict=True)
        )
        raise CandidateError(
            "it predicts plain sentences no better than their words in a wrong order (saved: "
            f"{found}). Its weights are random or belong to another tokenizer, or it is "
            "numerically unstable: check the checkpoint, --dtype and --quantization."
        )


def _check_better_than_uniform(
    scores: list[TokenScores], read: Sequence[Text], vocabulary: int | None
) -> None:
    """Refuse what says less of a text than a guess, in every language.

    The guess takes all tokens of the vocabulary for equally likely (its logarithm in nats per
    token), or all characters (17.2 bits). A tokenizer of another model with as many tokens makes a
    model sure of the wrong ones; a model that is merely weak knows at least which tokens are
    frequent. Measured, nats per token over the logarithm, in the best language: tiny-yue 0.74,
    tiny-en 0.61; the same with the ids of their tokenizers in another order, five draws, 1.30 to
    1.53, of which two passed all other checks. tiny-yue's weights with tiny-en's tokenizer,
    which share the ids of bytes, have 0.86, but at least 27 bits per Chinese character, where
    tiny-yue has 6.8.
    """
    if vocabulary is None:
        return
    guess = math.log(vocabulary)
    found = []
    for each, text in zip(scores, read, strict=False):
        nats = -float(each.logprobs.mean())
        bits = -float(each.logprobs.sum()) / math.log(2) / len(text.text)
        if nats < guess and bits < CHARACTER_BITS:
            return
        found.append(f"{text.language} {nats:.1f} and {bits:.1f}")
    raise CandidateError(
        "it predicts plain sentences worse than a guess that takes everything for equally "
        f"likely: nats per token and bits per character are {joined(found)}, and the guess "
        f"has {guess:.1f} over its {vocabulary} tokens and {CHARACTER_BITS} over all characters. "
        "Its tokenizer belongs to another model, or its weights are damaged: fetch the tokenizer "
        "and the weights again, from one checkpoint."
    )


def _check_generation(engine: Engine, texts: Sequence[str]) -> None:
    prompts = [each[: len(each) // 2] for each in texts]
    sampling = Sampling(samples=1, temperature=0.9, max_new_tokens=24)
    drawn = engine.sample(prompts, sampling=sampling, progress=SILENT)
    if all(is_broken(draws[0]) for draws in drawn):
        raise CandidateError(
            Message(
                "it writes one character or token over and over, or nothing, in every language "
                "(such as {text}). That is a broken run: try another --dtype or --quantization.",
                text=repr(drawn[0][0].text[:12]),
            )
        )
