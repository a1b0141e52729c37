"""A checkpoint's tokenizer, and whether it belongs to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from basegate.engines.checkpoints.config_files import code_places
from basegate.engines.checkpoints.published import as_published
from basegate.engines.tokenization import Encoder
from basegate.errors import CandidateError, summary

if TYPE_CHECKING:
    from pathlib import Path


def load_tokenizer(folder: Path, trusted: bool) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer of a checkpoint, and notes for whoever reads its numbers.

    Raises:
        CandidateError: it cannot be loaded without running code, or at all.
    """
    try:
        loaded = AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=trusted, local_files_only=True
        )
        return as_published(folder, loaded)
    except CandidateError:
        raise
    # The tokenizers library raises plain `Exception`, and a checkpoint's own code anything.
    except Exception as error:
        advice = "Check the tokenizer's files, or fetch them again."
        named = [path.name for path, _ in code_places(folder)]
        if not trusted and "tokenizer_config.json" in named:
            advice = (
                "It is Python code of the checkpoint's own, a stranger's program, which is not "
                "run. Choose a converted checkpoint, or read the code, pin its commit and name "
                "the candidate in --trust-remote-code."
            )
        raise CandidateError(
            f"{folder}: its tokenizer could not be loaded ({summary(error)}). {advice}"
        ) from error


def check_vocabulary(folder: Path, tokenizer: Any, size: int | None) -> None:
    """Refuse a tokenizer with ids that the model has no embedding for.

    Special tokens that no text becomes (a place for images, say) may be beyond: some good
    checkpoints have them. `size` is `None` where the config does not say.
    """
    if size is None:
        return
    marks = {key for key, token in tokenizer.added_tokens_decoder.items() if token.special}
    ids = {key: token for token, key in tokenizer.get_vocab().items() if key not in marks}
    prefix = Encoder(tokenizer, str(folder)).prefix
    beyond = sorted(key for key in {*ids, *prefix} if key >= size)
    if beyond:
        shown = tokenizer.convert_ids_to_tokens(beyond[0])
        raise CandidateError(
            f"{folder}: its tokenizer gives ids up to {beyond[-1]}, and by config.json the model "
            f"knows {size} ids only, so that texts with {shown!r} (id {beyond[0]}) could not be "
            "read. The files are of different models: fetch the checkpoint again; after adding "
            "tokens, resize the model's embeddings, too."
        )
