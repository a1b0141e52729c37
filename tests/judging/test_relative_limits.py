"""Limits relative to a reference candidate: what they follow from, and what is never compared."""

from __future__ import annotations

import json
import shutil
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace

import pytest

from basegate.checks.early_stopping import ALL
from basegate.checks.identity import identify_check
from basegate.config.limits import Limit, RelativeLimit
from basegate.config.registry import CandidateSpec
from basegate.config.thresholds import load_thresholds
from basegate.data import fingerprint
from basegate.data.fingerprint import checkpoint_fingerprint, known_fingerprint
from basegate.errors import UsageError
from basegate.i18n.catalogue import words
from basegate.i18n.formatting import asked
from basegate.judging.checkpoint_identity import Origin, measured_first, origins_of
from basegate.judging.judge import draws_for
from basegate.judging.relative_limits import References, judge_by
from basegate.measurement import Findings, Metric
from basegate.plugin.options import RunOptions
from basegate.plugin.session import GateSession
from basegate.progress import SILENT
from basegate.store import Store
from basegate.verdict import Reference, Result
from tests.cli.test_commands import fill, judge, run, store  # noqa: F401
from tests.helpers.markup import read
from tests.helpers.plain import ledger, limit, logged
from tests.helpers.stored import (
    THRESHOLDS,
    answers,
    candidate,
    make_project,
    measurement,
    pairs,
    perplexity,
)

RELATIVE = THRESHOLDS.replace(
    "max_bits_per_char = 5.0", 'max_bits_per_char = { reference = "ref", factor = 1.25 }'
)
REF = candidate("ref", revision="b" * 40)


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path, RELATIVE)


@pytest.fixture
def verdict_on(thresholds):
    """Return a function that judges a perplexity of 4 bits by the references that are given."""

    def judged(*references, bits=4.0, **known):
        loaded = load_thresholds(thresholds)
        [limit] = [each for each in loaded.relative if each.metric == "bits_per_char"]
        own = measurement(thresholds, "perplexity", perplexity(bits))
        return judge_by(own, [limit], "mine", References([limit], references, **known))

    return judged


def reference(thresholds, bits=4.0, facts=REF, **changes):
    return measurement(thresholds, "perplexity", perplexity(bits), facts, **changes)


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
    assert row.detail == (
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
        ({"factor": 0.1}, "min", "share of x", "at least 40 % (0.1 times the 400 % of ref)"),
        ({"plus": -3.5}, "min", "share of x", "at least 50 % (the 400 % of ref minus 350 points)"),
        ({"plus": -0.01}, "min", "share of x", "at least 399 % (the 400 % of ref minus 1 point)"),
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
        detail="",
        unit=unit,
        limit=found.value,
        direction=direction,
        reference=found.reference,
    )
    assert asked(row) == words


def test_the_command_names_the_source_of_a_reference_that_only_the_store_knows(
    verdict_on, thresholds
):
    other = reference(thresholds, facts=candidate("ref", "int8", "b" * 40))
    registry = {"yi-6b": Origin("01-ai/Yi-6B")}
    [row] = verdict_on(other, origins=registry).results
    assert f"pytest --model ref=01-ai/Yi-6B@{'b' * 40} --quantization nf4" in row.detail
    [row] = verdict_on(other, origins=registry | {"ref": Origin("a/b")}).results
    assert "pytest --model ref --quantization nf4" in row.detail


def test_a_limit_beyond_all_numbers_is_invalid(thresholds):
    line = RelativeLimit(
        key="max_bits_per_char",
        metric="bits_per_char",
        direction="max",
        candidate="ref",
        factor=1e308,
    )
    own = measurement(thresholds, "perplexity", perplexity())
    [row] = judge_by(own, [line], "mine", References([line], [reference(thresholds)])).results
    assert row.verdict == "invalid"
    assert "ref, from which a limit beyond all numbers follows" in row.detail
    assert "Choose another number than factor = 1e+308" in row.detail


def test_a_reference_passes_a_limit_that_is_its_own_number_without_an_interval():
    line = RelativeLimit(key="k", metric="m", direction="max", candidate="ref", factor=1.0)
    assert line.resolved(4.623456789012, "key").value == 4.623456789012


