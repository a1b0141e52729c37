"""The store: the right measurement or none."""

import hashlib
import json
import os
import re
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from basegate.errors import NotTrusted
from basegate.measurement import Findings, Metric, OptionScores, Preference, Sample
from basegate.serialization import digest, write_atomically
from basegate.store import folder
from basegate.store.folder import Store
from tests.helpers.stored import make_measurement


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_was_put_comes_back(store):
    measurement = make_measurement()
    store.put(measurement)
    assert store.get(measurement.key) == measurement


def test_another_store_on_the_same_folder_finds_it(store):
    measurement = make_measurement()
    store.put(measurement)
    assert Store(store.folder).get(measurement.key) == measurement


def test_an_unknown_key_gives_nothing(store):
    assert store.get("0" * 64) is None
    store.put(make_measurement())
    assert store.get("0" * 64) is None


def test_measurements_of_two_identities_stand_beside_each_other(store):
    one, two = make_measurement(1.0), make_measurement(2.0, candidate="two")
    store.put(one)
    store.put(two)
    assert (store.get(one.key), store.get(two.key)) == (one, two)


def test_a_measurement_takes_the_place_of_an_earlier_one_even_under_another_name(store):
    store.put(make_measurement(1.0, name="first-name"))
    path = store.put(make_measurement(2.0, name="second-name"))
    assert store.get(make_measurement().key).findings.metrics[0].value == 2.0
    assert list(path.parent.iterdir()) == [path]


def test_file_names_tell_candidate_check_and_item(store):
    path = store.put(make_measurement(name="yi-6b", item="wiki/../yue x"))
    assert path.name.startswith("yi-6b.perplexity.wiki-yue-x.")
    assert path.parent == store.folder / "measurements"


def test_files_are_json_that_a_person_can_read(store):
    path = store.put(make_measurement(item="維基"))
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["identity"] == {"candidate": "one"}
    assert "維基" in text
    assert len(text.splitlines()) > 10


def with_samples(count, value=1.0, prompt="p", **given):
    """Return a measurement with samples, a pair and the scores of a question."""
    return make_measurement(value, **given).model_copy(
        update={
            "findings": Findings(
                metrics=(Metric(name="m", value=value, unit="u"),),
                samples=tuple(
                    Sample(item="q", prompt=prompt, text=f"第{number}句\u2028\n", seed=number)
                    for number in range(count)
                ),
                preferences=(
                    Preference(
                        item="i", kind="k", right="r", wrong="w", right_bits=0.1, wrong_bits=1 / 3
                    ),
                ),
                choices=(
                    OptionScores(item="q", expected="A", letters={"A": -1.5}, texts={"A": -0.1}),
                ),
            )
        }
    )


def test_samples_stand_beside_it_a_line_each(store):
    measurement = with_samples(3)
    path = store.put(measurement)
    assert "samples" not in json.loads(path.read_text(encoding="utf-8"))["findings"]
    [beside] = path.parent.glob("*.samples.jsonl")
    lines = [json.loads(line) for line in beside.read_text(encoding="utf-8").split("\n") if line]
    assert [list(line) for line in lines] == [["samples"]] * 3 + [["preferences"], ["choices"]]
    assert store.get(measurement.key) == measurement


def test_numbers_are_read_without_what_is_beside_them(store):
    measurement = with_samples(3)
    store.put(measurement)
    [found] = store
    assert found.key == measurement.key
    assert found.findings.metrics == measurement.findings.metrics
    assert found.findings.samples == ()


def test_the_samples_of_an_earlier_one_are_removed_after_it_was_replaced(store):
    store.put(with_samples(2))
    path = store.put(with_samples(3, value=2.0))
    assert len(list(path.parent.iterdir())) == 2
    assert store.get(make_measurement().key) == with_samples(3, value=2.0)


