"""The tokenizer in a GGUF file, as `tokenizer.json`.

transformers builds it from the vocabulary. What it leaves out without a word is mended here: how a
byte-level vocabulary splits digits, forms of characters, tokens that no merge leads to, BOS where
llama.cpp puts it unasked. A file that does not say how its texts are split is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from basegate.engines.gguf.header import Header
from basegate.engines.tokenization import PROBES, begin_with
from basegate.errors import CandidateError, summary

_GPT2 = frozenset({"gpt-2", "phi-2", "mpt", "olmo", "jais"})
"""Splits of llama.cpp that are GPT-2's, which a byte-level tokenizer has by itself."""
_DIGITS = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell"})
"""Splits that take every digit by itself, and then GPT-2's."""
_NFC = frozenset({"qwen2"})
"""Vocabularies of tokenizers that compose characters first."""
_LLAMA3 = frozenset(
    {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"}
)
_WHOLE = _LLAMA3 | {"tekken"}
"""Vocabularies of which every token is used whole, merges or not, and begin with BOS."""
_SPECIAL = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}


def write_tokenizer(header: Header, size: int, folder: Path) -> None:
    """Write the tokenizer of a file, read with its arrays, for a model of `size` embeddings.

    Raises:
        CandidateError: it is of another kind than is read, or does not fit the model.
    """
    from transformers import PreTrainedTokenizerFast

    tokens = _tokens(header, size)
    special = {
        name: tokens[key]
        for name, of in _SPECIAL.items()
        if isinstance(key := header.metadata.get(f"tokenizer.ggml.{of}"), int) and 0 <= key < size
    }
    begins = _begins(header)
    if begins and "bos_token" not in special:
        raise CandidateError(
            f"{header.paths[0]}: every text begins with BOS, and which token that is "
            f"(tokenizer.ggml.bos_token_id = {header.metadata.get('tokenizer.ggml.bos_token_id')}) "
            f"is none of its {size}. Convert the model again, or take the checkpoint that it was "
            "made from."
        )
    backend = _without_foreign(_build(header), len(tokens))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    if begins:
        begin_with(tokenizer)
    _check_ids(header, tokenizer, tokens)
    tokenizer.save_pretrained(str(folder))
    _name_added_tokens(tokenizer, folder)


def _name_added_tokens(tokenizer: Any, folder: Path) -> None:
    """Write them where transformers looks first, else it reads all of `tokenizer.json` again."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    added = tokenizer.added_tokens_decoder.items()
    config["added_tokens_decoder"] = {str(key): token.__getstate__() for key, token in added}
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def _tokens(header: Header, size: int) -> list[str]:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if not tokens:
        raise CandidateError(
            f"{header.paths[0]} has no tokenizer (tokenizer.ggml.tokens). Convert the model again, "
            "with its vocabulary."
        )
    if len(tokens) != size:
        raise CandidateError(
            f"{header.paths[0]}: its tokenizer has {len(tokens)} tokens and its model {size} "
            "embeddings: they are not of one model. Fetch the file again, or convert the model "
            "again."
        )
    return list(tokens)


def _build(header: Header) -> Any:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import (
        GGUF_TOKENIZER_MAPPING,
        convert_gguf_tokenizer,
    )

    said = {
        meant: header.metadata[f"tokenizer.{key}"]
        for key, meant in GGUF_TOKENIZER_MAPPING["tokenizer"].items()
        if f"tokenizer.{key}" in header.metadata
    }
    kind, split = said.get("tokenizer_type"), said.get("pre_tokenizer_type")
    if kind not in ("llama", "gpt2"):
        raise CandidateError(
            f"{header.paths[0]}: its tokenizer is of the kind {kind!r} (tokenizer.ggml.model); "
            "those of SentencePiece ('llama') and of bytes ('gpt2') are read. Take the checkpoint "
            "that it was made from, in safetensors."
        )
    if kind == "gpt2":
        _check_split(header, split)
    try:
        backend = convert_gguf_tokenizer(header.architecture, said)[0]
    # Of a vocabulary that contradicts itself: KeyError, or the plain Exception of `tokenizers`.
    except Exception as error:
        raise CandidateError(
            f"{header.paths[0]}: no tokenizer can be built from it ({summary(error)}). Fetch the "
            "file again, or take the checkpoint that it was made from."
        ) from error
    _mend(backend, split, said)
    return backend


def _without_foreign(backend: Any, size: int) -> Any:
    """Without special tokens that transformers' class names and the vocabulary does not have."""
    from tokenizers import Tokenizer

    state = json.loads(backend.to_str())
    own = [token for token in state["added_tokens"] if token["id"] < size]
    if len(own) == len(state["added_tokens"]):
        return backend
    return Tokenizer.from_str(json.dumps({**state, "added_tokens": own}))


def _check_split(header: Header, split: str | None) -> None:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    if split not in {*GGUF_PRE_TOKENIZER_SPLITS, *_GPT2, *_DIGITS}:
        raise CandidateError(
            f"{header.paths[0]}: how its tokenizer splits texts (tokenizer.ggml.pre = {split!r}) "
            "is not known, so it would make other tokens than the model was trained on. Take the "
            "checkpoint that it was made from, in safetensors, or convert it again with a newer "
            "llama.cpp."
        )


def _mend(backend: Any, split: str | None, said: dict[str, Any]) -> None:
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    by_space = isinstance(backend.pre_tokenizer, pre_tokenizers.Metaspace)
    if by_space and said.get("add_prefix_space") is False:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
        backend.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        )
    if split in _DIGITS:
        each = pre_tokenizers.Split(Regex(r"\p{N}"), behavior="isolated")
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.pre_tokenizer = pre_tokenizers.Sequence([each, bytes_])
    if split in _NFC:
        backend.normalizer = normalizers.NFC()
    if split in _WHOLE:
        backend.model.ignore_merges = True


def _begins(header: Header) -> bool:
    """Whether a text begins with BOS; llama.cpp's own choice where the file does not say."""
    said = header.metadata.get("tokenizer.ggml.add_bos_token")
    if said is not None:
        return bool(said)
    kind = header.metadata.get("tokenizer.ggml.model")
    return kind == "llama" or header.metadata.get("tokenizer.ggml.pre") in _WHOLE


def _check_ids(header: Header, tokenizer: Any, tokens: Sequence[str]) -> None:
    """Refuse a tokenizer with ids that the model lacks, or that cannot write what it reads."""
    beyond = [token for token, key in tokenizer.get_vocab().items() if key >= len(tokens)]
    if beyond:
        raise CandidateError(
            f"{header.paths[0]}: its tokenizer needs {beyond[0]!r}, which its vocabulary of "
            f"{len(tokens)} tokens lacks. Take the checkpoint that it was made from."
        )
    for text in PROBES:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if not ids or max(ids) >= len(tokens):
            raise CandidateError(
                f"{header.paths[0]}: its tokenizer makes no tokens of {text!r}, or tokens that the "
                "model lacks. Take the checkpoint that it was made from."
            )
