"""Special tokens that stand in a text as words (`</s>`, `<|im_end|>`) are characters like others.

A tokenizer that is told so (`split_special_tokens`) heeds it for tokens that its files call
special. Not for those that were added without that word, nor where the vocabulary itself holds
them: a unigram model finds `</s>` in a text as it finds any other piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer

from basegate.engines.checkpoints.special_tokens import ROLES, is_ordinary
from basegate.i18n.messages import Message, some

_WORD = re.compile(r"[<\[].+[>\]]")
"""What special tokens look like. Others (`!` for padding, a line break as the end of a text) are
ordinary parts of texts, too."""
_CONTROL = re.compile(r"<[|｜].+[|｜]>")
"""What only special tokens look like; `<table>` of Gemma's vocabulary is an ordinary piece."""
_NOWHERE = "\ufffe"
"""A character that no text has."""


class SpecialWords:
    """The special tokens of a transformers tokenizer that a text may hold as words."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def within(self, text: str) -> list[str]:
        """Those that stand in a text."""
        if "<" not in text and "[" not in text:
            return []
        return [word for word in self.ids if word in text]

    def taken(self, words: Sequence[str], ids: Sequence[int]) -> list[str]:
        """Those of which the ids of a text hold the token, the unknown one apart."""
        found = {self.ids[word] for word in words}.intersection(ids) - {self.unknown}
        return [word for word in words if self.ids[word] in found]

    @cached_property
    def unknown(self) -> int | None:
        """The id of the token for characters that the vocabulary lacks, if it is for nothing else.

        As a word it would not be told from what it stands for.
        """
        tokenizer = self._tokenizer
        also = (None, tokenizer.bos_token, tokenizer.eos_token)
        key: int | None = self.ids.get(tokenizer.unk_token)
        return None if tokenizer.unk_token in also else key

    @cached_property
    def ids(self) -> dict[str, int]:
        """By word, the id of each."""
        tokenizer = self._tokenizer
        named = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        # Added behind the vocabulary: no text of its training was cut into them by the model.
        behind = tokenizer.vocab_size
        added = {
            each.content: key
            for key, each in tokenizer.added_tokens_decoder.items()
            if each.special or key >= behind or _CONTROL.fullmatch(each.content)
        }
        return {word: key for word, key in {**added, **named}.items() if _WORD.fullmatch(word)}

    @cached_property
    def splitting(self) -> Tokenizer:
        """The tokenizer of a fast one without them; made late, since it takes a second."""
        state = json.loads(self._tokenizer.backend_tokenizer.to_str())
        for each in state["added_tokens"]:
            each["special"] = each["special"] or each["content"] in self.ids
        model = state["model"]
        if model["type"] == "Unigram":
            model["vocab"] = [
                [_NOWHERE + piece if piece in self.ids else piece, score]
                for piece, score in model["vocab"]
            ]
        elif model["type"] == "BPE":
            model["merges"] = [
                pair
                for pair in model["merges"]
                if "".join(pair if isinstance(pair, list) else pair.split(" ")) not in self.ids
            ]
        made = Tokenizer.from_str(json.dumps(state))
        made.encode_special_tokens = True
        return made


def read_ordinary_words(tokenizer: Any) -> tuple[Message, ...]:
    """Let words of ordinary text that were added as special tokens be tokens like others.

    Else they were cut into characters when read, and left out of what is written. Tokens with a
    role, those before every text and those that look like control tokens stay special.

    Returns:
        A note that names them, if there are any.
    """
    backend = tokenizer.backend_tokenizer if tokenizer.is_fast else None
    named = {getattr(tokenizer, role, None) for role in ROLES}
    added = tokenizer.added_tokens_decoder.values() if backend else ()
    words = {each.content for each in added if each.special and is_ordinary(each.content)} - named
    if backend is None or not words:
        return ()
    state = json.loads(backend.to_str())
    before = json.dumps(state["post_processor"], ensure_ascii=False)
    words = {word for word in words if f'"{word}"' not in before}
    for each in state["added_tokens"]:
        each["special"] = each["special"] and each["content"] not in words
    if not words:
        return ()
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(state))
    note = Message(
        "words of ordinary text were added to its tokenizer as special tokens ({count}: {words}). "
        "They are read and written like any other token; other programs may leave them out of "
        "what it writes (skip_special_tokens).",
        count=len(words),
        words=some(sorted(words)),
    )
    return (note,)
