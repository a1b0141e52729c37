"""`--model` to candidates: names, groups, and NAME=SOURCE for whatever is not registered.

`--trust-remote-code`: a checkpoint's Python code runs only on request, at a pinned commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from basegate.config.gguf_source import is_gguf
from basegate.config.registry import (
    NAME,
    NULL_MODELS,
    CandidateSpec,
    check_not_reserved,
    check_pinned,
    folder_of,
    hub_source,
    known_tags,
    looks_like_a_path,
    tagged,
)
from basegate.errors import UsageError, did_you_mean

EVERY = 10**6


def select(
    requests: Sequence[str], registry: Mapping[str, CandidateSpec], base: Path
) -> tuple[CandidateSpec, ...]:
    """The candidates of the values of `--model`, in the order given, each once.

    A local SOURCE is relative to `base`. Raises `UsageError` for an unknown name, a malformed
    `NAME=SOURCE`, one name for two sources, or an entry whose folder is not there.
    """
    chosen: dict[str, CandidateSpec] = {}
    for request in split(requests, base):
        for spec in _expand(request, registry, base):
            known = chosen.setdefault(spec.name, spec)
            if known != spec:
                raise UsageError(
                    f"--model: the name {spec.name!r} stands for two sources, {_shown(known)} and "
                    f"{_shown(spec)}. Give each its own name."
                )
    if not chosen:
        raise UsageError(f"--model names no candidate. {known_names(registry)}")
    return tuple(chosen.values())


def split(requests: Iterable[str], base: Path) -> Iterator[str]:
    """Split at commas, but for folders and files that have one in their name."""
    for request in requests:
        name, given, source = request.partition("=")
        if given and NAME.fullmatch(name) and "," in source and folder_of(source, base).exists():
            yield request
        else:
            yield from names_in([request])


def known_names(registry: Mapping[str, CandidateSpec], *, few: int = 12) -> str:
    """A sentence with the known names, if at most `few`, and the groups."""
    if not registry:
        return "The registry (models.toml) is empty."
    tags = ", ".join(known_tags(registry.values()))
    groups = f" Groups, with '=' (--model=@7b): {tags}." if tags else ""
    if len(registry) <= few:
        return f"Known names: {', '.join(registry)}, or all.{groups}"
    return f"pytest --list-models lists the {len(registry)} names of models.toml.{groups}"


def _expand(
    request: str, registry: Mapping[str, CandidateSpec], base: Path
) -> Iterable[CandidateSpec]:
    if "=" in request:
        return [_unregistered(request, registry, base)]
    if is_group(request):
        return of_group(request, registry)
    if request in NULL_MODELS:
        return [NULL_MODELS[request]]
    if request in registry:
        return [_check_folder(registry[request])]
    if looks_like_a_path(request) or "/" in request:
        raise UsageError(
            f"--model {request}: a folder or hub id needs a name to go by: --model NAME={request}"
        )
    hint = did_you_mean(request, [*registry, *NULL_MODELS, "all"])
    raise UsageError(
        f"--model {request}: there is no candidate of that name.{hint} {known_names(registry)} For "
        "any other model write NAME=SOURCE with a hub id or a folder, e.g. --model "
        "mine=01-ai/Yi-9B or --model mine=./checkpoint."
    )


def is_group(request: str) -> bool:
    """Whether a request is `all` or `@TAG`, and not one candidate."""
    return request == "all" or request.startswith("@")


def of_group(
    request: str, registry: Mapping[str, CandidateSpec], option: str = "--model"
) -> Iterable[CandidateSpec]:
    """The candidates of `all` or `@TAG`; raises `UsageError` if none has the tag.

    `all` are those of the registry, without null models.
    """
    if request == "all":
        return registry.values()
    every = [*registry.values(), *NULL_MODELS.values()]
    found = tagged(every, request.removeprefix("@"))
    if not found:
        known = known_tags(every)
        raise UsageError(
            f"{option} {request}: no candidate has this tag.{did_you_mean(request, known)} Known "
            f"tags: {', '.join(known) or 'none'}."
        )
    return found


def _check_folder(spec: CandidateSpec) -> CandidateSpec:
    path = Path(spec.source)
    if spec.local and not (path.is_file() if is_gguf(spec.source) else path.is_dir()):
        thing = "file" if is_gguf(spec.source) else "folder"
        raise UsageError(
            f"--model {spec.name}: models.toml says that it is in {spec.source}, and there is no "
            f"such {thing} here. Put the checkpoint there, or fix its source."
        )
    return spec


def _shown(spec: CandidateSpec) -> str:
    return f"{spec.source}@{spec.revision}" if spec.revision else spec.source


def _unregistered(request: str, registry: Mapping[str, CandidateSpec], base: Path) -> CandidateSpec:
    name, _, source = request.partition("=")
    if not NAME.fullmatch(name) or name == "all" or not source:
        raise UsageError(
            f"--model {request}: write NAME=SOURCE, NAME made of letters, digits, '.', '_' and "
            "'-', SOURCE a hub id (owner/name, owner/name@revision), a folder, or a GGUF file "
            "(FILE.gguf, owner/name:FILE.gguf@revision)."
        )
    check_not_reserved(name, f"--model {request}")
    if name in registry:
        raise UsageError(
            f"--model {request}: the name {name!r} is registered in models.toml. Choose another, "
            "so that nobody takes the one for the other."
        )
    folder = base / Path(source).expanduser()
    if _is_folder(folder, request) or (is_gguf(str(folder)) and folder.is_file()):
        return CandidateSpec(name=name, source=str(folder_of(source, base)), local=True)
    if folder.exists() or looks_like_a_path(source):
        thing = "file" if is_gguf(source) else "folder"
        what = "is a file, not a folder" if folder.exists() else f"there is no such {thing}"
        raise UsageError(
            f"--model {request}: {folder}: {what}. Give the folder that holds config.json, the "
            "tokenizer and the weights, or a GGUF file. (A comma separates candidates.)"
        )
    found = hub_source(source)
    if found is None:
        raise UsageError(
            f"--model {request}: {source!r} is neither an existing folder or GGUF file nor a hub "
            "id of the form owner/name, owner/name@revision or owner/name:FILE.gguf@revision."
        )
    return CandidateSpec(name=name, source=found.source, revision=found.revision)


def _is_folder(folder: Path, request: str) -> bool:
    try:
        return folder.is_dir()
    except PermissionError as error:
        raise UsageError(
            f"--model {request}: {folder} cannot be looked at: this user may not "
            f"({error.strerror}). Run as the user who owns it, or let its owner allow it (the "
            "folders above it need `chmod a+x`)."
        ) from None


def asked_for(name: str, source: str, known: Collection[str]) -> str:
    """What to write after `--model`: a name alone only where it is known, or nothing is known."""
    return name if not known or name in known else f"{name}={source}"


def names_in(given: Iterable[str]) -> tuple[str, ...]:
    """The values of a repeatable option, split at commas, each once."""
    parts = (part.strip() for each in given for part in each.split(","))
    return tuple(dict.fromkeys(filter(None, parts)))


def trust(candidates: Sequence[CandidateSpec], names: Sequence[str]) -> tuple[CandidateSpec, ...]:
    """The candidates, those named in `--trust-remote-code` marked as trusted.

    Raises `UsageError` if a name is no candidate of the run, or its code not pinned to a commit.
    """
    known = [spec.name for spec in candidates]
    if any(not each.strip(" ,") for each in names):
        raise UsageError(
            "--trust-remote-code names nobody: --trust-remote-code NAME. Candidates: "
            f"{', '.join(known)}."
        )
    names = names_in(names)
    for name in names:
        if name.startswith("@") or (name == "all" and name not in known):
            raise UsageError(
                f"--trust-remote-code {name}: code is trusted model by model, by whoever has read "
                "it. Name each one: --trust-remote-code NAME,NAME."
            )
        if name not in known:
            raise UsageError(
                f"--trust-remote-code {name}: this run has no candidate of that "
                f"name.{did_you_mean(name, known)} Candidates: {', '.join(known)}."
            )
    for spec in candidates:
        if spec.name in names:
            check_pinned(spec.source, spec.revision, spec.local, f"--trust-remote-code {spec.name}")
    return tuple(
        spec.model_copy(update={"trusted": True}) if spec.name in names else spec
        for spec in candidates
    )
