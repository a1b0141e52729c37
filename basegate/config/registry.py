"""The candidates of `models.toml`: where each is, and its tags, which `--model=@TAG` selects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from basegate.config.gguf_source import IN_REPOSITORY, SUFFIX, is_gguf
from basegate.config.toml_reader import explain, read_toml
from basegate.errors import UsageError

Quantization = Literal["nf4", "fp4", "int8", "none"]
Dtype = Literal["bfloat16", "float16", "float32"]
WeightFile = Literal[
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
]
"""The names that weights are loaded under, the preferred one first."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Of a candidate, a corpus or a bank."""
TAG = re.compile("[a-z0-9][a-z0-9.-]*")
RESERVED = "null-"
"""Beginning of the names of null models."""
DEMO = "demo"
SIZES = ((2, "1b"), (5, "3b"), (10, "7b"), (20, "14b"), (40, "32b"), (float("inf"), "70b"))
"""Below so many billions of parameters, the tag of the usual size."""
LICENCES = {
    "apache-2.0": "apache",
    "apache-license-2.0": "apache",
    "mit": "mit",
    "mit-license": "mit",
}
"""By the licence in lower case, words joined by hyphens."""
SIZE = re.compile(r"(\d+(?:\.\d+)?)([BM])(?:-A\d+(?:\.\d+)?[BM])?")
"""Number of parameters; of a mixture of experts, with how many are active."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?" + IN_REPOSITORY)
COMMIT = re.compile(r"[0-9a-f]{40}")
_PAGES = ("https://huggingface.co/", "http://huggingface.co/", "huggingface.co/")


class HubSource(NamedTuple):
    """A repository of the hub, or a GGUF file in it: `owner/name` or `owner/name:FILE.gguf`.

    `revision` is a branch, tag or commit, `None` for the default.
    """

    source: str
    revision: str | None


def looks_like_a_path(source: str) -> bool:
    if source.startswith(("./", "../", "/", "~")) or "\\" in source or source in (".", ".."):
        return True
    return source.endswith(SUFFIX) and ":" not in source


def folder_of(source: str, base: Path) -> Path:
    """The folder or GGUF file that a source names."""
    path = base / Path(source).expanduser()
    # The name of a file tells what it is, and the hub's cache keeps it under another.
    return path.parent.resolve() / path.name if is_gguf(str(path)) else path.resolve()


def hub_source(source: str) -> HubSource | None:
    """The repository that a source, an id or the address of its page, names; else `None`.

    After an id `:FILE.gguf` may name a file in it.
    """
    for page in _PAGES:
        source = source.removeprefix(page)
    repo_id, at, revision = source.rstrip("/").partition("@")
    if not HUB_ID.fullmatch(repo_id) or (at and not is_revision(revision)):
        return None
    return HubSource(repo_id, normalised(revision) if at else None)


def is_revision(text: str) -> bool:
    return bool(text) and not re.search(r"[\s~^:?*\[\\]", text)


def normalised(revision: str) -> str:
    """The hub writes a commit's digits in lower case."""
    return revision.lower() if COMMIT.fullmatch(revision.lower()) else revision


def _tag(text: str) -> str:
    if not TAG.fullmatch(text):
        raise ValueError(
            f"{text!r} is no tag: accepted are lower-case letters, digits, '.' and '-', a letter "
            "or digit first."
        )
    return text


def _size(text: str) -> str:
    if text != "unknown" and not SIZE.fullmatch(text):
        raise ValueError(
            f'{text!r} is no size, and its tag would be missing: accepted are "7B", "1.5B", '
            '"135M", of a mixture "30B-A3B", or "unknown".'
        )
    return text


def _revision(text: str) -> str:
    if not is_revision(text):
        raise ValueError(
            f"{text!r} is no revision: accepted is a branch, a tag or a commit; leave the key out "
            "for the default branch."
        )
    return normalised(text)


def _ends(given: object) -> object:
    texts = isinstance(given, list | tuple) and all(isinstance(each, str) for each in given)
    if given is None or (given and texts):
        return given
    raise ValueError(
        'accepted: a list of the tokens that end a text, such as end = ["[SEP]"]. Leave the key '
        "out for those that the checkpoint's files name."
    )


