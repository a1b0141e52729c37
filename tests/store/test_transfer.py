"""Stores of several machines: out into a file, in by key, nothing that cannot be trusted."""

import hashlib
import json
import random
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basegate.store import Store
from basegate.store import file_format as files
from basegate.store import transfer as merging
from basegate.store.transfer import Refused, decide, export, merge
from tests.helpers.stored import (
    answers,
    as_schema_1,
    candidate,
    make_project,
    measurement,
    perplexity,
)


def everything(_):
    return True


@pytest.fixture(scope="module")
def thresholds(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def content(store):
    """Return the files of a store by name."""
    return {path.name: path.read_bytes() for path in store.measurements.glob("*")}


@pytest.fixture
def exported(tmp_path, thresholds):
    """A file with two measurements, one of them with samples."""
    store = Store(tmp_path / "exported")
    store.put(measurement(thresholds, "perplexity", perplexity()))
    store.put(measurement(thresholds, "knowledge", answers()))
    export(store, tmp_path / "x.zip", everything)
    return tmp_path / "x.zip"


def rewritten(source, change):
    """Return a copy of a zip after `change` of its entries, by name."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    target = source.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target


def the(entries, ending, part=""):
    return next(name for name in entries if name.endswith(ending) and part in name)


# export


def test_the_files_are_exported_as_they_are(tmp_path, exported):
    before = content(Store(tmp_path / "exported"))
    with zipfile.ZipFile(exported) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        assert {f"measurements/{name}" for name in before} | {"manifest.json"} == set(names)
        assert all(archive.read(f"measurements/{name}") == before[name] for name in before)
    assert manifest["format"] == 1
    assert len(manifest["measurements"]) == 2


def test_the_same_measurements_make_the_same_file(tmp_path, exported):
    export(Store(tmp_path / "exported"), tmp_path / "again.zip", everything)
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_copied_and_renamed_files_are_exported_once_and_can_be_imported(
    tmp_path, store, thresholds
):
    copied = store.put(measurement(thresholds, "knowledge", answers()))
    shutil.copy(copied, copied.with_name(f"copy.{copied.stem[-16:]}.json"))
    renamed = store.put(measurement(thresholds, "perplexity", perplexity()))
    renamed.rename(renamed.with_name(f"my favourite.{'0' * 16}.json"))
    before = list(store)
    assert export(store, tmp_path / "x.zip", everything) == 2
    other = Store(tmp_path / "other")
    assert len(merge(other, tmp_path / "x.zip").keys["new"]) == 2
    assert {each.key: each for each in other} == {each.key: each for each in before}
    assert len(content(other)) == 3, "a measurement, and one with its samples"
    assert len(merge(store, tmp_path / "x.zip").keys["same"]) == 1


def test_only_what_is_wanted_is_exported(tmp_path, store, thresholds):
    store.put(measurement(thresholds, "perplexity", perplexity()))
    other = candidate("other", revision="b" * 40)
    store.put(measurement(thresholds, "perplexity", perplexity(), other))
    count = export(store, tmp_path / "x.zip", lambda each: each.candidate.name == "other")
    assert count == 1
    merge(Store(tmp_path / "new"), tmp_path / "x.zip")
    assert [each.candidate.name for each in Store(tmp_path / "new")] == ["other"]


def test_an_export_of_nothing_leaves_no_file_and_an_earlier_one_whole(tmp_path, store, exported):
    before = exported.read_bytes()
    assert export(store, exported, everything) == 0
    assert export(store, tmp_path / "none.zip", everything) == 0
    assert exported.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "x.zip"]


def test_a_damaged_measurement_is_left_out(tmp_path, store, thresholds):
    store.put(measurement(thresholds, "perplexity", perplexity()))
    store.put(measurement(thresholds, "knowledge", answers()))
    samples = next(store.measurements.glob("*.samples.jsonl"))
    samples.write_bytes(samples.read_bytes().replace(b"A", b"B"))
    with pytest.warns(UserWarning, match="cannot be trusted"):
        assert export(store, tmp_path / "x.zip", everything) == 1


def test_a_name_that_leads_outside_is_not_followed(tmp_path, store, thresholds):
    secret = tmp_path / "secret.samples.jsonl"
    secret.write_text("secret\n")
    made = measurement(thresholds, "perplexity", perplexity())
    evidence = files.Evidence.model_construct(
        file="../../secret.samples.jsonl", sha256="0" * 64, lines=1
    )
    store.measurements.mkdir(parents=True)
    path = store.measurements / f"yi-6b.perplexity.wiki.{made.key[:16]}.json"
    path.write_text(files.write(made, evidence), encoding="utf-8")
    with pytest.warns(UserWarning, match="cannot be trusted"):
        assert export(store, tmp_path / "x.zip", everything) == 0


# import


def test_what_was_exported_comes_in_as_it_was(tmp_path, store, exported):
    merged = merge(store, exported)
    assert len(merged.keys["new"]) == 2
    assert content(store) == content(Store(tmp_path / "exported"))


def test_a_store_of_schema_1_comes_in_whole(tmp_path, store, thresholds):
    made = measurement(thresholds, "knowledge", answers())
    old = Store(tmp_path / "old")
    old.measurements.mkdir(parents=True)
    path = old.measurements / f"yi-6b.knowledge.facts.{made.key[:16]}.json"
    path.write_text(as_schema_1(made), encoding="utf-8")
    assert export(old, tmp_path / "x.zip", everything) == 1
    merge(store, tmp_path / "x.zip")
    found = store.get(made.key)
    assert found is not None
    assert found.findings == made.findings
    assert merge(old, tmp_path / "x.zip").keys["same"] == [made.key]


def test_the_same_numbers_stay_whoever_measured_them(tmp_path, store, exported, thresholds):
    later = measurement(
        thresholds, "perplexity", perplexity(), measured_at="2026-05-05T00:00:00+00:00"
    )
    store.put(later)
    merged = merge(store, exported)
    assert merged.keys["same"] == [later.key]
    assert store.get(later.key) == later


def test_the_fuller_one_replaces_its_beginning(tmp_path, store, thresholds):
    short = measurement(thresholds, "knowledge", answers(right=7, drawn=7))
    full = measurement(thresholds, "knowledge", answers(right=7, drawn=10))
    other = Store(tmp_path / "other")
    other.put(full)
    export(other, tmp_path / "full.zip", everything)
    store.put(short)
    export(store, tmp_path / "short.zip", everything)
    assert merge(store, tmp_path / "full.zip").keys["fuller"] == [full.key]
    assert merge(other, tmp_path / "short.zip").keys["same"] == [full.key]
    assert content(store) == content(other)


def test_other_samples_are_a_conflict_and_nothing_is_written(tmp_path, store, exported, thresholds):
    ours = measurement(thresholds, "knowledge", answers(right=8, drawn=10, text="other"))
    store.put(ours)
    before = content(store)
    merged = merge(store, exported)
    assert [conflict.ours.key for conflict in merged.conflicts] == [ours.key]
    assert merged.keys == {"new": [], "fuller": [], "same": []}
    assert content(store) == before


def test_questions_of_which_each_side_has_more_are_a_conflict(thresholds):
    def of(first, second):
        one, two = answers(right=0, drawn=first), answers(right=0, drawn=second)
        samples = (
            *one.samples,
            *(sample.model_copy(update={"item": "q2"}) for sample in two.samples),
        )
        metrics = (*one.metrics, *two.metrics)
        found = one.model_copy(update={"samples": samples, "metrics": metrics})
        return measurement(thresholds, "knowledge", found)

    assert decide(of(4, 6), of(6, 4)) == "conflict"
    assert decide(of(4, 4), of(6, 4)) == "fuller"
    assert decide(of(6, 4), of(4, 4)) == "same"


def test_numbers_without_samples_that_differ_are_a_conflict(thresholds):
    one = measurement(thresholds, "perplexity", perplexity(4.0))
    two = measurement(thresholds, "perplexity", perplexity(4.0000001))
    assert decide(one, two) == "conflict"
    assert decide(one, one) == "same"
    assert decide(None, one) == "new"


def test_another_process_that_puts_one_meanwhile_is_respected(
    store, exported, thresholds, monkeypatch
):
    ours = measurement(thresholds, "perplexity", perplexity(4.4))
    locked = store.locked

    @contextmanager
    def slow():
        monkeypatch.setattr(store, "locked", locked)
        Store(store.folder).put(ours)
        with locked():
            yield

    monkeypatch.setattr(store, "locked", slow)
    merged = merge(store, exported)
    assert [conflict.ours.key for conflict in merged.conflicts] == [ours.key]
    assert store.get(ours.key) == ours
    assert len(merged.keys["new"]) == 1


def no_change(_):
    pass


def outside(entries):
    entries["measurements/../../evil.0123456789abcdef.json"] = b"{}"


def absolute(entries):
    entries["/tmp/evil.0123456789abcdef.json"] = b"{}"


def backslashes(entries):
    entries["measurements/..\\evil.0123456789abcdef.json"] = b"{}"


def something_else(entries):
    entries["measurements/readme.txt"] = b"hello"


def no_manifest(entries):
    del entries["manifest.json"]


def garbled_manifest(entries):
    entries["manifest.json"] = b"["


def manifest_of_the_future(entries):
    entries["manifest.json"] = b'{"format": 2}'


def changed_number(entries):
    name = the(entries, ".json", "perplexity")
    entries[name] = entries[name].replace(b'"value": 4.0', b'"value": 3.0')


def cut_short(entries):
    name = the(entries, ".json", "perplexity")
    entries[name] = entries[name][:-50]


def changed_samples(entries):
    name = the(entries, ".samples.jsonl")
    entries[name] = entries[name].replace(b'"A"', b'"B"')


def no_samples(entries):
    del entries[the(entries, ".samples.jsonl")]


def stray_samples(entries):
    entries["measurements/a.b.c.0123456789abcdef.01234567.samples.jsonl"] = b"{}\n"


def named_by_another_key(entries):
    name = the(entries, ".json", "perplexity")
    entries["measurements/yi-6b.perplexity.wiki.0123456789abcdef.json"] = entries.pop(name)


def twice_under_two_names(entries):
    name = the(entries, ".json", "perplexity")
    entries[name.replace("yi-6b", "other")] = entries[name]


def sealed(text):
    """Return a measurement's file with the checksum that its content should have."""
    rest = text.split("\n", 2)[2].removesuffix("\n")
    return f'{{\n "checksum": "{hashlib.sha256(rest.encode()).hexdigest()}",\n{rest}\n'.encode()


def another_identity(entries):
    name = the(entries, ".json", "perplexity")
    entries[name] = sealed(entries[name].decode().replace('"window": 2048', '"window": 9'))


def identity_that_is_no_json(entries):
    name = the(entries, ".json", "perplexity")
    entries[name] = sealed(entries[name].decode().replace('"window": 2048', '"window": NaN'))


def evidence_elsewhere(entries):
    name = the(entries, ".json", "knowledge")
    text = entries[name].decode().replace('"file": "yi-6b', '"file": "../yi-6b')
    entries[name] = sealed(text)


def samples_that_are_none(entries):
    name, beside = the(entries, ".json", "knowledge"), the(entries, ".samples.jsonl")
    data = b'{"secrets": {}}\n'
    before, after = (hashlib.sha256(each).hexdigest() for each in (entries[beside], data))
    entries[name] = sealed(entries[name].decode().replace(before, after))
    entries[beside] = data


def newer_schema(entries):
    name = the(entries, ".json", "perplexity")
    text = entries[name].decode().replace('"schema_version": 2', '"schema_version": 9')
    entries[name] = sealed(text)


def deep(entries):
    entries["manifest.json"] = b"[" * 100_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (outside, "is no name of a file of a store"),
        (absolute, "is no name of a file of a store"),
        (backslashes, "is no name of a file of a store"),
        (something_else, "is no name of a file of a store"),
        (no_manifest, "there is no manifest.json in it"),
        (garbled_manifest, "its manifest.json cannot be read"),
        (deep, "its manifest.json cannot be read"),
        (manifest_of_the_future, "it is of format 2"),
        (changed_number, "its checksum is not that of its content"),
        (cut_short, "cannot be trusted"),
        (changed_samples, "is not that of its content"),
        (no_samples, "are not in it"),
        (stray_samples, "no measurement in it names the samples"),
        (named_by_another_key, "is not named by its key"),
        (twice_under_two_names, "stands in it twice"),
        (another_identity, "its key is not that of its identity"),
        (identity_that_is_no_json, "its identity holds what JSON cannot"),
        (evidence_elsewhere, "evidence.file|file: String should match"),
        (samples_that_are_none, "holds no samples"),
        (newer_schema, "of a newer basegate"),
    ],
)
def test_what_cannot_be_trusted_is_refused_before_anything_is_written(
    tmp_path, store, exported, change, message
):
    with pytest.raises(Refused, match=message):
        merge(store, rewritten(exported, change))
    assert content(store) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.zip", "exported", "x.zip"]


