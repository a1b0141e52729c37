"""Measurements of several machines: out of one store into a file, and by key into another.

The file is a zip: `manifest.json`, and under `measurements/` the files of the store as they are.
Nothing in it is trusted: names, sizes, checksums and keys are verified before anything is written,
and no name in it is ever written to. Prints nothing.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
import zlib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from basegate.checks.identity import installed_version
from basegate.errors import BasegateError, told
from basegate.store import file_format as files
from basegate.store.file_format import Damaged, Newer
from basegate.store.folder import SHORT, stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from zipfile import ZipFile, ZipInfo

    from basegate.measurement import Measurement, Sample
    from basegate.store.folder import Store

FORMAT = 1
_MANIFEST = "manifest.json"
_FOLDER = "measurements/"
_NUMBERS = re.compile(rf"{_FOLDER}[\w.-]+\.([0-9a-f]{{{SHORT}}})\.json")
_SAMPLES = re.compile(rf"{_FOLDER}[\w.-]+\.[0-9a-f]{{{SHORT}}}\.[0-9a-f]{{8}}\.samples\.jsonl")
_LARGEST = {"json": 64 * 2**20, "jsonl": 512 * 2**20}
"""Bytes of a file once unpacked, by suffix: a hundred times what the largest bank makes."""
_LARGEST_IN_ALL = 32 * 2**30

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)
"""What zipfile raises where a zip is garbled: places before its beginning, passwords, no text."""

Decision = Literal["new", "same", "fuller", "conflict"]


class Refused(BasegateError):
    """A file that is not imported; nothing of it was written."""


@dataclass(frozen=True)
class Conflict:
    """Two measurements of one key whose numbers differ."""

    ours: Measurement
    theirs: Measurement


@dataclass
class Merged:
    """What became of the measurements of a file: keys by what was decided, and conflicts.

    Where there are conflicts, nothing was written.
    """

    keys: dict[Decision, list[str]] = field(
        default_factory=lambda: {"new": [], "fuller": [], "same": []}
    )
    conflicts: list[Conflict] = field(default_factory=list)


def export(store: Store, target: Path, wanted: Callable[[Measurement], bool]) -> int:
    """Put measurements into a file, in place of what it was.

    Args:
        store: where they are; damaged ones are set aside with a warning, and left out.
        target: of the zip.
        wanted: tells which.

    Returns:
        How many there are in it; of none, no file is written.

    Raises:
        OSError: it cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    keys: list[str] = []
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as archive:
            for path, measurement in store.each():
                parts = _verbatim(store, path) if wanted(measurement) else {}
                for name, data in parts.items():
                    archive.writestr(_entry(f"{_FOLDER}{name}"), data)
                if parts:
                    keys.append(measurement.key)
            manifest = {
                "format": FORMAT,
                "basegate": installed_version("basegate"),
                "measurements": keys,
            }
            archive.writestr(_entry(_MANIFEST), json.dumps(manifest, indent=1))
        if keys:
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return len(keys)


def _entry(name: str) -> ZipInfo:
    """Return an entry without a time: the same measurements make the same file."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _verbatim(store: Store, path: Path) -> dict[str, bytes]:
    """Return a measurement's files by name; none where it cannot be trusted."""
    with ExitStack() as stack:
        with suppress(OSError):  # a store that cannot be written to does not change either
            stack.enter_context(store.locked())
        measurement = store.read(path)
        if measurement is None:
            return {}
        data = path.read_bytes()
        _, evidence = files.read(data)
        # Under its own name: somebody may have given the file another one.
        found = {f"{stem_of(measurement)}.json": data}
        if evidence is not None:
            found[evidence.file] = (path.parent / evidence.file).read_bytes()
        return found


def merge(store: Store, source: Path) -> Merged:
    """Put the measurements of a file into a store, by key.

    One that is there with the same numbers is left as it is; one whose samples are a beginning of
    the other's (sampling stops where a verdict is certain) gives way to it. Any other difference
    is a conflict, and then nothing is written at all.

    Raises:
        Refused: the file cannot be trusted; says why.
        OSError: the file cannot be read, or the store not be written to. What was put until then is
            whole, and importing again goes on.
    """
    try:
        with _opened(source) as archive:
            return _merge(store, archive)
    except Damaged as error:
        raise Refused("{source}: {error}.", source=source, error=told(error)) from None


def _merge(store: Store, archive: ZipFile) -> Merged:
    looked = Merged()
    wanted = []
    ours = {path.stem[-SHORT:] for path in store.paths()}
    for name in _names(archive):
        theirs = _unpack(archive, name)
        mine = store.get(theirs.key) if theirs.key[:SHORT] in ours else None
        if _note(looked, mine, theirs) in ("new", "fuller"):
            wanted.append(name)
    if looked.conflicts:
        return Merged(conflicts=looked.conflicts)
    merged = Merged()
    merged.keys["same"] += looked.keys["same"]
    for name in wanted:
        theirs = _unpack(archive, name)  # again: all of them might not fit into memory
        with store.locked():
            # Decided again: another process may have put it meanwhile.
            if _note(merged, store.get(theirs.key), theirs) in ("new", "fuller"):
                store.put(theirs)
    return merged


def _note(merged: Merged, ours: Measurement | None, theirs: Measurement) -> Decision:
    decision = decide(ours, theirs)
    if decision != "conflict":
        merged.keys[decision].append(theirs.key)
    elif ours is not None:
        merged.conflicts.append(Conflict(_light(ours), _light(theirs)))
    return decision


