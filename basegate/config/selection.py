"""`--model` to candidates: names, groups, and NAME=SOURCE for whatever is not registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from basegate.config.model_source import folder_of, hub_source, looks_like_a_path, names_in
from basegate.config.registry import NAME, CandidateSpec
from basegate.config.tags import known_tags, tagged
from basegate.errors import UsageError, did_you_mean
from basegate.i18n.messages import Message, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_FEW = 12
EVERY = 10**6


def select(
    requests: Sequence[str], registry: Mapping[str, CandidateSpec], base: Path
) -> tuple[CandidateSpec, ...]:
    """Turn the values of `--model` into candidates, in the order given, each once.

    Args:
        requests: values of the option; each may hold several separated by commas.
        registry: the known candidates by name.
        base: folder to which a relative local SOURCE refers.

    Raises:
        UsageError: unknown name, malformed `NAME=SOURCE`, one name for two sources, or an entry
            whose folder is not there.
    """
    chosen: dict[str, CandidateSpec] = {}
    for request in split(requests, base):
        for spec in _expand(request, registry, base):
            known = chosen.setdefault(spec.name, spec)
            if known != spec:
                raise UsageError(
                    "--model: the name {name} stands for two sources, {one} and {other}. "
                    "Give each its own name.",
                    name=f"{spec.name!r}",
                    one=_shown(known),
                    other=_shown(spec),
                )
    if not chosen:
        raise UsageError("--model names no candidate. {known}", known=known_names(registry))
    return tuple(chosen.values())


def split(requests: Iterable[str], base: Path) -> Iterator[str]:
    """Give what is separated by commas, but for folders that have one in their name.

    Args:
        requests: values of the option.
        base: folder to which a relative one refers.
    """
    for request in requests:
        name, given, source = request.partition("=")
        if given and NAME.fullmatch(name) and "," in source and folder_of(source, base).is_dir():
            yield request
        else:
            yield from names_in([request])


def known_names(registry: Mapping[str, CandidateSpec], *, few: int = _FEW) -> str:
    """Return the sentence that tells which names there are.

    Args:
        registry: the known candidates by name.
        few: names that are listed; of more it is said where they are.
    """
    if not registry:
        return Message("The registry (models.toml) is empty.")
    tags = joined(known_tags(registry.values()))
    groups = Message(" Groups, with '=' (--model=@7b): {tags}.", tags=tags) if tags else ""
    if len(registry) <= few:
        return Message(
            "Known names: {names}, or all.{groups}", names=joined(registry), groups=groups
        )
    return Message(
        "pytest --list-models lists the {count} names of models.toml.{groups}",
        count=len(registry),
        groups=groups,
    )


def _expand(
    request: str, registry: Mapping[str, CandidateSpec], base: Path
) -> Iterable[CandidateSpec]:
    if "=" in request:
        return [_unregistered(request, registry, base)]
    if is_group(request):
        return of_group(request, registry)
    if request in registry:
        return [_there(registry[request])]
    if looks_like_a_path(request) or "/" in request:
        raise UsageError(
            "--model {request}: a folder or hub id needs a name to go by: --model NAME={request}",
            request=request,
        )
    hint = did_you_mean(request, [*registry, "all"])
    raise UsageError(
        "--model {request}: there is no candidate of that name.{hint} {known} For any "
        "other model write NAME=SOURCE with a hub id or a folder, e.g. --model "
        "mine=01-ai/Yi-9B or --model mine=./checkpoint.",
        request=request,
        hint=hint,
        known=known_names(registry),
    )


def is_group(request: str) -> bool:
    """Whether a request is `all` or `@TAG`, and not one candidate."""
    return request == "all" or request.startswith("@")


def of_group(
    request: str, registry: Mapping[str, CandidateSpec], option: str = "--model"
) -> Iterable[CandidateSpec]:
    """Return the candidates of `all` or `@TAG`.

    Args:
        request: see `is_group`.
        registry: the known candidates by name.
        option: that asks for them, for the error.

    Raises:
        UsageError: no candidate has the tag.
    """
    if request == "all":
        return registry.values()
    found = tagged(registry.values(), request.removeprefix("@"))
    if not found:
        known = known_tags(registry.values())
        raise UsageError(
            "{option} {request}: no candidate has this tag.{hint} Known tags: {known}.",
            option=option,
            request=request,
            hint=did_you_mean(request, known),
            known=joined(known) or Message("none"),
        )
    return found


def _there(spec: CandidateSpec) -> CandidateSpec:
    """Refuse an entry whose folder is not on this machine, now that it is named."""
    if spec.local and not Path(spec.source).is_dir():
        raise UsageError(
            "--model {name}: models.toml says that it is in {source}, and there is no such "
            "folder here. Put the checkpoint there, or mend its source.",
            name=spec.name,
            source=spec.source,
        )
    return spec


def _shown(spec: CandidateSpec) -> str:
    return f"{spec.source}@{spec.revision}" if spec.revision else spec.source


def _unregistered(request: str, registry: Mapping[str, CandidateSpec], base: Path) -> CandidateSpec:
    name, _, source = request.partition("=")
    if not NAME.fullmatch(name) or name == "all" or not source:
        raise UsageError(
            "--model {request}: write NAME=SOURCE, NAME made of letters, digits, '.', '_' "
            "and '-', SOURCE a hub id (owner/name, owner/name@revision) or a folder.",
            request=request,
        )
    if name in registry:
        raise UsageError(
            "--model {request}: the name {name} is registered in models.toml. Choose "
            "another, so that nobody takes the one for the other.",
            request=request,
            name=f"{name!r}",
        )
    folder = base / Path(source).expanduser()
    if _is_folder(folder, request):
        return CandidateSpec(name=name, source=str(folder.resolve()), local=True)
    if folder.exists() or looks_like_a_path(source):
        there = folder.exists()
        what = Message("is a file, not a folder") if there else Message("there is no such folder")
        raise UsageError(
            "--model {request}: {folder}: {what}. Give the folder that holds config.json, "
            "the tokenizer and the weights. (A comma separates candidates.)",
            request=request,
            folder=folder,
            what=what,
        )
    found = hub_source(source)
    if found is None:
        raise UsageError(
            "--model {request}: {source} is neither an existing folder nor a hub id of the "
            "form owner/name or owner/name@revision.",
            request=request,
            source=f"{source!r}",
        )
    return CandidateSpec(name=name, source=found.repo_id, revision=found.revision)


def _is_folder(folder: Path, request: str) -> bool:
    try:
        return folder.is_dir()
    except PermissionError as error:
        raise UsageError(
            "--model {request}: {folder} cannot be looked at: this user may not "
            "({strerror}). Run as the user who owns it, or let its owner allow it (the "
            "folders above it need `chmod a+x`).",
            request=request,
            folder=folder,
            strerror=error.strerror,
        ) from None
