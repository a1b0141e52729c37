"""Limits relative to a reference candidate: what they follow from, and what is never compared."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from basegate.checks.early_stopping import ALL_SAMPLES
from basegate.checks.identity import identify_check
from basegate.config.declaration import at_most
from basegate.config.limits import Limit, RelativeLimit
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError
from basegate.i18n.catalogue import translator
from basegate.i18n.formatting import format_row_limit
from basegate.judging.explanation import sentence
from basegate.judging.judge import judge, stopping_rule
from basegate.judging.relative_limits import Origin, References
from basegate.measurement import Findings, Metric
from basegate.verdict import Reference, Result
from tests.helpers.references import REF, RELATIVE, reference
from tests.helpers.stored import (
    THRESHOLDS,
    answers,
    candidate,
    make_project,
    measurement,
    pairs,
    perplexity,
)

# What follows


@pytest.mark.parametrize(
    ("bits", "word"), [(3.28, "pass"), (3.2, "inconclusive"), (3.0, "fail"), (3.4, "pass")]
)
def test_the_interval_is_held_against_what_follows_from_the_references_number(
    verdict_on, thresholds, bits, word
):
    """4 bits, 3.9 to 4.1, against 1.25 times the number."""
    verdict = verdict_on(reference(thresholds, bits))
    assert verdict.word == word
    [row] = verdict.results
    assert row.limit == bits * 1.25
    assert row.reference == Reference(
        candidate="ref", value=bits, factor=1.25, measurement=reference(thresholds, bits).key
    )


def test_the_sentence_names_the_reference_and_its_number(verdict_on, thresholds):
    [row] = verdict_on(reference(thresholds, 3.123)).results
    assert sentence(row) == (
        "mine on wiki: 4 bits per character (95 %: 3.90 to 4.10), limit at most 3.904 "
        "(1.25 times the 3.12 of ref). The interval straddles the limit: about 1 more document "
        "like these 12 would settle it, if the value stays."
    )


@pytest.mark.parametrize(
    ("relation", "direction", "unit", "words"),
    [
        ({"factor": 1.1}, "max", "bits", "at most 4.4 (1.1 times the 4 of ref)"),
        ({"plus": 0.2}, "max", "bits", "at most 4.2 (the 4 of ref plus 0.2)"),
        ({"plus": -0.2}, "min", "bits", "at least 3.8 (the 4 of ref minus 0.2)"),
        ({"factor": 0.1}, "min", "fraction", "at least 40 % (0.1 times the 400 % of ref)"),
        ({"plus": -3.5}, "min", "fraction", "at least 50 % (the 400 % of ref minus 350 points)"),
        ({"plus": -0.01}, "min", "fraction", "at least 399 % (the 400 % of ref minus 1 point)"),
    ],
)
def test_every_relation_is_told_in_words(relation, direction, unit, words):
    line = RelativeLimit(key="k", metric="m", direction=direction, candidate="ref", **relation)
    found = line.resolved(4.0, "key")
    row = Result(
        candidate="mine",
        check="c",
        item="i",
        verdict="pass",
        unit=unit,
        limit=found.value,
        direction=direction,
        reference=found.reference,
    )
    assert format_row_limit(row) == words


def test_the_command_names_the_source_of_a_reference_that_only_the_store_knows(
    verdict_on, thresholds
):
    other = reference(thresholds, facts=candidate("ref", "int8", "b" * 40))
    registry = {"yi-6b": Origin("01-ai/Yi-6B")}
    [row] = verdict_on(other, origins=registry).results
    assert f"pytest --model ref=01-ai/Yi-6B@{'b' * 40} --quantization nf4" in sentence(row)
    [row] = verdict_on(other, origins=registry | {"ref": Origin("a/b")}).results
    assert "pytest --model ref --quantization nf4" in sentence(row)


def test_a_limit_beyond_all_numbers_is_invalid(thresholds):
    line = RelativeLimit(
        key="max_bits_per_char",
        metric="bits_per_char",
        direction="max",
        candidate="ref",
        factor=1e308,
    )
    own = measurement(thresholds, "perplexity", perplexity())
    [row] = judge(own, [line], "mine", References([line], [reference(thresholds)])).results
    assert row.verdict == "invalid"
    assert "ref, from which a limit beyond all numbers follows" in sentence(row)
    assert "Choose another number than factor = 1e+308" in sentence(row)


def test_a_reference_passes_a_limit_that_is_its_own_number_without_an_interval():
    line = RelativeLimit(key="k", metric="m", direction="max", candidate="ref", factor=1.0)
    assert line.resolved(4.623456789012, "key").value == 4.623456789012


def test_absolute_limits_beside_it_are_judged_as_ever(thresholds):
    own = measurement(thresholds, "perplexity", perplexity())
    absolute = Limit(key="k", metric="perplexity", direction="max", value=20.0)
    [relative] = load_thresholds(thresholds).relative
    verdict = judge(own, [absolute, relative], "mine", References())
    assert [(row.metric, row.verdict) for row in verdict.results] == [
        ("perplexity", "fail"),
        ("", "invalid"),
    ]


def test_a_bank_with_a_relative_accuracy_has_all_its_samples_drawn():
    counted = Limit(key="k", metric="correct", direction="min", value=7)
    shared = RelativeLimit(key="k", metric="accuracy", direction="min", candidate="r", plus=0.0)
    assert stopping_rule([counted]) != ALL_SAMPLES
    assert stopping_rule([counted, shared]) == ALL_SAMPLES


def test_beside_other_workers_a_reference_is_not_waited_for(verdict_on):
    [row] = verdict_on(beside=["ref", "mine"]).results
    assert sentence(row).endswith(
        "is relative to ref, of which no such measurement is stored. With -n it is measured "
        "beside the others, which do not wait for it. Leave -n out, or measure it first, with the "
        "same --thresholds and --store: pytest --model ref --quantization nf4 --dtype bfloat16 "
        "--device cuda"
    )


# What is never compared


def unlike(thresholds, part, **changes):
    """Return a reference whose measurement differs in a part of its identity."""
    own = identify_check(load_thresholds(thresholds).checks[0])
    changed = own[part] | changes if isinstance(own[part], dict) else "sha256:other"
    return reference(thresholds, **{part: changed})


@pytest.mark.parametrize(
    ("part", "changes"),
    [("settings", {"window": 99}), ("data", {}), ("measure", {"version": 0})],
)
def test_another_setting_text_or_measure_is_not_compared(verdict_on, thresholds, part, changes):
    [row] = verdict_on(unlike(thresholds, part, **changes)).results
    assert (row.verdict, row.value, row.limit, row.reference) == ("invalid", None, None, None)
    assert sentence(row) == (
        "mine on wiki: perplexity.corpora.wiki.max_bits_per_char is relative to ref, whose stored "
        "measurements are of other settings, other data or another version of the measure. "
        "Measure it first, with the same --thresholds and --store: pytest --model ref "
        "--quantization nf4 --dtype bfloat16 --device cuda"
    )


def test_another_resampling_is_not_compared(verdict_on, thresholds):
    made = reference(thresholds, bootstrap={"resamples": 3, "seed": 0})
    assert verdict_on(made).word == "invalid"


@pytest.mark.parametrize(
    "update",
    [
        {"quantization": "int8"},
        {"dtype": "float16"},
        {"compute_dtype": "float32"},
        {"device": "cpu"},
    ],
)
def test_what_was_held_in_another_way_is_not_compared(verdict_on, thresholds, update):
    facts = REF.model_copy(update=update)
    [row] = verdict_on(reference(thresholds, facts=facts)).results
    assert row.verdict == "invalid"
    assert (
        f"which is stored in {facts.load_config} only, and this measurement in nf4, bf"
        in sentence(row)
    )
    assert verdict_on(reference(thresholds, facts=facts), reference(thresholds)).word == "pass"


def test_a_reference_of_which_nothing_is_stored_says_what_to_run(verdict_on, thresholds):
    other = reference(thresholds, facts=candidate("other"))
    [row] = verdict_on(other).results
    assert row.verdict == "invalid"
    assert "ref, of which no such measurement is stored. Measure it first" in sentence(row)


def test_a_reference_whose_run_broke_gives_no_limit(thresholds):
    line = RelativeLimit(
        key="k", metric="degenerate_share", direction="max", candidate="ref", plus=1
    )
    validity = load_thresholds(thresholds).limits("x", "knowledge", "facts")
    own = measurement(thresholds, "knowledge", answers(10, 10))
    broken = measurement(thresholds, "knowledge", answers(10, 10, broken=9), REF)
    row = judge(own, [*validity, line], "mine", References([line], [broken])).results[-1]
    assert row.verdict == "invalid"
    assert "ref, whose own measurement is invalid: 9 of 10 samples are degenerate" in sentence(row)


def test_a_reference_without_the_metric_gives_no_limit(thresholds):
    line = RelativeLimit(key="k", metric="accuracy", direction="min", candidate="ref", plus=0.0)
    made = [measurement(thresholds, "knowledge", answers(), facts) for facts in (candidate(), REF)]
    [row] = judge(made[0], [line], "mine", References([line], made)).results
    assert "ref, whose measurement holds no accuracy." in sentence(row)


@pytest.mark.parametrize(
    ("share", "relation", "direction", "asked", "why"),
    [
        (0.3, {"plus": -0.4}, "min", "at least -10 % (the 30 % of ref minus 40 points)", "every"),
        (0.3, {"plus": -0.4}, "max", "at most -10 % (the 30 % of ref minus 40 points)", "no"),
        (0.9, {"factor": 1.2}, "min", "at least 108 % (1.2 times the 90 % of ref)", "no"),
        (0.9, {"factor": 1.2}, "max", "at most 108 % (1.2 times the 90 % of ref)", "every"),
        (0.0, {"factor": 1.5}, "max", "at most 0 % (1.5 times the 0 % of ref)", "no"),
        (0.0, {"factor": 1.5}, "min", "at least 0 % (1.5 times the 0 % of ref)", "every"),
        (1.0, {"plus": 0.0}, "min", "at least 100 % (the 100 % of ref plus 0 points)", "no"),
    ],
)
def test_a_share_that_all_or_none_would_meet_is_no_limit(
    thresholds, share, relation, direction, asked, why
):
    line = RelativeLimit(
        key="k",
        metric="preferred_share",
        direction=direction,
        by_interval=True,
        candidate="ref",
        **relation,
    )
    own = measurement(thresholds, "minimal_pairs", pairs(0.5))
    made = measurement(thresholds, "minimal_pairs", pairs(share), REF)
    [row] = judge(own, [line], "mine", References([line], [made])).results
    meets = "every candidate meets" if why == "every" else "no candidate can meet"
    [(name, number)] = relation.items()
    assert (row.verdict, row.value, row.limit) == ("invalid", None, None)
    assert sentence(row) == (
        f"mine on pairs: k is relative to ref, from which {asked} follows: {meets} that, so that "
        f"it tells nothing. Choose another number than {name} = {number:g}, or give the limit "
        f"itself as a number."
    )


@pytest.mark.parametrize(
    ("metric", "value", "plus", "word"),
    [("bits_per_char", 4.0, -4.0, "invalid"), ("gap", 4.0, -5.0, "fail"), ("gap", -2.0, 0, "fail")],
)
def test_only_a_signed_metric_may_have_a_limit_of_0_or_less(thresholds, metric, value, plus, word):
    line = RelativeLimit(
        key="k",
        candidate="ref",
        plus=plus,
        **asdict(at_most(metric, signed=metric == "gap")),
    )

    def of(number, facts=None):
        told = Metric(name=metric, value=number, unit="bits_per_char")
        return measurement(thresholds, "perplexity", Findings(metrics=(told,)), facts)

    judged = judge(of(4.0), [line], "mine", References([line], [of(value, REF)]))
    assert judged.word == word


# What may differ, and is told


def test_other_versions_of_libraries_are_told_and_the_same_ones_preferred(verdict_on, thresholds):
    older = reference(thresholds, 4.0, torch="2.0", measured_at="2027-01-01T00:00:00+00:00")
    [row] = verdict_on(older).results
    assert row.limit == 5.0
    assert row.notes[0].startswith("the reference ref was measured with torch 2.0, not ")
    told = translator("zh-HK").translate(row.notes[0])
    assert told.startswith("測量參考模型 ref 時用的是 torch 2.0，並非 ")
    [row] = verdict_on(older, reference(thresholds, 3.6)).results
    assert (row.limit, row.notes) == (4.5, ())


def test_of_several_revisions_the_newest_counts_and_it_is_told(verdict_on, thresholds):
    facts = candidate("ref", revision="c" * 40)
    newer = reference(thresholds, 4.4, facts, measured_at="2027-01-01T00:00:00+00:00")
    [row] = verdict_on(newer, reference(thresholds, 4.0)).results
    assert row.limit == 5.5
    assert row.notes == (
        f"of the reference ref, 2 revisions are stored; the limit is that of {'c' * 19}, measured "
        f"at 2027-01-01T00:00:00+00:00.",
    )


# The file


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ('{ reference = "a", factr = 2.0 }', ".factr: unknown key. Did you mean 'factor'?"),
        ('{ reference = "a" }', ": give either factor = "),
        ('{ reference = "a", factor = 1.0, plus = 1.0 }', ": give either factor = "),
        ("{ factor = 1.1 }", ".reference: this key is missing."),
        ('{ reference = "a", factor = -1.0 }', ".factor = -1.0: accepted: greater than 0."),
        ('{ reference = "a", plus = inf }', ".plus = inf: accepted: a finite number."),
        ("{ reference = 5, plus = 1.0 }", ".reference = 5: accepted: a text in quotes"),
        ('"5"', ' = "5": accepted: a number. Or { reference = "NAME", plus = 0.2'),
    ],
)
def test_a_mistake_in_the_file_names_file_and_key(tmp_path, given, sentence):
    text = THRESHOLDS.replace("max_bits_per_char = 5.0", f"max_bits_per_char = {given}")
    path = make_project(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_thresholds(path)
    assert f"{path}: perplexity.corpora.wiki.max_bits_per_char{sentence}" in str(caught.value)


@pytest.mark.parametrize(
    "line", ["correct = { reference = 'a', factor = 1.0 }", "samples = { reference = 'a' }"]
)
def test_counts_and_settings_are_numbers(tmp_path, line):
    text = THRESHOLDS.replace(f"{line.partition(' ')[0]} = ", f"{line}\nwhy = 'x' # ")
    with pytest.raises(UsageError, match="accepted: a whole number"):
        load_thresholds(make_project(tmp_path, text))


def test_a_gap_takes_no_factor(tmp_path):
    text = THRESHOLDS.replace(
        'path = "corpus.txt"\n',
        'path = "a"\nparallel = "b"\nmax_gap = { reference = "a", factor = 1.1 }\n',
    )
    with pytest.raises(UsageError, match=r"max_gap: a gap may be 0 or less.*Give plus"):
        load_thresholds(make_project(tmp_path, text))


def test_a_candidates_own_limit_may_be_relative_or_a_number_instead(tmp_path):
    own = (
        "[candidates.x.perplexity.corpora.wiki]\nmax_bits_per_char = 9.0\n"
        "[candidates.y.minimal_pairs.banks.pairs]\n"
        'min_preferred = { reference = "ref", plus = -0.1 }\n'
    )
    loaded = load_thresholds(make_project(tmp_path, RELATIVE + own))
    assert loaded.limits("x", "perplexity", "wiki")[0].value == 9.0
    assert loaded.limits("y", "minimal_pairs", "pairs")[0].plus == -0.1
    assert loaded.limits("z", "perplexity", "wiki")[0].candidate == "ref"
