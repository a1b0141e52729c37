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
from basegate.engines.padding_probe import PaddingEffect
from basegate.engines.protocol import LOST_SHARE, Draw, Engine, TokenScores
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined
from basegate.progress import SILENT

WINDOW, CONTEXT = 512, 64
"""No text is cut in two, even by a tokenizer that makes a token of every byte: what the cache gives
is compared with one pass over all of it."""
LEAK = 0.01
"""Nats per token by which other padding may move a text's scores, beyond rounding. It moves those
of tiny-yue, tiny-en, SmolLM2-135M and gemma-3-270m by 0 in float32, bfloat16, NF4 and int8, and
without the mask by 0.3 to 0.9."""
DRIFT = {"float32": 0.02, "float16": 0.1, "bfloat16": 0.2, "int8": 0.6}
"""Nats per token by which rounding alone may move a text's scores between batches and the cache,
by precision (of weights in 4 bits, that of the computation). Measured on the same models: float32
below 0.0001, bfloat16 0.002 to 0.063, int8 0.012 to 0.29, since LLM.int8 rounds by what is in a
batch (Dettmers et al., 2022); a tail that is read without its beginning differs by 0.63 to 4.7."""
NEAR = 8
"""Tokens behind a beginning that show whether it was read: later ones know of each other."""
PART = 4
"""A beginning is the fourth part of a text; in most languages that is read and no more."""
DRAWN, DRAWN_FIRST = 24, 3
"""Tokens that are written, and how many of them mostly tell."""
FEWEST, BESIDE = 16, 8
"""Tokens of a text that still tell something, and room for a prefix and a cut within a word."""
ORDER_GAIN = 0.02
"""Share of its bits per token that a text must save over its own words in a wrong order. Random
weights save nothing."""
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

    @property
    def beginning(self) -> str:
        return self.text[: len(self.text) // PART]


class Predicted(NamedTuple):
    """How well a text was predicted."""

    language: str
    gain: float  # share of its bits per token that it saves over a wrong order
    nats: float  # per token
    bits: float  # per character


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

    precision: str  # a key of `DRIFT`

    def lost_share(self, text: str) -> float:
        """The share of a text's characters that its tokens do not hold."""
        ...

    def padding_effect(self, text: str) -> PaddingEffect:
        """Whether what a batch is padded with reaches the scores of a text."""
        ...


def check(engine: ReadingEngine) -> None:
    """Refuse a candidate whose numbers cannot mean anything, by what its tokenizer can read.

    Raises:
        CandidateError: with what is wrong and what may have caused it.
    """
    read = _read(engine)
    first = read[0]
    whole, *beginnings = _fitting(engine, [first.text, *(each.beginning for each in read)])
    texts = [whole, *beginnings[1:]]
    *together, shuffled = _score(engine, [*texts, first.shuffled()])
    _check_finite([*together, shuffled], engine)
    _check_padding(engine.padding_effect(first.text))
    _check_kv_cache(engine, texts, together)
    in_order = together[0] if whole == first.text else _score(engine, [first.text])[0]
    _check_predictions(engine, read, [in_order, shuffled])
    _check_generation(engine, beginnings)


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


def _fitting(engine: Engine, texts: Sequence[str]) -> list[str]:
    """The texts, shorter where a model was made for fewer tokens than they have."""
    longest = getattr(engine, "context_length", None)
    if not isinstance(longest, int) or longest >= WINDOW:
        return list(texts)
    room = longest - DRAWN - BESIDE
    if room < FEWEST:
        raise CandidateError(
            f"it was made for {longest} tokens at once, and the checks after loading alone take "
            f"{FEWEST + DRAWN + BESIDE}: no question would fit with its answer. Choose a model "
            "with a longer context, or correct config.json if it says too little "
            "(max_position_embeddings)."
        )
    tokens = [len(each.logprobs) for each in _score(engine, texts)]
    return [
        text[: len(text) * room // max(room, count)]
        for text, count in zip(texts, tokens, strict=True)
    ]


def _score(engine: Engine, texts: Sequence[str]) -> list[TokenScores]:
    longest = getattr(engine, "context_length", None)
    window = min(WINDOW, longest) if isinstance(longest, int) else WINDOW
    return engine.log_likelihoods(
        texts, window=window, context=min(CONTEXT, window // 4), progress=SILENT
    )


def _check_finite(scores: Sequence[TokenScores], engine: Engine) -> None:
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


def _check_padding(effect: PaddingEffect) -> None:
    if not effect.beyond <= LEAK:  # NaN, too, is no agreement
        raise _leak(
            f"a sentence differs by {effect.moved:.2f} nats per token with other padding in its "
            f"batch, and by {effect.rounding:.2f} with the same"
        )


def _leak(seen: str) -> CandidateError:
    return CandidateError(
        f"{seen}: padding leaks into its numbers. The model's code ignores the attention mask; try "
        "another version of transformers."
    )


def _apart(one: TokenScores, other: TokenScores, tokens: int | None = None) -> float:
    """Nats per token between two scores of a text, of its first `tokens` or all."""
    return float(np.mean(np.abs(one.logprobs - other.logprobs)[:tokens]))


def _check_kv_cache(
    engine: ReadingEngine, texts: Sequence[str], at_once: Sequence[TokenScores]
) -> None:
    """Compare ends of texts after their beginnings, read beside longer ones, with one pass.

    The code of some models decodes incrementally by one token only: with several it begins anew,
    unnoticed. And that of others counts the padding on the left when it numbers positions. Which of
    both it is shows where a text is read alone.
    """
    heads = [each[: len(each) // 2] for each in texts]
    tails = [each[len(each) // 2 :] for each in texts]
    together = engine.log_likelihoods(tails, after=heads, progress=SILENT)
    _check_finite(together, engine)
    # The tokens are the same: a text is encoded together with its prompt.
    wholes = [
        TokenScores(whole.logprobs[-len(each.logprobs) :], None)
        for whole, each in zip(at_once, together, strict=True)
    ]
    near = [np.abs(a.logprobs - b.logprobs)[:NEAR] for a, b in zip(together, wholes, strict=True)]
    drift = float(np.mean(np.concatenate(near)))
    drifts = [_apart(*pair) for pair in zip(together, wholes, strict=True)]
    allowed = DRIFT[engine.precision]
    if drift <= allowed and max(drifts) <= allowed:
        return
    for head, tail, beside in zip(heads, tails, together, strict=True):
        [alone] = engine.log_likelihoods([tail], after=[head], progress=SILENT)
        if not (moved := _apart(beside, alone)) <= allowed:
            raise _leak(
                f"a sentence differs by {moved:.2f} nats per token between a batch with longer and "
                "shorter ones and alone"
            )
    raise CandidateError(
        f"the end of a sentence differs by {max(drift, *drifts):.2f} nats per token between "
        f"incremental decoding with the KV cache and one pass, and rounding to {engine.precision} "
        f"explains {allowed}: the model's code does not support incremental decoding, as options "
        "after a prompt need. Try another version of transformers, or choose a model of another "
        "kind."
    )


def _check_predictions(engine: Engine, read: Sequence[Text], first: Sequence[TokenScores]) -> None:
    """Refuse a model that in no language predicts a text as one that was trained does.

    Languages are asked one after another, since the first mostly tells; `first` are the scores of
    its text in order and in another one. A text has to gain `ORDER_GAIN` by its order, and has to
    cost less than a guess that takes all tokens of the vocabulary for equally likely (its
    logarithm in nats per token), or all characters. A tokenizer of another model with as many
    tokens makes a model sure of the wrong ones; a model that is merely weak knows at least which
    tokens are frequent. Measured, nats per token over the logarithm, in the best language: tiny-yue
    0.74, tiny-en 0.61; the same with the ids of their tokenizers in another order, five draws, 1.30
    to 1.53, of which two passed all other checks. tiny-yue's weights with tiny-en's tokenizer,
    which share the ids of bytes, have 0.86, but at least 27 bits per Chinese character, where
    tiny-yue has 6.8.
    """
    vocabulary: int | None = getattr(engine, "vocabulary", None)
    found: list[Predicted] = []
    for text in read:
        scores = first if not found else _score(engine, [text.text, text.shuffled()])
        _check_finite(scores, engine)
        found.append(_predicted(text, *scores))
        in_order = any(each.gain >= ORDER_GAIN for each in found)
        better = vocabulary is None or any(
            each.nats < math.log(vocabulary) and each.bits < CHARACTER_BITS for each in found
        )
        if in_order and better:
            return
    if vocabulary is None or not in_order:
        raise _no_word_order(found)
    raise _worse_than_a_guess(found, vocabulary)


def _predicted(text: Text, right: TokenScores, wrong: TokenScores) -> Predicted:
    nats = -float(right.logprobs.mean())
    # Per token: in disorder there are more of them, which would look like knowledge.
    gain = 1 - nats / -float(wrong.logprobs.mean())
    bits = -float(right.logprobs.sum()) / math.log(2) / len(text.text)
    return Predicted(text.language, gain, nats, bits)


def _no_word_order(found: Sequence[Predicted]) -> CandidateError:
    saved = joined(f"{each.language} {each.gain * 100:.1f} %" for each in found)
    return CandidateError(
        "it predicts plain sentences no better than their words in a wrong order (saved: "
        f"{saved}). Its weights are random or belong to another tokenizer, or it is "
        "numerically unstable: check the checkpoint, --dtype and --quantization."
    )


def _worse_than_a_guess(found: Sequence[Predicted], vocabulary: int) -> CandidateError:
    costs = joined(f"{each.language} {each.nats:.1f} and {each.bits:.1f}" for each in found)
    return CandidateError(
        "it predicts plain sentences worse than a guess that takes everything for equally "
        f"likely: nats per token and bits per character are {costs}, and the guess has "
        f"{math.log(vocabulary):.1f} over its {vocabulary} tokens and {CHARACTER_BITS} over all "
        "characters. Its tokenizer belongs to another model, or its weights are damaged: fetch the "
        "tokenizer and the weights again, from one checkpoint."
    )


def _check_generation(engine: Engine, prompts: Sequence[str]) -> None:
    if any(_varies(draw.text) for draw in _draws(engine, prompts, DRAWN_FIRST)):
        return
    drawn = _draws(engine, prompts, DRAWN)
    if all(map(is_broken, drawn)):
        raise CandidateError(
            Message(
                "it writes one character or token over and over, or nothing, in every language "
                "(such as {text}). That is a broken run: try another --dtype or --quantization.",
                text=repr(drawn[0].text[:12]),
            )
        )


def _draws(engine: Engine, prompts: Sequence[str], tokens: int) -> list[Draw]:
    sampling = Sampling(samples=1, temperature=0.9, max_new_tokens=tokens)
    return [draw for [draw] in engine.sample(prompts, sampling=sampling, progress=SILENT)]


def _varies(text: str) -> bool:
    """Whether `DRAWN_FIRST` tokens hold two characters, and are not one token over and over."""
    dense = "".join(text.split())
    one_token = dense == dense[: len(dense) // DRAWN_FIRST] * DRAWN_FIRST
    return len(set(dense)) > 1 and "\ufffd" not in dense and not one_token
