"""What is taken of `generation_config.json`, the ids that end a text, and what is told of the rest.

How to sample is the gate's own choice, the same for every candidate. So the file is not given to
transformers, which would refuse a model for an option that nobody uses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from basegate.engines.checkpoints.file_reading import read_json
from basegate.engines.checkpoints.special_tokens import SpecialTokens, is_enclosed
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined

FILE = "generation_config.json"
_ENDS = "eos_token_id"
_IN_CONFIG = (_ENDS, "pad_token_id")
"""Keys of `config.json` whose ids a model is built or asked with."""
_SAMPLING = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "sequence_bias",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "exponential_decay_length_penalty",
    "min_length",
    "min_new_tokens",
    "num_beams",
    "penalty_alpha",
    "dola_layers",
    "guidance_scale",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "watermarking_config",
)
"""Options that would change what is drawn and that the gate does not set (but the first, which it
leaves at 1 unless it is asked for)."""
_NAME_END = ', or name the token that ends a text in models.toml (end = ["</s>"], say)'
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_NEUTRAL: tuple[Any, ...] = (None, 0, 1, [], {})


def check_special_ids(
    folder: Path, config: Mapping[str, Any], size: int | None, end: Sequence[str] = ()
) -> None:
    """Refuse a `config.json` that names ids which a model of `size` ids does not have.

    Where `models.toml` names tokens that `end` a text, they stand for its own.

    Raises:
        CandidateError: names key and id.
    """
    nested = config.get("text_config")
    for table in (config, nested if isinstance(nested, dict) else {}):
        for key in _IN_CONFIG[1:] if end else _IN_CONFIG:
            for each in _ids(table, key):
                if size is not None and each >= size:
                    raise beyond_vocabulary(folder / "config.json", key, each, size)


class Ends(NamedTuple):
    """The ids that end a text, by who names them."""

    config: list[int]
    generation: list[int] | None  # `None` without the file
    tokenizer: list[int]  # of its EOS and SEP tokens
    known: Collection[int]  # the ids of its vocabulary, or those of them that matter

    @property
    def foreign(self) -> list[int]:
        """Those of `generation_config.json` that neither `config.json` nor the tokenizer has."""
        named = self.generation or []
        return [each for each in named if each not in self.config and each not in self.known]

    @property
    def united(self) -> list[int]:
        """All of them, without foreign ones; those that always held come first."""
        foreign = self.foreign
        named = [each for each in self.generation or [] if each not in foreign]
        return list(dict.fromkeys((*named, *self.config, *self.tokenizer)))

    def before(self, eos: int | None) -> set[int]:
        """Those that held until SEP and the others counted, too: one file went before the next."""
        named, foreign = self.config if self.generation is None else self.generation, self.foreign
        ends = [each for each in named if each not in foreign]
        ends = ends or (self.config if foreign else [])
        return {*ends} or {*([] if eos is None else [eos])}


def end_of_text(
    folder: Path,
    config: Mapping[str, Any],
    tokenizer: Any,
    size: int | None,
    asked: Sequence[str] = (),
) -> tuple[list[int], tuple[str, ...], tuple[str, ...]]:
    """The ids that end a text by the checkpoint's files, and notes on what is not used.

    They are the union of what `config.json`, `generation_config.json` and the tokenizer (EOS, SEP)
    name: models are trained with one of them, and files that were copied name others.

    Args:
        folder: of a checkpoint whose small files have been checked.
        config: its `config.json`.
        tokenizer: its tokenizer.
        size: ids that the model knows, `None` if unknown.
        asked: tokens that `models.toml` names instead.

    Returns:
        The ids, notes on the files, and notes on samples.

    Raises:
        CandidateError: one is beyond what the model knows (names file, key and id), or no token.
    """
    generation = read_json(folder / FILE) if (folder / FILE).is_file() else None
    end, sep = tokenizer.eos_token_id, getattr(tokenizer, "sep_token_id", None)
    if sep is not None and size is not None and sep >= size:
        sep = None  # the model cannot write it
    own = _ids(config, _ENDS)
    given = None if generation is None else _ids(generation, _ENDS)
    named = [each for each in (end, sep) if each is not None]
    known = {*named}
    if not known.issuperset((*own, *(given or ()))):  # a vocabulary of 262,144 takes long to list
        known = {*tokenizer.get_vocab().values()}
    ends = Ends(own, given, named, known)
    notes = list(_notes_on_sampling(generation or {}))
    if asked:
        return [_asked(folder, tokenizer, word, size) for word in asked], tuple(notes), ()
    if ends.foreign:
        notes.insert(0, _note_on_foreign(ends.foreign))
    places = (
        (FILE, _ENDS, ends.generation or []),
        ("config.json", _ENDS, ends.config),
        ("tokenizer_config.json", "eos_token", ends.tokenizer),
    )
    found = ends.united
    for file, key, named in places:
        for each in named:
            if size is not None and each >= size and each in found:
                raise beyond_vocabulary(folder / file, key, each, size)
    return found, tuple(notes), tuple(_notes_on_ends(tokenizer, ends))


def ends_by_files(
    folder: Path, config: Mapping[str, Any], tokens: SpecialTokens
) -> list[int] | None:
    """The ids that end a text where others did before they were united; else `None`.

    For keys of measurements: from the small files alone, as far as these name them; `tokens` are
    those of the folder.
    """
    path = folder / FILE
    eos, sep = (tokens.id_of(tokens.role(role)) for role in ("eos_token", "sep_token"))
    own, generation = _ids(config, _ENDS), _ids(read_json(path), _ENDS) if path.is_file() else None
    named = [each for each in (eos, sep) if each is not None]
    known = {*own, *named}
    if not known.issuperset(generation or []):
        known = {*tokens.vocabulary.values()}
    ends = Ends(own, generation, named, known)
    return sorted(ends.united) if {*ends.united} != ends.before(eos) else None


def _ids(table: Mapping[str, Any], key: str) -> list[int]:
    """The ids under a key; some configs write -1 for none."""
    value = table.get(key)
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, int) and each >= 0]


def beyond_vocabulary(path: Path, key: str, found: int, size: int) -> CandidateError:
    """The error of a special token's id that a model of `size` ids does not have."""
    return CandidateError(
        f"{path}: {key} is {found}, and the model has {size} ids (0 to {size - 1}): there is no "
        "such token, so that samples would not end where they should, or break off with an error. "
        "It is left over from another tokenizer, or the embeddings were not resized after tokens "
        "were added. Write this tokenizer's own id there, or take the key out"
        f"{_NAME_END if key in (_ENDS, 'eos_token') else ''}."
    )


