"""From a check to its measurement: what every measurement says of how it was made."""

from __future__ import annotations

import pytest

from basegate.candidate import Candidate
from basegate.engines.checkpoint import Loaded
from basegate.errors import InvalidMeasurement
from basegate.fingerprint import hash_file
from basegate.measuring import obtain
from basegate.progress import SILENT
from basegate.registry import CandidateSpec
from basegate.settings import CorpusSource, PerplexitySettings
from basegate.store import Store
from basegate.thresholds import Check
from tests.engines import PlainEngine


@pytest.fixture
def measure(tmp_path):
    """Measure the perplexity of a line of text with an engine."""
    path = tmp_path / "text.txt"
    path.write_text("香港\n", encoding="utf-8")
    settings = PerplexitySettings(corpus=CorpusSource(path=path), window=64, context=16)
    check = Check(check="perplexity", item="line", settings=settings, limits=())
    spec = CandidateSpec(name="one", source="owner/one", revision="0" * 40)

    def with_engine(engine):
        handle = Candidate(spec, device="cpu", load=lambda *_: engine)
        return obtain(handle, check, Store(tmp_path), remeasure=False, progress=SILENT)

    return with_engine


class Cramped(PlainEngine):
    """Halves two batches while it scores."""

    retries = 5

    def log_likelihoods(self, texts, **given):
        self.retries += 2
        return super().log_likelihoods(texts, **given)


def test_the_prefix_is_named(measure):
    found = measure(PlainEngine("one")).findings
    assert found.facts["prefix"] == "<s>"
    assert found.notes == ()
    assert "memory_retries" not in found.facts


def test_batches_that_did_not_fit_are_noted(measure):
    found = measure(Cramped("one")).findings
    assert found.facts["memory_retries"] == 2
    assert found.notes == (
        "a batch did not fit into memory and was halved, 2 times; the numbers are not affected.",
    )


def test_the_articles_figure_may_be_infinite_and_nothing_else(measure, monkeypatch):
    monkeypatch.setattr(PlainEngine, "article_perplexity", lambda self, text, **_: float("inf"))
    found = measure(PlainEngine("one")).findings
    [shown] = [each for each in found.metrics if each.name == "article_perplexity"]
    assert (shown.value, shown.informative) == (None, True)


def test_a_judged_number_has_to_be_finite(measure):
    # 1,000 nats a character: e to the power of that is no float, and perplexity no number.
    with pytest.raises(InvalidMeasurement, match=r"^perplexity is not a finite number"):
        measure(PlainEngine("one", logprob=-1000.0))


@pytest.mark.parametrize(
    ("weights", "code", "notes"),
    [
        ("safetensors", False, []),
        ("pickle", False, ["its weights are .bin files (pickle), read as numbers only"]),
        ("safetensors", True, ["Python code of the checkpoint was run"]),
    ],
)
def test_what_a_reader_may_trust_less_is_noted_and_recorded(
    measure, tmp_path, weights, code, notes
):
    (tmp_path / "config.json").write_text("{}")
    engine = PlainEngine("one")
    own = ("its texts are split as tokenizer.json says.",)
    engine.loaded = Loaded(tmp_path, ("config.json",), weights, code, own)
    found = measure(engine)
    notes = [*own, *notes]
    assert len(found.findings.notes) == len(notes)
    for note, beginning in zip(found.findings.notes, notes, strict=True):
        assert note.startswith(beginning)
    assert (found.candidate.weights, found.candidate.remote_code) == (weights, code)
    [file] = found.candidate.files
    assert (file.name, file.bytes) == ("config.json", 2)
    assert file.sha256 == hash_file(tmp_path / "config.json")
