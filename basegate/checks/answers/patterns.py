"""Patterns shared by the extraction of choices and of numbers."""

from __future__ import annotations

import re


def rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def words(chinese: str, latin: str = "") -> str:
    """Pattern for any of these words, the longest first; Latin ones only as whole words."""
    parts = [re.escape(word) for word in sorted(chinese.split(), key=len, reverse=True)]
    if latin:
        parts.append(f"(?<![a-z])(?:{'|'.join(latin.split())})(?![a-z])")
    return f"(?:{'|'.join(parts)})"


IS = words("係 是 為 为", "is")
SO = words("所以 因此 故 故此", "so therefore thus hence")
BECAUSE = words("因為 因为 由於 由于", "because since as")

NOT = words(
    "唔得 唔會係 唔會 唔應該係 唔應該 唔可能係 唔係 唔正確 唔啱 唔對 不會是 不會 不会是 不会"
    " 不應該是 不应该是 不可能是 不可能 不是 不係 不正確 不正确 不對 不对 並非 并非 絕非"
    " 绝非 並不是 并不是 錯誤 错误 錯 错 ❌ ✗ ✘ ✖ n't",
    "not cannot wrong incorrect false never neither nor except",
)
NEGATIVE = rx(NOT)
SPECIAL = r"</?s>|<\|\w+\|>"  # a tokenizer's own marks
