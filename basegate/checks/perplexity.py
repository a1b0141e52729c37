"""Perplexity: how well the candidate predicts a text that it is given.

    bits_per_char = NLL / (ln 2 * characters)
    bits_per_byte = NLL / (ln 2 * UTF-8 bytes)
    perplexity    = exp(NLL / tokens)

    article_perplexity = what the article's published code gives, for comparison with its table

    gap           = bits_per_char of Cantonese documents
                    - bits_per_char of the same documents in Standard Written Chinese

NLL is the sum of the negative natural log-probabilities of all tokens, each scored once, in
float64. Bits per character compare candidates with different tokenizers; token perplexity does
not, since a tokenizer that cuts a character into three tokens makes two of them easy. The gap says
what Cantonese costs a model that may know written Chinese only.

Source: Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks, 1977;
for the choice of unit: Cotterell et al., Are all languages equally hard to language-model?, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from basegate.checks.corpus_sums import (
    Document,
    Sums,
    TextCost,
    Variety,
    as_part,
    bounded_exp,
    copies,
    costs_of,
    document_scores,
    files_not_read,
    joined,
    mostly_skipped,
    split_token_share,
    with_written,
)
from basegate.checks.early_stopping import MeasureTask, ask_in_turn
from basegate.checks.validity import LostCharacters, first_tokens
from basegate.config.declaration import CheckDeclaration, MetricLabel, at_most, by_item, register
from basegate.config.settings import CheckSettings, CorpusKeys, CorpusSource, Natural, Positive
from basegate.config.thresholds_schema import (
    DifferenceLimit,
    Early,
    Name,
    PositiveLimit,
    Relative,
    Table,
    refuse_idle,
)
from basegate.data.corpora import COLUMN_OF_TEXT, Corpus, corpus_identity, load_corpus
from basegate.engines.protocol import Engine, TokenScores
from basegate.i18n.messages import Message
from basegate.measurement import Findings, Metric, SampleSize
from basegate.stats.bootstrap import difference_interval, ratio_interval
from basegate.stats.paired import ItemScores


class PerplexitySettings(CheckSettings):
    """How the perplexity of one corpus is measured.

    Attributes:
        corpus: the text.
        window: tokens that the model sees at once, its prefix included.
        context: tokens before every scored token, unless the text starts there.
    """

    places = ("corpus.path", "corpus.glob", "corpus.parallel")

    corpus: CorpusSource
    window: int
    context: int


class CorpusTable(CorpusKeys, Table):
    """A text, and what it may cost: `[perplexity.corpora.NAME]`."""

    file_keys = ("path", "parallel")

    path: str | None = None
    parallel: str | None = None
    early: Early = "sequential"
    max_gap: Annotated[DifferenceLimit | None, at_most("gap", signed=True, sequential=True)] = None
    max_bits_per_char: Annotated[
        PositiveLimit | None, at_most("bits_per_char", sequential=True)
    ] = None
    max_perplexity: Annotated[PositiveLimit | None, at_most("perplexity", sequential=True)] = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError(
                "give either dataset = (a hub id) or path = (a local file or folder), one of them."
            )
        refuse_idle(self, self.dataset, ("glob", "format"))
        if self.format == "dataset" and {"glob", "parallel"} & self.model_fields_set:
            raise ValueError('glob and parallel have no meaning with format = "dataset".')
        if self.format == "text" and "column" in self.model_fields_set:
            raise ValueError(COLUMN_OF_TEXT)
        if self.join is not None and "early" in self.model_fields_set:
            raise ValueError(
                "early has no effect with join: the documents are one text, which is always scored "
                "whole. Leave early out, or join."
            )
        return self

    @model_validator(mode="after")
    def _pairs_of_files(self) -> Self:
        if self.parallel is not None and (self.path is None or self.join is not None):
            raise ValueError(
                "parallel = (a folder) goes with path = (a folder of text files) and without "
                "join: files of the same name belong together."
            )
        if self.max_gap is not None and self.parallel is None:
            raise ValueError("max_gap needs parallel = (a folder): there is no gap without it.")
        if isinstance(self.max_gap, Relative) and self.max_gap.plus is None:
            raise ValueError(
                "max_gap: a gap may be 0 or less, where a factor has no meaning. Give plus."
            )
        return self


class PerplexityTable(Table):
    """How text is scored: `[perplexity]`."""

    item_tables = "corpora"

    window: Positive = 2048
    context: Natural = 512
    corpora: Annotated[dict[Name, CorpusTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _room_to_score(self) -> Self:
        if self.context >= self.window - 1:
            raise ValueError(
                f"context = {self.context} leaves no token to score in a window of {self.window}. "
                f"Accepted: 0 to {self.window - 2}."
            )
        return self

    def settings_of(self, item: CorpusTable, base: Path) -> PerplexitySettings:
        keys = item.model_dump(include=set(CorpusKeys.model_fields))
        corpus = CorpusSource(**keys, **item.given_files(base))
        return PerplexitySettings(corpus=corpus, window=self.window, context=self.context)


def prepare(settings: PerplexitySettings) -> Corpus:
    return load_corpus(settings.corpus)


def identity(settings: PerplexitySettings) -> str:
    return corpus_identity(settings.corpus)


DOCUMENTS_EVERY = 8
"""Documents from one look at the confidence sequence to the next: each costs far more to read than
a question."""


def measure(engine: Engine, task: MeasureTask[Corpus, PerplexitySettings]) -> Findings:
    """Score the corpus and sum up.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    corpus, join = task.data, task.settings.corpus.join
    documents = corpus.documents
    if join is not None:
        text, lost = join.join(documents), LostCharacters(None)
        scores = _score(engine, task, [text])[0]
        lost.add([scores])
        sums = joined(documents, join, scores)
        found = summarise(sums, split_token_share([TextCost.of(scores)]), corpus.left_out)
        found = found.noting(**lost.facts(len(text)))
    else:
        found = _in_turn(engine, task)
    texts = 1 if join is not None else len(found.documents)
    texts += int(found.facts.get("parallel_documents") or 0)
    notes = (
        copies(documents),
        files_not_read(corpus.not_read),
        mostly_skipped(corpus.mostly_skipped),
        first_tokens(engine, texts),
    )
    for note in filter(None, notes):
        found = found.noting(note)
    figure = getattr(engine, "article_perplexity", None)  # of a transformers model
    if found.facts.get("not_asked") or figure is None:
        return found
    value = figure("\n\n".join(documents))
    return found.with_metrics(Metric("article_perplexity", value, "perplexity", informative=True))


