"""Small random checkpoints in the formats that the gate loads, made in a second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from basegate.errors import CandidateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BYTES = [f"<0x{value:02X}>" for value in range(256)]
CHARACTERS = (
    "香港係我哋嘅唔佢喺咗一二三四五六七八九十ABCD abcdefghijklmnopqrstuvwxyz0123456789:=+-\n。，"
)


def make_tokenizer(*, adds_bos: bool = True, unk: bool = False):
    """Return a fast tokenizer of single characters with byte fallback."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", "</s>", "<unk>", *BYTES, *dict.fromkeys(CHARACTERS)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    if unk:
        vocabulary = {p: i for i, p in enumerate(p for p in pieces if p not in BYTES)}
    model = models.BPE(vocab=vocabulary, merges=[], byte_fallback=not unk, unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )


def make_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    context: int = 128,
    adds_bos: bool = True,
    unk: bool = False,
    hidden: int = 64,
    layers: int = 2,
) -> Path:
    """Write a random Llama with its tokenizer and return the folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(adds_bos=adds_bos, unk=unk)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # Large enough that probabilities differ, so that a wrong position shows.
        initializer_range=0.2,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # Special tokens and bytes get the logit 0, below half of the characters: samples are text.
        model.lm_head.weight[: len(BYTES) + 3] = 0
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def change_weights(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change the tensors of a checkpoint of one file in place; return the folder."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def break_weights(folder: Path, value: float = float("nan")) -> Path:
    """Put NaN into the last norm of a checkpoint, as a run whose numerics broke."""
    return change_weights(folder, lambda weights: weights["model.norm.weight"].fill_(value))


def as_pickle(folder: Path) -> Path:
    """Turn the weights of a checkpoint of one file into a `.bin` file; return the folder."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


def shard(folder: Path) -> Path:
    """Turn the weights of a checkpoint of one file into two files and an index."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {FIRST: names[: len(names) // 2], SECOND: names[len(names) // 2 :]}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held}, folder / file, metadata={"format": "pt"})
    write_index(folder, {name: file for file, held in parts.items() for name in held})
    return folder


def write_index(folder: Path, places: dict[str, str]) -> None:
    """Say which tensor is in which file."""
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def read_index(folder: Path) -> dict[str, str]:
    """Return which tensor is in which file."""
    places: dict[str, str] = json.loads((folder / INDEX).read_text())["weight_map"]
    return places


def refusal(folder: Path, quantization: str = "nf4") -> str:
    """Return the sentences with which loading refuses a checkpoint."""
    import basegate

    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), device="cpu", quantization=quantization)
    return str(caught.value)


def write_jsonl(path: Path, *records: dict[str, object]) -> Path:
    """Write records a line each and return the path."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
