"""The key of a measurement: what changes it, and what does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks import identity
from basegate.checks.continuation import CHECK as CONTINUATION
from basegate.checks.perplexity import PerplexitySettings
from basegate.config import declaration
from basegate.config.registry import CandidateSpec
from basegate.config.settings import (
    CheckConfig,
    CorpusSource,
    QuestionSettings,
    Sampling,
    TableSource,
)
from basegate.config.thresholds import load_thresholds
from basegate.runner.candidate import Candidate
from basegate.runner.measure import identify
from basegate.serialization import digest
from tests.helpers.checkpoints import write_jsonl

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
        return {check.name: digest(identify(candidate, check)) for check in checks}


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


SPECS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["01-ai/Yi-6B", "01-ai/Yi-9B"]),
        "revision": st.sampled_from([COMMIT, COMMIT[::-1]]),
        "quantization": st.sampled_from(["nf4", "none"]),
        "dtype": st.sampled_from(["bfloat16", "float32"]),
    }
)
SAMPLINGS = st.builds(
    Sampling,
    samples=st.integers(1, 3),
    temperature=st.sampled_from([0.0, 0.2, 1.0]),
    top_k=st.integers(0, 2),
    top_p=st.sampled_from([0.9, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.2]),
    max_new_tokens=st.integers(1, 2),
    seed=st.integers(0, 2),
)
CHECKS = st.one_of(
    st.builds(
        lambda **given: ("perplexity", given),
        window=st.integers(8, 10),
        context=st.integers(0, 2),
        join=st.sampled_from([None, "", "\n\n"]),
        column=st.sampled_from(["text", "x"]),
        data=st.sampled_from(["香港", "九龍"]),
    ),
    st.builds(
        lambda check, **given: (check, given),
        st.sampled_from(["continuation", "knowledge", "reasoning"]),
        sampling=SAMPLINGS,
        data=st.sampled_from(["香港", "九龍"]),
    ),
)


def made_key(folder, spec, device, asked):
    """Return the key of a measurement with these settings and data of this content."""
    check, given = asked
    given = dict(given)
    data = folder / f"{given.pop('data')}.txt"
    data.write_text(data.stem, encoding="utf-8")
    if check == "perplexity":
        corpus = CorpusSource(path=data, join=given.pop("join"), column=given.pop("column"))
        settings = PerplexitySettings(corpus=corpus, **given)
    else:
        source = TableSource(path=data, format="jsonl")
        settings = QuestionSettings(source=source, **given)
    candidate = Candidate(CandidateSpec(name="n", **spec), device="cpu")
    candidate.device = device
    return digest(identify(candidate, CheckConfig(name=check, item="i", settings=settings)))


@settings(max_examples=300, deadline=None)
@given(
    one=st.tuples(SPECS, st.sampled_from(["cpu", "cuda"]), CHECKS),
    other=st.tuples(SPECS, st.sampled_from(["cpu", "cuda"]), CHECKS),
    same=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_no_two_things_that_differ_share_a_key(tmp_path_factory, one, other, same):
    folder = tmp_path_factory.getbasetemp()
    # Often alike but for one part: two that differ everywhere are easily told apart.
    other = tuple(a if alike else b for a, b, alike in zip(one, other, same, strict=True))
    assert (made_key(folder, *one) == made_key(folder, *other)) == (one == other)


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
    monkeypatch.setattr(identity, "library_versions", lambda *_: {"torch": "99"})
    assert all(key != before[check] for check, key in origin.keys().items())


def test_the_key_changes_with_the_version_of_its_measure_alone(origin, monkeypatch):
    before = origin.keys()
    newer = replace(CONTINUATION, version=CONTINUATION.version + 1)
    declared = declaration._DECLARED["continuation"]
    monkeypatch.setitem(declaration._DECLARED, "continuation", declared._replace(check=newer))
    after = origin.keys()
    assert after["continuation"] != before["continuation"]
    assert after["perplexity"] == before["perplexity"]


def test_a_reading_of_the_text_is_keyed_by_the_libraries_that_read_it(origin, monkeypatch):
    before = origin.keys()
    real = identity.installed_version
    monkeypatch.setattr(
        identity, "installed_version", lambda name: "99" if name == "opencc" else real(name)
    )
    after = origin.keys()
    assert {check for check in before if after[check] != before[check]} == {"continuation"}
