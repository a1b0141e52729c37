"""models.toml and --model to candidates."""

from pathlib import Path

import pytest

from basegate.config.registry import CandidateSpec, load_registry
from basegate.config.selection import known_names, select
from basegate.config.tags import billions
from basegate.engines.architectures.known import IN_TRANSFORMERS
from basegate.errors import UsageError
from basegate.plugin.list_models import format_registry
from tests.helpers.paths import ROOT


@pytest.fixture
def load(tmp_path):
    """Write a models.toml and read it."""

    def write_and_load(text):
        path = tmp_path / "models.toml"
        path.write_text(text, encoding="utf-8")
        return load_registry(path)

    return write_and_load


@pytest.fixture
def refusal(load, tmp_path):
    """Return the sentences with which a models.toml is refused, without the file's name."""

    def refuse(text):
        with pytest.raises(UsageError) as caught:
            load(text)
        prefix = f"{tmp_path / 'models.toml'}: "
        lines = str(caught.value).splitlines()
        assert all(line.startswith(prefix) for line in lines), "every line names the file"
        return [line.removeprefix(prefix) for line in lines]

    return refuse


def test_an_entry_has_the_articles_defaults(load):
    assert load('[candidates.yi-6b]\nsource = "01-ai/Yi-6B"\n') == {
        "yi-6b": CandidateSpec(
            name="yi-6b", source="01-ai/Yi-6B", quantization="nf4", dtype="bfloat16", local=False
        )
    }


def test_entries_keep_the_order_of_the_file(load):
    text = "".join(f'[candidates.{name}]\nsource = "a/b"\n' for name in ("z", "a", "m"))
    assert list(load(text)) == ["z", "a", "m"]


def test_an_entry_says_how_many_gpus_it_needs_or_nothing(load):
    assert load('[candidates.x]\nsource = "a/b"\ngpus = 2\n')["x"].gpus == 2
    assert load('[candidates.x]\nsource = "a/b"\n')["x"].gpus is None


@pytest.mark.parametrize("source", ["./ckpt", "../ckpt", "sub"])
def test_only_sources_that_look_like_paths_are_folders_relative_to_the_file(load, tmp_path, source):
    spec = load(f'[candidates.x]\nsource = "{source}"\n')["x"]
    if source.startswith("."):
        assert spec.local
        assert spec.source == str((tmp_path / source).resolve())
    else:
        assert (spec.local, spec.source) == (False, "sub")


