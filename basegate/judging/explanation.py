"""A row of the ledger as a sentence, in the reader's language: from what the row holds, no more."""

from __future__ import annotations

from collections.abc import Iterator

from basegate.checks.labels import KINDS, check_label, format_measured
from basegate.i18n.catalogue import ENGLISH, Plural, Translator
from basegate.i18n.formatting import FRACTION, format_probability, format_row_limit, format_value
from basegate.verdict import Result, SampleSizeHint, TokenizerCost


def sentence(row: Result, tr: Translator = ENGLISH) -> str:
    """What was found, what was asked for, and what follows from it."""
    return tr.gap.join(_sentences(row, tr))


def _sentences(row: Result, tr: Translator) -> Iterator[str]:
    if row.limit is None:
        where = row.item or check_label(row.check, "", tr)
        yield tr(
            "{candidate} on {item}: {reason}",
            candidate=row.candidate,
            item=where,
            reason=reason(row, tr),
        )
        return
    yield tr(
        "{candidate} on {item}: {found}, limit {asked}.",
        candidate=row.candidate,
        item=row.item,
        found=format_measured(row, row.limit, tr),
        asked=format_row_limit(row, tr),
    )
    if row.sample_size_hint is not None:
        yield tr(
            "The interval straddles the limit: {settling}",
            settling=_settled_by(row.sample_size_hint, tr),
        )
    elif row.verdict == "inconclusive" and row.is_asked_in_part:
        yield tr("The rest was not asked, since another limit is certainly not met.")
    if row.counts:
        yield from _about_count(row, tr)
    if row.count == 0 and row.verdict != "pass":
        yield tr("No sample holds anything to count that share of, so nothing is known of it.")
    if row.tokenizer is not None and row.verdict == "fail":
        yield _about_tokenizer(row.tokenizer, row, tr)


def reason(row: Result, tr: Translator = ENGLISH) -> str:
    return tr.translate(row.reason or "")


def _settled_by(hint: SampleSizeHint, tr: Translator) -> str:
    kind = KINDS.get(hint.kind) or Plural(hint.kind, hint.kind)
    what = tr.ngettext(*kind, hint.more or 0)
    if hint.more is None or hint.have is None:
        return tr("more {what} would settle it, if the truth is not the limit itself.", what=what)
    return tr.ngettext(
        "about {more} more {what} like this one would settle it, if the value stays.",
        "about {more} more {what} like these {have} would settle it, if the value stays.",
        hint.have,
        more=f"{hint.more:,}",
        what=what,
        have=hint.have,
    )


def _about_count(row: Result, tr: Translator) -> Iterator[str]:
    """Early stopping and operating curve, of a count."""
    count = row.count or 0
    left = count - row.n_generated if row.n_generated is not None else 0
    if left:
        yield tr(
            "The other {left} of {count} samples could not change that and were not generated.",
            left=left,
            count=count,
        )
    chance = dict(row.curve).get(0.5)
    if chance is not None:
        yield tr(
            "(A model that is right half of the time passes {chance} of the time.)",
            chance=format_probability(chance, tr),
        )


MANY_PIECES, MANY_TOKENS = 0.05, 1.2
"""Share of tokens that are parts of a character, and tokens per character, from which on a
tokenizer may be why a text costs so much."""
OF_FREQUENCIES = 9.65
"""Bits per character that Chinese takes by how frequent each character is, its neighbours unseen.

Source: Feng Zhiwei, The entropy of Chinese characters, 1984.
"""


def _about_tokenizer(cost: TokenizerCost, row: Result, tr: Translator) -> str:
    density, split = cost.tokens_per_character, cost.split_share
    if split is None or split < MANY_PIECES or density < MANY_TOKENS or row.value is None:
        return tr("{density} tokens per character.", density=f"{density:.2f}")
    told = tr(
        "{density} tokens per character, {share} of them parts of a character",
        density=f"{density:.2f}",
        share=format_value(split, FRACTION, tr=tr),
    )
    if row.metric != "bits_per_char" or row.limit is None:
        return tr("{told}.", told=told)
    # Where one token per character at this price would be too dear, too, or frequencies alone
    # would do better, more is amiss than how characters are cut.
    if row.value / density > row.limit or row.value > OF_FREQUENCIES:
        return tr(
            "{told}, at {bits} bits a token: the model seems not to know such text.",
            told=told,
            bits=format_value(row.value / density, tr=tr),
        )
    return tr("{told}: the tokenizer is the likely cause.", told=told)
