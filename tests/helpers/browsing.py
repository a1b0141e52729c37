"""A browser to look at pages in, and what it tells of them."""

import os
import shutil
import time
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (390, 1440)
SCHEMES = ("light", "dark")

READY = "#bg-texts[data-ready]"
COUNT = "#bg-texts .bg-count"
STATUS = "#bg-texts .bg-standing [role=status]"
"""What is read out to those who cannot see it: the count, and what a link asked for in vain."""
FILTER = """async ([field, value]) => {
  const form = document.querySelector('.bg-filters')
  const settled = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
  await settled()
  const start = performance.now()
  form.elements[field].value = value
  form.elements[field].dispatchEvent(new Event('input', {bubbles: true}))
  document.body.offsetHeight  // laid out, too
  return performance.now() - start
}"""
"""Sets a field of the filter; how many milliseconds it takes until the page is laid out."""


class Window:
    """A page that is open, with all that it did unasked."""

    def __init__(self, page, width, scheme):
        self.page, self.name = page, f"{width}-{scheme}"
        self.unasked = []
        page.on("dialog", lambda dialog: (self.unasked.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: self.unasked.append(str(error)))
        page.on("console", lambda message: self.unasked.append(message.text))
        page.on("request", self._asked)

    def _asked(self, request):
        if not request.is_navigation_request():
            self.unasked.append(request.url)

    def open(self, path, fragment=""):
        # A page that is open already would only go to another place in itself.
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + fragment)
        self.page.wait_for_selector(READY)
        return self

    def filter(self, **fields):
        """Set fields of the filter one by one; return how long each took."""
        return [self.page.evaluate(FILTER, [name, value]) for name, value in fields.items()]

    def choose(self, *names):
        """Leave only these candidates."""
        for box in self.page.locator(".bg-candidates label").all():
            box.locator("input").set_checked(box.inner_text().strip() in names)

    def until(self, expression):
        """Wait until something is true; the page's policy keeps Playwright from doing so."""
        end = time.monotonic() + 10
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def count(self):
        return self.page.inner_text(COUNT)

    def texts(self, selector):
        return [each.strip() for each in self.page.locator(selector).all_inner_texts()]

    def all_groups(self):
        """Build what waits behind the button, too."""
        button = self.page.locator(".bg-more button")
        while button.is_visible():
            button.click()

    def is_wider_than_its_window(self):
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )

    def keep(self, name):
        """Keep a screenshot, if BASEGATE_SCREENSHOTS says where."""
        folder = os.environ.get("BASEGATE_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}-{self.name}.png")

    def findings(self, within="html"):
        """Return what axe finds serious or critical in a part of the page, as lines."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        found = axe.Axe().run(self.page, context=within).response["violations"]
        return [
            f"{each['impact']} {each['id']}: {each['nodes'][0]['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no chromium to open the page in")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def window(browser, request):
    """A window of the width and colours that a test asks for."""
    width, scheme = getattr(request, "param", (1440, "light"))
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(20_000)
    yield Window(page, width, scheme)
    page.close()


IN_EVERY_WINDOW = pytest.mark.parametrize(
    "window",
    [(width, scheme) for width in WIDTHS for scheme in SCHEMES],
    indirect=True,
    ids=lambda given: f"{given[0]}-{given[1]}",
)