def _light(measurement: Measurement) -> Measurement:
    """Return a measurement without its evidence."""
    findings = measurement.findings.model_copy(update=dict.fromkeys(files.EVIDENCE, ()))
    return measurement.model_copy(update={"findings": findings})


def decide(ours: Measurement | None, theirs: Measurement) -> Decision:
    """Return what becomes of a measurement that is to be merged in.

    Args:
        ours: of the same key, with its samples, if it is stored.
        theirs: with its samples.

    Returns:
        `same` where what is stored stays.
    """
    if ours is None:
        return "new"
    if ours.findings.metrics == theirs.findings.metrics:
        return "same"
    mine, other = _by_item(ours), _by_item(theirs)
    if _begins(other, mine):
        return "same"
    return "fuller" if _begins(mine, other) else "conflict"


def _by_item(measurement: Measurement) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in measurement.findings.samples:
        found.setdefault(sample.item, []).append(sample)
    return found


def _begins(short: dict[str, list[Sample]], long: dict[str, list[Sample]]) -> bool:
    """Tell whether the samples of every question are the first of the other's."""
    return (
        bool(short)
        and short.keys() == long.keys()
        and all(long[item][: len(samples)] == samples for item, samples in short.items())
    )


@contextmanager
def _opened(source: Path) -> Iterator[ZipFile]:
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb"))
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
        except _BROKEN as error:
            raise Damaged("it is no whole zip file ({error})", error=told(error)) from None
        yield archive


def _content(archive: ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except _BROKEN as error:
        raise Damaged(
            "{name} cannot be unpacked ({error})", name=_shown(name), error=told(error)
        ) from None


def _names(archive: ZipFile) -> list[str]:
    """Return the names of the measurements' entries.

    Raises:
        Damaged: something else is in it, or it is too large.
    """
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(names) < len(entries):
        raise Damaged("a name stands in it twice")
    for entry in entries:
        _check_entry(entry)
    if sum(entry.file_size for entry in entries) > _LARGEST_IN_ALL:
        raise Damaged(
            "it would be larger than {largest} GiB, unpacked",
            largest=_LARGEST_IN_ALL >> 30,
        )
    if _MANIFEST not in names:
        raise Damaged(
            "there is no {manifest} in it, so `store export` has not made it", manifest=_MANIFEST
        )
    _check_manifest(_content(archive, _MANIFEST))
    numbers = sorted(name for name in names if _NUMBERS.fullmatch(name))
    _check_belongings(archive, numbers, names)
    return numbers


def _check_belongings(archive: ZipFile, numbers: list[str], names: set[str]) -> None:
    """Refuse samples that are missing, or that belong to no measurement, and any key twice."""
    keys: set[str] = set()
    used: set[str] = set()
    for name in numbers:
        measurement, evidence = _read(archive, name)
        if measurement.key in keys:
            raise Damaged("the measurement {key} stands in it twice", key=measurement.key)
        keys.add(measurement.key)
        if evidence is not None:
            beside = f"{_FOLDER}{evidence.file}"
            if beside not in names:
                raise Damaged("the samples of {name} are not in it", name=_shown(name))
            used.add(beside)
    stray = sorted(names - used - set(numbers) - {_MANIFEST})
    if stray:
        raise Damaged("no measurement in it names the samples {name}", name=_shown(stray[0]))


def _check_entry(entry: ZipInfo) -> None:
    name = entry.filename
    known = (_NUMBERS, _SAMPLES)
    if name != _MANIFEST and not any(pattern.fullmatch(name) for pattern in known):
        raise Damaged("{name} is no name of a file of a store", name=_shown(name))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged("{name} is compressed as `store export` does not", name=_shown(name))
    largest = _LARGEST[name.rpartition(".")[2]]
    if entry.file_size > largest:
        raise Damaged(
            "{name} would be {size} bytes, unpacked: more than {largest}",
            name=_shown(name),
            size=f"{entry.file_size:,}",
            largest=f"{largest:,}",
        )


def _shown(name: str) -> str:
    return repr(name if len(name) <= 120 else f"{name[:120]}…")


def _check_manifest(data: bytes) -> None:
    try:
        manifest = json.loads(data)
        given = manifest["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged("its {manifest} cannot be read", manifest=_MANIFEST) from None
    if given != FORMAT:
        raise Damaged(
            "it is of format {given}, of another basegate; {format} is known here",
            given=f"{given!r}",
            format=FORMAT,
        )


def _read(archive: ZipFile, name: str) -> tuple[Measurement, files.Evidence | None]:
    try:
        measurement, evidence = files.read(_content(archive, name))
    except (Damaged, Newer, RecursionError) as error:
        raise Damaged(
            "{name} cannot be trusted: {error}", name=_shown(name), error=told(error)
        ) from None
    found = _NUMBERS.fullmatch(name)
    if found is None or measurement.key[:SHORT] != found[1]:
        raise Damaged("{name} is not named by its key", name=_shown(name))
    return measurement, evidence


def _unpack(archive: ZipFile, name: str) -> Measurement:
    """Return a measurement with its samples, verified.

    Raises:
        Damaged: it cannot be trusted.
    """
    measurement, evidence = _read(archive, name)
    if evidence is None:
        return measurement
    data = _content(archive, f"{_FOLDER}{evidence.file}")
    return files.with_evidence(measurement, evidence, data)
