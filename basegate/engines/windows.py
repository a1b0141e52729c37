"""How a long text is cut into windows so that every token is scored exactly once."""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """Tokens `begin` to `end` are fed, after the prefix; `scored` to `end` are scored."""

    begin: int
    scored: int
    end: int


def plan_windows(tokens: int, *, window: int, context: int, prefix: int) -> list[Window]:
    """Cut a text of `tokens` tokens into windows.

    Every token is scored in exactly one window, with at least `context` tokens of the text before
    it in that window unless the text starts within it, and no window is longer than `window`,
    prefix included.

    Args:
        tokens: length of the text.
        window: the longest input, in tokens.
        context: tokens before every scored token.
        prefix: tokens that precede every window and are never scored; at least one, since the
            first token is predicted from it.

    Raises:
        ValueError: no token could be scored in a window.
    """
    room = window - prefix
    if prefix < 1 or context < 0 or room - context < 1:
        raise ValueError(
            f"window {window} with prefix {prefix} and context {context} leaves nothing to score"
        )
    windows = []
    scored = 0
    while scored < tokens:
        begin = max(0, scored - context)
        end = min(tokens, begin + room)
        windows.append(Window(begin, scored, end))
        scored = end
    return windows