Tag = Annotated[str, AfterValidator(_tag)]
Token = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    """The keys of an entry of `models.toml`; see `CandidateSpec`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Annotated[str, Field(min_length=1)]
    revision: Annotated[str, AfterValidator(_revision)] | None = None
    file: WeightFile | None = None
    end: Annotated[
        Annotated[tuple[Token, ...], Field(strict=False)] | None, BeforeValidator(_ends)
    ] = None
    engine: Literal["transformers"] = "transformers"
    architecture: str = ""
    licence: str = "unknown"
    parameters: Annotated[str, AfterValidator(_size)] = "unknown"
    context_length: Annotated[int, Field(gt=0)] | None = None
    quantization: Quantization = "nf4"
    dtype: Dtype = "bfloat16"
    gpus: Annotated[int, Field(gt=0)] | None = None
    gated: bool = False
    tags: Annotated[tuple[Tag, ...], Field(strict=False)] = ()
    unsupported: str = ""
    notes: str = ""


class CandidateSpec(_Entry):
    """A base model under test, as registered or as given by `NAME=SOURCE`.

    Attributes:
        name: short name, used in test ids and tables.
        source: hub id, `owner/name:FILE.gguf`, or local folder or GGUF file (absolute once
            resolved).
        revision: branch, tag or commit of a hub id; `None` is the default branch.
        file: which weights of a folder to load, where it holds several; of shards their index.
        end: tokens that end a text, instead of those that the checkpoint's files name.
        architecture: the checkpoint's `model_type`; empty where not known.
        licence: as published; `unknown` where not sure.
        parameters: number of them, e.g. `6B`.
        context_length: tokens that the model was trained on at once.
        dtype: of the computation and of weights that are not quantised.
        gpus: how many GPUs it needs; `None` where the entry does not say.
        gated: whether the hub asks for an account and consent.
        tags: of `models.toml`; see `all_tags`.
        unsupported: why it cannot be loaded by this version; empty if it can.
        trusted: whether the user lets the checkpoint's own Python code run.
    """

    name: str
    # Wider than in an entry: null models have none, and no option changes what they compute in.
    engine: Literal["transformers", "null"] = "transformers"  # type: ignore[assignment]
    dtype: Dtype | Literal["float64"] = "bfloat16"  # type: ignore[assignment]
    local: bool = False
    trusted: bool = False

    @property
    def all_tags(self) -> frozenset[str]:
        """Its own tags, and those that follow from size, licence and access.

        A size counts all parameters, not the active ones of a mixture of experts: memory has to
        hold them all. A demo candidate has its own tags only.
        """
        if DEMO in self.tags:
            return frozenset(self.tags)
        size = billions(self.parameters)
        # Owners write Apache 2.0 and apache-2.0.
        licence = re.sub(r"[\s_-]+", "-", self.licence.strip().lower())
        derived = {
            None if size is None else next(tag for below, tag in SIZES if size < below),
            LICENCES.get(licence),
            "gated" if self.gated else None,
        }
        return frozenset(self.tags) | {tag for tag in derived if tag is not None}


def load_registry(path: Path) -> dict[str, CandidateSpec]:
    """Read `models.toml`; a missing file is an empty registry. Raises `UsageError`."""
    if not path.is_file():
        return {}
    tables = read_toml(path)
    unknown = set(tables) - {"candidates"}
    if unknown:
        raise UsageError(
            f"{path}: unknown table {sorted(unknown)[0]!r}. Every candidate is a table "
            "[candidates.NAME]."
        )
    entries = tables.get("candidates", {})
    if not isinstance(entries, dict):
        raise UsageError(f"{path}: candidates: accepted: a table [candidates.NAME] for each.")
    return {name: _entry(name, entry, path) for name, entry in entries.items()}


def _entry(name: str, entry: object, path: Path) -> CandidateSpec:
    if not isinstance(entry, dict):
        raise UsageError(f"{path}: candidates.{name} is not a table with a source.")
    if not NAME.fullmatch(name) or name == "all":
        raise UsageError(
            f"{path}: candidates.{name}: a name is made of letters, digits, '.', '_' and '-', and "
            "is not 'all'."
        )
    check_not_reserved(name, f"{path}: candidates.{name}")
    if "source" not in entry and (parts := [key for key in entry if isinstance(entry[key], dict)]):
        whole = f"{name}.{parts[0]}"
        raise UsageError(
            f"{path}: candidates.{whole}: a name with a dot in it stands in quotes: "
            f'[candidates."{whole}"]'
        )
    try:
        given = _Entry.model_validate(entry)
    except ValidationError as error:
        raise UsageError(explain(error, path, _Entry, f"candidates.{name}")) from None
    spec = CandidateSpec(name=name, **given.model_dump())
    place = _place(spec, path, f"{path}: candidates.{name}")
    return spec.model_copy(update=place)


def _place(spec: CandidateSpec, path: Path, where: str) -> dict[str, Any]:
    """Fields for an entry's source: a folder, which may be on another machine, or a hub id."""
    in_folder = looks_like_a_path(spec.source) and not is_gguf(spec.source)
    if spec.file is not None and not in_folder:
        raise UsageError(
            f"{where}.file: it chooses between the weights in a folder, and {spec.source} is none. "
            "Leave file out."
        )
    if looks_like_a_path(spec.source):
        if spec.revision is not None:
            raise UsageError(
                f"{where}.revision: {spec.source} is a {_thing(spec.source)}, and its content is "
                "all there is of it. Leave revision out, or give a hub id as source."
            )
        return {"source": str(folder_of(spec.source, path.parent)), "local": True}
    found = hub_source(spec.source)
    if found is None:
        exists = (path.parent / spec.source).is_dir()
        hint = f" There is a folder of that name: write ./{spec.source}" if exists else ""
        raise UsageError(
            f"{where}.source: {spec.source!r} is neither a hub id (owner/name, or "
            "owner/name:FILE.gguf) nor written as a folder or GGUF file (./folder, /folder, "
            f"~/folder).{hint}"
        )
    if found.revision is not None:
        raise UsageError(
            f'{where}.source: a revision has a key of its own: source = "{found.source}" and '
            f'revision = "{found.revision}"'
        )
    return {"source": found.source}


