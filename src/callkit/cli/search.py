"""`search`."""

from argparse import Namespace
from collections.abc import Iterator
from math import floor
from typing import TYPE_CHECKING

from attrs import frozen

from callkit.cli.calls import show_page
from callkit.cli.output import emit, emit_json, plain
from callkit.core.call import Call
from callkit.core.page import Order, Page
from callkit.core.parsing import parse
from callkit.core.passages import Passage
from callkit.settings import Settings, load

if TYPE_CHECKING:
    from rich.text import Text

    from callkit.cli.look import Look
    from callkit.kit import CallKit

__all__ = ["search"]

_ALL = 10**9


def search(arguments: Namespace) -> int:
    """The calls that match, with the passages in which it was said; or how many they are."""
    settings = load(vars(arguments), config=arguments.config)
    query = parse(" ".join(arguments.query), zone=settings.zone)
    with settings.open_archive() as kit:
        if arguments.count:
            return _count(kit.count(query, at_most=_ALL), as_json=arguments.json)
        order: Order = "best" if arguments.best else "newest"
        page = kit.find(query, limit=arguments.limit, after=arguments.after, order=order)
        return show_page(kit, settings, page, as_json=arguments.json, draw=_draw if query.mentioned else None)


def _count(found: int, *, as_json: bool) -> int:
    if as_json:
        emit_json({"count": found})
    else:
        emit(str(found))
    return 0


def _draw(_: "CallKit", settings: Settings, page: Page) -> None:
    from callkit.cli.look import Look  # rich takes 0.1 s, and JSON does without
    from callkit.cli.output import console, draw

    made = console()
    hits = Hits(Look(made, settings.zone))
    for call in page:
        for line in hits.lines(call, page.passages.get(call.id, ())):
            draw(line, made)


@frozen
class Hits:
    """Each call in a line, and under it what was said; the marks are bold, or stand in quotes where nothing can be."""

    look: "Look"

    def lines(self, call: Call, passages: tuple[Passage, ...]) -> "Iterator[Text]":
        """Of one call."""
        from rich.text import Text

        from callkit.cli.look import length

        head = f"{self.look.clock(call.started_at)}  {self.look.ends(call)}  {length(call.duration)}"
        yield Text(f"{head.rstrip()}  {call.id}", style="dim" if passages else "", overflow="fold")
        for passage in passages:
            yield Text(f"  {length(floor(passage.start)):>7}  {_who(passage)}", overflow="fold").append(
                self._marked(passage)
            )

    def _marked(self, passage: Passage) -> "Text":
        from rich.text import Text

        said, marked, place = plain(passage.text.replace("\n", " ")), Text(), 0
        before, after = self._quotes
        for start, end in passage.marks:
            marked.append(said[place:start]).append(f"{before}{said[start:end]}{after}", style="bold")
            place = end
        return marked.append(said[place:])

    @property
    def _quotes(self) -> tuple[str, str]:
        if self.look.console.is_terminal and self.look.console.color_system:
            return ("", "")
        return ("**", "**") if self.look.arrow == ">" else ("«", "»")


def _who(passage: Passage) -> str:
    if passage.side is None and passage.channel is None:
        return ""
    return f"{passage.side or f'channel {passage.channel}'}: "
