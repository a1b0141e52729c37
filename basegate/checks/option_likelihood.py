"""Multiple choice without sampling: how likely are the options?

    letter_accuracy     = questions whose right option has the most probable letter / questions
    cloze_accuracy      = questions whose right option has the most probable text / questions
    likelihood_accuracy = the better of the two that were scored
    right_bits_per_char = sum of -log2 p(right option's text) / sum of its characters

Letters (the multiple-choice formulation): the options are listed and their letters scored. Each
question is put with its options in every cyclic order, and an option's log-probabilities are
averaged over the orders: a bias towards a letter or a position then adds the same to every option
and cancels. Texts (the cloze formulation): no option is listed, and each one's text is scored after
the question, as it is (`none`), per character (`characters`), or less its log-probability without
the question (`pmi`). A tie is no right answer. That a model ties letters to options is a skill
of its own, which small models learn late: where both are scored the better one counts.

Intervals: Wilson's, over questions, of the better one at the level of both together (Bonferroni);
of bits per character, a bootstrap over questions.

Source: Brown et al., Language Models are Few-Shot Learners, 2020 (options by likelihood, divided by
length); Holtzman et al., Surface Form Competition, 2021 (PMI); Gu et al., OLMES: A Standard for
Language Model Evaluations, 2024 (both formulations, the better one counts); Zheng et al., Large
Language Models Are Not Robust Multiple Choice Selectors, 2024 (cyclic orders).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from basegate.checks.early_stopping import MeasureTask, ask_in_turn, sequential_share
from basegate.checks.validity import LostCharacters, open_quotes
from basegate.config.declaration import MetricLabel
from basegate.config.settings import OptionSettings
from basegate.data.banks import Bank
from basegate.data.few_shot import before
from basegate.data.records import CUE, Question
from basegate.engines.protocol import Engine
from basegate.i18n.messages import Message
from basegate.measurement import Findings, Metric, OptionScores
from basegate.progress import Progress
from basegate.stats.bootstrap import ratio_interval
from basegate.stats.paired import ItemScores

_BITS = "right_bits_per_char"
_RUN_ON = re.compile(r"[!-~][A-Za-z]")
"""An English word right after a cue or question."""
OPTION_LABELS = {
    "likelihood_accuracy": MetricLabel(
        Message("likelihood accuracy"),
        Message("of questions right by likelihood"),
        Message("{value} of questions right by likelihood"),
        Message("{value} right by likelihood"),
    ),
    "cloze_accuracy": MetricLabel(
        Message("cloze accuracy"),
        Message("of questions with the right option's text most probable"),
        Message("{value} of questions with the right option's text most probable"),
        Message("{value} right by text"),
    ),
    "letter_accuracy": MetricLabel(
        Message("letter accuracy"),
        Message("of questions with the right option's letter most probable"),
        Message("{value} of questions with the right option's letter most probable"),
        Message("{value} right by letter"),
    ),
    _BITS: MetricLabel(
        Message("bits per character of the right answer"),
        Message("bits per character of the right answer"),
        Message("{value} bits per character of the right answer"),
        Message("{value} bits per character"),
    ),
}


class _Scored(NamedTuple):
    """A text that is scored after a prompt, and the option that it speaks for."""

    option: str
    prompt: str
    text: str


def score_in_turn(engine: Engine, task: MeasureTask[Bank[Question], OptionSettings]) -> Findings:
    """Score the options of the questions of a bank, or of as many as decide its limit.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    bank = task.data
    own = {each.item: each for each in task.earlier.choices} if task.earlier is not None else {}
    topics = {each.id: each.topic for each in bank.records if each.topic}
    lost = LostCharacters(task.earlier)

    def ask(questions: Sequence[Question]) -> None:
        part = replace(bank, records=tuple(questions))
        found = score_options(engine, part, task.settings, task.progress, lost)
        own.update({each.item: each for each in found})

    def partial() -> tuple[Metric, ...]:
        return summarise(list(own.values()), topics, task.stopping.confidence)

    left = ask_in_turn(bank.records, own.keys(), ask, partial, task.stopping)
    choices = tuple(own[each.id] for each in bank.records if each.id in own)
    asked = (_Asked(each, (), task.settings) for each in bank.records if each.id in own)
    return Findings(
        metrics=partial() if left else summarise(choices, topics),
        choices=choices,
        facts={
            "questions": len(choices),
            "left_out": len(bank.left_out),
            **({"not_asked": left} if left else {}),
            **lost.facts(sum(len(each.text) for one in asked for each in one.scored)),
        },
        sample_size=bank.sample_size(not_asked=left),
        left_out=tuple(map(str, bank.left_out)),
        notes=(*open_quotes(bank), *_run_on(bank.records, task.settings)),
    )


