"""Text to token ids and back, always the same way: no special token unless it is the prefix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from basegate.errors import CandidateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Encoded(NamedTuple):
    """A text in tokens."""

    ids: list[int]  # without prefix
    starts: NDArray[np.int64] | None  # as in `TokenScores`


class Encoder:
    """A transformers tokenizer as the gate uses it.

    Its `prefix` are the ids before every window and prompt: what the tokenizer puts there by itself
    (BOS or the like), or the document separator where it puts nothing.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer = tokenizer
        self.prefix = _prefix(tokenizer, name)

    @property
    def prefix_in_words(self) -> str:
        """The prefix as the tokenizer writes it, e.g. `<s>`."""
        return " ".join(map(str, self.tokenizer.convert_ids_to_tokens(self.prefix)))

    def encode(self, text: str) -> Encoded:
        ids, spans = self._encode(text)
        return Encoded(ids, spans[:, 0] if spans is not None else None)

    def encode_after(self, prompt: str, text: str) -> tuple[list[int], Encoded]:
        """The tokens of a prompt and of the text that follows it.

        Both are encoded as one text, as the model would meet them. A token that reaches over the
        boundary belongs to the text.
        """
        ids, spans = self._encode(prompt + text)
        if spans is None:
            alone = self._encode(prompt)[0]
            first = next(
                (place for place, (a, b) in enumerate(zip(alone, ids, strict=False)) if a != b),
                min(len(alone), len(ids)),
            )
            return ids[:first], Encoded(ids[first:], None)
        inside = spans[:, 1] > len(prompt)
        first = int(np.argmax(inside)) if inside.any() else len(ids)
        starts = np.maximum(spans[first:, 0] - len(prompt), 0)
        return ids[:first], Encoded(ids[first:], starts)

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def lost(self, text: str, ids: Sequence[int]) -> int:
        """Characters, white space apart, that decoding the tokens does not give back."""
        decoded = self.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        if decoded == text:
            return 0
        return (_ink(text) - _ink(decoded)).total()

    def _encode(self, text: str) -> tuple[list[int], NDArray[np.int64] | None]:
        fast = bool(self.tokenizer.is_fast)
        # Text is text: `<s>` in it is three characters, not the beginning of a document.
        encoded = self.tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=fast,
            verbose=False,
        )
        ids = list(encoded["input_ids"])
        spans = np.array(encoded["offset_mapping"]).reshape(-1, 2) if fast else None
        # Some tokenizers write it although they are told not to; it must not stand there twice.
        own = len(self.prefix) if ids[: len(self.prefix)] == self.prefix else 0
        return ids[own:], None if spans is None else spans[own:]


def _prefix(tokenizer: Any, name: str) -> list[int]:
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    prefix = _before(whole, bare)
    if prefix:
        return prefix
    if bare[0] == tokenizer.bos_token_id:
        return [int(bare[0])]
    for separator in (tokenizer.eos_token_id, tokenizer.bos_token_id):
        if separator is not None:
            return [int(separator)]
    raise CandidateError(
        f"{name}: its tokenizer has neither a prefix nor an end-of-text token, so the first token "
        "of a text cannot be scored."
    )


def _before(whole: Sequence[int], part: Sequence[int]) -> list[int]:
    """What stands before `part` in `whole`."""
    for start in range(len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return list(whole[:start])
    return []


def _ink(text: str) -> Counter[str]:
    return Counter(char for char in text if not char.isspace())
