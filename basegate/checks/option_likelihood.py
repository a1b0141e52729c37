"""Multiple choice without sampling: how likely are the options?

    likelihood_accuracy = questions whose right option has the most probable text / questions
    letter_accuracy     = questions whose right option has the most probable letter / questions

After the same prompt as in sampling, every option's text (per character) and every letter is
scored. Each question is put with its options in every cyclic order, and an option's
log-probabilities are averaged over the orders: a bias towards a letter or a position then adds the
same to every option and cancels. A tie is no right answer. Interval: Wilson's, over questions.

The text gates (`method = "likelihood"`): that a model ties letters to options is a skill of its
own, which small models learn late.

Source: Brown et al., Language Models are Few-Shot Learners, 2020 (options by likelihood, divided by
length); Zheng et al., Large Language Models Are Not Robust Multiple Choice Selectors, 2024 (cyclic
orders).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from basegate.checks.validity import check_scores
from basegate.config.declaration import MetricLabel
from basegate.data.banks import Question
from basegate.engines.protocol import Engine
from basegate.i18n.messages import Message
from basegate.measurement import Findings, ItemScores, Metric, OptionScores
from basegate.progress import Progress
from basegate.stats.paired import paired_difference

OPTION_LABELS = {
    "likelihood_accuracy": MetricLabel(
        Message("likelihood accuracy"),
        Message("of questions with the right option's text most probable"),
        Message("{value} of questions with the right option's text most probable"),
        Message("{value} right by likelihood"),
    ),
    "letter_accuracy": MetricLabel(
        Message("letter accuracy"),
        Message("of questions with the right option's letter most probable"),
        Message("{value} of questions with the right option's letter most probable"),
        Message("{value} right by letter"),
    ),
}
LARGE = 0.1
"""Difference of accuracies that is pointed out where its interval does not hold 0."""
ENOUGH = 10
"""Questions from which on a difference may be more than chance."""


class _PlacedOption(NamedTuple):
    """An option in one order of a question.

    Attributes:
        option: its letter in the question as written.
        prompt: the question in this order.
        letter: that it stands under.
        text: of the option.
    """

    option: str
    prompt: str
    letter: str
    text: str


def score_options(
    engine: Engine, questions: Sequence[Question], progress: Progress
) -> tuple[OptionScores, ...]:
    """Scores of the options of every question.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    put = [(question, _orders(question)) for question in questions]
    everything = [each for _, orders in put for each in orders]
    texts = [text for each in everything for text in (each.letter, each.text)]
    scores = engine.log_likelihoods(
        texts,
        after=[prompt for each in everything for prompt in (each.prompt, each.prompt)],
        progress=progress,
    )
    check_scores(scores, texts)
    values = iter(float(each.logprobs.sum()) for each in scores)
    return tuple(
        _average(question, [(each, next(values), next(values)) for each in orders])
        for question, orders in put
    )


def _orders(question: Question) -> list[_PlacedOption]:
    letters, texts = list(question.options), list(question.options.values())
    orders = []
    for shift in range(len(letters)):
        places = [(place + shift) % len(letters) for place in range(len(letters))]
        turned = {letter: texts[place] for letter, place in zip(letters, places, strict=True)}
        prompt = question.model_copy(update={"options": turned}).prompt
        orders += [
            _PlacedOption(letters[place], prompt, letter, texts[place])
            for letter, place in zip(letters, places, strict=True)
        ]
    return orders


def _average(
    question: Question, scored: Sequence[tuple[_PlacedOption, float, float]]
) -> OptionScores:
    letters: dict[str, list[float]] = {option: [] for option in question.options}
    texts: dict[str, list[float]] = {option: [] for option in question.options}
    for put, of_letter, of_text in scored:
        letters[put.option].append(of_letter)
        texts[put.option].append(of_text / len(put.text))
    return OptionScores(
        item=question.id,
        expected=question.answer,
        letters={option: math.fsum(values) / len(values) for option, values in letters.items()},
        texts={option: math.fsum(values) / len(values) for option, values in texts.items()},
    )


def summarise(choices: Sequence[OptionScores]) -> tuple[Metric, ...]:
    """Shares of questions whose right option is the most probable, by text and by letter."""
    right = {
        "likelihood_accuracy": [each.by_text == each.expected for each in choices],
        "letter_accuracy": [each.by_letter == each.expected for each in choices],
    }
    count = len(choices)
    return tuple(
        Metric.share(name, sum(answers) / count, count=count, worth=count)
        for name, answers in right.items()
    )


def disagreement(shares: Sequence[float], choices: Sequence[OptionScores]) -> Message | None:
    """A note if sampling and likelihood differ by much, and beyond chance.

    `shares`: right samples / samples of every question.
    """
    likely = [float(each.by_text == each.expected) for each in choices]
    mean, interval = paired_difference(shares, likely)
    if len(likely) < ENOUGH or abs(mean) < LARGE:
        return None
    if interval is None or interval[0] <= 0 <= interval[1]:
        return None
    generated, chosen = math.fsum(shares) / len(shares), math.fsum(likely) / len(likely)
    told = {"sampled": f"{generated * 100:.1f}", "likely": f"{chosen * 100:.1f}"}
    if mean > 0:
        return Message(
            "sampling and likelihood disagree: {sampled} % of sampled answers are right, {likely} "
            "% of questions by likelihood (it answers in text what its probabilities do not show; "
            "look at its samples).",
            **told,
        )
    return Message(
        "sampling and likelihood disagree: {sampled} % of sampled answers are right, {likely} % of "
        "questions by likelihood (it knows more than it writes: look for samples without a "
        "recognisable answer).",
        **told,
    )


def right_by_text(found: Findings) -> ItemScores:
    return ItemScores.each(
        "likelihood_accuracy",
        {each.item: float(each.by_text == each.expected) for each in found.choices},
    )
