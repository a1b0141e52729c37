"""Pages of made-up runs, of any size, without any model.

Numbers come from the project's own measures and judge, so that they fit together as those of a run
do: what is made up are the texts, the log-probabilities and the candidates' skills.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from basegate.checks import (
    continuation,
    k_of_n as counting,
    minimal_pairs,
    option_likelihood as choices,
    perplexity,
)
from basegate.checks.answers import find_choice
from basegate.checks.k_of_n import PromptItem
from basegate.checks.reasoning import _read_number
from basegate.checks.validity import degenerate_share
from basegate.config.thresholds import Thresholds, load_thresholds
from basegate.data.banks import load_bank
from basegate.data.records import Pair, Problem, Prompt, Question
from basegate.engines.protocol import Draw
from basegate.i18n.catalogue import ENGLISH
from basegate.judging.comparison import compare_candidates
from basegate.judging.judge import judge
from basegate.judging.ledger_builder import CandidateRecords, build_ledger
from basegate.judging.relative_limits import References
from basegate.ledger import Ledger, Record, Suite, ThresholdsFile
from basegate.measurement import (
    CandidateFacts,
    Findings,
    Measurement,
    OptionScores,
    Preference,
    Sample,
    SampleSize,
)
from basegate.report.page.model import Page
from basegate.serialization import digest
from tests.helpers.page_texts import (
    CANTONESE,
    HOSTILE,
    HOSTILE_NAMES,
    LONG_LINE,
    LOOP,
    MIXED,
    NEUTRAL,
    OTHER,
    SIMPLIFIED,
    WRITTEN,
)
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from basegate.config.settings import CheckConfig
    from basegate.i18n.catalogue import Translator

MEASURED_AT = "2026-01-02T03:04:05+00:00"


@dataclass(frozen=True)
class Skill:
    """What a made-up candidate is like.

    Attributes:
        name: of the candidate.
        source: where it comes from.
        bits: per character of Cantonese.
        gap: bits per character that written Chinese costs less.
        density: tokens per character.
        pairs: chance of preferring the right sentence of a pair.
        cantonese: chance that a sentence is Cantonese; half of the others are written Chinese.
        knows: chance that an answer is right.
        solves: chance that a problem is solved.
        gibibytes: memory that it takes.
        breaks: whether its continuations are those of a broken run.
    """

    name: str
    source: str
    bits: float
    gap: float
    density: float
    pairs: float
    cantonese: float
    knows: float
    solves: float
    gibibytes: float
    breaks: bool = False


SKILLS = (
    Skill("yi-6b", "01-ai/Yi-6B", 4.1, 0.6, 1.12, 0.95, 0.85, 0.96, 0.96, 5.2),
    Skill("llama-2-7b", "meta-llama/Llama-2-7b-hf", 5.9, 1.9, 1.83, 0.71, 0.3, 0.42, 0.6, 5.9),
    Skill(
        "cantonese-llama-2-7b",
        "indiejoseph/cantonese-llama-2-7b",
        *(4.6, 0.4, 1.3, 0.9, 0.9, 0.66, 0.55, 6.1),
    ),
    Skill("qwen-7b", "Qwen/Qwen-7B", 4.2, 0.7, 0.99, 0.91, 0.66, 0.84, 0.88, 7.4),
    Skill("chatglm3-6b-base", "THUDM/chatglm3-6b-base", 4.9, 1.2, 1.05, 0.8, 0.5, 0.62, 0.7, 6.0),
    Skill("yi-34b", "01-ai/Yi-34B", 3.7, 0.5, 1.12, 0.96, 0.8, 0.96, 0.95, 20.3, breaks=True),
)
"""Good, bad, and four between; the last one's continuations are broken."""


def make_page(
    candidates: int = 6,
    questions: int = 240,
    samples: int = 4000,
    hostile: bool = False,
    tr: Translator = ENGLISH,
) -> Page:
    """Return the page of a run of eight checks.

    Args:
        candidates: 1 to 6; the first is a good one, the second a bad one, and the sixth has one
            broken run.
        questions: of the bank that is judged as a whole.
        samples: about how many texts all candidates wrote together.
        hostile: whether names, ids and texts are such as break a careless page.
        tr: the words of its language.
    """
    ledger, measurements = _run(candidates, questions, samples, hostile)
    return Page(ledger=ledger, measurements={each.key: each for each in measurements}, tr=tr)


