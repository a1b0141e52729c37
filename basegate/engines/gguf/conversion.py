"""A GGUF file as a folder that is loaded like any other: converted once, kept in the user's cache.

Tensor by tensor and dequantised to bfloat16, so that a model larger than memory can be converted.
The folder's name holds a digest of the file's content and of all that the conversion depends on.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from basegate.config.gguf_source import parts_of
from basegate.data.fingerprint import describe_files
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.model_config import empty_model, model_config
from basegate.engines.gguf import CONVERSION
from basegate.engines.gguf.config import config_of
from basegate.engines.gguf.header import Header, read_header
from basegate.engines.gguf.tokenizer import write_tokenizer
from basegate.engines.gguf.weights import (
    check_whole,
    quantisation,
    read,
    sources_of,
    write_weights,
)
from basegate.errors import CandidateError, summary
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message
from basegate.progress import SILENT, Progress
from basegate.serialization import digest

_DIGESTS = "digests.json"


class Converted(NamedTuple):
    """A GGUF file and the folder that was made of it."""

    folder: Path
    files: tuple[Path, ...]  # of the GGUF file, one for each part
    quantized_before: str  # see `quantisation`


def cache_folder() -> Path:
    """Where converted files are kept: beside the hub's cache, which HF_HOME places."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "basegate" / "gguf"


def convert(
    path: Path, name: str, check: Callable[[Path], None], progress: Progress = SILENT
) -> Converted:
    """The folder of a GGUF file, from the cache or made now.

    `check` is given a folder with all but the weights, and may refuse it before they are written.

    Raises:
        CandidateError: the file is damaged or of a kind that is not read, the packages for it are
            not installed, or there is no room for what it becomes.
    """
    _check_installed(path)
    header = read_header(path)
    check_whole(header)
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = _folder(path, root)
        with FileLock(root / f".{folder.name}.lock"):
            if folder.is_dir():
                check(folder)
            else:
                _make(path, folder, name, check, progress)
    except OSError as error:
        raise CandidateError(
            f"{path} could not be converted in {root} ({summary(error)}). Free some space there, "
            "or set HF_HOME to another folder."
        ) from None
    return Converted(folder, header.paths, quantisation(header))


def converted_folder(path: Path) -> Path | None:
    """The folder that was made of a GGUF file before; `None` if it was not converted yet."""
    root = cache_folder()
    if not root.is_dir():
        return None
    _check_installed(path)
    folder = _folder(path, root)
    return folder if folder.is_dir() else None


def _folder(path: Path, root: Path) -> Path:
    return root / f"{path.stem}-{_key(path, root)}"


def _check_installed(path: Path) -> None:
    try:
        import gguf  # noqa: F401
        from transformers.integrations.gguf import gguf_tokenizer_mapping  # noqa: F401
    except ImportError as error:
        raise CandidateError(
            f"{path}: GGUF files need packages that are not installed, or too old ({error}): "
            'pip install "basegate[gguf]"'
        ) from None


def _key(path: Path, root: Path) -> str:
    files = describe_files(path.parent, [each.name for each in parts_of(path)], root / _DIGESTS)
    made_of = {
        "files": [each.sha256 for each in files],
        "conversion": CONVERSION,
        **{name: importlib.metadata.version(name) for name in ("gguf", "transformers")},
    }
    return digest(made_of)[:16]


def _make(
    path: Path, folder: Path, name: str, check: Callable[[Path], None], progress: Progress
) -> None:
    """Convert into a folder beside `folder`, which becomes it once it is whole."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir()
    try:
        _fill(read_header(path, arrays=True), partial, name, check, progress)
        partial.replace(folder)
    except BaseException:  # Ctrl-C, too, leaves no half of a model
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _fill(
    header: Header, folder: Path, name: str, check: Callable[[Path], None], progress: Progress
) -> None:
    config = config_of(header, read)
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    native = model_config(folder, read_config(folder))
    sources = sources_of(header, empty_model(folder, native, "bfloat16"), config)
    write_tokenizer(header, config["vocab_size"], folder)
    check(folder)
    size = sum(source.bytes for source in sources.values())
    _check_room(header.paths[0], folder, size)
    done = 0

    def wrote(amount: int) -> None:
        nonlocal done
        done += amount

    whole = f"{size / GIB:.1f}"
    progress.status(
        Message(
            "{name}: converting GGUF to bfloat16, {size} GiB, kept in {folder}",
            name=name,
            size=whole,
            folder=folder.parent,
        )
    )
    with progress.telling(
        lambda: Message("{done} of {total} GiB converted", done=f"{done / GIB:.1f}", total=whole)
    ):
        write_weights(header, sources, config, folder, wrote)


def _check_room(path: Path, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CandidateError(
            f"{path}: in bfloat16 its weights take {needed / GIB:.1f} GiB, and {folder.parent}, "
            f"where what is converted is kept, has {free / GIB:.1f} GiB of disk free. Nothing was "
            "converted. Free some space, or set HF_HOME to a folder on a larger disk."
        )
