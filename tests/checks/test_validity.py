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
        ("9\ufffd", False),  # an answer, and a character that was cut
        ("答案\ufffd\ufffd\ufffd", False),
        ("\ufffd", True),
        ("\ufffd\ufffd\ufffd\ufffd", True),
        ("答案係 " + "!" * 40, True),
        ("答案係 " + "!" * 20, False),
        ("1" + "0" * 12, False),
        ("A", False),
        ("9", False),
        ("哈哈哈哈", False),
    ],
)
def test_degenerate_texts_by_hand(text, expected):
    assert is_degenerate(text) is expected
