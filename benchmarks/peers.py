"""lm-evaluation-harness around a model that is loaded already."""

from __future__ import annotations

from typing import Any

from benchmarks.models import BOS


def harness(
    model: Any, tokenizer: Any, *, batch: int, window: int = 2048, prefix: int = BOS
) -> Any:
    """Return its HFLM, which adds no special tokens to texts.

    Where a tokenizer adds BOS by itself, HFLM would put another before it, and score it as text.

    Args:
        model: in evaluation mode.
        tokenizer: of the model.
        batch: requests in one forward pass.
        window: the longest input, in tokens.
        prefix: the id that the first token of a text is predicted from.
    """
    import transformers
    from lm_eval.models.huggingface import HFLM

    transformers.logging.set_verbosity_error()
    return HFLM(
        pretrained=model,
        tokenizer=tokenizer,
        batch_size=batch,
        max_length=window,
        add_bos_token=False,
        prefix_token_id=prefix,
    )


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Any]:
    """Return its requests of one kind (`loglikelihood`, say), one for each tuple of arguments."""
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, each, index) for index, each in enumerate(arguments)]