def test_an_earlier_one_that_cannot_be_removed_does_not_count(store, monkeypatch):
    store.put(make_measurement(1.0, name="first-name"))
    later = make_measurement(2.0, name="second-name").model_copy(
        update={"measured_at": "2026-01-02T00:00:00+00:00"}
    )

    def refuse(path, **given):
        raise PermissionError(13, "The file is in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        store.put(later)
    assert len(store.paths()) == 2
    with pytest.warns(UserWarning, match="first-name.* holds other numbers of .* second-name"):
        assert store.get(later.key) == later
    store.put(later)
    assert len(store.paths()) == 1


def test_replacing_that_fails_half_way_leaves_the_earlier_one_whole(store, monkeypatch):
    store.put(with_samples(2))

    def full(path, text):
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        write_atomically(path, text)

    monkeypatch.setattr(folder, "write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        store.put(with_samples(3, value=2.0))
    assert store.get(make_measurement().key) == with_samples(2)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "its checksum is not that of its content"),
        (lambda text: "", "EOF"),
        (lambda text: text.replace('"seconds"', '"minutes"'), "its checksum"),
        (lambda text: text.replace('"one"', '"two"'), "its checksum"),
        (lambda text: text[:2] + text[text.index('\n "schema') :], "evidence: Extra inputs"),
        (lambda text: re.sub('"checksum": "...', '"checksum": "000', text), "its checksum"),
        (lambda text: "\0" * len(text), "Invalid JSON"),
    ],
    ids=["cut off", "empty", "another field", "identity", "no checksum", "checksum", "zeros"],
)
def test_a_damaged_file_is_not_used_and_overwritten(store, damage, reason):
    measurement = with_samples(2)
    path = store.put(measurement)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    damaged = path.read_bytes()
    with pytest.warns(NotTrusted, match=f"{path.name} is not used, since .*{reason}") as told:
        found = [store.get(measurement.key), store.get(measurement.key), *store]
    assert found == [None, None]
    assert len(told) == 1, "warned of once"
    assert str(told[0].message).endswith("pytest measures it again, in its place.")
    assert path.read_bytes() == damaged
    store.put(measurement)
    assert len(list(path.parent.iterdir())) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.get(measurement.key) == measurement
        assert Store(store.folder).get(measurement.key) == measurement


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "is missing beside it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "is not that of its content"),
    ],
    ids=["missing", "cut off"],
)
def test_a_measurement_whose_samples_are_damaged_is_not_used(store, damage, reason):
    measurement = with_samples(2)
    path = store.put(measurement)
    [beside] = path.parent.glob("*.samples.jsonl")
    damage(beside)
    with pytest.warns(NotTrusted, match=reason):
        assert store.get(measurement.key) is None
    store.put(measurement)
    assert store.get(measurement.key) == measurement


def test_a_damaged_copy_hides_nothing(store):
    measurement = with_samples(2)
    path = store.put(measurement)
    copy = path.with_name(f"copy.{measurement.key[:16]}.json")
    copy.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(NotTrusted, match="copy.* is not used"):
        assert store.get(measurement.key) == measurement
    assert [each.key for each in store] == [measurement.key]


def test_a_copy_of_a_file_is_the_same_measurement(store):
    measurement = with_samples(2)
    path = store.put(measurement)
    for name in ("a-copy", "z-copy"):
        shutil.copy(path, path.with_name(f"{name}.{measurement.key[:16]}.json"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [each.key for each in store] == [measurement.key]
        assert store.get(measurement.key) == measurement
    store.put(measurement)
    assert store.paths() == [path], "copies are replaced with it"


def copied(store, measurement):
    """Copy the files of a measurement from another store, as rsync would; return the samples."""
    other = Store(store.folder.with_name("other"))
    files = [other.put(measurement), *other.measurements.glob("*.samples.jsonl")]
    return [Path(shutil.copy(each, store.measurements)) for each in files][1]


NEWER = {"measured_at": "2026-01-02T00:00:00"}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("damaged")])
def test_of_two_files_of_a_key_one_with_damaged_samples_does_not_count(store, damage):
    store.put(with_samples(3, value=3.0))
    newer = with_samples(4, value=4.0, name="newer").model_copy(update=NEWER)
    damage(copied(store, newer))
    with pytest.warns(NotTrusted, match="newer.* is not used"):
        [listed] = store
    assert listed.findings.metrics[0].value == 3.0
    assert listed.findings.samples == ()
    assert store.get(newer.key) == with_samples(3, value=3.0)


@pytest.mark.parametrize("counts", [(2, 3), (3, 2)])
def test_of_two_files_of_a_key_the_one_with_all_samples_of_the_other_counts(store, counts):
    older, newer = (with_samples(count, value=float(count), name=f"of-{count}") for count in counts)
    store.put(older)
    copied(store, newer.model_copy(update=NEWER))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [listed] = store
        assert listed.findings.metrics[0].value == 3.0
        assert len(store.get(listed.key).findings.samples) == 3


@pytest.mark.parametrize("look", [list, lambda store: store.get(make_measurement().key)])
@pytest.mark.parametrize("name", ["a-copy", "z-copy"])
def test_of_two_files_with_other_numbers_of_one_key_the_newer_counts(store, look, name):
    path = store.put(with_samples(2))
    older = path.with_name(f"{name}.{path.stem[-16:]}.json")
    shutil.move(path, older)
    newer = with_samples(2, value=2.0, prompt="another").model_copy(update=NEWER)
    copied(store, newer)
    with pytest.warns(NotTrusted, match=f"{name}.* holds other numbers of the measurement in "):
        look(store)
    assert store.get(newer.key) == newer
    assert [each.key for each in store] == [newer.key]
    assert older.exists()