def _asked(folder: Path, tokenizer: Any, word: str, size: int | None) -> int:
    key = tokenizer.get_vocab().get(word)
    if key is None:
        # Vocabularies over bytes call a line break otherwise.
        ids = tokenizer(word, add_special_tokens=False)["input_ids"]
        if len(ids) != 1 or tokenizer.decode(ids) != word:
            pieces = joined(map(repr, tokenizer.convert_ids_to_tokens(ids))) or "nothing"
            raise CandidateError(
                f"{folder}: end in models.toml names {word!r}, which is no token of its tokenizer "
                f"(it makes {pieces} of it). A text ends with one token: name one of its "
                "vocabulary, as tokenizer.json or vocab.txt writes it."
            )
        key = ids[0]
    if size is not None and key >= size:
        raise CandidateError(
            f"{folder}: end in models.toml names {word!r}, which has the id {key}, and the model "
            f"has {size} ids (0 to {size - 1}): it cannot write that token, so no sample would end "
            "with it. Name a token that it can write, or leave end out: what the checkpoint's own "
            "files name holds then."
        )
    return int(key)


def _notes_on_ends(tokenizer: Any, ends: Ends) -> Iterator[str]:
    """Where samples could not end by themselves, or would in the middle of a sentence."""
    if not {*ends.united}.intersection(ends.known):
        yield Message(
            "no end of a text is known: neither config.json, generation_config.json nor the "
            "tokenizer names a token of it. Samples could not end by themselves and went on to "
            "max_new_tokens, into a next question, say. Name the token that its texts end with in "
            "models.toml, as in {example}.",
            example='end = ["[SEP]"]',
        )
    named = {
        **dict.fromkeys(ends.tokenizer, "tokenizer_config.json"),
        **dict.fromkeys(ends.config, "config.json"),
        **dict.fromkeys(ends.generation or [], FILE),
    }
    for key, file in named.items():
        token = tokenizer.decode([key]) if key in ends.known else ""
        piece = tokenizer.convert_ids_to_tokens(key) if token else None
        # Of a character that takes several tokens: a byte alone, or what no text holds as it is.
        part = isinstance(piece, str) and (_BYTE.fullmatch(piece) or "\ufffd" in token)
        if part or (token and not is_enclosed(token)):
            yield Message(
                "{file} names {id} as the end of a text, which is {token} in its tokenizer, a "
                "piece of ordinary text: samples end wherever it stands. If the id is left over "
                "from another tokenizer, name the right token in models.toml, as in {example}.",
                file=file,
                id=key,
                token=piece if part else repr(token),
                example='end = ["[SEP]"]',
            )


def _note_on_foreign(foreign: list[int]) -> str:
    return Message(
        "{file} names ids for the end of a text ({ids}) that neither config.json nor the tokenizer "
        "has, as of another tokenizer. They are left out.",
        file=FILE,
        ids=joined(map(str, foreign)),
    )


def _notes_on_sampling(generation: Mapping[str, Any]) -> Iterator[str]:
    asked = {key: generation.get(key) for key in _SAMPLING}
    found = [f"{key} = {value}"[:60] for key, value in asked.items() if value not in _NEUTRAL]
    if found:
        yield Message(
            "{file} asks for {options}, which is not used: samples are drawn as thresholds.toml "
            "says, the same way for every candidate.",
            file=FILE,
            options=joined(found),
        )