def test_a_folder_in_the_home_is_found(load, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    spec = load('[candidates.x]\nsource = "~/ckpt"\n')["x"]
    assert spec.source == str(tmp_path / "home" / "ckpt")


def test_a_missing_file_is_an_empty_registry(tmp_path):
    assert load_registry(tmp_path / "models.toml") == {}


WRONG = {
    "unknown key": (
        '[candidates.x]\nsource = "a/b"\nquantisation = "nf4"',
        "candidates.x.quantisation: unknown key. Did you mean 'quantization'",
    ),
    "unknown quantization": (
        '[candidates.x]\nsource = "a/b"\nquantization = "int4"',
        "candidates.x.quantization = \"int4\": accepted: 'nf4', 'fp4', 'int8' or 'none'.",
    ),
    "missing source": ("[candidates.x]\n", "candidates.x.source: this key is missing."),
    "number as source": (
        "[candidates.x]\nsource = 5",
        'candidates.x.source = 5: accepted: a text in quotes, such as "text".',
    ),
    "text as context length": (
        '[candidates.x]\nsource = "a/b"\ncontext_length = "4096"',
        'candidates.x.context_length = "4096": accepted: a whole number.',
    ),
    "context length of zero": (
        '[candidates.x]\nsource = "a/b"\ncontext_length = 0',
        "candidates.x.context_length = 0: accepted: greater than 0.",
    ),
    "GPUs of zero": (
        '[candidates.x]\nsource = "a/b"\ngpus = 0',
        "candidates.x.gpus = 0: accepted: greater than 0.",
    ),
    "fewer GPUs than none": (
        '[candidates.x]\nsource = "a/b"\ngpus = -1',
        "candidates.x.gpus = -1: accepted: greater than 0.",
    ),
    "text as GPUs": (
        '[candidates.x]\nsource = "a/b"\ngpus = "2"',
        'candidates.x.gpus = "2": accepted: a whole number.',
    ),
    "half a GPU": (
        '[candidates.x]\nsource = "a/b"\ngpus = 1.5',
        "candidates.x.gpus = 1.5: accepted: a whole number.",
    ),
    "true as GPUs": (
        '[candidates.x]\nsource = "a/b"\ngpus = true',
        "candidates.x.gpus = true: accepted: a whole number.",
    ),
    "text as gated": (
        '[candidates.x]\nsource = "a/b"\ngated = "yes"',
        'candidates.x.gated = "yes": accepted: true or false.',
    ),
    "source in place of a table": (
        '[candidates]\nx = "a/b"',
        "candidates.x is not a table with a source.",
    ),
    "unknown table": (
        '[models.x]\nsource = "a/b"',
        "unknown table 'models'. Every candidate is a table [candidates.NAME].",
    ),
    "name with a space": (
        '[candidates."x y"]\nsource = "a/b"',
        "candidates.x y: a name is made of letters, digits, '.', '_' and '-', and",
    ),
    "name with a comma": (
        '[candidates."x,y"]\nsource = "a/b"',
        "candidates.x,y: a name is made of letters, digits, '.', '_' and '-', and",
    ),
    "the name that means every candidate": ('[candidates.all]\nsource = "a/b"', "candidates.all"),
    "source that is no hub id": (
        '[candidates.x]\nsource = "not an id"',
        "candidates.x.source: 'not an id' is neither a hub id (owner/name) nor written as a folder",
    ),
    "source of another site": (
        '[candidates.x]\nsource = "https://example.org/a/b"',
        "candidates.x.source: 'https://example.org/a/b' is neither a hub id (owner/name) nor",
    ),
    "revision in the source": (
        '[candidates.x]\nsource = "a/b@main"',
        'candidates.x.source: a revision has a key of its own: source = "a/b" and revision = "mai',
    ),
    "empty revision": (
        '[candidates.x]\nsource = "a/b"\nrevision = ""',
        "candidates.x.revision: '' is no revision: accepted is a branch, a tag or a commit;",
    ),
    "revision of a folder": (
        '[candidates.x]\nsource = "./x"\nrevision = "main"',
        "candidates.x.revision: ./x is a folder, and its content is all there is of it.",
    ),
    "size in lower case": (
        '[candidates.x]\nsource = "a/b"\nparameters = "7b"',
        "candidates.x.parameters: '7b' is no size, and its tag would be missing: accepted are",
    ),
    "size in words": (
        '[candidates.x]\nsource = "a/b"\nparameters = "seven"',
        "candidates.x.parameters: 'seven' is no size",
    ),
    "tag with a capital": (
        '[candidates.x]\nsource = "a/b"\ntags = ["Seven B"]',
        "candidates.x.tags.0: 'Seven B' is no tag: accepted are lower-case letters, digits, '.'",
    ),
    "candidates is a number": ("candidates = 5", "candidates"),
    "candidates is an array of tables": ('[[candidates]]\nsource = "a/b"', "candidates"),
    "not TOML": ("[candidates.x", "is not valid TOML: "),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_key_and_accepted_values(refusal, text, sentence):
    assert refusal(text)[0].startswith(sentence)


@pytest.mark.parametrize("key", ['name = "y"', "local = true"])
def test_keys_that_the_file_cannot_set_are_unknown_keys(refusal, key):
    [sentence] = refusal(f'[candidates.x]\nsource = "a/b"\n{key}\n')
    assert "unknown key" in sentence


def test_a_folder_without_its_dot_is_told_how_to_be_written(refusal, tmp_path):
    (tmp_path / "models/tiny/one").mkdir(parents=True)
    [sentence] = refusal('[candidates.x]\nsource = "models/tiny/one"\n')
    assert sentence.endswith("There is a folder of that name: write ./models/tiny/one")


def test_an_entry_may_give_the_address_of_a_hub_page(load):
    registry = load('[candidates.x]\nsource = "https://huggingface.co/owner/name"\n')
    assert (registry["x"].source, registry["x"].local) == ("owner/name", False)


def test_an_entry_whose_folder_is_not_here_is_refused_only_where_it_is_named(load, tmp_path):
    registry = load('[candidates.x]\nsource = "./nope"\n[candidates.y]\nsource = "a/b"\n')
    assert [spec.name for spec in select(["y"], registry, tmp_path)] == ["y"]
    with pytest.raises(UsageError) as caught:
        select(["x"], registry, tmp_path)
    message = str(caught.value)
    assert message.startswith("--model x: models.toml says that it is in ")
    assert "there is no such folder here" in message


@pytest.mark.parametrize("revision", ["a" * 40, "A" * 40])
def test_the_digits_of_a_commit_are_lower_case(load, tmp_path, revision):
    registry = load(f'[candidates.x]\nsource = "a/b"\nrevision = "{revision}"\n')
    [given] = select([f"y=a/b@{revision}"], registry, tmp_path)
    assert registry["x"].revision == given.revision == "a" * 40


HYBRID = {"qwen3_5", "qwen3_5_moe", "qwen3_next", "falcon_h1", "granitemoehybrid"}


def test_hybrids_of_states_and_attention_have_a_tag():
    # Micro is of the hybrids' class, and has attention in every layer.
    hybrids = {name for name, spec in SHIPPED.items() if spec.architecture in HYBRID}
    tagged = {name for name, spec in SHIPPED.items() if "hybrid" in spec.tags}
    assert tagged == hybrids - {"granite-4.0-micro"}


@pytest.mark.parametrize(
    "licence", ["Apache-2.0", "apache 2.0", "APACHE_2.0", "Apache License 2.0"]
)
def test_a_licence_has_its_tag_however_it_is_spelt(licence):
    spec = CandidateSpec(name="x", source="a/b", licence=licence)
    assert (spec.all_tags, spec.licence) == ({"apache"}, licence)


def test_the_table_has_a_line_per_candidate_in_columns(load, tmp_path):
    table = format_registry(
        load(
            '[candidates.short]\nsource = "a/b"\nparameters = "6B"\ncontext_length = 4096\n'
            'architecture = "llama"\ntags = ["mine"]\n'
            '[candidates.much-longer]\nsource = "./folder"\ngated = true\nnotes = "a note"\n'
            '[candidates.old]\nsource = "c/d"\nunsupported = "too old"\nlicence = "MIT"\n'
        ),
        tmp_path,
    )
    assert table.splitlines() == [
        "name         size     context  native   licence  source",
        "short        6B       4096     yes      unknown  a/b",
        "much-longer  unknown  unknown  unknown  unknown  ./folder (gated)",
        "old          unknown  unknown  no       MIT      c/d",
        "",
        "@7b: short",
        "@gated: much-longer",
        "@mine: short",
        "@mit: old",
        "",
        "much-longer: a note",
        "old: too old",
    ]


def test_an_architecture_that_nobody_knows_is_not_called_native(load, tmp_path):
    table = format_registry(
        load('[candidates.x]\nsource = "a/b"\narchitecture = "lama"\n'), tmp_path
    )
    assert "unknown" in table.splitlines()[1].split()[3]
    assert "x: no class is known for architecture 'lama'" in table
    assert "Did you mean 'llama'" in table.replace("\n ", "")


def test_the_kinds_that_are_called_native_are_classes_of_transformers():
    from transformers import (
        CONFIG_MAPPING,
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    )

    for name in IN_TRANSFORMERS:
        config = CONFIG_MAPPING[name]
        assert (
            config in MODEL_FOR_CAUSAL_LM_MAPPING or config in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
        ), name


def test_an_empty_registry_says_so(tmp_path):
    assert format_registry({}, tmp_path) == f"There is no candidate in {tmp_path / 'models.toml'}."
    assert known_names({}) == "The registry (models.toml) is empty."


SHIPPED = load_registry(ROOT / "models.toml")


def test_the_shipped_registry_is_large_and_every_entry_says_how_it_loads():
    assert len(SHIPPED) >= 30
    for spec in SHIPPED.values():
        assert spec.architecture, spec.name
        assert spec.parameters != "unknown", spec.name
        assert spec.context_length, spec.name
        assert spec.all_tags, spec.name


def test_the_shipped_registry_fits_a_hundred_columns_and_says_what_loads_natively():
    lines = format_registry(SHIPPED, ROOT).splitlines()
    assert max(map(len, lines)) <= 100
    [head, *rows] = lines[: len(SHIPPED) + 1]
    at = head.index("native")
    assert {row[at : at + 7].strip() for row in rows} == {"yes"}


def test_the_articles_six_have_a_tag():
    specs = select(["@seed"], SHIPPED, Path("/"))
    assert [spec.name for spec in specs] == [
        "yi-6b", "yi-34b", "chatglm3-6b-base", "qwen-7b", "llama-2-7b", "cantonese-llama-2-7b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "tag"),
    [("0.6B", "1b"), ("1.9B", "1b"), ("2B", "3b"), ("4B", "3b"), ("5B", "7b"), ("9B", "7b"),
     ("14B", "14b"), ("20B", "32b"), ("34B", "32b"), ("67B", "70b"), ("400M", "1b")],
)  # fmt: skip
def test_a_size_has_the_tag_that_is_usual_there(size, tag):
    assert CandidateSpec(name="x", source="a/b", parameters=size).all_tags == {tag}


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("6B", 6),
        ("0.5B", 0.5),
        ("135M", 0.135),
        ("30B-A3B", 30),
        ("unknown", None),
        ("", None),
        ("7b", None),
    ],
)
def test_a_size_in_words_is_a_number(words, size):
    assert billions(words) == size


def test_a_name_with_a_dot_without_quotes_says_how_to_write_it(refusal):
    [sentence] = refusal('[candidates.llama-3.1-8b]\nsource = "a/b"\n')
    assert sentence.endswith('stands in quotes: [candidates."llama-3.1-8b"]')


def test_a_folder_beside_the_project_is_listed_as_the_file_would_name_it(tmp_path):
    here, beside = tmp_path / "project/inside", tmp_path / "beside"
    specs = {
        name: CandidateSpec(name=name, source=str(folder), local=True)
        for name, folder in {"one": here, "two": beside}.items()
    }
    table = format_registry(specs, tmp_path / "project")
    assert [line.split()[-1] for line in table.splitlines()[1:3]] == ["./inside", "../beside"]
