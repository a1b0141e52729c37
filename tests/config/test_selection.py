"""--model to candidates: names, groups, hub ids and folders."""

from pathlib import Path

import pytest

from basegate.config.registry import NULL_MODELS, CandidateSpec, load_registry
from basegate.config.selection import select
from basegate.errors import UsageError
from tests.helpers.paths import ROOT

REGISTRY = {
    "yi-6b": CandidateSpec(name="yi-6b", source="01-ai/Yi-6B", parameters="6B"),
    "yi-34b": CandidateSpec(name="yi-34b", source="01-ai/Yi-34B"),
    "llama-2-7b": CandidateSpec(name="llama-2-7b", source="meta-llama/Llama-2-7b-hf", gated=True),
}


TAGGED = {
    "six": CandidateSpec(name="six", source="a/6", parameters="6B", licence="Apache-2.0"),
    "moe": CandidateSpec(name="moe", source="a/m", parameters="30B-A3B", licence="MIT"),
    "tiny": CandidateSpec(
        name="tiny", source="a/t", parameters="2M", licence="MIT", tags=("demo",)
    ),
    "own": CandidateSpec(name="own", source="a/o", gated=True, tags=("mine",)),
}


def chosen(tmp_path, *requests, registry=REGISTRY):
    return select(requests, registry, tmp_path)


def refused(tmp_path, *requests, registry=REGISTRY):
    with pytest.raises(UsageError) as caught:
        select(requests, registry, tmp_path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("requests", "names"),
    [
        (["yi-34b", "yi-6b"], ["yi-34b", "yi-6b"]),
        (["yi-34b,yi-6b"], ["yi-34b", "yi-6b"]),
        ([" yi-34b , ", "yi-6b,"], ["yi-34b", "yi-6b"]),
        (["all"], ["yi-6b", "yi-34b", "llama-2-7b"]),
        (["llama-2-7b,all"], ["llama-2-7b", "yi-6b", "yi-34b"]),
        (["yi-6b", "yi-6b"], ["yi-6b"]),
        (["m=a/b", "m=a/b"], ["m"]),
        (["null-bigram,yi-6b"], ["null-bigram", "yi-6b"]),
        (["@null"], list(NULL_MODELS)),
    ],
)
def test_candidates_come_in_the_order_given_and_each_once(tmp_path, requests, names):
    assert [spec.name for spec in chosen(tmp_path, *requests)] == names


@pytest.mark.parametrize(
    ("request_", "source", "revision"),
    [
        ("y9=01-ai/Yi-9B", "01-ai/Yi-9B", None),
        ("y9=01-ai/Yi-9B@v1.0", "01-ai/Yi-9B", "v1.0"),
        ("old=gpt2", "gpt2", None),
    ],
)
def test_name_and_hub_id(tmp_path, request_, source, revision):
    [spec] = chosen(tmp_path, request_)
    assert (spec.source, spec.revision, spec.local) == (source, revision, False)


@pytest.mark.parametrize(
    ("request_", "source", "revision"),
    [
        ("g=owner/name:m-Q4_K_M.gguf", "owner/name:m-Q4_K_M.gguf", None),
        ("g=owner/name:q4/m.gguf@v1", "owner/name:q4/m.gguf", "v1"),
        ("g=https://huggingface.co/owner/name:m.gguf", "owner/name:m.gguf", None),
    ],
)
def test_name_and_gguf_file_of_the_hub(tmp_path, request_, source, revision):
    [spec] = chosen(tmp_path, request_)
    assert (spec.source, spec.revision, spec.local) == (source, revision, False)


