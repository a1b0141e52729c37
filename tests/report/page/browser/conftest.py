"""A plain and a hostile page, as files."""

import pytest

from basegate.report.page.document import document
from tests.helpers.pages import make_page


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Return a function that writes a page of our own once and gives its path."""
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def path_of(**made):
        key = tuple(sorted(made.items()))
        if key not in written:
            written[key] = folder / f"{len(written)}.html"
            written[key].write_text(document(make_page(**made)), encoding="utf-8")
        return written[key]

    return path_of