def _thing(source: str) -> str:
    return "file" if is_gguf(source) else "folder"


def check_not_reserved(name: str, where: str) -> None:
    if name.startswith(RESERVED):
        raise UsageError(
            f"{where}: names that begin with {RESERVED!r} are those of basegate's null models. "
            "Choose another, so that nobody takes the one for the other."
        )


def check_pinned(source: str, revision: str | None, local: bool, what: str) -> None:
    """Raise `UsageError` unless code is pinned to one commit; `what` asks for it."""
    if is_gguf(source):
        raise UsageError(f"{what}: {source} is a GGUF file, which holds no code. Leave it out.")
    if local:
        raise UsageError(
            f"{what}: {source} is a folder, which pins no commit: its code may change between two "
            "runs. Give the hub id and the full commit of the code that you have read."
        )
    if not (revision and COMMIT.fullmatch(revision)):
        raise UsageError(
            f"{what}: code that may change tomorrow cannot be trusted today. Pin the full commit "
            'that you have read, all 40 digits of it: revision = "..." in models.toml, or --model '
            f"NAME={source}@COMMIT. Revision given: {revision or 'none'}."
        )


def billions(parameters: str) -> float | None:
    """Parameters in billions; `None` where the text is no size.

    >>> billions("135M")
    0.135
    """
    given = SIZE.fullmatch(parameters)
    if given is None:
        return None
    return float(given[1]) / (1 if given[2] == "B" else 1000)


def tagged(specs: Iterable[CandidateSpec], tag: str) -> list[CandidateSpec]:
    return [spec for spec in specs if tag in spec.all_tags]


def known_tags(specs: Iterable[CandidateSpec]) -> list[str]:
    """Every tag as it is written after `--model`, sizes first."""
    sizes = [each for _, each in SIZES]
    tags = {tag for spec in specs for tag in spec.all_tags}
    first = [tag for tag in sizes if tag in tags]
    return [f"@{tag}" for tag in [*first, *sorted(tags - set(sizes))]]


def _null_model(kind: str) -> CandidateSpec:
    name = f"{RESERVED}{kind}"
    # Precision is what it computes in, which no option changes.
    return CandidateSpec(
        name=name,
        source=name,
        tags=("null",),
        engine="null",
        quantization="none",
        dtype="float64",
    )


_NULL_MODELS = ("unigram", "bigram", "5gram", "uniform", "letter-a", "copy")
NULL_MODELS: Mapping[str, CandidateSpec] = {
    spec.name: spec for spec in map(_null_model, _NULL_MODELS)
}
"""By name, without an entry in `models.toml`. `all` does not mean them: it stands for those."""
