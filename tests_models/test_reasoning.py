"""Can it reason? The article's fourth test."""


def test_reasoning(reasoning, judge):
    verdict = judge(reasoning)
    assert verdict.passed, verdict.explanation