def test_absolute_limits_beside_it_are_judged_as_ever(thresholds):
    own = measurement(thresholds, "perplexity", perplexity())
    absolute = Limit(key="k", metric="perplexity", direction="max", value=20.0)
    [relative] = load_thresholds(thresholds).relative
    verdict = judge_by(own, [absolute, relative], "mine", References())
    assert [(row.metric, row.verdict) for row in verdict.results] == [
        ("perplexity", "fail"),
        ("", "invalid"),
    ]


def test_a_bank_with_a_relative_accuracy_has_all_its_samples_drawn():
    counted = Limit(key="k", metric="correct", direction="min", value=7)
    shared = RelativeLimit(key="k", metric="accuracy", direction="min", candidate="r", plus=0.0)
    assert draws_for([counted]) != ALL
    assert draws_for([counted, shared]) == ALL


def test_what_was_measured_under_another_name_of_the_same_candidate_is_its_own(
    verdict_on, thresholds
):
    """The key leaves the name out, so that measuring it again under this name stores nothing."""
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    assert verdict_on(alias).word == "invalid", "nothing says yet that ref is the same candidate"
    named = measurement(thresholds, "knowledge", answers(), REF)
    for stored in ((alias, named), (named, alias)):
        [row] = verdict_on(*stored).results
        assert (row.verdict, row.limit, row.reference.candidate) == ("pass", 5.0, "ref")


def test_another_revision_under_the_other_name_is_not_its_own(verdict_on, thresholds):
    other = reference(thresholds, 4.0, candidate("alias", revision="c" * 40))
    assert verdict_on(other, measurement(thresholds, "knowledge", answers(), REF)).word == "invalid"


def known_as_ref(**fields):
    """Return what models.toml says of `ref`: by default the commit of the measurements of REF."""
    spec = CandidateSpec(name="ref", **{"source": REF.source, "revision": REF.revision} | fields)
    line = RelativeLimit(key="k", metric="m", direction="max", candidate="ref", plus=0.0)
    return origins_of([line], {"ref": spec, "other": spec})


def test_what_is_stored_under_another_name_only_is_found_by_its_commit(verdict_on, thresholds):
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    [row] = verdict_on(alias, origins=known_as_ref()).results
    assert (row.verdict, row.limit) == ("pass", 5.0)
    assert row.notes == (
        "nothing is stored under the name ref; it is the same checkpoint as alias, whose "
        "measurement counts.",
    )


@pytest.fixture
def verdict_after(thresholds):
    """Return a function that judges 4 bits after a run added what it measured to what is stored."""

    def judged(*added, stored=(), origins=None):
        [line] = load_thresholds(thresholds).relative
        references = References([line], stored, origins)
        for each in added:
            references.add(each)
        own = measurement(thresholds, "perplexity", perplexity(4.0))
        return judge_by(own, [line], "mine", references)

    return judged


def test_what_a_run_measures_under_another_name_counts_as_it_does_from_the_store(
    verdict_after, thresholds
):
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    assert verdict_after(alias).word == "invalid", "nothing says that ref is the same candidate"
    [row] = verdict_after(alias, origins=known_as_ref()).results
    assert (row.verdict, row.limit, len(row.notes)) == ("pass", 5.0, 1)
    # Stored under its name, too, though not of this check: by that it is the same candidate.
    named = measurement(thresholds, "knowledge", answers(), REF)
    [row] = verdict_after(alias, stored=[named]).results
    assert (row.verdict, row.limit, row.notes) == ("pass", 5.0, ())
    # The same measurement under both names: the last word is not that nothing has the name.
    [row] = verdict_after(reference(thresholds), alias, origins=known_as_ref()).results
    assert (row.verdict, row.notes) == ("pass", ())


def test_what_a_run_measures_of_another_revision_is_not_the_references(verdict_after, thresholds):
    other = reference(thresholds, 4.0, candidate("alias", revision="c" * 40))
    assert verdict_after(other, origins=known_as_ref()).word == "invalid"
    named = measurement(thresholds, "knowledge", answers(), REF)
    assert verdict_after(other, stored=[named]).word == "invalid"
    # As in the store: what has the name is the reference, and no other revision of its source.
    moved = known_as_ref(revision="c" * 40)
    assert verdict_after(other, stored=[named], origins=moved).word == "invalid"


