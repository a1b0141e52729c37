"""Model families that transformers no longer has a class for, loaded into classes that it has.

One file per family: the original `config.json` as a configuration of transformers, the original
names of the weights as its names, and the original tokenizer files as a fast tokenizer. No code of
the checkpoint is run, and no file is rewritten.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from basegate.engines.architectures import chatglm, qwen


class Architecture(Protocol):
    """What a family's file offers.

    Attributes:
        LONG_CONTEXT_CAVEAT: what the original code does beyond the context length and this one does
            not, as the end of a sentence; empty where it does nothing.
        RENAMED: names of the original's weights (regular expressions), and transformers' for them.
        FUSED: the weights of queries, keys and values one above the other (a regular expression).
    """

    LONG_CONTEXT_CAVEAT: str
    RENAMED: dict[str, str]
    FUSED: str

    def native_config(self, config: Mapping[str, Any], folder: Path) -> Any:
        """A config of a transformers class that computes the same.

        Its `max_position_embeddings` is the context length.

        Raises:
            CandidateError: the config asks for what that class cannot do.
        """
        ...

    def tokenizer(self, folder: Path) -> Any:
        """The original tokenizer as a fast one.

        Raises:
            CandidateError: its file is absent or not of the kind that is known.
        """
        ...


ARCHITECTURES: dict[str, Architecture] = {"qwen": qwen, "chatglm": chatglm}
"""By the `model_type` of their `config.json`."""

_TABLES = re.compile(r"(?ms)^MODEL_FOR_(?:CAUSAL_LM|IMAGE_TEXT_TO_TEXT)_MAPPING_NAMES = (.*?)^\)")


@functools.cache
def known_model_types() -> frozenset[str]:
    """Values of `model_type` that load without code of the checkpoint.

    Read from the text of transformers' tables: importing it would take seconds.
    """
    spec = importlib.util.find_spec("transformers")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / "models/auto/modeling_auto.py"
    text = source.read_text(encoding="utf-8") if source.is_file() else ""
    tables = " ".join(_TABLES.findall(text))
    return frozenset(re.findall(r'\(\s*"([^"]+)",', tables)) | ARCHITECTURES.keys()


def find(config: Mapping[str, Any]) -> Architecture | None:
    """The family of a checkpoint; a class of transformers by that name comes first."""
    from transformers import CONFIG_MAPPING

    kind = config["model_type"]
    return None if kind in CONFIG_MAPPING else ARCHITECTURES.get(kind)


def prepare(architecture: Architecture, config: Mapping[str, Any], folder: Path) -> Any:
    """The transformers config to load a checkpoint of a family with; registers its conversions.

    transformers keeps conversions by `model_type` for the whole process: they are put under the
    family's own, which the returned config carries, so that models of the class itself (a real
    Qwen2, say) load as ever.

    Raises:
        CandidateError: the config asks for what the class cannot do.
    """
    from transformers.conversion_mapping import register_checkpoint_conversion_mapping
    from transformers.core_model_loading import Split, WeightConverter, WeightRenaming

    native = architecture.native_config(config, folder)
    native.model_type = config["model_type"]
    parts = [f".self_attn.{name}_proj." for name in "qkv"]
    conversions: list[Any] = [
        *(WeightRenaming(old, new) for old, new in architecture.RENAMED.items()),
        WeightConverter(architecture.FUSED, parts, operations=[Split(dim=0)]),
    ]
    register_checkpoint_conversion_mapping(native.model_type, conversions, overwrite=True)
    return native
