"""Find the answer in what a base model wrote after a prompt.

Base models continue text; they do not obey a format. These functions return the answer that the
text gives and ``None`` where it gives none, several, or one that contradicts itself, so that "no
answer" and "wrong answer" are counted separately.
"""

from __future__ import annotations

from basegate.checks.answers.choice import find_choice
from basegate.checks.answers.final import is_choice_final, is_number_final
from basegate.checks.answers.number import find_number

__all__ = ["find_choice", "find_number", "is_choice_final", "is_number_final"]
