"""Windows: how long they may be, and how a text is cut so that every token is scored once."""

from __future__ import annotations

from typing import NamedTuple

from basegate.errors import CandidateError


def check_window(name: str, window: int, longest: int | None, beyond: str = "") -> None:
    """Refuse a window longer than what a model was made for.

    Args:
        name: of the candidate, for the message.
        window: `[perplexity] window`, in tokens.
        longest: tokens that the model was made for; `None` where that is not known.
        beyond: what the original does with more tokens and this does not.

    Raises:
        CandidateError: it is longer.
    """
    if longest is not None and window > longest:
        raise CandidateError(
            f"[perplexity] window = {window} is longer than the {longest} tokens that {name} was "
            f"made for; beyond them its numbers mean nothing{f' ({beyond})' if beyond else ''}. "
            f"Lower window, which holds for every candidate, so that all are compared alike."
        )


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
