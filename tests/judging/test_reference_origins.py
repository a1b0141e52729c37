"""Which candidate a relative limit means: by name, commit or content of its folder."""

from __future__ import annotations

import shutil

import pytest

from basegate.config.limits import RelativeLimit
from basegate.config.registry import CandidateSpec
from basegate.config.thresholds import load_thresholds
from basegate.data import fingerprint
from basegate.data.fingerprint import checkpoint_fingerprint, known_fingerprint
from basegate.judging.explanation import sentence
from basegate.judging.judge import judge
from basegate.judging.relative_limits import References, origins_of, references_first
from tests.helpers.references import REF, known_as_ref, reference
from tests.helpers.stored import (
    answers,
    candidate,
    measurement,
    perplexity,
)


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
        return judge(own, [line], "mine", references)

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
        return references_first(specs, lines, known)

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
    ) in sentence(row)


def test_another_source_of_the_same_commit_is_another_candidate(verdict_on, thresholds):
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    [row] = verdict_on(alias, origins=known_as_ref(source="somebody/else")).results
    assert "ref, of which no such measurement is stored. Measure it first" in sentence(row)


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
    assert "ref, of which no such measurement is stored. Did you mean 'reff'? Mea" in sentence(row)
    [row] = verdict_on(other, origins=known_as_ref(source="owner/name")).results
    assert "Did you mean" not in sentence(row), "models.toml has the name"