def test_a_file_whose_name_holds_another_key_is_not_used(store):
    path = store.put(make_measurement(1.0))
    misnamed = path.with_name(f"a.{'0' * 16}.json")
    path.rename(misnamed)
    with pytest.warns(NotTrusted, match="its name is that of another key"):
        assert list(store) == []
    assert store.get(make_measurement().key) is None
    assert misnamed.exists()


def test_what_another_process_is_replacing_is_no_double(store, monkeypatch):
    old = store.put(make_measurement(1.0, name="first-name"))
    other = Store(store.folder.with_name("other"))
    newer = make_measurement(2.0, name="second-name")
    shutil.copy(other.put(newer), old.parent)

    @contextmanager
    def locked():
        old.unlink()  # it had put the new file, and let go of the lock when the old one was gone
        yield

    monkeypatch.setattr(store, "locked", locked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(store)) == 1


def test_the_folder_is_listed_once_for_many_keys(store, monkeypatch):
    made = [make_measurement(candidate=str(number)) for number in range(5)]
    for each in made:
        store.put(each)
    listed = []
    listdir = os.listdir
    monkeypatch.setattr(folder.os, "listdir", lambda path: listed.append(1) or listdir(path))
    assert [store.get(each.key) for each in made] == made
    assert len(listed) == 1


def test_what_came_after_the_folder_was_listed_is_found(store):
    one, two = make_measurement(), make_measurement(candidate="two")
    store.put(one)
    assert store.get(one.key) == one
    Store(store.folder).put(two)
    assert store.get(two.key) == two
    Store(store.folder).put(make_measurement(3.0, name="another-name"))
    assert store.get(one.key).findings.metrics[0].value == 3.0


def test_a_file_of_a_newer_schema_is_not_read_and_not_lost(store):
    path = store.put(make_measurement())
    text = path.read_text(encoding="utf-8").replace('"schema_version": 3', '"schema_version": 9')
    rest = text.split("\n", 2)[2]
    checksum = hashlib.sha256(rest.removesuffix("\n").encode()).hexdigest()
    path.write_text(f'{{\n "checksum": "{checksum}",\n{rest}', encoding="utf-8")
    whole = path.read_bytes()
    with pytest.warns(NotTrusted, match=r"of schema 9, of a newer basegate. It is left as it is"):
        assert store.get(make_measurement().key) is None
    with pytest.raises(OSError, match="a newer basegate has kept one"):
        store.put(make_measurement())
    assert path.read_bytes() == whole


def test_a_file_that_cannot_be_opened_for_now_stays(store, monkeypatch):
    store.put(make_measurement())

    def refuse(path):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_content", refuse)
        with pytest.warns(NotTrusted, match=r"it cannot be read \(Too many open files\)"):
            assert store.get(make_measurement().key) is None
    assert store.get(make_measurement().key) == make_measurement()


def test_a_file_of_the_first_schema_is_read(store):
    measurement = with_samples(2)
    old = measurement.model_copy(update={"schema_version": 1})
    path = store.measurements / f"yi-6b.perplexity.wiki.{old.key[:16]}.json"
    path.parent.mkdir(parents=True)
    path.write_text(old.model_dump_json(indent=1), encoding="utf-8")
    assert store.get(old.key) == measurement
    store.put(store.get(old.key))
    assert store.get(old.key) == measurement, "kept again, it is of today's"
    assert not path.exists()


def test_a_file_that_was_renamed_to_another_key_is_not_served(store):
    path = store.put(make_measurement())
    other = digest({"candidate": "two"})
    path.rename(path.with_name(f"x.{other[:16]}.json"))
    with pytest.warns(NotTrusted):
        assert store.get(other) is None


def test_a_store_that_cannot_be_written_to_is_read(store, monkeypatch):
    measurement = with_samples(2)
    path = store.put(measurement)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder.FileLock, "acquire", refuse)
    assert store.get(measurement.key) == measurement
    path.write_text("damaged")
    with pytest.warns(NotTrusted, match="is not used"):
        assert store.get(measurement.key) is None


def test_a_very_long_item_can_be_kept(store):
    # A bank may be called anything; file names may have 255 bytes.
    measurement = make_measurement(item="維基百科" * 100)
    store.put(measurement)
    assert store.get(measurement.key) == measurement


def test_those_of_a_group_of_candidates_are_found_without_reading_others(store):
    null = make_measurement(1.0, name="null-bigram")
    store.put(null)
    # Read, it would be a warning.
    store.put(make_measurement(2.0, name="one", candidate="two")).write_text("damaged")
    assert list(store.of_candidates("null-")) == [null]