def test_a_copy_of_a_zip_is_as_good(store, exported):
    assert len(merge(store, rewritten(exported, no_change)).keys["new"]) == 2


def test_an_absurd_size_is_refused_unread(store, exported, monkeypatch):
    def bomb(entries):
        entries[the(entries, ".samples.jsonl")] = b"0" * 2_000_000

    source = rewritten(exported, bomb)
    assert source.stat().st_size < 20_000
    monkeypatch.setattr(merging, "_LARGEST", {"json": 2**20, "jsonl": 2**20})
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(Refused, match="would be 2,000,000 bytes, unpacked: more than 1,048,576"):
        merge(store, source)


def test_many_files_of_an_absurd_size_together_are_refused(store, exported, monkeypatch):
    monkeypatch.setattr(merging, "_LARGEST_IN_ALL", 1000)
    with pytest.raises(Refused, match="larger than"):
        merge(store, exported)


def test_a_size_that_is_a_lie_is_found_out(tmp_path, store, exported):
    data = bytearray(exported.read_bytes())
    with zipfile.ZipFile(exported) as archive:
        size = archive.getinfo(the(archive.namelist(), ".samples.jsonl")).file_size
    lie = data.replace(size.to_bytes(4, "little"), (size - 100).to_bytes(4, "little"))
    assert lie != data
    exported.write_bytes(lie)
    with pytest.raises(Refused):
        merge(store, exported)
    assert content(store) == {}