def _in_turn(engine: Engine, task: MeasureTask[Corpus, PerplexitySettings]) -> Findings:
    """Score documents, each with its version in written Chinese, until the limits are decided."""
    corpus = task.data
    score = partial(_score, engine, task)
    costs, beside = costs_of(task.earlier, corpus.parallel)
    lost = LostCharacters(task.earlier)
    lost_beside = LostCharacters(task.earlier, "lost_in_written_chinese")
    own = Variety(dict(enumerate(corpus.documents)), costs, score, lost)
    written = Variety(corpus.parallel, beside, score, lost_beside)

    def ask(records: Sequence[Document]) -> None:
        for variety in (own, written):
            variety.score([each.place for each in records])

    def found() -> Findings:
        return _findings(corpus, own, written, task.stopping.confidence)

    records = Document.each_of(corpus.documents)
    done = {each.id for each in records if each.place in own.costs}
    ask_in_turn(records, done, ask, lambda: found().metrics, task.stopping, DOCUMENTS_EVERY)
    return found().noting(**own.lost(), **written.lost())


def _findings(corpus: Corpus, own: Variety, written: Variety, confidence: float) -> Findings:
    """What scored documents, and their versions in written Chinese, sum up to.

    Where these are not all, intervals are confidence sequences of that level.
    """
    left = len(corpus.documents) - len(own.costs)
    places, pairs = sorted(own.costs), sorted(written.costs)
    sums, split = own.sums(places), split_token_share([own.costs[at] for at in places])
    found = summarise(sums, split, corpus.left_out, places)
    cantonese = other = None
    if pairs:
        cantonese, other = own.sums(pairs), written.sums(pairs)
        found = compare(found, cantonese, other)
        scored = with_written(found.documents, written.costs)
        found = found.model_copy(update={"documents": scored})
    return as_part(found, left, confidence, sums, cantonese, other) if left else found


def _score(
    engine: Engine, task: MeasureTask[Corpus, PerplexitySettings], texts: Sequence[str]
) -> list[TokenScores]:
    settings = task.settings
    return engine.log_likelihoods(
        texts, window=settings.window, context=settings.context, progress=task.progress
    )


