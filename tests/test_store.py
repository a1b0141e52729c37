"""The store: the right measurement or none."""

import json
import warnings

import pytest

from basegate import environment, measuring
from basegate.candidate import Candidate
from basegate.measurement import CandidateFacts, Findings, Measurement, Metric
from basegate.measures import continuation
from basegate.measuring import identify
from basegate.records import digest
from basegate.registry import CandidateSpec
from basegate.store import Store
from basegate.thresholds import load_thresholds
from tests.checkpoints import write_jsonl

COMMIT = "0123456789abcdef0123456789abcdef01234567"
THRESHOLDS = """
[perplexity]
window = 64
context = 16
[perplexity.corpora.wiki]
path = "corpus.txt"
max_bits_per_char = 5.0
[continuation]
prompts = "prompts.jsonl"
samples = 2
max_latin_share = 0.5
"""


def make_measurement(value=1.0, name="yi-6b", item="wikipedia-yue", **identity):
    identity = {"candidate": "one", **identity}
    return Measurement(
        key=digest(identity),
        check="perplexity",
        item=item,
        candidate=CandidateFacts(
            name=name, source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
        ),
        findings=Findings(metrics=(Metric(name="m", value=value, unit="u"),)),
        identity=identity,
        environment={"python": "3.11", "gpu": None},
        seconds=0.5,
        measured_at="2026-01-01T00:00:00+00:00",
    )


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


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: text.replace('"seconds"', '"minutes"'), id="unknown field"),
        pytest.param(lambda text: text.replace('"one"', '"two"'), id="another identity"),
        pytest.param(
            lambda text: text.replace('"schema_version": 1', '"schema_version": 99'),
            id="a schema of the future",
        ),
    ],
)
def test_a_damaged_file_is_left_aside_with_a_warning(store, damage):
    measurement = make_measurement()
    path = store.put(measurement)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.warns(UserWarning, match="is damaged or was written by another version"):
        assert store.get(measurement.key) is None
    store.put(measurement)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.get(measurement.key) == measurement


def test_a_file_that_was_renamed_to_another_key_is_not_served(store):
    path = store.put(make_measurement())
    other = digest({"candidate": "two"})
    path.rename(path.with_name(f"x.{other[:16]}.json"))
    with pytest.warns(UserWarning, match="is damaged"):
        assert store.get(other) is None


def test_a_very_long_item_can_be_kept(store):
    # A bank may be called anything; file names may have 255 bytes.
    measurement = make_measurement(item="維基百科" * 100)
    store.put(measurement)
    assert store.get(measurement.key) == measurement


class Origin:
    """What can be changed about a measurement's origin."""

    def __init__(self, folder):
        self.folder = folder
        self.spec = {"name": "yi-6b", "source": "01-ai/Yi-6B", "revision": COMMIT}
        self.thresholds = THRESHOLDS
        self.device = "cpu"
        (folder / "corpus.txt").write_text("香港", encoding="utf-8")
        write_jsonl(folder / "prompts.jsonl", {"id": "a", "prompt": "我"})

    def change(self, old, new):
        assert old in self.thresholds
        self.thresholds = self.thresholds.replace(old, new)

    def keys(self):
        path = self.folder / "thresholds.toml"
        path.write_text(self.thresholds, encoding="utf-8")
        candidate = Candidate(CandidateSpec(**self.spec), device="cpu")
        candidate.device = self.device
        checks = load_thresholds(path).checks
        return {check.check: digest(identify(candidate, check)) for check in checks}


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path)


