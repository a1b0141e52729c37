"""From a check to its measurement: what every measurement says of how it was made."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from basegate.checks.early_stopping import ALL_SAMPLES, StoppingRule
from basegate.checks.perplexity import PerplexitySettings
from basegate.config.registry import CandidateSpec
from basegate.config.settings import (
    AnswerSettings,
    CheckConfig,
    CorpusSource,
    Sampling,
    TableSource,
)
from basegate.engines import batching as pieces
from basegate.engines.checkpoints.inspection import LoadedCheckpoint
from basegate.errors import InvalidMeasurement
from basegate.measurement import Earlier
from basegate.progress import SILENT
from basegate.runner.candidate import Candidate
from basegate.runner.measure import _about_files as about_files, get_or_measure
from basegate.serialization import hash_file
from basegate.store.file_batch_cache import FileBatchCache
from basegate.store.folder import Store
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.engines import PlainEngine


@pytest.fixture
def measure(tmp_path):
    """Measure the perplexity of a line of text with an engine."""
    path = tmp_path / "text.txt"
    path.write_text("香港\n", encoding="utf-8")
    settings = PerplexitySettings(corpus=CorpusSource(path=path), window=64, context=16)
    check = CheckConfig(name="perplexity", item="line", settings=settings)

    def with_engine(engine, *, remeasure=False, name="one"):
        spec = CandidateSpec(name=name, source="owner/one", revision="0" * 40)
        handle = Candidate(spec, device="cpu", load=lambda *_: engine)
        return get_or_measure(handle, check, Store(tmp_path), remeasure=remeasure, progress=SILENT)

    return with_engine


class Cramped(PlainEngine):
    """Halves two batches while it scores."""

    def log_likelihoods(self, texts, **given):
        self.batch_cache.did_not_fit("score", 64)
        self.batch_cache.did_not_fit("score", 32)
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
        "batches that did not fit into memory were halved (2 times in all); the numbers are not "
        "affected.",
    )


def test_the_articles_figure_may_be_infinite_and_nothing_else(measure):
    engine = PlainEngine("one")
    engine.article_perplexity = lambda text: math.inf
    found = measure(engine).findings
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
        ("gguf", False, ["its weights were quantised before, in a GGUF file (2 Q8_0), and"]),
        ("safetensors", True, ["Python code of the checkpoint was run"]),
    ],
)
def test_what_a_reader_may_trust_less_is_noted_and_recorded(
    measure, tmp_path, weights, code, notes
):
    (tmp_path / "config.json").write_text("{}")
    engine = PlainEngine("one")
    own = ("its texts are split as tokenizer.json says.",)
    engine.loaded = LoadedCheckpoint(
        tmp_path, ("config.json",), weights, code, own, "2 Q8_0" if weights == "gguf" else ""
    )
    found = measure(engine)
    notes = [*own, *notes]
    assert len(found.findings.notes) == len(notes)
    for note, beginning in zip(found.findings.notes, notes, strict=True):
        assert note.startswith(beginning)
    assert (found.candidate.weights, found.candidate.remote_code) == (weights, code)
    [file] = found.candidate.files
    assert (file.name, file.bytes) == ("config.json", 2)
    assert file.sha256 == hash_file(tmp_path / "config.json")


def test_what_is_said_of_samples_stands_where_there_are_some(tmp_path):
    engine = PlainEngine("one")
    engine.loaded = LoadedCheckpoint(
        tmp_path, (), "safetensors", False, ("split",), of_samples=("no end of a text is known.",)
    )
    assert [*about_files(engine, sampled=False)] == ["split"]
    assert [*about_files(engine, sampled=True)] == ["split", "no end of a text is known."]


class InBatches(PlainEngine):
    """Scores in three batches, of which it can do so many before it breaks."""

    def __init__(self, can_do=3):
        super().__init__("one")
        self.can_do = can_do

    def log_likelihoods(self, texts, **given):
        for number in range(3):
            pieces.get_or_compute(self.batch_cache, [f"batch {number}"], self.work, str, str)
        return super().log_likelihoods(texts, **given)

    def work(self):
        if self.can_do == 0:
            raise InvalidMeasurement("broken")
        self.can_do -= 1
        return ["done"]


def test_it_is_told_what_earlier_runs_had_done(measure):
    with pytest.raises(InvalidMeasurement, match="broken"):
        measure(InBatches(can_do=2))
    assert measure(InBatches()).earlier == Earlier(batches=2, batches_in_all=3)
    assert measure(InBatches()).earlier == Earlier(whole=True)
    assert measure(InBatches(), remeasure=True).earlier is None


def test_it_is_told_under_which_other_name_it_is_stored(measure):
    assert measure(InBatches()).earlier is None
    again = measure(InBatches(can_do=0), name="two")
    assert again.earlier == Earlier(whole=True, name="one")
    assert measure(InBatches(can_do=0)).earlier == Earlier(whole=True)


def test_what_earlier_runs_had_done_is_not_stored(measure, tmp_path):
    with pytest.raises(InvalidMeasurement, match="broken"):
        measure(InBatches(can_do=2))
    made = measure(InBatches())
    [path] = Store(tmp_path).paths()
    assert "earlier" not in path.read_text(encoding="utf-8")
    Store(tmp_path).put(made)
    assert "earlier" not in path.read_text(encoding="utf-8")
    assert Store(tmp_path).get(made.key).earlier is None


def end(measure, after, **given):
    with pytest.raises(InvalidMeasurement, match="broken"):
        measure(InBatches(can_do=after), **given)


def done_of(measure, **given):
    """Measure; return how many batches that took."""
    engine = InBatches()
    measure(engine, **given)
    return 3 - engine.can_do


def test_a_run_that_remeasures_and_was_ended_goes_on(measure):
    stored = measure(InBatches())
    end(measure, 2, remeasure=True)
    assert done_of(measure, remeasure=True) == 1
    assert measure(InBatches()).seconds != stored.seconds, "it took the place of what was stored"


def test_remeasuring_does_not_go_on_with_what_was_begun_without_it(measure):
    end(measure, 2)
    assert done_of(measure, remeasure=True) == 3


def test_what_is_stored_is_served_while_another_making_of_it_is_half_done(measure):
    stored = measure(InBatches())
    end(measure, 2, remeasure=True)
    found = measure(InBatches(can_do=0))
    assert (found.seconds, found.findings) == (stored.seconds, stored.findings)


class Ended(BaseException):
    """The process ends here."""


def die_before_the_journal_is_discarded(monkeypatch, measure, engine, **given):
    def die(self):
        self.close()
        raise Ended

    with monkeypatch.context() as patch:
        patch.setattr(FileBatchCache, "discard", die)
        with pytest.raises(Ended):
            measure(engine, **given)


def test_a_journal_that_is_left_beside_its_measurement_goes(measure, monkeypatch, tmp_path):
    die_before_the_journal_is_discarded(monkeypatch, measure, InBatches())
    assert list((tmp_path / "measuring").glob("*.jsonl"))
    assert measure(InBatches(can_do=0)).earlier == Earlier(whole=True)
    assert not list((tmp_path / "measuring").glob("*.jsonl"))


def test_a_journal_that_is_left_beside_its_measurement_is_not_measured_from(measure, monkeypatch):
    die_before_the_journal_is_discarded(monkeypatch, measure, InBatches(), remeasure=True)
    assert done_of(measure, remeasure=True) == 3, "whoever remeasures now means another time"


def test_a_journal_of_batches_that_could_not_be_stored_is_measured_from(measure, monkeypatch):
    def full(self, measurement):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            measure(InBatches())
    assert done_of(measure) == 0


class Drawing(PlainEngine):
    """Halves a batch whenever it draws."""

    def sample(self, prompts, **given):
        self.batch_cache.did_not_fit("draw", 64)
        return super().sample(prompts, **given)


def test_what_a_left_journal_holds_is_not_counted_twice(tmp_path, monkeypatch):
    path = tmp_path / "problems.jsonl"
    write_jsonl(path, {"id": "p", "prompt": "1 + 1 = ", "answer": 2})
    sampling = Sampling(samples=4, temperature=0.9, max_new_tokens=8)
    settings = AnswerSettings(source=TableSource(path=path), sampling=sampling)
    check = CheckConfig(name="reasoning", item="sums", settings=settings)
    spec = CandidateSpec(name="one", source="owner/one", revision="0" * 40)

    def measure(engine, stopping):
        handle = Candidate(spec, device="cpu", load=lambda *_: engine)
        return get_or_measure(
            handle, check, Store(tmp_path), stopping=stopping, remeasure=False, progress=SILENT
        )

    die_before_the_journal_is_discarded(
        monkeypatch, measure, Drawing("one"), stopping=StoppingRule(1)
    )
    found = measure(Drawing("one"), ALL_SAMPLES)
    assert len(found.findings.samples) == 4
    assert found.findings.facts["memory_retries"] == 2, "one before, one now"


def test_batches_that_could_not_be_kept_are_told_only_where_the_measurement_is_not_stored(
    measure, monkeypatch, recwarn
):
    def full(self, line):
        self.trouble = "No space left on device"

    monkeypatch.setattr(FileBatchCache, "_append", full)
    measure(InBatches())
    assert not recwarn.list
    with pytest.raises(InvalidMeasurement, match="broken"):
        measure(InBatches(can_do=1), remeasure=True)
    assert [str(each.message).partition(". ")[0][-25:] for each in recwarn] == [
        "(No space left on device)"
    ]


def test_no_limit_is_sent_to_the_process_that_measures():
    lines = (
        "import sys, basegate.runner.worker",
        "from basegate.config.settings import CheckConfig",
        "assert not any(name.startswith('basegate.judging') for name in sys.modules)",
        "assert 'basegate.config.limits' not in sys.modules",
        "assert not [name for name in CheckConfig.model_fields if 'limit' in name]",
    )
    subprocess.run([sys.executable, "-c", "; ".join(lines)], check=True)