def test_candidates_that_may_be_the_same_checkpoint_are_measured_first(folder):
    copied = folder.with_name("copy")
    shutil.copytree(folder, copied)
    (other := folder.with_name("other")).mkdir()
    (other / "config.json").write_text("{ }")
    specs = [
        *(CandidateSpec(name=path.name, source=str(path), local=True) for path in (other, copied)),
        CandidateSpec(name="unpinned", source=REF.source),
        CandidateSpec(name="elsewhere", source="somebody/else", revision=REF.revision),
        CandidateSpec(name="hub", source=REF.source, revision=REF.revision),
        CandidateSpec(name="local", source=str(folder), local=True),
    ]
    known = {spec.name: spec for spec in specs}

    def first(*names):
        lines = [
            RelativeLimit(key="k", metric="m", direction="max", candidate=name, plus=0.0)
            for name in names
        ]
        return measured_first(specs, lines, known)

    assert first("hub") == {"hub", "unpinned"}
    assert first("local") == {"local", "copy"}
    assert first() == set()


@pytest.mark.parametrize(
    "fields", [{"revision": None}, {"revision": "main"}, {"revision": "c" * 40}]
)
def test_what_cannot_be_told_to_be_the_same_is_named_and_not_taken(verdict_on, thresholds, fields):
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    [row] = verdict_on(alias, origins=known_as_ref(**fields)).results
    assert row.verdict == "invalid"
    assert (
        "is relative to ref, a name under which nothing is stored. Stored of the same source "
        "(01-ai/Yi-6B): alias; give such a name if it is what you mean. Measure it first"
    ) in row.detail


def test_another_source_of_the_same_commit_is_another_candidate(verdict_on, thresholds):
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    [row] = verdict_on(alias, origins=known_as_ref(source="somebody/else")).results
    assert "ref, of which no such measurement is stored. Measure it first" in row.detail


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "config.json").write_text("{}")
    return path


def test_a_folder_is_known_again_by_its_content_wherever_it_was(verdict_on, thresholds, folder):
    moved = {"name": "alias", "source": "elsewhere", "revision": checkpoint_fingerprint(folder)}
    alias = reference(thresholds, 4.0, REF.model_copy(update=moved))
    origins = known_as_ref(source=str(folder), local=True, revision=None)
    assert verdict_on(alias, origins=origins).word == "pass"
    (folder / "config.json").write_text("{ }")
    origins = known_as_ref(source=str(folder), local=True, revision=None)
    assert verdict_on(alias, origins=origins).word == "invalid"


def test_large_files_are_not_read_to_know_a_folder_again(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "_REMEMBER_ABOVE", 100)
    memory = tmp_path / "memory.json"
    (folder / "model.safetensors").write_bytes(b"x" * 100)
    assert known_fingerprint(folder, memory) is None
    found = checkpoint_fingerprint(folder, memory)
    assert known_fingerprint(folder, memory) == found
    assert known_fingerprint(tmp_path / "no folder", memory) is None


def test_only_of_references_the_content_is_looked_at(folder):
    spec = CandidateSpec(name="x", source=str(folder), local=True)
    line = RelativeLimit(key="k", metric="m", direction="max", candidate="ref", plus=0.0)
    found = origins_of([line], {"ref": spec, "other": spec})
    assert (found["ref"].revision is None, found["other"].revision) == (False, None)
    assert origins_of([], {"ref": spec}) == {}


def test_a_misspelt_reference_is_told_what_it_may_mean(verdict_on, thresholds):
    other = reference(thresholds, facts=candidate("reff"))
    [row] = verdict_on(other).results
    assert "ref, of which no such measurement is stored. Did you mean 'reff'? Mea" in row.detail
    [row] = verdict_on(other, origins=known_as_ref(source="owner/name")).results
    assert "Did you mean" not in row.detail, "models.toml has the name"


