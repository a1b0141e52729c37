"""The command `store prune`; store/prune.py has tests of its own."""

from pathlib import Path

import pytest

from tests.helpers.stored import (
    fill,
    measurement,
    perplexity,
)


def test_prune_tells_what_the_system_does_not_remove(manage, store, thresholds, monkeypatch):
    fill(store, thresholds)

    def refuse(path, **given):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    status, out, err = manage("prune", "--older-than", "0", "--yes")
    assert (status, out) == (4, "")
    assert f"--store {store.folder}: nothing more can be removed (Permission denied: " in err
    assert len(list(store)) == 3


def test_pruning_says_what_would_go_and_removes_with_yes_only(manage, store, thresholds):
    fill(store, thresholds)
    names = [path.name for path in store.measurements.iterdir()]
    status, out, _ = manage("prune", "--model", "yi-6b")
    assert status == 0
    assert all(f"would remove {name} (" in out for name in names)
    assert out.splitlines()[-1].startswith(f"would remove {len(names)} files, ")
    assert out.endswith("; --yes removes them\n")
    assert len(list(store)) == 3
    status, out, _ = manage("prune", "--model", "yi-6b", "--yes")
    assert all(f"removed {name} (" in out for name in names)
    assert out.splitlines()[-1].startswith(f"removed {len(names)} files, ")
    assert not any(store.measurements.iterdir())
    assert manage("prune")[1] == "would remove 0 files, 0 bytes\n"


def test_pruning_goes_by_the_installed_software(manage, store, thresholds):
    fill(store, thresholds)
    old = measurement(thresholds, "perplexity", perplexity(), torch="2.0")
    store.put(old)
    out = manage("prune", "--outdated", "--yes")[1]
    assert "outdated: libraries, torch: 2.0 then, " in out
    assert store.get(old.key) is None
    assert len(list(store)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "yi-6"], "Did you mean 'yi-6b'?"),
        (["--older-than", "soon"], "a number of days"),
        (["--older-than", "nan"], "a number of days"),
        (["--older-than", "-1"], "a number of days"),
    ],
)
def test_usage_errors_of_prune(manage, store, thresholds, arguments, message):
    fill(store, thresholds)
    before = sorted(store.folder.rglob("*"))
    status, _, err = manage("prune", "--yes", *arguments)
    assert status == 4
    assert message in err
    assert sorted(store.folder.rglob("*")) == before
