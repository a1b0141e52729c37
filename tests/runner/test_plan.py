"""The plan of a run: which tokenizer counts, and at which speed it is reckoned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from basegate.config.registry import CandidateSpec
from basegate.engines.checkpoints.download import cached_folder
from basegate.measurement import Work
from basegate.runner.plan import rate
from basegate.runner.transformers_backend import tokenizer_here
from tests.helpers.stored import make_measurement

COMMIT = "a" * 40


def measured(check, fed, drawn, seconds):
    return make_measurement().model_copy(
        update={"check": check, "work": Work(fed=fed, drawn=drawn), "seconds": seconds}
    )


STORED = [
    measured("perplexity", 1000, 0, 10.0),
    measured("perplexity", 500, 0, 5.0),
    measured("minimal_pairs", 900, 0, 3.0),
    measured("continuation", 10, 190, 20.0),
]


@pytest.mark.parametrize(
    ("check", "work", "found"),
    [
        ("perplexity", Work(fed=7), 1500 / 15),
        ("knowledge", Work(fed=7), 2400 / 18),  # of none like it: of all that only read
        ("knowledge", Work(fed=7, drawn=1), 200 / 20),
    ],
)
def test_the_speed_is_that_of_the_same_check_or_of_its_kind(check, work, found):
    assert rate(STORED, check, work) == pytest.approx(found)


def test_there_is_no_speed_of_what_was_never_done():
    assert rate(STORED[:3], "knowledge", Work(drawn=1)) is None
    assert rate([make_measurement()], "perplexity", Work(fed=1)) is None, "an old one counts none"


def spec(source):
    return CandidateSpec(name="one", source=str(source), local=isinstance(source, Path))


def test_the_tokenizer_of_a_folder_is_read_without_its_weights(single):
    (single / "model.safetensors").unlink()
    encoder, longest = tokenizer_here(spec(single), "")
    assert (len(encoder.encode("香港").ids), len(encoder.prefix), longest) == (2, 1, 128)


def test_that_of_the_hub_is_read_only_where_its_files_are(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert tokenizer_here(spec("owner/name"), COMMIT) is None
    shutil.copytree(checkpoint, cached_folder("owner/name", COMMIT))
    encoder, _ = tokenizer_here(spec("owner/name"), COMMIT)
    assert len(encoder.encode("香港").ids) == 2


def test_that_of_a_gguf_file_is_read_once_it_is_converted(tmp_path, monkeypatch):
    gguf_files = pytest.importorskip("tests.helpers.gguf_files")
    from basegate.engines.gguf.conversion import convert

    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    path = tmp_path / "demo.gguf"
    gguf_files.write_demo(path)
    assert tokenizer_here(spec(path), "") is None
    convert(path, "one", lambda folder: None)
    encoder, _ = tokenizer_here(spec(path), "")
    assert encoder.encode("香港").ids