def test_another_compression_is_refused(store, exported):
    with zipfile.ZipFile(exported, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("measurements/a.b.c.0123456789abcdef.json", "{}")
    with pytest.raises(Refused, match="is compressed as"):
        merge(store, exported)


def test_a_name_that_stands_twice_is_refused(store, exported):
    with zipfile.ZipFile(exported, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", "{}")
    with pytest.raises(Refused, match="a name stands in it twice"):
        merge(store, exported)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_garbled_file_is_refused_or_harmless(tmp_path, exported, draw, count):
    data = bytearray(exported.read_bytes())
    for _ in range(count):
        data[draw.randrange(len(data))] = draw.randrange(256)
    garbled = tmp_path / "garbled.zip"
    garbled.write_bytes(data[: draw.choice([len(data), draw.randrange(len(data))])])
    store = Store(tmp_path / "target")
    shutil.rmtree(store.folder, ignore_errors=True)
    try:
        merge(store, garbled)
    except Refused:
        assert content(store) == {}
    else:
        assert len(list(store)) == 2


# merging as a whole

_KEYS = st.dictionaries(st.sampled_from("abcd"), st.integers(4, 10), max_size=4)
"""By candidate, how many samples of the question are drawn: all stores are beginnings of one."""


def filled(folder, thresholds, drawn):
    store = Store(folder)
    store.measurements.mkdir(parents=True)
    for name, count in drawn.items():
        facts = candidate(name, revision=name * 40)
        store.put(measurement(thresholds, "knowledge", answers(right=4, drawn=count), facts))
    return store


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_KEYS, _KEYS)
def test_merging_is_commutative_and_idempotent(thresholds, one, two):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first, second = filled(root / "1", thresholds, one), filled(root / "2", thresholds, two)
        sides = (first, root / "2.zip", two), (second, root / "1.zip", one)
        export(first, root / "1.zip", everything)
        export(second, root / "2.zip", everything)
        for store, file, theirs in sides:
            if theirs:  # an export of nothing is no file
                merge(store, file)
                again = merge(store, file)
                assert len(again.keys["same"]) == len(theirs)
        assert content(first) == content(second)
        fullest = {name: max(one.get(name, 0), two.get(name, 0)) for name in {**one, **two}}
        found = {each.candidate.name: each.findings.metrics[0].drawn for each in first}
        assert found == fullest


def test_a_large_export_is_merged_in_any_order(tmp_path, thresholds):
    names = [f"m{number}" for number in range(30)]
    random.Random(0).shuffle(names)
    store = filled(tmp_path / "1", thresholds, dict.fromkeys(names, 5))
    export(store, tmp_path / "x.zip", everything)
    assert len(merge(Store(tmp_path / "2"), tmp_path / "x.zip").keys["new"]) == 30
