"""`models.toml` and `--model` to `CandidateSpec`: which candidates there are and where."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from basegate.errors import UsageError, did_you_mean
from basegate.tags import TAG, derived_tags, known_tags, tagged
from basegate.toml_errors import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Quantization = Literal["nf4", "fp4", "int8", "none"]
Dtype = Literal["bfloat16", "float16", "float32"]

Tag = Annotated[str, Field(pattern=f"^{TAG}$")]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class _Entry(BaseModel):
    """What an entry of `models.toml` may say; closed, and strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Annotated[str, Field(min_length=1)]
    revision: str | None = None
    engine: Literal["transformers"] = "transformers"
    architecture: str = ""
    licence: str = "unknown"
    parameters: str = "unknown"
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
        source: hub id, or local folder (absolute once resolved).
        local: whether `source` is a folder.
        revision: branch, tag or commit of a hub id; `None` is the default branch.
        engine: what answers for it.
        architecture: the checkpoint's `model_type`, which says how it is loaded; empty where not
            known.
        licence: as published; `unknown` where not sure.
        parameters: size in words, e.g. `6B`.
        context_length: tokens that the model was trained to see at once.
        quantization: how the weights are held.
        dtype: dtype of the computation and of weights that are not quantised.
        gpus: how many GPUs it needs; `None` where the entry does not say.
        gated: whether the hub asks for an account and consent.
        tags: groups that it is selected by, as `models.toml` says; see `all_tags`.
        unsupported: why it cannot be loaded by this version; empty if it can.
        notes: what a reader of the table should know.
        trusted: whether the user lets the checkpoint's own Python code run.
    """

    name: str
    local: bool = False
    trusted: bool = False

    @property
    def all_tags(self) -> frozenset[str]:
        """Its own tags, and those that follow from size, licence and access."""
        return frozenset(self.tags) | derived_tags(self)


def load_registry(path: Path) -> dict[str, CandidateSpec]:
    """Read `models.toml`; a missing file is an empty registry.

    Raises:
        UsageError: the file is not TOML, or an entry is malformed.
    """
    if not path.is_file():
        return {}
    tables = read_toml(path)
    unknown = set(tables) - {"candidates"}
    if unknown:
        raise UsageError(
            f"{path}: unknown table {sorted(unknown)[0]!r}. Every candidate is a table "
            f"[candidates.NAME]."
        )
    entries = tables.get("candidates", {})
    if not isinstance(entries, dict):
        raise UsageError(f"{path}: candidates: accepted: a table [candidates.NAME] for each.")
    return {name: _entry(name, entry, path) for name, entry in entries.items()}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        UsageError: it cannot be read or parsed, with the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not valid TOML: {error}.") from None


def _entry(name: str, entry: object, path: Path) -> CandidateSpec:
    if not isinstance(entry, dict):
        raise UsageError(f"{path}: candidates.{name} is not a table with a source.")
    if not NAME.fullmatch(name) or name == "all":
        raise UsageError(
            f"{path}: candidates.{name}: a name is made of letters, digits, '.', '_' and '-', and "
            f"is not 'all'."
        )
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
    if not _looks_like_a_path(spec.source):
        return spec
    folder = (path.parent / Path(spec.source).expanduser()).resolve()
    return spec.model_copy(update={"source": str(folder), "local": True})


def select(
    requests: Sequence[str], registry: Mapping[str, CandidateSpec], base: Path
) -> tuple[CandidateSpec, ...]:
    """Turn the values of `--model` into candidates, in the order given, each once.

    Args:
        requests: values of the option; each may hold several separated by commas.
        registry: the known candidates by name.
        base: folder to which a relative local SOURCE refers.

    Raises:
        UsageError: unknown name, malformed `NAME=SOURCE`, or one name for two sources.
    """
    chosen: dict[str, CandidateSpec] = {}
    for request in _split(requests):
        for spec in _expand(request, registry, base):
            known = chosen.setdefault(spec.name, spec)
            if known != spec:
                raise UsageError(
                    f"--model: the name {spec.name!r} stands for two sources, {known.source} and "
                    f"{spec.source}. Give each its own name."
                )
    if not chosen:
        raise UsageError(f"--model names no candidate. {known_names(registry)}")
    return tuple(chosen.values())


def _split(requests: Iterable[str]) -> list[str]:
    return [part.strip() for request in requests for part in request.split(",") if part.strip()]


def _expand(
    request: str, registry: Mapping[str, CandidateSpec], base: Path
) -> Iterable[CandidateSpec]:
    if "=" in request:
        return [_unregistered(request, registry, base)]
    if request == "all":
        return registry.values()
    if request.startswith("@"):
        return _of_tag(request, registry)
    if request in registry:
        return [registry[request]]
    if _looks_like_a_path(request) or "/" in request:
        raise UsageError(
            f"--model {request}: a folder or hub id needs a name to go by: --model NAME={request}"
        )
    hint = did_you_mean(request, [*registry, "all"])
    raise UsageError(
        f"--model {request}: there is no candidate of that name.{hint} {known_names(registry)} "
        f"For any other model write NAME=SOURCE with a hub id or a folder, e.g. "
        f"--model mine=01-ai/Yi-9B or --model mine=./checkpoint."
    )


def _of_tag(request: str, registry: Mapping[str, CandidateSpec]) -> Iterable[CandidateSpec]:
    found = tagged(registry.values(), request.removeprefix("@"))
    if not found:
        known = known_tags(registry.values())
        raise UsageError(
            f"--model {request}: no candidate has this tag.{did_you_mean(request, known)} Known "
            f"tags: {', '.join(known) or 'none'}."
        )
    return found


def _looks_like_a_path(source: str) -> bool:
    return source.startswith(("./", "../", "/", "~")) or "\\" in source


def known_names(registry: Mapping[str, CandidateSpec]) -> str:
    """Return the sentence that lists the registered names."""
    if not registry:
        return "The registry (models.toml) is empty."
    tags = ", ".join(known_tags(registry.values()))
    return f"Known names: {', '.join(registry)}, or all{f'; groups: {tags}' if tags else ''}."


def _unregistered(request: str, registry: Mapping[str, CandidateSpec], base: Path) -> CandidateSpec:
    name, _, source = request.partition("=")
    if not NAME.fullmatch(name) or name == "all" or not source:
        raise UsageError(
            f"--model {request}: write NAME=SOURCE, NAME made of letters, digits, '.', '_' and "
            f"'-', SOURCE a hub id (owner/name, owner/name@revision) or a folder."
        )
    if name in registry:
        raise UsageError(
            f"--model {request}: the name {name!r} is registered in models.toml. Choose another, "
            f"so that nobody takes the one for the other."
        )
    folder = base / Path(source).expanduser()
    try:
        is_folder = folder.is_dir()
    except PermissionError as error:
        raise UsageError(
            f"--model {request}: {folder} cannot be looked at: this user may not "
            f"({error.strerror}). Run as the user who owns it, or let its owner allow it (the "
            f"folders above it need `chmod a+x`)."
        ) from None
    if is_folder:
        return CandidateSpec(name=name, source=str(folder.resolve()), local=True)
    if folder.exists() or _looks_like_a_path(source):
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise UsageError(
            f"--model {request}: {folder}: {what}. Give the folder that holds config.json, the "
            f"tokenizer and the weights."
        )
    source = source.removeprefix("https://huggingface.co/").rstrip("/")
    hub_id, at, revision = source.partition("@")
    if not HUB_ID.fullmatch(hub_id) or (at and not revision):
        raise UsageError(
            f"--model {request}: {source!r} is neither an existing folder nor a hub id of the "
            f"form owner/name or owner/name@revision."
        )
    return CandidateSpec(name=name, source=hub_id, revision=revision if at else None)
