"""What a broken model writes."""

import pytest

from basegate.checks.validity import is_degenerate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        (" \n\t", True),
        ("!" * 8, True),
        ("! " * 8, True),
        ("!" * 7, False),
        ("!!!!!!!?", False),
        ("\ufffd\ufffdab", True),
        ("\ufffdab", False),
        ("A", False),
        ("9", False),
        ("哈哈哈哈", False),
    ],
)
def test_degenerate_texts_by_hand(text, expected):
    assert is_degenerate(text) is expected
