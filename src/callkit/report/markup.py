"""HTML that can't be broken by what is put into it: whatever is no `Markup` is escaped.

>>> str(tag("p", "a < b", tag("br"), title='say "hi"', class_="note"))
'<p title="say &quot;hi&quot;" class="note">a &lt; b<br></p>'
"""

import re
from html import escape

__all__ = ["Markup", "person", "raw", "tag", "to_ascii"]

_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What is no text, and what would turn the direction of the text behind it."""

_VOID = frozenset({"br", "input", "link", "meta"})


class Markup(str):
    """A piece of a page."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str | float | bool) -> Markup:
    """An element.

    Args:
        name: such as "p".
        inside: `Markup` as it is, any other text escaped.
        attributes: `class_` is `class`, `aria_label` is `aria-label`. True is an attribute without value, False none.
    """
    opened = "".join([name, *(_attribute(key, value) for key, value in attributes.items() if value is not False)])
    content = "".join(one if isinstance(one, Markup) else _safe(one) for one in inside)
    return Markup(f"<{opened}>" if name in _VOID else f"<{opened}>{content}</{name}>")


def person(name: str) -> Markup:
    """What somebody is called, in whatever script: it does not turn the text around it."""
    return tag("bdi", name)


def raw(text: str) -> Markup:
    """Text of our own that is not escaped: style sheets and programs."""
    return Markup(text)


def to_ascii(page: Markup) -> bytes:
    """The page, the same in every encoding: no program needs to guess it."""
    return page.encode("ascii", "xmlcharrefreplace")


def _attribute(key: str, value: str | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = value if isinstance(value, str) else f"{value:g}"
    return f' {name}="{_safe(text)}"'


def _safe(text: str) -> str:
    return escape(_STEERING.sub("\ufffd", text))