def compare(found: Findings, cantonese: Sums, written: Sums) -> Findings:
    """Add what the same documents cost in written Chinese, and the gap, to a corpus's findings.

    `cantonese` and `written`: sums of the documents that have both versions, in the same order.
    """
    bits, other = cantonese.nll / math.log(2), written.nll / math.log(2)
    per_char = float(bits.sum() / cantonese.characters.sum())
    beside = float(other.sum() / written.characters.sum())
    written_interval = ratio_interval(other, written.characters)
    gap_interval = difference_interval((bits, cantonese.characters), (other, written.characters))
    metrics = (
        Metric("written_chinese_bits_per_char", beside, "bits_per_char", interval=written_interval),
        Metric("gap", per_char - beside, "bits_per_char", interval=gap_interval),
    )
    pairs = len(cantonese.nll)
    return found.model_copy(
        update={
            "metrics": (*found.metrics, *metrics),
            "facts": {**found.facts, "parallel_documents": pairs},
            "sample_size": found.sample_size
            and found.sample_size.model_copy(update={"parallel": pairs}),
        }
    )


def summarise(
    sums: Sums, pieces: float | None, left_out: int = 0, places: Sequence[int] | None = None
) -> Findings:
    """The metrics of a corpus with intervals over its documents.

    `pieces`: share of tokens that are parts of a character, `None` if unknown; `left_out`: empty
    documents; `places`: those of the documents in the corpus, from 0, if not all are summed.
    """
    nll, tokens = float(sums.nll.sum()), float(sums.tokens.sum())
    characters = float(sums.characters.sum())
    per_char = nll / (math.log(2) * characters)
    per_byte = nll / (math.log(2) * float(sums.utf8_bytes.sum()))
    char_interval = ratio_interval(sums.nll / math.log(2), sums.characters)
    byte_interval = ratio_interval(sums.nll / math.log(2), sums.utf8_bytes)
    # In joined text a token may reach over a whole short document, in which then none starts.
    held = sums.tokens > 0
    ends = ratio_interval(sums.nll[held], sums.tokens[held])
    token_interval = ends and (bounded_exp(ends[0]), bounded_exp(ends[1]))
    return Findings(
        metrics=(
            Metric("bits_per_char", per_char, "bits_per_char", interval=char_interval),
            Metric("perplexity", bounded_exp(nll / tokens), "perplexity", interval=token_interval),
            Metric("bits_per_byte", per_byte, "bits_per_byte", interval=byte_interval),
            Metric("tokens_per_char", tokens / characters, "tokens_per_char"),
        ),
        documents=document_scores(sums, places),
        facts={
            "documents": len(sums.nll),
            "left_out": left_out,
            "tokens": int(tokens),
            "characters": int(characters),
            "split_token_share": pieces,
        },
        sample_size=SampleSize(kind="documents", n=len(sums.nll), left_out=left_out),
    )


def _bits(found: Findings) -> ItemScores:
    """Bits per character of every document."""
    return ItemScores(
        "bits_per_char",
        "bits_per_char",
        {each.item: each.bits for each in found.documents},
        {each.item: float(each.characters) for each in found.documents},
        lower=True,
        fixed=True,
    )


LABELS = {
    "bits_per_char": MetricLabel(
        Message("bits per char"),
        Message("bits per character"),
        Message("{value} bits per character"),
    ),
    "bits_per_byte": MetricLabel(
        Message("bits per byte"), Message("bits per byte"), Message("{value} bits per byte")
    ),
    "perplexity": MetricLabel(
        Message("perplexity"),
        Message("token perplexity"),
        Message("{value} token perplexity"),
        Message("{value} perplexity"),
    ),
    "tokens_per_char": MetricLabel(
        Message("tokens per char"),
        Message("tokens per character"),
        Message("{value} tokens per character"),
    ),
    "written_chinese_bits_per_char": MetricLabel(
        Message("bits per char in written Chinese"),
        Message("bits per character of the same in written Chinese"),
        Message("{value} bits per character of the same in written Chinese"),
    ),
    "gap": MetricLabel(
        Message("gap"),
        Message("bits per character more than in written Chinese"),
        Message("{value} bits per character more than in written Chinese"),
        Message("{value} bits beyond written Chinese"),
    ),
    "article_perplexity": MetricLabel(
        Message("article perplexity"),
        Message("perplexity as the article's code computes it (20 of 512 tokens; never judged)"),
        Message(
            "{value} perplexity as the article's code computes it (20 of 512 tokens; never judged)"
        ),
    ),
}


CHECK = register(
    CheckDeclaration(
        name="perplexity",
        doc="How well the candidate predicts a corpus.",
        table=PerplexityTable,
        version=7,
        measure=measure,
        prepare=prepare,
        identity=identity,
        counted="documents",
        counted_by_metric={"gap": "parallel_documents"},
        evidence=("documents",),
        compare=by_item(_bits),
        label=Message("perplexity"),
        labels=LABELS,
    )
)
