"""GGUF files as candidates: from a folder and from the hub, recorded as what they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from basegate.config.registry import CandidateSpec
from basegate.data.fingerprint import checkpoint_fingerprint, known_fingerprint
from basegate.errors import CandidateError
from basegate.runner.candidate import Candidate
from basegate.serialization import hash_file
from tests.helpers.gguf_files import write_demo, write_gguf
from tests.helpers.hub_server import COMMIT, address

LOAD = """
import io, json, sys
from pathlib import Path
from basegate.config.registry import CandidateSpec
from basegate.engines import loading, memory_budget
from basegate.errors import BasegateError
from basegate.progress import Progress
from basegate.runner.candidate import Candidate

lines = io.StringIO()
if len(sys.argv) > 3:
    memory_budget.free_memory = lambda device: int(sys.argv[3])
spec = CandidateSpec(name="g", source=sys.argv[1], revision=sys.argv[2])
candidate = Candidate(
    spec, device="cpu",
    load=lambda spec, revision, device: loading.load_candidate(
        spec.source, name=spec.name, device=device, revision=revision, local=False,
        progress=Progress(lines),
    ),
)
try:
    candidate.engine()
    print(candidate.facts().model_dump_json())
except BasegateError as error:
    print(json.dumps({"error": str(error)}))
