"""Checkpoints as people have them: copies of the demonstration with one thing changed."""

from __future__ import annotations

import json
import re
import shutil
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from tests.helpers.checkpoints import change_weights
from tests.helpers.paths import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEMO = FIXTURES / "demo/tiny-yue"
IDS = 2459
"""Ids that the model and its tokenizer know."""
WORD = "<|im_end|>"


def change(folder: Path, file: str, **values: Any) -> Path:
    """Write values into a JSON file of a checkpoint, at its first level; return the folder."""
    return rewrite(folder, file, lambda table: table.update(values))


def rewrite(folder: Path, file: str, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Change a JSON file of a checkpoint in place; return the folder."""
    path = folder / file
    table = json.loads(path.read_text(encoding="utf-8"))
    edit(table)
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    return folder


def copy(tmp_path: Path) -> Path:
    """Copy the demonstration, to be changed."""
    return shutil.copytree(DEMO, tmp_path / "odd")


def renamed(folder: Path, name_of: Callable[[str], str]) -> Path:
    """Give the weights other names, as a trainer that wraps the model saves them."""

    def rename(weights: dict[str, Any]) -> None:
        named = {name_of(name): each for name, each in weights.items()}
        weights.clear()
        weights.update(named)

    return change_weights(folder, rename)


def with_dropout(folder: Path, share: float = 0.3) -> Path:
    """Let the tokenizer cut texts at random, as one saved in the middle of its training."""
    return rewrite(folder, "tokenizer.json", lambda table: table["model"].update(dropout=share))


def without_ends(folder: Path) -> Path:
    """Take BOS and EOS from the tokenizer."""
    change(folder, "tokenizer.json", post_processor=None)

    def forget(table: dict[str, Any]) -> None:
        del table["bos_token"], table["eos_token"]

    return rewrite(folder, "tokenizer_config.json", forget)


def ending_with_sep(folder: Path) -> Path:
    """Let texts end with `[SEP]` and no file say so, as of a GPT-2 with BERT's tokenizer."""

    def rename(table: dict[str, Any]) -> None:
        vocabulary = table["model"]["vocab"]
        vocabulary["[SEP]"] = vocabulary.pop("</s>")
        for token in table["added_tokens"]:
            token["content"] = token["content"].replace("</s>", "[SEP]")

    def forget(table: dict[str, Any]) -> None:
        table.pop("eos_token", None)
        table.pop("eos_token_id", None)

    for file in ("tokenizer_config.json", "config.json", "generation_config.json"):
        rewrite(folder, file, forget)
    return rewrite(folder, "tokenizer.json", rename)


def with_special(folder: Path, *words: str) -> Path:
    """Make pieces of the vocabulary special tokens, which no merge makes of a text."""

    def add(table: dict[str, Any]) -> None:
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        table["added_tokens"] += [
            {"id": table["model"]["vocab"][word], "content": word, **flags, "special": True}
            for word in words
        ]
        table["model"]["merges"] = [
            pair for pair in table["model"]["merges"] if "".join(pair) not in words
        ]

    return rewrite(folder, "tokenizer.json", add)


def chinese_only(folder: Path) -> Path:
    """Take Latin letters and bytes from the vocabulary: of English no token is left."""

    def forget(table: dict[str, Any]) -> None:
        model = table["model"]
        pieces = {
            key: piece if not re.search(r"[A-Za-z]", piece) or key < 2 else f"\ue000{key}"
            for piece, key in model["vocab"].items()
        }
        model |= {"byte_fallback": False, "vocab": {piece: key for key, piece in pieces.items()}}
        model["merges"] = [
            pair for pair in model["merges"] if all(part in model["vocab"] for part in pair)
        ]

    return rewrite(folder, "tokenizer.json", forget)


def with_word(folder: Path, word: str = WORD) -> Path:
    """Give the last id to a token that was added without the word that it is special."""

    def add(table: dict[str, Any]) -> None:
        model = table["model"]
        [last] = [piece for piece, key in model["vocab"].items() if key == IDS - 1]
        model["vocab"][word] = model["vocab"].pop(last)
        model["merges"] = [pair for pair in model["merges"] if last not in (*pair, "".join(pair))]
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
        table["added_tokens"].append({"id": IDS - 1, "content": word, **flags})

    return rewrite(folder, "tokenizer.json", add)


def word_pieces(folder: Path) -> Path:
    """Write a random GPT-2 with BERT's kind of tokenizer, as Chinese ones are; return the folder.

    Its vocabulary is the demonstration's characters and the lower-case letters as continuations.
    """
    import torch
    from transformers import BertTokenizer, GPT2Config, GPT2LMHeadModel

    table = json.loads((DEMO / "tokenizer.json").read_text(encoding="utf-8"))
    characters = [piece for piece in table["model"]["vocab"] if len(piece) == 1]
    letters = [f"{begin}{letter}" for letter in ascii_lowercase for begin in ("", "##")]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*dict.fromkeys([*special, *characters, *letters])]
    tokenizer = BertTokenizer(vocab={piece: key for key, piece in enumerate(pieces)})
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(pieces), n_positions=128, n_embd=64, n_layer=2, n_head=2,
        bos_token_id=None, eos_token_id=None, initializer_range=0.2,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
