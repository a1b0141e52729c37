"""Architectures that transformers has classes for, read without importing it."""

from __future__ import annotations

from basegate.engines.architectures import ARCHITECTURES, known_model_types


def test_the_kinds_that_are_called_native_are_those_of_transformers():
    from transformers.models.auto import modeling_auto

    written = {
        *modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    }
    assert {"llama", "qwen3", "gemma3"} < written
    assert known_model_types() == written | ARCHITECTURES.keys()
