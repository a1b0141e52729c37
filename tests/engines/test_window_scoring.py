"""Every token is scored exactly once, with enough text before it."""

import pytest
from hypothesis import given, strategies as st

from basegate.engines.window_scoring import Window, plan_windows


@st.composite
def plans(draw):
    prefix = draw(st.integers(1, 4))
    context = draw(st.integers(0, 40))
    window = prefix + context + draw(st.integers(1, 40))
    return draw(st.integers(0, 500)), window, context, prefix


@given(plans())
def test_every_token_is_scored_exactly_once_in_order(plan):
    tokens, window, context, prefix = plan
    windows = plan_windows(tokens, window=window, context=context, prefix=prefix)
    scored = [token for each in windows for token in range(each.scored, each.end)]
    assert scored == list(range(tokens))


@given(plans())
def test_every_scored_token_has_its_context_unless_the_text_starts_there(plan):
    tokens, window, context, prefix = plan
    for begin, scored, end in plan_windows(tokens, window=window, context=context, prefix=prefix):
        assert 0 <= begin <= scored < end <= tokens
        for token in range(scored, end):
            assert token - begin >= min(context, token)


@given(plans())
def test_no_window_is_longer_than_allowed_and_all_but_the_last_are_full(plan):
    tokens, window, context, prefix = plan
    windows = plan_windows(tokens, window=window, context=context, prefix=prefix)
    lengths = [prefix + each.end - each.begin for each in windows]
    assert all(length <= window for length in lengths)
    assert all(length == window for length in lengths[:-1])


def test_windows_of_ten_tokens_by_hand():
    # Five tokens a window, one of them the prefix: four of the text, two of them context.
    # 0 1 2 3 | (2 3) 4 5 | (4 5) 6 7 | (6 7) 8 9
    assert plan_windows(10, window=5, context=2, prefix=1) == [
        Window(0, 0, 4),
        Window(2, 4, 6),
        Window(4, 6, 8),
        Window(6, 8, 10),
    ]


def test_a_text_that_fits_is_one_window():
    assert plan_windows(2047, window=2048, context=512, prefix=1) == [Window(0, 0, 2047)]


def test_one_token_more_than_fits_begins_a_second_window_with_full_context():
    assert plan_windows(2048, window=2048, context=512, prefix=1) == [
        Window(0, 0, 2047),
        Window(2047 - 512, 2047, 2048),
    ]


def test_without_a_prefix_all_but_the_first_token_are_scored_after_another():
    # 0 1 2 3 4 | (4) 5 6 7 8 | (8) 9
    assert plan_windows(10, window=5, context=0, prefix=0) == [
        Window(0, 1, 5),
        Window(4, 5, 9),
        Window(8, 9, 10),
    ]
    assert plan_windows(1, window=5, context=0, prefix=0) == []


def test_no_tokens_need_no_window():
    assert plan_windows(0, window=8, context=2, prefix=1) == []


@pytest.mark.parametrize(
    ("window", "context", "prefix"),
    [
        pytest.param(1, 0, 0, id="nothing predicts the only token"),
        pytest.param(8, 7, 1, id="context fills the window"),
        pytest.param(8, 20, 1, id="context is longer than the window"),
        pytest.param(2, 0, 2, id="prefix fills the window"),
        pytest.param(8, -1, 1, id="negative context"),
    ],
)
def test_a_plan_that_could_score_nothing_is_refused(window, context, prefix):
    with pytest.raises(ValueError, match="leaves nothing to score"):
        plan_windows(100, window=window, context=context, prefix=prefix)
