"""A checkpoint's tokenizer as it was published; text to token ids and back, always the same way.

No special token is in the ids of a text, unless it is the prefix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tokenizers import processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from basegate.engines.checkpoints.config_files import code_places, read_json
from basegate.errors import CandidateError, summary
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "tokenizer.json"
PROBES = (
    "The old woman's 2 sons paid $1,234.50, didn't they?",
    "老人打開窗戶，看看下面的街道。",
    "佢哋琴晚喺度食咗飯，唔係咩？",
    "0 12 345 67890",
    "two  spaces,   three",
    " one space first",
    "a line\nand\n\n\tanother\r\n",
    "caf\u00e9 cafe\u0301 \uff21\uff22\uff23 \ufb01",
    "𠮷𨋢 😀👩‍👩‍👧 ﷺ",
    "if (x_1 >= 2) { return f(y); }",
    "ＡＢＣ１２３「」…",
)
"""Texts that ways of splitting differ in: digits, white space, rare characters, other forms."""
_NEEDED = ("bos_token", "eos_token")
"""Special tokens that the gate asks for; a class may know them where the files do not say."""


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
    for start in range(len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return list(whole[:start])
    return []


def _ink(text: str) -> Counter[str]:
    return Counter(char for char in text if not char.isspace())


def load_tokenizer(folder: Path, trusted: bool) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer of a checkpoint, and notes for whoever reads its numbers.

    Raises:
        CandidateError: it cannot be loaded without running code, or at all.
    """
    try:
        loaded = AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=trusted, local_files_only=True
        )
        return _as_published(folder, loaded)
    except CandidateError:
        raise
    # The tokenizers library raises plain `Exception`, and a checkpoint's own code anything.
    except Exception as error:
        advice = "Check the tokenizer's files, or fetch them again."
        named = [path.name for path, _ in code_places(folder)]
        if not trusted and "tokenizer_config.json" in named:
            advice = (
                "It is Python code of the checkpoint's own, which is not run. Choose a converted "
                "checkpoint, or read the code, pin its commit and name the candidate in "
                "--trust-remote-code."
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
            f"knows {size} ids, so it cannot read texts with {shown!r} (id {beyond[0]}). Fetch the "
            "checkpoint again; after adding tokens, resize the model's embeddings, too."
        )


def _as_published(folder: Path, loaded: Any) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer that `tokenizer.json` describes, whatever class is named for it.

    transformers builds many tokenizers anew from their vocabulary, in the way of a class that
    tokenizer_config.json or the model_type names, and says nothing where the file has another. What
    the model was trained with is in the file; a note tells where transformers' splits texts
    differently. See docs/architectures.md.
    """
    own_code = not type(loaded).__module__.startswith("transformers.")
    if own_code or not (folder / _FILE).is_file():
        return loaded, ()
    tokenizer = loaded
    # Of this class alone it is known that it takes the file as it is.
    if type(loaded) is not PreTrainedTokenizerFast:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
        _name_ends(tokenizer, loaded)
    _begin_as_asked(folder, tokenizer)
    return tokenizer, _differing(loaded, tokenizer)


def _name_ends(tokenizer: Any, loaded: Any) -> None:
    """Take over from a class what it calls the ends of a text, if the file has such tokens."""
    known = tokenizer.get_vocab()
    for name in _NEEDED:
        token = getattr(loaded, name, None)
        if getattr(tokenizer, name) is None and token in known:
            tokenizer.add_special_tokens({name: token})


def _begin_as_asked(folder: Path, tokenizer: Any) -> None:
    """Put BOS before a text where only tokenizer_config.json asks for it.

    transformers 4 heard `add_bos_token`, and DeepSeek's checkpoints say it nowhere else;
    transformers 5 takes no notice of it beside a `tokenizer.json`.
    """
    path = folder / "tokenizer_config.json"
    asked = path.is_file() and read_json(path).get("add_bos_token") is True
    if asked and tokenizer.bos_token_id is not None and _begins_bare(tokenizer):
        begin_with(tokenizer)


def _begins_bare(tokenizer: Any) -> bool:
    return bool(tokenizer("a")["input_ids"] == _ids(tokenizer, "a"))


def begin_with(tokenizer: Any) -> None:
    """Let a fast tokenizer put its BOS before every text."""
    bos, key = tokenizer.bos_token, tokenizer.bos_token_id
    before = processors.TemplateProcessing(
        single=[bos, "$A"], pair=[bos, "$A", "$B"], special_tokens=[(bos, key)]
    )
    backend = tokenizer.backend_tokenizer
    first = [backend.post_processor] if backend.post_processor is not None else []
    backend.post_processor = processors.Sequence([*first, before])


def _differing(loaded: Any, tokenizer: Any) -> tuple[str, ...]:
    """A note where two tokenizers differ; nothing where they agree on all probes."""
    for text in PROBES:
        if _ids(loaded, text) != _ids(tokenizer, text):
            note = Message(
                "its texts are split as {file} says. transformers' {name}, which "
                "tokenizer_config.json or the model_type asks for, would split {text} otherwise: "
                "elsewhere this checkpoint may give other numbers.",
                file=_FILE,
                name=type(loaded).__name__,
                text=repr(text),
            )
            return (note,)
    return ()


def _ids(tokenizer: Any, text: str) -> list[int]:
    asked = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
    return list(tokenizer(text, **asked)["input_ids"])
