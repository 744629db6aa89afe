"""Nothing that is put into a page can break it."""

import doctest
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from callkit.report import markup
from callkit.report.markup import Markup, person, tag, to_ascii


class Seen(HTMLParser):
    """What a browser would see."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode("ascii"))
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attributes)))

    def handle_data(self, text: str) -> None:
        self.text += text


readable = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf")))


@given(readable, readable)
def test_text_comes_out_as_it_went_in(text: str, title: str) -> None:
    seen = Seen(to_ascii(tag("p", text, title=title)))
    assert seen.tags == [("p", {"title": title})]
    assert seen.text == text


@given(st.text())
def test_any_text_at_all_makes_one_element(text: str) -> None:
    seen = Seen(to_ascii(tag("p", text, title=text)))
    assert [name for name, _ in seen.tags] == ["p"]


def test_what_steers_the_text_behind_it_is_replaced() -> None:
    assert tag("b", "a\u202eb\x00\u2066\x1bc\ud800\n") == "<b>a\ufffdb\ufffd\ufffd\ufffdc\ufffd\n</b>"
    assert person("<i>") == "<bdi>&lt;i&gt;</bdi>"


def test_attributes() -> None:
    assert tag("input", hidden=True, checked=False, min=0, step=0.1) == '<input hidden min="0" step="0.1">'
    assert isinstance(tag("p"), Markup)


def test_the_examples() -> None:
    assert doctest.testmod(markup).attempted
    assert not doctest.testmod(markup).failed
