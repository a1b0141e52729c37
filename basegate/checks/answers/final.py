"""Early stopping: whether more text could still change the extracted answer.

A reading is final if none of the ways in which models continue (the options listed, another option
named or called right, another answer stated, a list of answers, the question again) changes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from basegate.checks.answers.choice import find_choice
from basegate.checks.answers.number import find_number

_NUMBERS = (
    *("\n12345", "n = 12345\n", "或者 12345", "所以答案係12345。\n", "1 + n = 12345\n"),
    *("\n#### 12345\n", "所以一共12345個。\n", "1 + 2 = 12345\n", "1. 12345\n2. 12345\n"),
)


def is_choice_final(text: str, options: Mapping[str, str]) -> bool:
    """Whether more text could not change what `find_choice` finds; `text` is whole lines."""
    answer = find_choice(text, options)
    if answer is None:
        return False
    listed = "\n".join(f"{letter}. {option}" for letter, option in options.items())
    tails = [listed, f"問題：乜嘢？\n{listed}", "唔係\n"]
    for letter, option in options.items():
        tails += [f"{letter}. {option}\n", f"{letter}\n", f"所以答案係{letter}。\n", f"{option}\n"]
        tails += [f"{letter}. 正確\n"]
        tails += [f"2. {each}\n" for each in (f"答案：{letter}", letter, option)]
    return all(find_choice(text + tail, options) == answer for tail in tails)


def is_number_final(text: str, prompt: str = "") -> bool:
    """Whether more text could not change what `find_number` finds; `text` is whole lines."""
    number = find_number(text, prompt)
    return number is not None and all(
        find_number(text + tail, prompt) == number for tail in _NUMBERS
    )
