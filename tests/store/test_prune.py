"""What may go from a store, and what stays."""

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from basegate.checks.identity import identify_software
from basegate.config.declaration import check_names
from basegate.errors import UsageError
from basegate.store.folder import Store
from basegate.store.prune import Selection, prune
from tests.helpers.stored import (
    FINDINGS,
    answers,
    as_schema_1,
    candidate,
    make_project,
    measurement,
    perplexity,
)

NOTHING = Selection()
ALL = Selection(models=("yi-6b",))


@pytest.fixture(scope="module")
def thresholds(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def filled(store, thresholds):
    for check, make in FINDINGS.items():
        store.put(measurement(thresholds, check, make()))
    return store


def names(store, folder="measurements"):
    return {path.name for path in (store.folder / folder).glob("*")}


def gone(store, selection=NOTHING):
    """Prune; return the names of what went, having seen that a dry run says the same."""
    would = [each.path.name for each in prune(store, selection, dry_run=True)]
    went = prune(store, selection, dry_run=False)
    assert [each.path.name for each in went] == would
    assert not any(each.path.exists() for each in went)
    return set(would)


@contextmanager
def another_process_holding(store, lock):
    """Run a process that holds a lock of the store until the block ends."""
    path = store.folder / lock
    path.parent.mkdir(parents=True, exist_ok=True)
    code = (
        "import sys; from filelock import FileLock\n"
        f"with FileLock({str(path)!r}):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield
    finally:
        process.communicate()


# what belongs to no measurement


def test_a_store_in_order_stays_as_it_is(filled):
    before = names(filled)
    assert gone(filled) == set()
    assert names(filled) == before
    assert len(list(filled)) == 3


def test_a_store_that_is_empty_or_new(store):
    assert gone(store) == set()


def test_samples_that_no_measurement_names_go(filled):
    path = next(filled.measurements.glob("*.samples.jsonl"))
    stray = path.with_name("a.b.c.0123456789abcdef.01234567.samples.jsonl")
    stray.write_bytes(path.read_bytes())
    older = path.with_name(path.name.replace(path.name.split(".")[-3], "01234567"))
    older.write_bytes(path.read_bytes())
    assert gone(filled) == {stray.name, older.name}
    assert path.exists()


def test_samples_stay_that_a_measurement_under_a_wrong_name_needs(filled, thresholds):
    key = measurement(thresholds, "knowledge", answers()).key
    numbers, _ = sorted(filled.files_of(key), key=lambda path: path.suffix)
    numbers.rename(numbers.with_name(numbers.name.replace(key[:16], "0123456789abcdef")))
    assert gone(filled) == set()


@pytest.mark.parametrize("text", ["cut off", '{"schema_version": 9}'])
def test_a_file_that_is_not_used_stays_with_its_samples(filled, thresholds, text):
    key = measurement(thresholds, "knowledge", answers()).key
    numbers, samples = sorted(filled.files_of(key), key=lambda path: path.suffix)
    numbers.write_text(text)
    others = names(filled) - {numbers.name, samples.name}
    assert gone(filled, ALL) == others
    assert names(filled) == {numbers.name, samples.name}


def test_half_written_files_go(filled):
    half = filled.measurements / ".a.b.c.json.1.abcd.tmp"
    half.touch()
    assert gone(filled) == {half.name}


def test_what_an_earlier_version_set_aside_goes_with_its_folder(filled):
    aside = filled.folder / "set-aside"
    aside.mkdir()
    (aside / "a.b.c.json").write_text("damaged")
    assert gone(filled) == {"a.b.c.json"}
    assert not aside.exists()
    assert len(list(filled)) == 3


def test_other_files_of_the_store_stay(filled):
    for name in ("ledger.json", "fingerprints.json", "notes.txt"):
        (filled.folder / name).write_text("{}")
    for name in ("README.md", "mine.samples.jsonl"):
        (filled.measurements / name).write_text("mine")
    assert gone(filled) == set()


def test_what_a_run_has_half_done_stays(filled):
    with filled.measuring("c" * 64) as journal:
        journal.put({"piece": 1})
    gone(filled, ALL)
    with filled.measuring("c" * 64) as journal:
        assert len(journal) == 1


def test_a_store_that_another_process_has_locked_is_waited_for(filled, monkeypatch):
    monkeypatch.setattr(filled._lock, "timeout", 0.1)
    with another_process_holding(filled, ".lock"), pytest.raises(TimeoutError):
        prune(filled, ALL, dry_run=False)
    assert len(list(filled)) == 3


def test_one_that_the_system_does_not_remove_stays_whole(filled, thresholds, monkeypatch):
    key = measurement(thresholds, "knowledge", answers()).key
    unlink = Path.unlink

    def refusing(path, **given):
        if path.name.endswith(f"{key[:16]}.json"):
            raise PermissionError(13, "The file is in use")
        unlink(path, **given)

    monkeypatch.setattr(Path, "unlink", refusing)
    with pytest.raises(PermissionError):
        prune(filled, ALL, dry_run=False)
    assert filled.get(key).findings == answers(), "its samples stay with it"


# measurements


def test_outdated_ones_go(store, thresholds):
    current = measurement(thresholds, "perplexity", perplexity())
    own = measurement(
        thresholds, "perplexity", perplexity(), measure={"name": "humour", "version": 1}
    )
    outdated = {
        "libraries, torch: 2.0 then": measurement(
            thresholds, "perplexity", perplexity(), torch="2.0"
        ),
        "measure, version: 0 then": measurement(
            thresholds, "perplexity", perplexity(), measure={"name": "perplexity", "version": 0}
        ),
        "bootstrap, resamples: 9 then": measurement(
            thresholds, "perplexity", perplexity(), bootstrap={"resamples": 9, "seed": 0}
        ),
        "no measure": measurement(thresholds, "perplexity", perplexity(), measure=None),
    }
    for made in (current, own, *outdated.values()):
        store.put(made)
    selection = Selection(software={check: identify_software(check) for check in check_names()})
    reasons = " ".join(each.why for each in prune(store, selection, dry_run=True))
    assert all(reason in reasons for reason in list(outdated)[:-1])
    assert len(gone(store, selection)) == len(outdated)
    assert {each.key for each in store} == {current.key, own.key}, "who knows of what check it is"


def test_the_samples_of_a_measurement_go_with_it(store, thresholds):
    made = measurement(thresholds, "knowledge", answers())
    store.put(made)
    files = {path.name for path in store.files_of(made.key)}
    assert len(files) == 2
    assert gone(store, ALL) == files
    assert store.get(made.key) is None


def test_a_file_of_schema_1_goes_too(store, thresholds):
    made = measurement(thresholds, "knowledge", answers())
    store.measurements.mkdir(parents=True)
    path = store.measurements / f"yi-6b.knowledge.facts.{made.key[:16]}.json"
    path.write_text(as_schema_1(made), encoding="utf-8")
    assert gone(store) == set()
    assert gone(store, ALL) == {path.name}


def test_an_unknown_name_removes_nothing(filled):
    (filled.measurements / ".a.tmp").touch()
    with pytest.raises(UsageError, match="Did you mean 'yi-6b'"):
        prune(filled, Selection(models=("yi-6b", "yi-6")), dry_run=False)
    assert ".a.tmp" in names(filled)
    assert len(list(filled)) == 3


def test_a_time_that_cannot_be_read_is_not_old(store, thresholds):
    store.put(measurement(thresholds, "perplexity", perplexity(), measured_at="yesterday"))
    assert gone(store, Selection(older_than=0.0)) == set()


_DAYS = st.integers(0, 9)
_STORED = st.lists(st.tuples(st.sampled_from(["a", "b"]), _DAYS), max_size=6)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_STORED, st.sampled_from([(), ("a",), ("a", "b")]), st.none() | _DAYS)
def test_of_several_options_all_have_to_hold(
    tmp_path_factory, thresholds, stored, models, older_than
):
    store = Store(tmp_path_factory.mktemp("store"))
    made = {}
    for number, (name, days) in enumerate(stored):
        at = (datetime.now(UTC) - timedelta(days=days, hours=1)).isoformat(timespec="seconds")
        facts = candidate(name, revision=str(number))
        each = measurement(thresholds, "knowledge", answers(), facts, measured_at=at)
        store.put(each)
        made[each.key] = name, days
    selection = Selection(models=models, older_than=older_than)
    if set(models) - {name for name, _ in stored}:
        with pytest.raises(UsageError):
            prune(store, selection, dry_run=False)
        assert len(list(store)) == len(stored)
        return
    prune(store, selection, dry_run=False)
    kept = {
        key
        for key, (name, days) in made.items()
        if (not models and older_than is None)
        or (models and name not in models)
        or (older_than is not None and days < older_than)
    }
    assert {each.key for each in store} == kept
    assert len(names(store)) == 2 * len(kept)
    assert prune(store, NOTHING, dry_run=False) == []
