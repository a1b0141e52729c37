"""Can it tell right Cantonese from wrong? By probability alone, without a sample."""


def test_minimal_pairs(minimal_pairs, judge):
    verdict = judge(minimal_pairs)
    assert verdict.passed, verdict.explanation
