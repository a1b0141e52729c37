"""Architectures that transformers has classes for."""

from basegate.engines.architectures.known import IN_TRANSFORMERS


def test_the_kinds_that_are_called_native_are_classes_of_transformers():
    from transformers import (
        CONFIG_MAPPING,
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    )

    for name in IN_TRANSFORMERS:
        config = CONFIG_MAPPING[name]
        assert (
            config in MODEL_FOR_CAUSAL_LM_MAPPING or config in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
        ), name