def test_beside_other_workers_a_reference_is_not_waited_for(verdict_on):
    [row] = verdict_on(beside=["ref", "mine"]).results
    assert row.detail.endswith(
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
    assert row.detail == (
        "mine on wiki: perplexity.corpora.wiki.max_bits_per_char is relative to ref, whose stored "
        "measurements are of other settings, other data or another version of the measure. "
        "Measure it first, with the same --thresholds and --store: pytest --model ref "
        "--quantization nf4 --dtype bfloat16 --device cuda"
    )


def test_another_resampling_is_not_compared(verdict_on, thresholds):
    made = reference(thresholds, bootstrap={"resamples": 3, "seed": 0})
    assert verdict_on(made).word == "invalid"


@pytest.mark.parametrize(
    "update", [{"quantization": "int8"}, {"dtype": "float16"}, {"device": "cpu"}]
)
def test_what_was_held_in_another_way_is_not_compared(verdict_on, thresholds, update):
    facts = REF.model_copy(update=update)
    [row] = verdict_on(reference(thresholds, facts=facts)).results
    assert row.verdict == "invalid"
    assert f"which is stored in {facts.held} only, and this measurement in nf4, bf" in row.detail
    assert verdict_on(reference(thresholds, facts=facts), reference(thresholds)).word == "pass"


def test_a_reference_of_which_nothing_is_stored_says_what_to_run(verdict_on, thresholds):
    other = reference(thresholds, facts=candidate("other"))
    [row] = verdict_on(other).results
    assert row.verdict == "invalid"
    assert "ref, of which no such measurement is stored. Measure it first" in row.detail


def test_a_reference_whose_run_broke_gives_no_limit(thresholds):
    line = RelativeLimit(
        key="k", metric="degenerate_share", direction="max", candidate="ref", plus=1
    )
    validity = load_thresholds(thresholds).find("knowledge", "facts").limits
    own = measurement(thresholds, "knowledge", answers(10, 10))
    broken = measurement(thresholds, "knowledge", answers(10, 10, broken=9), REF)
    row = judge_by(own, [*validity, line], "mine", References([line], [broken])).results[-1]
    assert row.verdict == "invalid"
    assert "ref, whose own measurement is invalid: 9 of 10 samples are degenerate" in row.detail


def test_a_reference_without_the_metric_gives_no_limit(thresholds):
    line = RelativeLimit(key="k", metric="accuracy", direction="min", candidate="ref", plus=0.0)
    made = [measurement(thresholds, "knowledge", answers(), facts) for facts in (candidate(), REF)]
    [row] = judge_by(made[0], [line], "mine", References([line], made)).results
    assert "ref, whose measurement holds no accuracy." in row.detail


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
    [row] = judge_by(own, [line], "mine", References([line], [made])).results
    meets = "every candidate meets" if why == "every" else "no candidate can meet"
    [(name, number)] = relation.items()
    assert (row.verdict, row.value, row.limit) == ("invalid", None, None)
    assert row.detail == (
        f"mine on pairs: k is relative to ref, from which {asked} follows: {meets} that, so that "
        f"it tells nothing. Choose another number than {name} = {number:g}, or give the limit "
        f"itself as a number."
    )


@pytest.mark.parametrize(
    ("metric", "value", "plus", "word"),
    [("bits_per_char", 4.0, -4.0, "invalid"), ("gap", 4.0, -5.0, "fail"), ("gap", -2.0, 0, "fail")],
)
def test_only_a_gap_may_have_a_limit_of_0_or_less(thresholds, metric, value, plus, word):
    line = RelativeLimit(key="k", metric=metric, direction="max", candidate="ref", plus=plus)

    def of(number, facts=None):
        told = Metric(name=metric, value=number, unit="bits per character")
        return measurement(thresholds, "perplexity", Findings(metrics=(told,)), facts)

    judged = judge_by(of(4.0), [line], "mine", References([line], [of(value, REF)]))
    assert judged.word == word


# What may differ, and is told


def test_other_versions_of_libraries_are_told_and_the_same_ones_preferred(verdict_on, thresholds):
    older = reference(thresholds, 4.0, torch="2.0", measured_at="2027-01-01T00:00:00+00:00")
    [row] = verdict_on(older).results
    assert row.limit == 5.0
    assert row.notes[0].startswith("the reference ref was measured with torch 2.0, not ")
    told = words("zh-HK").known(str(row.notes[0]))
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


# `python -m basegate`


def test_judge_judges_relative_limits_from_the_store(judge, store, thresholds):  # noqa: F811
    fill(store, thresholds, REF)
    fill(store, thresholds, perplexity=perplexity(4.2))
    status, out, _ = judge("--ledger", "ledger.json")
    assert status == 0
    assert "yi-6b: accepted" in out
    assert "limit at most 5 (1.25 times the 4 of ref)" in out
    rows = json.loads(Path("ledger.json").read_text())["results"]
    found = {row["candidate"]: row for row in rows if row["check"] == "perplexity"}
    assert found["yi-6b"]["limit"] == 5.0
    assert found["yi-6b"]["reference"] == {
        "candidate": "ref",
        "value": 4.0,
        "factor": 1.25,
        "plus": None,
        "measurement": found["ref"]["measurement"],
    }


def test_judge_says_of_a_missing_reference_what_to_run(judge, store, thresholds):  # noqa: F811
    fill(store, thresholds)
    status, out, _ = judge()
    assert status == 1
    assert "yi-6b: not judged (invalid) on perplexity\n" in out
    assert "Measure it first, with the same --thresholds and --store: pytest --model ref --q" in out


def test_a_report_says_that_it_is_the_limit_that_is_missing(run, store, thresholds):  # noqa: F811
    fill(store, thresholds)
    places = ("--store", store.folder, "--thresholds", thresholds)
    assert run("report", *places, "--html", "page.html", "--summary", "summary.md")[0] == 0
    page = read(Path("page.html").read_text("utf-8")).words
    for text in (page, Path("summary.md").read_text("utf-8")):
        assert "a limit that is relative to another candidate is not known: yi-6b." in text
        assert "Not measured as it should be" not in text
        assert "limit: not known (relative to ref)" in text
    assert "! invalid 4 bits per character limit: not known (relative to ref)" in page


def test_commands_say_what_a_misspelt_reference_may_mean(run, store, thresholds):  # noqa: F811
    fill(store, thresholds)
    fill(store, thresholds, candidate("reff", revision="b" * 40))
    places = ("--store", store.folder, "--thresholds", thresholds)
    hint = "Did you mean 'reff'?"
    assert hint in run("judge", *places)[1]
    assert run("report", *places, "--html", "page.html")[0] == 0
    assert "Did you mean &#39;reff&#39;?" in Path("page.html").read_text("utf-8")
    Path("models.toml").write_text('[candidates.ref]\nsource = "owner/name"\n')
    status, *told = run("judge", *places)
    assert status == 1
    assert "Did you mean" not in "".join(told)


def test_commands_take_what_is_stored_under_another_name(run, store, thresholds):  # noqa: F811
    fill(store, thresholds)
    fill(store, thresholds, REF.model_copy(update={"name": "alias"}))
    places = ("--store", store.folder, "--thresholds", thresholds)
    assert run("judge", *places)[0] == 1
    Path("models.toml").write_text(
        f'[candidates.ref]\nsource = "{REF.source}"\nrevision = "{REF.revision}"\n'
    )
    status, out, _ = run("judge", *places)
    assert status == 0
    assert "(1.25 times the 4 of ref)" in out
    assert "yi-6b (good): pass\n" in run("calibrate", *places, "--good", "yi-6b")[1]


# pytest


MINE = CandidateSpec(name="mine", source="a/b")


def make_run(thresholds, tmp_path, **known):
    options = RunOptions(
        candidates=(MINE,),
        thresholds=load_thresholds(thresholds),
        store=tmp_path / "store",
        ledger=tmp_path / "ledger.json",
        remeasure=False,
        device="cpu",
        command="pytest",
        known=known,
    )
    return GateSession(options, SILENT)


def test_a_run_takes_for_the_reference_what_it_measures_under_another_name(
    thresholds, tmp_path, monkeypatch
):
    pinned = CandidateSpec(name="ref", source=REF.source, revision=REF.revision)
    gate = make_run(thresholds, tmp_path, ref=pinned)
    own = measurement(thresholds, "perplexity", perplexity(4.0))
    mine = SimpleNamespace(name="mine", spec=MINE)
    assert gate.judge(mine, own)[0].word == "invalid", "the store is read, and empty"
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    monkeypatch.setattr("basegate.plugin.session.obtain", lambda *_, **__: alias)
    gate.measure(SimpleNamespace(name="alias", loaded=True), "perplexity", "wiki")
    assert gate.judge(mine, own)[0].word == "pass"


def test_a_run_reads_the_store_once_and_sees_what_it_measures_itself(
    thresholds, tmp_path, monkeypatch
):
    gate = make_run(thresholds, tmp_path)
    gate.store.put(reference(thresholds, 2.0))
    reads = []

    def counted(folder):
        reads.append(folder)
        return map(itemgetter(1), folder.each())

    monkeypatch.setattr(Store, "__iter__", counted)
    own = measurement(thresholds, "perplexity", perplexity(4.0))

    def word():
        verdict, _ = gate.judge(SimpleNamespace(name="mine", spec=MINE), own)
        return {row.metric: row.verdict for row in verdict.results}["bits_per_char"]

    assert [word(), word(), word()] == ["fail"] * 3
    # Measured anew under the same key, and found under another name, as of a twin.
    anew = reference(thresholds, 5.0, measured_at="2027-01-01T00:00:00+00:00")
    twin = anew.model_copy(update={"candidate": REF.model_copy(update={"name": "twin"})})
    monkeypatch.setattr("basegate.plugin.session.obtain", lambda *_, **__: twin)
    gate.measure(SimpleNamespace(name="ref", loaded=True), "perplexity", "wiki")
    assert word() == "pass"
    assert len(reads) == 1


@pytest.fixture
def relative(plain):
    """The project, whose limit is the number of a candidate; `one` and `two` are alike."""
    limit(plain, "max_bits_per_char", '{ reference = "two", plus = 0.1 }')
    return plain


def perplexities(project):
    rows = [row for row in ledger(project)["results"] if row["check"] == "perplexity"]
    return {row["candidate"]: row for row in rows}


def test_without_the_reference_nothing_is_judged_and_then_it_is(relative):
    result = relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*is relative to two, of which no such measurement is stored.*"])
    assert perplexities(relative)["one"]["verdict"] == "invalid"
    command = "--model two --quantization nf4 --dtype bfloat16 --device cpu"
    assert f"pytest {command}" in perplexities(relative)["one"]["detail"]
    assert relative.runpytest_subprocess(*command.split(), "-k", "perplexity").ret == 0
    (relative.path / "log").unlink()
    result = relative.runpytest_subprocess("--model", "one,bad", "-k", "perplexity")
    assert logged(relative, "load") == ["bad"], "what was measured before is judged anew"
    found = perplexities(relative)
    assert {name: row["verdict"] for name, row in found.items()} == {"one": "pass", "bad": "fail"}
    assert found["one"]["reference"]["candidate"] == "two"
    assert found["one"]["limit"] == pytest.approx(found["one"]["value"] + 0.1)
    result.stdout.fnmatch_lines(["*limit at most * (the 1.44 of two plus 0.1)*"])


def test_in_one_run_the_reference_comes_first_whatever_the_order(relative):
    assert relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity").ret == 0
    assert logged(relative, "load") == ["two", "one"]
    assert [row["name"] for row in ledger(relative)["candidates"]] == ["one", "two"]


def test_with_workers_a_stored_reference_is_found(relative):
    relative.runpytest_subprocess("--model", "two", "-k", "perplexity")
    result = relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity", "-n2")
    assert result.ret == 0


def test_another_name_of_a_stored_checkpoint_is_a_reference_in_the_same_run(relative):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.0 }')
    relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert relative.runpytest_subprocess("--model", "one,twin", "-k", "perplexity").ret == 0