def _run_on(questions: Sequence[Question], settings: OptionSettings) -> Iterator[Message]:
    """A note where most options follow their prompt without the space that their language has."""
    if settings.formulation == "letters":
        return
    joined = [
        prompt[-30:].rpartition("\n")[2] + text[:30]
        for question in questions
        for prompt in [question.laid_out(settings.template, listed=False)]
        for text in question.options.values()
        if _RUN_ON.fullmatch(prompt[-1:] + text[:1])
    ]
    if 2 * len(joined) > sum(len(each.options) for each in questions):
        yield Message(
            "its options follow what stands before them without a space, as in {example}. Where "
            "words are written with spaces a model has met few texts like that, and finds fewer "
            "right answers: end template with a space (lm-evaluation-harness adds one by itself).",
            example=repr(joined[0]),
        )


def score_options(
    engine: Engine,
    bank: Bank[Question],
    settings: OptionSettings,
    progress: Progress,
    lost: LostCharacters,
) -> tuple[OptionScores, ...]:
    """Scores of the options of every question; what the tokenizer loses is counted in `lost`.

    Raises:
        InvalidMeasurement: a log-probability is not finite.
    """
    asked = [_Asked(question, bank.examples, settings) for question in bank.records]
    everything = [each for one in asked for each in one.scored]
    texts = [each.text for each in everything]
    scores = engine.log_likelihoods(
        texts, after=[each.prompt for each in everything], progress=progress
    )
    lost.add(scores)
    values = iter(float(each.logprobs.sum()) for each in scores)
    return tuple(one.scores(values) for one in asked)


class _Asked:
    """One question: what is scored for it, and what follows from the scores."""

    def __init__(
        self, question: Question, examples: Sequence[Question], settings: OptionSettings
    ) -> None:
        self._question = question
        self._examples = examples
        self._settings = settings
        letters = settings.formulation != "text"
        texts = settings.formulation != "letters"
        self._letters = list(self._by_letter()) if letters else []
        self._texts = list(self._by_text()) if texts else []
        pmi = texts and settings.normalize == "pmi"
        # What the text costs after the cue alone.
        bare = _without_question(settings.template)
        self._alone = [each._replace(prompt=bare) for each in self._texts] if pmi else []

    @property
    def scored(self) -> list[_Scored]:
        return [*self._letters, *self._texts, *self._alone]

    def _by_letter(self) -> Iterator[_Scored]:
        template = self._settings.template
        shown = before(self._examples, lambda each: each.laid_out(template) + each.answer)
        letters = list(self._question.options)
        for shift in range(len(letters)):
            turned = self._question.turned(shift)
            prompt = shown + turned.laid_out(template)
            for place, letter in enumerate(letters):
                yield _Scored(letters[(place + shift) % len(letters)], prompt, letter)

    def _by_text(self) -> Iterator[_Scored]:
        template = self._settings.template
        shown = before(
            self._examples,
            lambda each: each.laid_out(template, listed=False) + each.options[each.answer],
        )
        prompt = shown + self._question.laid_out(template, listed=False)
        for option, text in self._question.options.items():
            yield _Scored(option, prompt, text)

    def scores(self, values: Iterator[float]) -> OptionScores:
        """From the log-probabilities of `scored`, in its order."""
        letters: dict[str, list[float]] = {option: [] for option in self._question.options}
        for each in self._letters:
            letters[each.option].append(next(values))
        texts = {each.option: next(values) for each in self._texts}
        alone = {each.option: next(values) for each in self._alone}
        answer = self._question.answer
        return OptionScores(
            item=self._question.id,
            expected=answer,
            letters={key: math.fsum(own) / len(own) for key, own in letters.items() if own},
            texts={key: self._normalised(key, value, alone) for key, value in texts.items()},
            right_bits=-texts[answer] / math.log(2) if texts else None,
            right_characters=len(self._question.options[answer]) if texts else None,
        )

    def _normalised(self, option: str, value: float, alone: dict[str, float]) -> float:
        if self._settings.normalize == "characters":
            return value / len(self._question.options[option])
        return value - alone[option] if alone else value


