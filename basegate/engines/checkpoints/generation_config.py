"""What is taken of `generation_config.json`, the ids that end a text, and what is told of the rest.

How to sample is the gate's own choice, the same for every candidate. So the file is not given to
transformers, which would refuse a model for an option that nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from basegate.engines.checkpoints.file_reading import read_json
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
_NEUTRAL: tuple[Any, ...] = (None, 0, 1, [], {})


def check_special_ids(folder: Path, config: Mapping[str, Any], size: int | None) -> None:
    """Refuse a `config.json` that names ids which a model of `size` ids does not have.

    Raises:
        CandidateError: names key and id.
    """
    nested = config.get("text_config")
    for table in (config, nested if isinstance(nested, dict) else {}):
        for key in _IN_CONFIG:
            for each in _ids(table, key):
                if size is not None and each >= size:
                    raise beyond_vocabulary(folder / "config.json", key, each, size)


def end_of_text(
    folder: Path, config: Mapping[str, Any], tokenizer: Any, size: int | None
) -> tuple[list[int], tuple[str, ...]]:
    """The ids that end a text by the checkpoint's files, and notes on what is not used.

    `generation_config.json` goes before `config.json`. Without any id the tokenizer's end of a text
    holds.

    Args:
        folder: of a checkpoint whose small files have been checked.
        config: its `config.json`.
        tokenizer: its tokenizer.
        size: ids that the model knows, `None` if unknown.

    Raises:
        CandidateError: one is beyond what the model knows; names file, key and id.
    """
    generation = read_json(folder / FILE) if (folder / FILE).is_file() else None
    own = _ids(config, _ENDS)
    ends, notes, said = own, [], "config.json"
    if generation is not None:
        named = _ids(generation, _ENDS)
        known = {*own, *tokenizer.get_vocab().values()}
        ends = [each for each in named if each in known]
        if foreign := [each for each in named if each not in known]:
            ends = ends or own
            notes.append(_note_on_foreign(foreign))
        notes += _notes_on_sampling(generation)
        said = FILE
    for each in ends:
        if size is not None and each >= size:
            raise beyond_vocabulary(folder / said, _ENDS, each, size)
    end = tokenizer.eos_token_id
    if not ends and end is not None and size is not None and end >= size:
        raise beyond_vocabulary(folder / "tokenizer_config.json", "eos_token", end, size)
    return ends, tuple(notes)


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
        "were added. Write this tokenizer's own id there, or take the key out."
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
