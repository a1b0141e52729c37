"""HTML read for tests: its text, elements and attributes, and whether they are closed in order."""

from html.parser import HTMLParser

SCRIPT = "<script>alert('x')</script>\"&'"
_VOID = {"br", "input", "meta"}


class Reader(HTMLParser):
    """Reads a piece of HTML.

    Attributes:
        elements: names of all elements.
        attributes: names of all attributes.
        text: all of it that is no style or script.
        words: the same, elements apart and with white space folded.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.open, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"
        self.text = "".join(self.texts)
        apart = " ".join(self.texts).replace("\u00a0", "\x00")
        self.words = " ".join(apart.split()).replace("\x00", "\u00a0")

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.texts.append(data)


def read(text):
    """Return what HTML holds; no handler of an event may be in it."""
    reader = Reader(str(text))
    assert not [name for name in reader.attributes if name.startswith("on")]
    return reader


def heads(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