def test_another_name_of_a_stored_checkpoint_is_a_reference_though_never_measured(relative):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.1 }')
    relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert relative.runpytest_subprocess("--model", "two", "-k", "perplexity").ret == 0
    assert perplexities(relative)["two"]["reference"]["candidate"] == "twin"


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "worker"])
def test_another_name_of_the_reference_comes_first_too(relative, workers):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.1 }')
    asked = ("--model", "two,one", "-k", "perplexity", *workers)
    assert relative.runpytest_subprocess(*asked).ret == 0
    assert logged(relative, "load") == ["one", "two"]


def test_one_worker_measures_the_reference_first(relative):
    assert relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity", "-n1").ret == 0
    assert logged(relative, "load") == ["two", "one"]


def test_a_reference_that_nobody_knows_is_a_usage_error(relative):
    limit(relative, "max_bits_per_char", '{ reference = "tow", plus = 0.1 }')
    result = relative.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [
            "ERROR: *thresholds.toml: perplexity.corpora.local.max_bits_per_char.reference: there "
            "is no candidate called 'tow' in models.toml, in --model or in the store.*'two'*"
        ]
    )


def test_a_reference_that_only_the_store_knows_is_none(relative):
    limit(relative, "max_bits_per_char", '{ reference = "mine", plus = 0.1 }')
    relative.runpytest_subprocess("--model", "mine=./checkpoints/two", "-k", "perplexity")
    assert relative.runpytest_subprocess("--model", "one", "-k", "perplexity").ret == 0