BOTH = {"perplexity", "continuation"}
CHANGES = {
    "source": (lambda o: o.spec.update(source="01-ai/Yi-9B"), BOTH),
    "revision": (lambda o: o.spec.update(revision=COMMIT[::-1]), BOTH),
    "quantization": (lambda o: o.spec.update(quantization="none"), BOTH),
    "dtype": (lambda o: o.spec.update(dtype="float32"), BOTH),
    "device": (lambda o: setattr(o, "device", "cuda"), BOTH),
    "window": (lambda o: o.change("window = 64", "window = 65"), {"perplexity"}),
    "context": (lambda o: o.change("context = 16", "context = 17"), {"perplexity"}),
    "join": (lambda o: o.change("max_bits", 'join = ""\nmax_bits'), {"perplexity"}),
    "column": (lambda o: o.change("max_bits", 'column = "x"\nmax_bits'), {"perplexity"}),
    "text": (lambda o: (o.folder / "corpus.txt").write_text("other"), {"perplexity"}),
    "samples": (lambda o: o.change("samples = 2", "samples = 3"), {"continuation"}),
    "temperature": (lambda o: o.change("samples", "temperature = 0.8\nsamples"), {"continuation"}),
    "top_k": (lambda o: o.change("samples", "top_k = 40\nsamples"), {"continuation"}),
    "top_p": (lambda o: o.change("samples", "top_p = 0.9\nsamples"), {"continuation"}),
    "penalty": (
        lambda o: o.change("samples", "repetition_penalty = 1.2\nsamples"),
        {"continuation"},
    ),
    "length": (lambda o: o.change("samples", "max_new_tokens = 9\nsamples"), {"continuation"}),
    "seed": (lambda o: o.change("samples", "seed = 1\nsamples"), {"continuation"}),
    "prompts": (
        lambda o: write_jsonl(o.folder / "prompts.jsonl", {"id": "a", "prompt": "你"}),
        {"continuation"},
    ),
    "name of the candidate": (lambda o: o.spec.update(name="other"), set()),
    "facts of the registry": (lambda o: o.spec.update(licence="MIT", parameters="6B"), set()),
    "limit of perplexity": (lambda o: o.change("5.0", "4.0"), set()),
    "limit of continuation": (lambda o: o.change("0.5", "0.4"), set()),
    "reason for a limit": (lambda o: o.change("samples", 'why = "x"\nsamples'), set()),
    "name of the corpus": (lambda o: o.change("corpora.wiki", "corpora.other"), set()),
}


@pytest.mark.parametrize(("change", "affected"), CHANGES.values(), ids=CHANGES)
def test_the_key_changes_with_what_can_change_a_number_and_with_nothing_else(
    origin, change, affected
):
    before = origin.keys()
    change(origin)
    after = origin.keys()
    assert {check for check in before if before[check] != after[check]} == affected


def test_the_key_does_not_depend_on_where_the_data_lies(origin):
    before = origin.keys()
    (origin.folder / "data").mkdir()
    for name in ("corpus.txt", "prompts.jsonl"):
        (origin.folder / name).rename(origin.folder / "data" / name)
        origin.change(f'"{name}"', f'"data/{name}"')
    assert origin.keys() == before


def test_the_key_does_not_depend_on_the_glob_that_finds_the_data(origin):
    before = origin.keys()
    (origin.folder / "texts").mkdir()
    (origin.folder / "corpus.txt").rename(origin.folder / "texts" / "corpus.txt")
    origin.change('path = "corpus.txt"', 'path = "texts"\nglob = "*.txt"')
    assert origin.keys() == before


def test_the_key_changes_with_the_version_of_a_library(origin, monkeypatch):
    before = origin.keys()
    monkeypatch.setattr(measuring, "library_versions", lambda *_: {"torch": "99"})
    assert all(key != before[check] for check, key in origin.keys().items())


def test_the_key_changes_with_the_version_of_its_measure_alone(origin, monkeypatch):
    before = origin.keys()
    monkeypatch.setattr(continuation, "VERSION", continuation.VERSION + 1)
    after = origin.keys()
    assert after["continuation"] != before["continuation"]
    assert after["perplexity"] == before["perplexity"]


def test_a_reading_of_the_text_is_keyed_by_the_libraries_that_read_it(origin, monkeypatch):
    before = origin.keys()
    real = environment.version
    monkeypatch.setattr(
        environment, "version", lambda name: "99" if name == "opencc" else real(name)
    )
    after = origin.keys()
    assert {check for check in before if after[check] != before[check]} == {"continuation"}
