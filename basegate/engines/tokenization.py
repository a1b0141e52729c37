"""A checkpoint's tokenizer as it was published; text to token ids and back, always the same way.

No special token is in the ids of a text, unless it is the prefix.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tokenizers import decoders, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from basegate.engines.checkpoints.config_files import tokenizer_advice
from basegate.engines.checkpoints.file_reading import read_json, readable
from basegate.engines.special_words import SpecialWords, read_ordinary_words
from basegate.errors import CandidateError, InvalidMeasurement, summary
from basegate.i18n.messages import Message, joined, some

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
_TIMES = 8
_NEEDED = ("bos_token", "eos_token", "sep_token")
"""Special tokens that the gate asks for; a class may know them where the files do not say."""
_SHORT = ("a", "字", "1", "!")
"""Texts to see a prefix before; a tokenizer may make nothing of some."""
_WIDE = "[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
_BESIDE_WIDE = re.compile(f"(?<={_WIDE}) | (?={_WIDE})")


class Encoded(NamedTuple):
    """A text in tokens."""

    ids: list[int]  # without prefix
    starts: NDArray[np.int64] | None  # as in `TokenScores`


class Encoder:
    """A transformers tokenizer as the gate uses it.

    Its `prefix` are the ids before every window and prompt: what the tokenizer puts there by itself
    (BOS or the like), or the document separator where it puts nothing. Empty where it has neither:
    then nothing tells how probable the first token of a text is.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer = tokenizer
        bare = _shortest(tokenizer, name)
        self.prefix = _prefix(tokenizer, *bare)
        # Some tokenizers write it although they are told not to.
        self._always = bare[1][: len(self.prefix)] == self.prefix
        self._name = name
        self._words = SpecialWords(tokenizer)
        # Words of WordPiece come with spaces between them; in Chinese every character is one.
        decoder = tokenizer.backend_tokenizer.decoder if tokenizer.is_fast else None
        self._writes_spaces = isinstance(decoder, decoders.WordPiece)

    @property
    def prefix_in_words(self) -> str:
        return " ".join(map(str, self.tokenizer.convert_ids_to_tokens(self.prefix)))

    def encode(self, text: str) -> Encoded:
        ids, spans = self._encode(text)
        return Encoded(ids, spans[:, 0] if spans is not None else None)

    def encode_after(self, prompt: str, text: str) -> tuple[list[int], Encoded]:
        """The tokens of a prompt and of the text that follows it.

        Both are encoded as one text, as the model would meet them. A token that reaches over the
        boundary belongs to the text, and so does a space at the prompt's end: most tokenizers have
        it in the first word's token, but give it one of its own before a figure, say, and then it
        would count for some options of a question and not for others.
        """
        ids, spans = self._encode(prompt + text)
        end = len(prompt.rstrip(" "))
        if spans is None:
            alone = self._encode(prompt[:end])[0]
            first = next(
                (place for place, (a, b) in enumerate(zip(alone, ids, strict=False)) if a != b),
                min(len(alone), len(ids)),
            )
            return ids[:first], Encoded(ids[first:], None)
        inside = spans[:, 1] > end
        first = int(np.argmax(inside)) if inside.any() else len(ids)
        starts = np.maximum(spans[first:, 0] - len(prompt), 0)
        return ids[:first], Encoded(ids[first:], starts)

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return _BESIDE_WIDE.sub("", text) if self._writes_spaces else text

    def lost(self, text: str, ids: Sequence[int]) -> int:
        """Characters, white space apart, that the tokens do not hold.

        They are parts of an unknown token, or folded into others (case, forms of characters).
        """
        held = self._held(ids)
        return 0 if held == text else (_ink(text) - _ink(held)).total()

    def _held(self, ids: Sequence[int]) -> str:
        """What tokens hold of the text that they were made of."""
        # Decoded, an unknown token would give back its own name for the characters it stands for.
        known = [key for key in ids if key != self._words.unknown]
        text: str = self.tokenizer.decode(
            known, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    def unread(self, text: str, ids: Sequence[int]) -> Counter[str]:
        """Characters, white space apart, that the tokens hold in no case or form."""
        return _ink(_folded(text)) - _ink(_folded(self._held(ids)))

    def lost_share(self, text: str) -> float:
        """The share of a text's characters that are lost; 1 where it has no token to score."""
        ids = self.encode(text).ids
        return self.lost(text, ids) / len(text) if self.scored(ids) else 1.0

    def scored(self, ids: Sequence[int]) -> Sequence[int]:
        """The tokens of a text whose probability something before them tells."""
        return ids if self.prefix else ids[1:]

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
        ids, offsets = list(encoded["input_ids"]), encoded.get("offset_mapping")
        words = self._words.within(text)
        if fast and self._words.taken(words, ids):
            made = self._words.splitting.encode(text, add_special_tokens=False)
            ids, offsets = made.ids, made.offsets
        spans = np.array(offsets).reshape(-1, 2) if fast else None
        written = self._always and ids[: len(self.prefix)] == self.prefix
        own = len(self.prefix) if written else 0  # it must not stand there twice
        if taken := self._words.taken(words, ids[own:]):
            raise InvalidMeasurement(
                f"the tokenizer of {self._name} reads {joined(map(repr, taken))} in a text as "
                f"special tokens, not as characters: {_around(text, taken[0])}. The model would "
                "take them for the end of a text or the like. Take them out of the text."
            )
        return ids[own:], None if spans is None else spans[own:]


def _around(text: str, word: str) -> str:
    place = text.index(word)
    return repr(text[max(0, place - 10) : place + len(word) + 10])


def _shortest(tokenizer: Any, name: str) -> tuple[str, list[int]]:
    """A short text that the tokenizer makes something of, and its tokens."""
    for text in _SHORT:
        if ids := tokenizer(text, add_special_tokens=False)["input_ids"]:
            return text, list(ids)
    raise CandidateError(
        f"{name}: its tokenizer makes no token of any of {joined(map(repr, _SHORT))}. Its files "
        "are damaged, or they are of no language model: fetch them again."
    )


def _prefix(tokenizer: Any, text: str, bare: list[int]) -> list[int]:
    prefix = _before(tokenizer(text)["input_ids"], bare)
    if prefix:
        return prefix
    if bare[0] == tokenizer.bos_token_id:
        return [int(bare[0])]
    for separator in (tokenizer.eos_token_id, tokenizer.bos_token_id):
        if separator is not None:
            return [int(separator)]
    return []


def _before(whole: Sequence[int], part: Sequence[int]) -> list[int]:
    for start in range(len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return list(whole[:start])
    return []


def _ink(text: str) -> Counter[str]:
    return Counter(char for char in text if not char.isspace())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def load_tokenizer(folder: Path, trusted: bool) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer of a checkpoint, and notes for whoever reads its numbers.

    Raises:
        CandidateError: it cannot be loaded without running code, or at all.
    """
    try:
        with readable(folder) as clean:
            loaded = AutoTokenizer.from_pretrained(
                str(clean), trust_remote_code=trusted, local_files_only=True
            )
            random = _without_dropout(loaded)
            tokenizer, notes = _as_published(clean, loaded)
        words = read_ordinary_words(tokenizer)
        _check_repeatable(folder, tokenizer)
        odd = _note_on_prefix(Encoder(tokenizer, str(folder)))
        return tokenizer, tuple(dict.fromkeys((*random, *notes, *words, *odd)))
    except CandidateError:
        raise
    # The tokenizers library raises plain `Exception`, and a checkpoint's own code anything.
    except Exception as error:
        if (folder / _FILE).is_file():
            read_json(folder / _FILE)  # which names what is wrong, if it is no JSON
        raise CandidateError(
            f"{folder}: its tokenizer could not be loaded ({summary(error)}). "
            f"{tokenizer_advice(folder, trusted, error)}"
        ) from error


def _note_on_prefix(encoder: Encoder) -> tuple[Message, ...]:
    """A note where what a tokenizer puts before a text is hardly what was meant."""
    prefix, tokenizer = encoder.prefix, encoder.tokenizer
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    if len(set(prefix)) == len(prefix) and special.issuperset(prefix):
        return ()
    note = Message(
        "its tokenizer puts {tokens} before every text: the same token twice, or one that is no "
        "special token. It is measured so, as any program reads it; see post_processor in {file} "
        "if the model was not trained so.",
        tokens=encoder.prefix_in_words,
        file=_FILE,
    )
    return (note,)


def _without_dropout(tokenizer: Any) -> tuple[str, ...]:
    """Let a tokenizer cut a text the same way every time; a note where it would not have.

    Source: Provilkov et al., BPE-Dropout: Simple and effective subword regularization, 2020, which
    is for training.
    """
    model = tokenizer.backend_tokenizer.model if tokenizer.is_fast else None
    share = getattr(model, "dropout", None)
    if model is None or not share:
        return ()
    model.dropout = None
    note = Message(
        "{file} asks for dropout = {share}: texts would be cut at random, as only training wants "
        "it. It is switched off: every text has the same tokens every time.",
        file=_FILE,
        share=f"{share:g}",
    )
    return (note,)


def _check_repeatable(folder: Path, tokenizer: Any) -> None:
    for text in PROBES:
        # More than twice: where few pieces can be cut otherwise, two are often alike.
        if len({tuple(_ids(tokenizer, text)) for _ in range(_TIMES)}) > 1:
            raise CandidateError(
                f"{folder}: its tokenizer cuts the same text differently every time ({text!r}), so "
                "no number could be had twice. Switch its sampling off in tokenizer_config.json "
                "(sp_model_kwargs: enable_sampling)."
            )


def check_vocabulary(folder: Path, tokenizer: Any, size: int | None) -> tuple[str, ...]:
    """Refuse a tokenizer with ids that the model has no embedding for.

    Special tokens that no text becomes (a place for images, say) may be beyond: some good
    checkpoints have them, and a note names them. `size` is `None` where the config does not say.
    """
    if size is None:
        return ()
    marks = {key for key, token in tokenizer.added_tokens_decoder.items() if token.special}
    marks |= {*SpecialWords(tokenizer).ids.values()}  # no text becomes these either
    ids = {*tokenizer.get_vocab().values()} - marks | {*Encoder(tokenizer, str(folder)).prefix}
    if beyond := [key for key in ids if key >= size]:
        shown = tokenizer.convert_ids_to_tokens(min(beyond))
        raise CandidateError(
            f"{folder}: its tokenizer gives ids up to {max(beyond)}, and by config.json the model "
            f"knows {size} ids, so it cannot read texts with {shown!r} (id {min(beyond)}). Fetch "
            "the checkpoint again; after adding tokens, resize the model's embeddings, too."
        )
    without = sorted(key for key in marks if key >= size)
    if not without:
        return ()
    note = Message(
        "its tokenizer has special tokens that the model has no embedding for ({tokens}). No text "
        "becomes them; resize the embeddings before you train with them.",
        tokens=some(tokenizer.convert_ids_to_tokens(without)),
    )
    return (note,)


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
    tokenizer, random = loaded, tuple[str, ...]()
    # Of this class alone it is known that it takes the file as it is.
    if type(loaded) is not PreTrainedTokenizerFast:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
        # A class that was built anew may have been without it, and nothing was told.
        random = _without_dropout(tokenizer)
        _name_ends(tokenizer, loaded)
    _begin_as_asked(folder, tokenizer)
    return tokenizer, (*random, *_differing(loaded, tokenizer))


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
