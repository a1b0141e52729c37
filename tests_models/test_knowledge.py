"""Does it know Hong Kong? The article's third test."""


def test_knowledge(knowledge, judge):
    verdict = judge(knowledge)
    assert verdict.passed, verdict.explanation
