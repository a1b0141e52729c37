"""Does it go on in Cantonese when it is given the beginning? The article's second test."""


def test_continuation(continuation, judge):
    verdict = judge(continuation)
    assert verdict.passed, verdict.explanation