def _without_question(template: str | None) -> str:
    """The cue for an answer: of a template, what follows its last placeholder."""
    return CUE if template is None else template.rpartition("}")[2].lstrip("\n")


def summarise(
    choices: Sequence[OptionScores],
    topics: Mapping[str, str] | None = None,
    sequential: float | None = None,
) -> tuple[Metric, ...]:
    """Accuracies by letter and by text, the better of them, and bits of the right answers.

    Args:
        choices: the questions that were asked.
        topics: by question, what it is about; each one's accuracy is that of the formulation that
            is better over all questions. None are given of a part of the bank.
        sequential: level of confidence sequences, where these are not all questions of the bank.
    """
    right = {
        "letter_accuracy": [each.by_letter == each.expected for each in choices if each.letters],
        "cloze_accuracy": [each.by_text == each.expected for each in choices if each.texts],
    }
    scored = {name: list(map(float, answers)) for name, answers in right.items() if answers}

    def accuracy(name: str, shares: Sequence[float], best_of: int = 1) -> Metric:
        if sequential is not None:
            return sequential_share(name, shares, sequential, best_of)
        return _share(name, shares, best_of)

    best = [accuracy("likelihood_accuracy", own, len(scored)) for own in scored.values()]
    parts = [] if sequential is not None else _by_topic(choices, topics or {})
    each = (accuracy(name, own) for name, own in scored.items())
    return (_better(best), *parts, *each, *_right_bits(choices))


def _share(name: str, shares: Sequence[float], best_of: int = 1, item: str = "") -> Metric:
    count = len(shares)
    value = sum(shares) / count
    return Metric.share(name, value, item=item, count=count, worth=count, best_of=best_of)


def _by_topic(choices: Sequence[OptionScores], topics: Mapping[str, str]) -> list[Metric]:
    found: dict[str, list[float]] = {}
    for item, share in _right(choices).counts.items():
        if item in topics:
            found.setdefault(topics[item], []).append(share)
    if len(found) < 2:
        return []
    return [_share("topic_accuracy", own, item=topic) for topic, own in found.items()]


def _better(metrics: Sequence[Metric]) -> Metric:
    """The better accuracy, and an interval that holds it where each interval holds its own."""
    best = max(metrics, key=lambda each: each.value or 0.0)
    ends = [each.interval for each in metrics if each.interval is not None]
    interval = max(low for low, _ in ends), max(high for _, high in ends)
    return replace(best, interval=interval)


def _right_bits(choices: Sequence[OptionScores]) -> Iterator[Metric]:
    import numpy as np

    own = [each for each in choices if each.right_bits is not None]
    bits = np.array([each.right_bits for each in own], dtype=np.float64)
    characters = np.array([each.right_characters for each in own], dtype=np.float64)
    if own:
        value, interval = math.fsum(bits) / math.fsum(characters), ratio_interval(bits, characters)
        yield Metric(_BITS, value, "bits_per_char", interval=interval, count=len(own))


def paired_options(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    """The better formulation of each, and the bits of the right answers where both have them."""
    if one.choices and other.choices:
        yield _right(one.choices), _right(other.choices)
    if _bits(one).counts and _bits(other).counts:
        yield _bits(one), _bits(other)


def _right(choices: Sequence[OptionScores]) -> ItemScores:
    by_letter = {each.item: float(each.by_letter == each.expected) for each in choices}
    by_text = {each.item: float(each.by_text == each.expected) for each in choices}
    better = max(by_text, by_letter, key=lambda right: sum(right.values()))
    both = any(each.letters and each.texts for each in choices)
    return ItemScores.each("likelihood_accuracy", better, best_of=2 if both else 1)


def _bits(found: Findings) -> ItemScores:
    own = [each for each in found.choices if each.right_bits is not None]
    return ItemScores(
        _BITS,
        "bits_per_char",
        {each.item: each.right_bits or 0.0 for each in own},
        {each.item: float(each.right_characters or 1) for each in own},
        lower=True,
        fixed=True,
    )
