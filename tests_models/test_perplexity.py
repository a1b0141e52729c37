"""Does the candidate know the language? The article's first test."""


def test_perplexity(perplexity, judge):
    verdict = judge(perplexity)
    assert verdict.passed, verdict.explanation
