"""models.toml to candidates."""

import pytest

from basegate.config.registry import CandidateSpec, load_registry
from basegate.config.selection import select
from basegate.errors import UsageError
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


@pytest.mark.parametrize("given", ["[]", '"[SEP]"', "[2]"])
def test_ends_of_a_text_are_a_list_of_tokens(load, refusal, given):
    [sentence] = refusal(f'[candidates.x]\nsource = "a/b"\nend = {given}\n')
    assert sentence.startswith(
        "candidates.x.end: accepted: a list of the tokens that end a text, such as "
        'end = ["[SEP]"]. Leave the key out'
    )
    assert load('[candidates.x]\nsource = "a/b"\nend = ["[SEP]"]\n')["x"].end == ("[SEP]",)


def test_a_text_in_place_of_a_list_is_refused_with_what_to_write(refusal):
    [sentence] = refusal('[candidates.x]\nsource = "a/b"\ntags = "mine"\n')
    assert sentence == 'candidates.x.tags = "mine": accepted: a list in brackets, such as ["text"].'


def test_an_entry_chooses_between_the_weights_in_a_folder(load, tmp_path):
    chosen = 'file = "pytorch_model.bin"\n'
    assert load(f'[candidates.x]\nsource = "./x"\n{chosen}')["x"].file == "pytorch_model.bin"
    for source in ("a/b", "./x.gguf"):
        with pytest.raises(UsageError, match="file: it chooses between the weights in a folder"):
            load(f'[candidates.x]\nsource = "{source}"\n{chosen}')
    with pytest.raises(UsageError, match="accepted: "):
        load('[candidates.x]\nsource = "./x"\nfile = "../x.bin"\n')


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
        "candidates.x.source: 'not an id' is neither a hub id (owner/name, or "
        "owner/name:FILE.gguf) nor written as a folder",
    ),
    "source of another site": (
        '[candidates.x]\nsource = "https://example.org/a/b"',
        "candidates.x.source: 'https://example.org/a/b' is neither a hub id (owner/name, or",
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


SHIPPED = load_registry(ROOT / "models.toml")


def test_the_shipped_registry_is_large_and_every_entry_says_how_it_loads():
    assert len(SHIPPED) >= 30
    for spec in SHIPPED.values():
        assert spec.architecture, spec.name
        assert spec.parameters != "unknown", spec.name
        assert spec.context_length, spec.name
        assert spec.all_tags, spec.name


def test_a_name_with_a_dot_without_quotes_says_how_to_write_it(refusal):
    [sentence] = refusal('[candidates.llama-3.1-8b]\nsource = "a/b"\n')
    assert sentence.endswith('stands in quotes: [candidates."llama-3.1-8b"]')
