"""A row of the ledger as a sentence, in the reader's language: from what the row holds, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.i18n.catalogue import ENGLISH, Words
from basegate.i18n.formatting import SHARE, asked, format_value, found, place, roughly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from basegate.verdict import Counted, Result, Settling, TokenizerCost


def sentence(row: Result, say: Words = ENGLISH) -> str:
    """Return what was found, what was asked for, and what follows from it.

    The reason of a row without numbers is English where the row does not keep what it was put
    together from, as in older ledgers.
    """
    return say.gap.join(_sentences(row, say))


def _sentences(row: Result, say: Words) -> Iterator[str]:
    if row.limit is None:
        where = row.item or place(row.check, "", say)
        yield say(
            "{candidate} on {item}: {reason}",
            candidate=row.candidate,
            item=where,
            reason=reason(row, say),
        )
        return
    yield say(
        "{candidate} on {item}: {found}, limit {asked}.",
        candidate=row.candidate,
        item=row.item,
        found=found(row, row.limit, say),
        asked=asked(row, say),
    )
    if row.settling is not None:
        yield say(
            "The interval straddles the limit: {settling}", settling=_settled_by(row.settling, say)
        )
    if row.counts:
        yield from _about_count(row, say)
    if row.count == 0 and row.verdict != "pass":
        yield say("No sample holds anything to count that share of, so nothing is known of it.")
    if row.tokenizer is not None and row.verdict == "fail":
        yield _about_tokenizer(row.tokenizer, row, say)


def reason(row: Result, say: Words = ENGLISH) -> str:
    """Return why a row holds no number, without candidate and item."""
    if row.reason is not None:
        return say.retold(row.reason.message)
    return row.detail.removeprefix(whom(row.candidate, row.check, row.item))


def whom(candidate: str, check: str, item: str) -> str:
    """Return what the sentence of a row without numbers begins with."""
    return f"{candidate} on {item or place(check, '')}: "


def _settled_by(settling: Settling, say: Words) -> str:
    what = {
        "documents": say("documents"),
        "documents in both versions": say("documents in both versions"),
        "samples": say("samples"),
        "questions": say("questions"),
        "problems": say("problems"),
        "pairs": say("pairs"),
    }[settling.what]
    if settling.more is None:
        return say("more {what} would settle it, if the truth is not the limit itself.", what=what)
    known = {"more": f"{settling.more:,}", "what": what, "have": settling.have}
    if settling.more == 1:
        known["what"] = _one(settling.what, say)
        return say(
            "about 1 more {what} like these {have} would settle it, if the value stays.", **known
        )
    if settling.have == 1:
        return say(
            "about {more} more {what} like this one would settle it, if the value stays.", **known
        )
    return say(
        "about {more} more {what} like these {have} would settle it, if the value stays.", **known
    )


def _one(what: Counted, say: Words) -> str:
    return {
        "documents": say("document"),
        "documents in both versions": say("document in both versions"),
        "samples": say("sample"),
        "questions": say("question"),
        "problems": say("problem"),
        "pairs": say("pair"),
    }[what]


def _about_count(row: Result, say: Words) -> Iterator[str]:
    """Say of a count what was not drawn, and what its gate lets through."""
    count = row.count or 0
    left = count - row.drawn if row.drawn is not None else 0
    if left:
        yield say(
            "The other {left} of {count} samples could not change that and were not drawn.",
            left=left,
            count=count,
        )
    chance = dict(row.curve).get(0.5)
    if chance is not None:
        yield say(
            "(A model that is right half of the time passes {chance} of the time.)",
            chance=roughly(chance, say),
        )


MANY_PIECES, MANY_TOKENS = 0.05, 1.2
"""Share of tokens that are parts of a character, and tokens per character, from which on a
tokenizer may be why a text costs so much."""
OF_FREQUENCIES = 9.65
"""Bits per character that Chinese takes by how frequent each character is, its neighbours unseen.

Source: Feng Zhiwei, The entropy of Chinese characters, 1984.
"""


def _about_tokenizer(cost: TokenizerCost, row: Result, say: Words) -> str:
    density, split = cost.tokens_per_character, cost.split_share
    if split is None or split < MANY_PIECES or density < MANY_TOKENS or row.value is None:
        return say("{density} tokens per character.", density=f"{density:.2f}")
    told = say(
        "{density} tokens per character, {share} of them parts of a character",
        density=f"{density:.2f}",
        share=format_value(split, SHARE, say=say),
    )
    if row.metric != "bits_per_char" or row.limit is None:
        return say("{told}.", told=told)
    # Where one token per character at this price would be too dear, too, or frequencies alone
    # would do better, more is amiss than how characters are cut.
    if row.value / density > row.limit or row.value > OF_FREQUENCIES:
        return say(
            "{told}, at {bits} bits a token: the model seems not to know such text.",
            told=told,
            bits=format_value(row.value / density, say=say),
        )
    return say("{told}: the tokenizer is the likely cause.", told=told)