@pytest.mark.parametrize("source", ["m.gguf", "./m.gguf", "{folder}/m.gguf", "a,b.gguf"])
def test_name_and_gguf_file(tmp_path, source):
    for name in ("m.gguf", "a,b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    [spec] = chosen(tmp_path, f"mine={source.format(folder=tmp_path)}")
    assert spec.local
    assert Path(spec.source) == tmp_path / Path(source).name


def test_a_gguf_file_keeps_its_name_where_it_is_a_link(tmp_path):
    (tmp_path / "blob").write_bytes(b"GGUF")
    (tmp_path / "m.gguf").symlink_to(tmp_path / "blob")
    [spec] = chosen(tmp_path, "mine=m.gguf")
    assert spec.source == str(tmp_path / "m.gguf")


@pytest.mark.parametrize("source", ["m.gguf", "./folder/m.gguf"])
def test_a_gguf_file_that_is_not_there_is_no_hub_id(tmp_path, source):
    assert "there is no such file" in refused(tmp_path, f"mine={source}")


@pytest.mark.parametrize(
    "source", ["a/b:../m.gguf", "a/b:/m.gguf", "a/b:m.bin", "a/b:", "a/b:q4/../../m.gguf"]
)
def test_a_file_of_the_hub_is_a_gguf_file_in_its_repository(tmp_path, source):
    assert "owner/name:FILE.gguf@revision" in refused(tmp_path, f"mine={source}")


@pytest.mark.parametrize("source", ["here", "./here", "{folder}/here"])
def test_name_and_folder(tmp_path, source):
    (tmp_path / "here").mkdir()
    [spec] = chosen(tmp_path, f"mine={source.format(folder=tmp_path)}")
    assert (spec.source, spec.local) == (str(tmp_path / "here"), True)


def test_a_folder_of_the_form_of_a_hub_id_is_taken_where_it_exists(tmp_path):
    (tmp_path / "owner" / "name").mkdir(parents=True)
    [spec] = chosen(tmp_path, "mine=owner/name")
    assert spec.local


@pytest.mark.parametrize(
    ("source", "what"),
    [("./missing", "there is no such folder"), ("./file", "is a file, not a folder")],
)
def test_a_path_that_is_no_folder_is_refused(tmp_path, source, what):
    (tmp_path / "file").write_text("")
    message = refused(tmp_path, f"mine={source}")
    assert message.startswith(f"--model mine={source}: {tmp_path / source}: {what}. Give the fol")


def test_a_folder_behind_one_that_this_user_may_not_enter_is_told(tmp_path, monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", deny)
    message = refused(tmp_path, "mine=./closed/yi")
    assert "closed/yi cannot be looked at: this user may not (Permission denied)" in message


@pytest.mark.parametrize("source", ["./checkpoint", "01-ai/Yi-6B", "/data/yi"])
def test_a_source_without_a_name_is_told_how_to_get_one(tmp_path, source):
    assert refused(tmp_path, source).endswith(f"needs a name to go by: --model NAME={source}")


def test_the_address_of_a_hub_page_is_a_hub_id(tmp_path):
    [spec] = chosen(tmp_path, "mine=https://huggingface.co/owner/name/")
    assert (spec.source, spec.local) == ("owner/name", False)


def test_an_unknown_name_is_refused_with_the_nearest_and_all_known_names(tmp_path):
    message = refused(tmp_path, "yi6b")
    assert message.startswith(
        "--model yi6b: there is no candidate of that name. Did you mean 'yi-6b'"
    )
    assert "Known names: yi-6b, yi-34b, llama-2-7b, or all." in message
    assert "Groups, with '=' (--model=@7b): @7b, @gated." in message
    assert "NAME=SOURCE" in message


def test_many_known_names_are_not_listed_in_a_message(tmp_path):
    shipped = load_registry(ROOT / "models.toml")
    message = refused(tmp_path, "yi6b", registry=shipped)
    assert "Did you mean 'yi-6b'" in message
    assert f"pytest --list-models lists the {len(shipped)} names of models.toml." in message
    assert len(message) < 700  # seven lines of a terminal


def test_the_name_of_a_branch_keeps_its_capitals(tmp_path):
    assert chosen(tmp_path, "y=a/b@Main")[0].revision == "Main"


def test_one_name_for_two_revisions_is_refused_with_both(tmp_path):
    message = refused(tmp_path, "m=a/b@one", "m=a/b@two")
    assert "stands for two sources, a/b@one and a/b@two" in message


def test_a_folder_may_have_a_comma_in_its_name(tmp_path):
    (tmp_path / "a,b").mkdir()
    specs = chosen(tmp_path, "mine=./a,b", "yi-6b,two=c/d")
    assert [(spec.name, spec.local) for spec in specs] == [
        ("mine", True), ("yi-6b", False), ("two", False),
    ]  # fmt: skip
    assert Path(specs[0].source).name == "a,b"


@pytest.mark.parametrize(
    "request_",
    ["=a/b", "mine=", "my model=a/b", "all=a/b", "-x=a/b"],
    ids=["no name", "no source", "space", "the name all", "leading dash"],
)
def test_a_malformed_name_or_source_is_refused(tmp_path, request_):
    message = refused(tmp_path, request_)
    assert message.startswith(f"--model {request_}: write NAME=SOURCE")


@pytest.mark.parametrize("source", ["a/b/c", "a b", "https://example.org/a/b", "a/b c@d", "a/b@"])
def test_a_source_that_is_neither_folder_nor_hub_id_is_refused(tmp_path, source):
    message = refused(tmp_path, f"mine={source}")
    assert "is neither an existing folder or GGUF file nor a hub id" in message


def test_a_registered_name_cannot_be_given_another_source(tmp_path):
    assert "is registered in models.toml" in refused(tmp_path, "yi-6b=a/b")


def test_one_name_for_two_sources_is_refused(tmp_path):
    message = refused(tmp_path, "m=a/b", "m=c/d")
    assert "'m' stands for two sources, a/b and c/d" in message


@pytest.mark.parametrize("requests", [[""], [","], ["all"]])
def test_no_candidate_is_refused(tmp_path, requests):
    message = refused(tmp_path, *requests, registry={})
    assert message == "--model names no candidate. The registry (models.toml) is empty."


@pytest.mark.parametrize(
    ("requests", "names"),
    [
        (["@7b"], ["six"]),
        # All experts count: memory has to hold them.
        (["@32b"], ["moe"]),
        (["@mit"], ["moe"]),
        (["@demo"], ["tiny"]),
        (["@mine,@gated,six"], ["own", "six"]),
        (["six", "@apache"], ["six"]),
        (["x=a/b,@7b"], ["x", "six"]),
    ],
)
def test_groups_are_selected_by_tag_beside_names(tmp_path, requests, names):
    assert [spec.name for spec in chosen(tmp_path, *requests, registry=TAGGED)] == names


def test_an_unknown_tag_is_refused_with_the_nearest(tmp_path):
    message = refused(tmp_path, "@apach", registry=TAGGED)
    assert message == (
        "--model @apach: no candidate has this tag. Did you mean '@apache'? Known tags: @7b, @32b, "
        "@apache, @demo, @gated, @mine, @mit, @null."
    )


def test_names_of_null_models_are_not_given_to_others(tmp_path):
    assert "those of basegate's null models" in refused(tmp_path, "null-7b=a/b")
    path = tmp_path / "models.toml"
    path.write_text('[candidates.null-bigram]\nsource = "a/b"\n')
    with pytest.raises(UsageError, match="those of basegate's null models"):
        load_registry(path)


def test_a_misspelt_null_model_is_guessed(tmp_path):
    assert "'null-bigram'" in refused(tmp_path, "null-bigramm")
