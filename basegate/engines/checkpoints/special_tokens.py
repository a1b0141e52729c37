"""What a checkpoint's small files say of its special tokens, without its tokenizer being built."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from basegate.engines.checkpoints.file_reading import read_json
from basegate.errors import CandidateError

Part = TypeVar("Part", dict[str, Any], list[Any])
ROLES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "cls_token",
    "mask_token",
)
"""All but padding, which is never asked for here: some name an ordinary word for it."""
_LISTS = ("additional_special_tokens", "extra_special_tokens")
_TOKENIZER, _OPTIONS = "tokenizer.json", "tokenizer_config.json"
_ENCLOSED = re.compile(r"<.+>|\[.+\]|\{.+\}|‹.+›|[|｜].+[|｜]|>>.+<<|__.+__", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")


def is_enclosed(token: str) -> bool:
    """Whether a token looks as only control tokens do: `<s>`, `[SEP]`, `>>TITLE<<`, `__start__`."""
    return _ENCLOSED.fullmatch(token.strip(" ▁")) is not None


def is_ordinary(token: str) -> bool:
    """Whether a token could stand in anybody's text, as a word, figure or sign of it."""
    return not (is_enclosed(token) or _CONTROL.search(token)) and bool(token.strip(" ▁"))


class SpecialTokens:
    """The special tokens of a checkpoint's folder, as far as its files name them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options = self._read(_OPTIONS)
        self._map = self._read("special_tokens_map.json")

    def ordinary(self) -> list[str]:
        """Words that are special only because somebody added them so; see `special_words`."""
        named = {*filter(None, map(self.role, ROLES))}
        before = json.dumps(self._part("post_processor", dict), ensure_ascii=False)
        special = [each for each in self._added if each.get("special")]
        found = {
            *(str(each.get("content")) for each in special),
            *(_content(each) for key in _LISTS for each in _listed(self._options.get(key))),
        } - named
        return sorted(each for each in found if is_ordinary(each) and f'"{each}"' not in before)

    def role(self, role: str) -> str:
        """The token of a role, empty if none is named."""
        found = _content(self._options.get(role) or self._map.get(role))
        return "[SEP]" if not found and role == "sep_token" and self._of_bert else found

    def id_of(self, token: str) -> int | None:
        for each in self._added:
            if token and each.get("content") == token and isinstance(each.get("id"), int):
                return int(each["id"])
        return self.vocabulary.get(token) if token else None

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Tokens and their ids; read late, since some are long."""
        added = {str(each.get("content")): each["id"] for each in self._added if "id" in each}
        if not (self._folder / _TOKENIZER).is_file():
            path = self._folder / "vocab.txt"
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            return {piece: key for key, piece in enumerate(lines)} | added
        found = self._part("model", dict).get("vocab")
        if isinstance(found, list):  # unigram models have pairs of a piece and its score
            found = {piece: key for key, (piece, _) in enumerate(found)}
        return {**(found or {}), **added}

    @cached_property
    def _added(self) -> list[dict[str, Any]]:
        listed = self._part("added_tokens", list)
        behind = self._options.get("added_tokens_decoder")
        more = behind.items() if isinstance(behind, dict) else ()
        return [
            *(each for each in listed if isinstance(each, dict)),
            *({**each, "id": int(key)} for key, each in more if isinstance(each, dict)),
        ]

    @property
    def _of_bert(self) -> bool:
        """Whether a class of BERT's reads it, which knows a `[SEP]` that no file has to name."""
        named = self._options.get("tokenizer_class") or self._read("config.json").get(
            "tokenizer_class"
        )
        if isinstance(named, str):
            return "bert" in named.lower()
        return not (self._folder / _TOKENIZER).is_file() and (self._folder / "vocab.txt").is_file()

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / name
        try:
            return read_json(path) if path.is_file() else {}
        except CandidateError:  # which loading tells
            return {}

    @cached_property
    def _text(self) -> str:
        path = self._folder / _TOKENIZER
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""

    def _part(self, key: str, kind: type[Part]) -> Part:
        """What stands under a key of `tokenizer.json`, whose vocabulary takes long to read.

        Empty where there is none, or the file is damaged: loading tells that.
        """
        begin = re.search(rf'"{key}"\s*:\s*', self._text)
        try:
            found = begin and json.JSONDecoder().raw_decode(self._text, begin.end())[0]
        except ValueError:
            return kind()
        return found if isinstance(found, kind) else kind()


def _listed(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value or []


def _content(value: Any) -> str:
    """A token that is written as text, or as a table with its flags."""
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""
