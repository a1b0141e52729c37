"""The made-up pages that tests of the report rest on."""

import pytest

from tests.helpers.page_texts import HOSTILE_NAMES, LONG_LINE
from tests.helpers.pages import make_page


def samples(page):
    return [sample for made in page.measurements.values() for sample in made.findings.samples]


@pytest.mark.parametrize("candidates", [1, 2, 6])
def test_a_page_has_as_many_candidates_and_samples_as_asked_for_and_eight_checks(candidates):
    page = make_page(candidates)
    assert len(page.names) == candidates
    assert len(page.parts) == 8
    assert 3800 <= len(samples(page)) <= 4200
    assert len(page.measurements) == candidates * 8


def test_the_first_candidate_is_good_the_second_is_not_and_the_sixth_has_a_broken_run():
    verdicts = [entry.verdict for entry in make_page(6).ledger.candidates]
    assert (verdicts[0], verdicts[1], verdicts[5]) == ("pass", "fail", "invalid")


def test_a_hostile_page_has_hostile_names_and_a_megabyte_on_one_line():
    page = make_page(6, hostile=True)
    assert page.names == HOSTILE_NAMES
    assert any(sample.text == LONG_LINE for sample in samples(page))
    assert len(LONG_LINE.encode()) > 2**20
