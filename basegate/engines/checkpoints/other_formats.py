"""What a file or folder really is, where it is not the checkpoint that it should be.

By signs alone, in names and first bytes, so that a refusal names its cause and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from basegate.config.gguf_source import SUFFIX
from basegate.i18n.messages import some

_SHOWN, _LETTERS = 60, 8
MERGE = "Merge it into its base model first (peft: `merge_and_unload`, then `save_pretrained`)."
_CONVERT = "Convert it to the format of transformers with that program's own exporter"
_STARTS = (
    (rb"\s*<(!doctype|html|\?xml)", "a web page: a link to the page that shows the file was "
     "fetched (/blob/ instead of /resolve/), or one that asks for a login", ""),
    (rb"PK\x03\x04|\x80[\x02-\x05]", "a file of torch, which is called .bin", ".bin"),
    (rb".{6}\0\0\s*\{", "a safetensors file, which is called .safetensors", ".safetensors"),
    (rb"GGUF", "a GGUF file", SUFFIX),
    (rb"\x1f\x8b|BZh|7z\xbc\xaf|\xfd7zXZ", "an archive, which has to be unpacked", ""),
    (rb"\0{64}", "full of zeros: room was made for it, and its download broke off", ""),
)  # fmt: skip
"""First bytes, what begins so, and what its name then ends in."""
_NAMES = (
    (r"adapter_model\.\w+", f"an adapter (LoRA or the like) alone. {MERGE}"),
    (rf".*{re.escape(SUFFIX)}", "GGUF: give the file itself (NAME=FOLDER/FILE.gguf, "
     "NAME=owner/name:FILE.gguf)"),
    (r"global_step\d+|.*_(model|optim)_states\.pt|zero_to_fp32\.py", "a training state of "
     "DeepSpeed: `python zero_to_fp32.py . FOLDER --safe_serialization` in that folder makes "
     "weights of it"),
    (r".*\.distcp|pytorch_model_fsdp_\d+", "a distributed checkpoint (FSDP, torchtitan): "
     "`accelerate merge-weights IN OUT`, or `python -m "
     "torch.distributed.checkpoint.format_utils dcp_to_torch IN OUT`"),
    (r"iter_\d+|latest_checkpointed_iteration\.txt|mp_rank_\d+|.*\.nemo",
     f"Megatron's or NeMo's format. {_CONVERT}"),
    (r"(hf|meta)_model_\d+_\d+\.pt|lit_model\.pth", f"torchtune's or LitGPT's format. {_CONVERT}"),
    (r"consolidated\b.*|params\.json", "the format of Meta or Mistral: take the checkpoint that "
     "was converted for transformers (often with -hf in its id)"),
    (r"tf_model\.h5|flax_model\.msgpack", "weights of TensorFlow or Flax, which transformers 5 no "
     "longer reads: save them with transformers 4 (`from_tf=True`, `from_flax=True`)"),
    (r".*\.onnx(_data)?|openvino_model\.\w+|rank\d+\.(engine|safetensors)|model\.bin|rust_model\.ot",
     "a model compiled for another program (ONNX, OpenVINO, TensorRT, CTranslate2): take the "
     "checkpoint that it was made from"),
    (r".*\.(aria2|part|incomplete|crdownload|downloading)", "a download that has not "
     "finished: go on with it (`hf download`)"),
    (r"model-00001-of-00001\.safetensors", "a single shard without its index: call it "
     "model.safetensors"),
    (r"(pytorch_)?model-\d+-of-\d+\.(safetensors|bin)", "shards without their index "
     "(.index.json): fetch that, too, or save the model again"),
    (r"(pytorch_)?model\W.*\.(safetensors|bin)", "weights under another name: call them "
     "model.safetensors (or pytorch_model.bin)"),
    (r"(optimizer|scheduler|rng_state\w*|random_states\w*|training_args)\.\w+|trainer_state\.json",
     "a state of a training: the model is where `save_pretrained` or `save_model` wrote it"),
)  # fmt: skip
"""Names as they stand in a folder or one level deeper, and what they are of; the first counts."""


def really(path: Path) -> str:
    """What a file is by its first bytes, as ` is …`; empty if that is what its name says."""
    with path.open("rb") as file:
        start = file.read(4096)
    for pattern, what, suffix in _STARTS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return "" if path.suffix == suffix else f" is {what}"
    text = start[:_SHOWN].decode("ascii", errors="replace").strip()
    # A damaged file may begin with a few letters, too.
    plain = len(text) > _LETTERS and text.isprintable() and "\ufffd" not in text
    return f" holds the text {text!r}" if plain else ""


def instead(folder: Path, wanted: str) -> str:
    """What a folder holds instead of a file that it lacks, as sentences; empty if nothing known."""
    held = sorted(folder.iterdir())
    if lost := [path.name for path in held if path.is_symlink() and not path.exists()]:
        return (
            f"{some(lost)}: that is a link to a file that is not there. A download broke off, or "
            "the folder was copied or the hub's cache cleaned without what links lead to. Fetch it "
            "again (`hf download`). "
        )
    same = {path.name.lower(): path.name for path in held}.get(wanted, wanted)
    if same != wanted:
        return f"{same}: that has to be called {wanted}. "
    within = sorted({*folder.glob(f"*/{wanted}"), *folder.glob(f"snapshots/*/{wanted}")})
    if within:
        places = [str(path.parent.relative_to(folder)) for path in within]
        return f"There is one in {some(places)}: give that folder, or put its files together. "
    unfinished = folder.glob(".cache/huggingface/download/*.incomplete")
    return of_other_programs([*_names(held), *(path.name for path in unfinished)])


def _names(held: Iterable[Path]) -> Iterable[str]:
    for path in held:
        yield path.name
        if path.is_dir():
            yield from sorted(each.name for each in path.iterdir())


def of_other_programs(names: Iterable[str]) -> str:
    """Which program's files some are, by their names, and what to do; empty if not known."""
    names = [Path(name).name for name in names]
    for pattern, what in _NAMES:
        if found := [name for name in names if re.fullmatch(pattern, name)]:
            return f"{some(found)}: that is {what}. "
    return ""
