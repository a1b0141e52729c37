"""What tests of the plots share: pages with some rows changed, and the texts of an SVG."""

from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

from basegate.judging.judge import invalid
from basegate.report.page.plots import plots
from tests.helpers.page_texts import LONG_NAMES
from tests.helpers.pages import make_page, rename
from tests.helpers.rows import row


@cache
def plots_of(candidates=2, hostile=False, long_names=False):
    """Return the plots of a page; drawn once, since that takes a while."""
    page = make_page(candidates, hostile=hostile)
    return plots(rename(page, LONG_NAMES) if long_names else page)


def with_rows(page, change):
    """Return a page whose rows are changed; `None` takes one away."""
    rows = tuple(new for each in page.ledger.results if (new := change(each)) is not None)
    return replace(page, ledger=page.ledger.model_copy(update={"results": rows}))


def broken(page, candidate, check):
    """Return a page on which a check of a candidate is invalid."""

    def change(each):
        if (each.candidate, each.check) != (candidate, check):
            return each
        return invalid(candidate, check, each.part, "it broke.", each.measurement)

    return with_rows(page, change)


def texts(plot):
    """Return the lines of text in a plot, as a reader sees them."""
    found = ElementTree.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(each.itertext()).strip() for each in found]


def counted(right, drawn=10, count=10, limit=7, **fields):
    """Return a row of the ledger that counts samples of a question."""
    return row(
        "pass" if right >= limit else "fail",
        **{
            "check": "knowledge",
            "item": "bank/q1",
            "metric": "correct",
            "value": float(right),
            "unit": "correct",
            "limit": limit,
            "direction": "min",
            "count": count,
            "n_generated": drawn,
            **fields,
        },
    )