print(json.dumps(lines.getvalue()))
"""


def load_from_hub(hub, cache, source, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOAD, source, COMMIT, *arguments],
        capture_output=True, text=True, check=True, timeout=120,
        env={"PATH": "", "HF_ENDPOINT": address(hub), "HF_HOME": str(cache), "HOME": str(cache)},
    )  # fmt: skip
    found, lines = map(json.loads, done.stdout.splitlines()[-2:])
    return found, lines


@pytest.fixture
def real(hub, tmp_path):
    """The hub, with a repository of GGUF files."""
    hub.folder = tmp_path / "on-the-hub"
    hub.folder.mkdir()
    write_gguf(hub.folder / "m-Q8_0.gguf", kind="Q8_0")
    shutil.copy(hub.folder / "m-Q8_0.gguf", hub.folder / "other.gguf")
    return hub


@pytest.mark.slow
def test_one_file_of_the_hub_is_fetched_and_recorded(real, tmp_path):
    found, lines = load_from_hub(real, tmp_path / "cache", "owner/real:m-Q8_0.gguf")
    assert (found["source"], found["revision"]) == ("owner/real:m-Q8_0.gguf", COMMIT)
    assert (found["weights"], found["quantized_before"]) == ("gguf", "23 Q8_0, 7 F32")
    file = real.folder / "m-Q8_0.gguf"
    [recorded] = found["files"]
    assert (recorded["name"], recorded["sha256"]) == (file.name, hash_file(file))
    assert not any("other.gguf" in path for path in real.asked if "/resolve/" in path)
    told = ("fetching 0.0 GiB of weights", "g: 0.1 M parameters", "converting GGUF to bfloat16")
    said = lines.splitlines()
    assert [words in line for words, line in zip(told, said, strict=True)] == [True] * 3
    # Of what has been fetched and converted, nothing is fetched or converted again.
    real.asked.clear()
    _, lines = load_from_hub(real, tmp_path / "cache", "owner/real:m-Q8_0.gguf")
    assert "converting" not in lines
    assert not any("/resolve/" in path for path in real.asked)


@pytest.mark.slow
def test_a_file_that_the_repository_lacks_is_named_with_those_it_has(real, tmp_path):
    found, _ = load_from_hub(real, tmp_path / "cache", "owner/real:m-Q4_0.gguf")
    assert "owner/real has no m-Q4_0.gguf at 0123456789ab" in found["error"]
    assert "Its GGUF files: m-Q8_0.gguf, other.gguf." in found["error"]
    split = "owner/real:m-00001-of-00002.gguf"
    found, _ = load_from_hub(real, tmp_path / "cache", split)
    assert "no m-00001-of-00002.gguf, m-00002-of-00002.gguf at" in found["error"]


@pytest.mark.slow
def test_one_that_does_not_fit_into_memory_is_not_converted(real, tmp_path):
    cache = tmp_path / "cache"
    found, lines = load_from_hub(real, cache, "owner/real:m-Q8_0.gguf", "1000")
    assert "g does not fit" in found["error"]
    assert "converting" not in lines
    assert not [path for path in (cache / "basegate/gguf").iterdir() if path.is_dir()]


def candidate(path, **given):
    spec = CandidateSpec(name="g", source=str(path), local=True, **given)
    return Candidate(spec, device="cpu", load=lambda *_: None)


def test_the_revision_of_a_file_is_its_own_sha256(tmp_path):
    write_gguf(tmp_path / "m.gguf")
    whole = f"sha256:{hash_file(tmp_path / 'm.gguf')}"
    assert candidate(tmp_path / "m.gguf").revision == whole
    assert known_fingerprint(tmp_path / "m.gguf") == whole
    shutil.copy(tmp_path / "m.gguf", tmp_path / "another-name.gguf")
    assert checkpoint_fingerprint(tmp_path / "another-name.gguf") == whole


def test_the_revision_of_a_split_file_is_one_over_all_parts(tmp_path):
    for part in (1, 2):
        (tmp_path / f"m-0000{part}-of-00002.gguf").write_bytes(b"GGUF" + bytes([part]))
    first = checkpoint_fingerprint(tmp_path / "m-00001-of-00002.gguf")
    assert checkpoint_fingerprint(tmp_path / "m-00002-of-00002.gguf") == first
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(b"GGUF")
    assert checkpoint_fingerprint(tmp_path / "m-00001-of-00002.gguf") != first


def test_a_damaged_file_is_refused_before_it_is_hashed(tmp_path):
    write_gguf(tmp_path / "m.gguf")
    (tmp_path / "m.gguf").write_bytes((tmp_path / "m.gguf").read_bytes()[:2000])
    with pytest.raises(CandidateError, match="was cut short"):
        _ = candidate(tmp_path / "m.gguf").revision


CHECK = """
import sys
from pathlib import Path
from basegate.config.registry import CandidateSpec
from basegate.data.fingerprint import known_fingerprint
from basegate.engines.checkpoints.inspection import check_before_loading
check_before_loading(Path(sys.argv[1]))
known_fingerprint(Path(sys.argv[1]))
print([name for name in ("torch", "transformers", "gguf") if name in sys.modules])
"""


def test_to_know_a_file_again_no_library_is_imported(tmp_path):
    write_gguf(tmp_path / "m.gguf")
    command = [sys.executable, "-c", CHECK, str(tmp_path / "m.gguf")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_entry_may_name_a_gguf_file(tmp_path):
    from basegate.config.registry import load_registry
    from basegate.config.selection import select
    from basegate.errors import UsageError

    (tmp_path / "models.toml").write_text(
        '[candidates.here]\nsource = "./m.gguf"\n'
        '[candidates.hub]\nsource = "owner/name:q4/m.gguf"\nrevision = "main"\n'
    )
    registry = load_registry(tmp_path / "models.toml")
    assert registry["here"].source == str(tmp_path / "m.gguf")
    assert (registry["hub"].source, registry["hub"].local) == ("owner/name:q4/m.gguf", False)
    with pytest.raises(UsageError, match="there is no such file here"):
        select(["here"], registry, tmp_path)


def test_code_of_a_gguf_file_cannot_be_trusted(tmp_path):
    from basegate.config.selection import trust
    from basegate.errors import UsageError

    spec = CandidateSpec(name="g", source="owner/name:m.gguf", revision=COMMIT)
    with pytest.raises(UsageError, match="is a GGUF file, which holds no code"):
        trust([spec], ["g"])


@pytest.mark.slow
def test_a_run_records_it_and_says_that_it_was_quantised_before(project, monkeypatch):
    from tests.helpers.plain import ledger

    write_demo(project.path / "m.gguf")
    monkeypatch.setenv("HF_HOME", str(project.path / "home"))
    types = "29 Q8_0, 9 F32"
    for language, words in (("en", f"in a GGUF file ({types})"), ("zh-HK", f"中量化（{types}）")):
        project.runpytest_subprocess(
            *("--model", "g=m.gguf", "-k", "perplexity", "--summary=summary.md"),
            *("--language", language),
        )
        assert words in (project.path / "report.html").read_text(encoding="utf-8")
        summary = (project.path / "summary.md").read_text(encoding="utf-8")
        assert words in summary.replace("\\", "").replace("&#95;", "_")
    [entry] = ledger(project)["candidates"]
    whole = f"sha256:{hash_file(project.path / 'm.gguf')}"
    assert (entry["weights"], entry["revision"], entry["verdict"]) == ("gguf", whole, "pass")
    [key] = [path.stem for path in (project.path / ".basegate/measurements").glob("*.json")]
    shown = project.runpython_c(
        f"from basegate.cli import main; main(['store', 'show', '{key.rpartition('.')[2]}'])"
    )
    shown.stdout.fnmatch_lines([f"*weights *quantised before, in a GGUF file ({types})"])