def rename(page: Page, names: Sequence[str]) -> Page:
    """Return a page whose candidates have other names, in their order; measurements keep theirs."""
    new = dict(zip(page.names, names, strict=False))

    def renamed(record: Any) -> Any:
        fields = {"candidate", "name", "first", "second"} & set(type(record).model_fields)
        return record.model_copy(update={each: new[getattr(record, each)] for each in fields})

    parts = ("results", "candidates", "comparisons")
    update = {part: tuple(map(renamed, getattr(page.ledger, part))) for part in parts}
    return replace(page, ledger=page.ledger.model_copy(update=update))


@cache
def _run(
    candidates: int, questions: int, samples: int, hostile: bool
) -> tuple[Ledger, tuple[Measurement, ...]]:
    thresholds = load_thresholds(ROOT / "thresholds.toml")
    skills = SKILLS[:candidates]
    if hostile:
        skills = tuple(replace(s, name=n) for s, n in zip(skills, HOSTILE_NAMES, strict=False))
    measurements: list[Measurement] = []
    records: list[Record] = []
    for skill in skills:
        maker = _Maker(skill, thresholds, questions, samples // candidates, hostile)
        for check in thresholds.checks:
            made = maker.measure(check)
            measurements.append(made)
            records.append(
                Record(candidate=made.candidate, results=_judged(made, thresholds, skill))
            )
    candidates = [CandidateRecords(_facts(skill), records) for skill in skills]
    results = [row for each in candidates for row in each.results]
    ledger = build_ledger(
        Suite(
            version="0.2.0",
            thresholds=ThresholdsFile(path="thresholds.toml", sha256=thresholds.sha256),
            command="pytest " + " ".join(f"--model {skill.name}" for skill in skills),
        ),
        {"python": "3.11.9", "torch": "2.9.0", "device": "cuda", "gpu": "NVIDIA L4"},
        [(check.name, check.item) for check in thresholds.checks],
        candidates,
        compare_candidates(results, {each.key: each for each in measurements}),
    )
    return ledger, tuple(measurements)


def _judged(made, thresholds, skill):
    limits = thresholds.limits(skill.name, made.check, made.item)
    return judge(made, list(map(_eased, limits)), skill.name, References()).results


def _eased(limit):
    """Return a limit that samples as few as these can meet: none of 70 may still be 5 %."""
    few = limit.metric in ("simplified_share", "looping_share")
    return replace(limit, value=max(limit.value, 0.15)) if few else limit


def _facts(skill: Skill) -> CandidateFacts:
    return CandidateFacts(
        name=skill.name,
        source=skill.source,
        revision=digest(skill.name)[:40],
        quantization="nf4",
        dtype="bfloat16",
        device="cuda",
        load_seconds=21.5,
        peak_memory_bytes=int(skill.gibibytes * 2**30),
        weights="safetensors",
    )


class _Maker:
    """Makes what one candidate's checks would have found."""

    def __init__(
        self, skill: Skill, thresholds: Thresholds, questions: int, samples: int, hostile: bool
    ) -> None:
        self._limits = thresholds.common_limits
        self._skill = skill
        self._questions = questions
        self._each = min(4, max(1, samples // (2 * questions)))
        self._continuations = max(1, (samples - 90 - self._each * (questions + 20)) // 35)
        self._hostile = hostile

    def measure(self, check: CheckConfig) -> Measurement:
        rng = random.Random(f"{self._skill.source} {check.name} {check.item}")
        makers: dict[str, Callable[[CheckConfig, random.Random], Findings]] = {
            "perplexity": self._perplexity,
            "minimal_pairs": self._pairs,
            "continuation": self._continuation,
            "knowledge": self._knowledge,
            "reasoning": self._reasoning,
        }
        found = makers[check.name](check, rng)
        facts = _facts(self._skill)
        identity = {"candidate": facts.revision, "check": check.name, "item": check.item}
        return Measurement(
            key=digest(identity),
            check=check.name,
            item=check.item,
            candidate=facts,
            findings=found,
            identity=identity,
            environment={"platform": "Linux x86_64", "gpu": "NVIDIA L4"},
            seconds=round(rng.uniform(20, 200), 1),
            measured_at=MEASURED_AT,
        )

    def _perplexity(self, check: CheckConfig, rng: random.Random) -> Findings:
        parallel = check.settings.corpus.parallel is not None
        count = 24 if parallel else 60
        sums = self._sums(rng, count, self._skill.bits + 0.4 * parallel)
        found = perplexity.summarise(sums, 0.71 if self._skill.density > 1.5 else 0.02)
        if parallel:
            beside = self._sums(rng, count, self._skill.bits + 0.4 - self._skill.gap)
            found = perplexity.compare(found, sums, beside)
        return found

    def _sums(self, rng: random.Random, documents: int, bits: float) -> perplexity.Sums:
        characters = np.array([float(rng.randint(300, 1500)) for _ in range(documents)])
        cost = np.array([bits * rng.lognormvariate(0, 0.12) for _ in range(documents)])
        return perplexity.Sums(
            nll=characters * cost * math.log(2),
            tokens=np.round(characters * self._skill.density),
            characters=characters,
            utf8_bytes=characters * 3,
        )

    def _pairs(self, check: CheckConfig, rng: random.Random) -> Findings:
        bank = load_bank(check.settings.source, Pair)
        preferences = []
        for pair in bank.records:
            base, better = rng.uniform(3, 6), rng.random() < self._skill.pairs
            wrong = base + (0.4 if better else -0.3)
            preferences.append(
                Preference(
                    item=pair.id,
                    kind=pair.kind,
                    right=pair.right,
                    wrong=pair.wrong,
                    right_bits=base,
                    wrong_bits=wrong,
                )
            )
        return Findings(
            metrics=minimal_pairs.summarise(preferences),
            preferences=tuple(preferences),
            facts={"pairs": len(preferences), "ties": 0, "left_out": 0},
            sample_size=bank.sample_size(),
        )

    def _continuation(self, check: CheckConfig, rng: random.Random) -> Findings:
        bank = load_bank(check.settings.source, Prompt)
        samples = tuple(
            self._continued(prompt, number, rng)
            for prompt in bank.records
            for number in range(self._continuations)
        )
        found = continuation.summarise(samples)
        metrics = (*found.metrics, degenerate_share(samples))
        size = bank.sample_size(self._continuations)
        return found.model_copy(update={"metrics": metrics, "sample_size": size})

    def _continued(self, prompt: Prompt, number: int, rng: random.Random) -> Sample:
        broken = self._skill.breaks and rng.random() < 0.7
        text = "!" * 40 if broken else self._text(rng)
        if self._hostile and number == 0 and rng.random() < 0.5:
            text = f"{rng.choice(HOSTILE)}\n{text}"
        if self._hostile and prompt.id == "article" and number == 0:
            text = LONG_LINE
        return Sample(
            item=prompt.id,
            prompt=prompt.prompt,
            text=text,
            seed=number,
            degenerate=broken,
            notes=_notes(text) if len(text) < 10_000 else dict.fromkeys(_notes(""), 0),
        )

    def _text(self, rng: random.Random) -> str:
        if rng.random() < 0.15 * (1 - self._skill.cantonese):
            return LOOP
        sentences = []
        for _ in range(rng.randint(1, 4)):
            if rng.random() < self._skill.cantonese:
                sentences.append(rng.choice(CANTONESE))
            else:
                others = (*WRITTEN, *MIXED, *NEUTRAL, *OTHER)
                simplified = () if self._skill.cantonese >= 0.8 else (SIMPLIFIED,)
                sentences.append(rng.choice((*others, *simplified)))
        return "".join(sentences)

    def _knowledge(self, check: CheckConfig, rng: random.Random) -> Findings:
        bank = load_bank(check.settings.source, Question)
        whole = check.item != "must-know"
        records = _spread(bank.records, self._questions) if whole else bank.records
        records = tuple(map(self._spoilt, records)) if self._hostile else records
        asked = [
            PromptItem(
                id=each.id,
                prompt=each.prompt,
                expected=each.answer,
                read=partial(find_choice, options=each.options),
                topic=each.topic,
            )
            for each in records
        ]
        spread = 1 - self._skill.knows
        easy = {each.topic: spread * rng.uniform(-0.8, 0.5) for each in records}
        by_id = {each.id: each for each in records}

        def write(of: PromptItem, right: bool) -> str:
            return _answer(by_id[of.id], right, rng)

        found = self._count(
            asked, check, rng, write, lambda of: self._skill.knows + easy[of.topic], whole
        )
        scored = tuple(self._scored(each, rng) for each in records)
        return found.model_copy(
            update={"metrics": (*found.metrics, *choices.summarise(scored)), "choices": scored}
        )

    def _spoilt(self, question: Question) -> Question:
        name, topic = map(_hostile, (question.id, question.topic))
        return question.model_copy(update={"id": name, "topic": topic if question.topic else ""})

    def _scored(self, question: Question, rng: random.Random) -> OptionScores:
        favoured = question.answer if rng.random() < self._skill.knows else None
        scores = {
            letter: -rng.uniform(1, 3) + (1.5 if letter == favoured else 0)
            for letter in question.options
        }
        return OptionScores(
            item=question.id, expected=question.answer, letters=scores, texts=scores
        )

    def _reasoning(self, check: CheckConfig, rng: random.Random) -> Findings:
        bank = load_bank(check.settings.source, Problem)
        asked = [
            PromptItem(
                id=each.id,
                prompt=each.prompt,
                expected=str(each.answer),
                read=_read_number,
                topic=each.family,
            )
            for each in bank.records
        ]

        def write(of: PromptItem, right: bool) -> str:
            value = int(of.expected) + (0 if right else rng.choice((-3, -1, 1, 2, 10)))
            return rng.choice((f"{value}", f"n = {value}", f"so n is {value}.\n\nNext:"))

        return self._count(
            asked, check, rng, write, lambda of: self._skill.solves, check.item != "article"
        )

    def _count(
        self,
        asked: Sequence[PromptItem],
        check: CheckConfig,
        rng: random.Random,
        write: Callable[[PromptItem, bool], str],
        chance: Callable[[PromptItem], float],
        whole: bool,
    ) -> Findings:
        most = self._each if whole else check.settings.sampling.samples
        needed = most if whole else int(self._limits[check.name, check.item][0].value)
        drawn = {}
        for each in asked:
            mean = chance(each)
            luck = min(0.99, max(0.01, rng.gauss(mean, 0.4 * abs(1 - mean))))
            own: list[Sample] = []
            while len(own) < most and (whole or _open(own, needed, most)):
                text = write(each, rng.random() < luck)
                if self._hostile and rng.random() < 0.1:
                    text = f"{text}\n{rng.choice(HOSTILE)}"
                own.append(each.sample(Draw(text=text, seed=len(own))))
            drawn[each.id] = own
        samples = tuple(sample for own in drawn.values() for sample in own)
        kind = "question" if check.name == "knowledge" else "problem"
        left = len(asked) * most - len(samples)
        return Findings(
            metrics=(*counting.summarise(asked, drawn, most), degenerate_share(samples)),
            samples=samples,
            facts={
                f"{kind}s": len(asked),
                "left_out": 0,
                "no_answer": sum(sample.answer is None for sample in samples),
                "not_drawn": left,
            },
            sample_size=SampleSize(
                kind=f"{kind}s", n=len(asked), samples_each=most, at_most=left > 0
            ),
        )


def _hostile(text: str) -> str:
    return f"{text} {HOSTILE[sum(map(ord, text)) % len(HOSTILE)]}"


def _open(own: Sequence[Sample], needed: int, most: int) -> bool:
    right = counting.right_samples(own)
    return right < needed and len(own) - right <= most - needed


def _spread(records: tuple[Question, ...], count: int) -> tuple[Question, ...]:
    """Return so many questions, from all of the bank; again under another id where it has fewer."""
    seen: Counter[str] = Counter()
    chosen = []
    for number in range(count):
        record = records[number * max(count, len(records)) // count % len(records)]
        seen[record.id] += 1
        again = f"{record.id}-{seen[record.id]}" if seen[record.id] > 1 else record.id
        chosen.append(record.model_copy(update={"id": again}))
    return tuple(chosen)


def _answer(question: Question, right: bool, rng: random.Random) -> str:
    if not right and rng.random() < 0.15:
        return rng.choice(("我唔知喎。", "呢條問題好難答，不如問下第個。"))
    wrong = [letter for letter in question.options if letter != question.answer]
    letter = question.answer if right else rng.choice(wrong)
    text = question.options[letter]
    return rng.choice((letter, f"{letter}: {text}", f"答案係{letter}，{text}。", f"{letter}\n\n"))


@cache
def _notes(text: str) -> dict[str, float | int | str | bool]:
    return continuation.read_variety(text)
