"""A recording in a form: the field `file` of multipart/form-data, refused by its name before its content comes."""

from collections.abc import Callable
from typing import Any, cast

from attrs import define, field
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from callkit.http.bodies import BATCH, Arrival, Limits, too_large
from callkit.http.problems import Refused

__all__ = ["FormBody"]

_OTHERS = 1 << 20  # bytes of other fields of a form, and of all headers in it


class FormBody:
    """The field `file` of a multipart/form-data body. `begin` reads up to it, so that it can be refused by its name."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self._arrival = Arrival(request, limits)
        self._form = _Form(limits.size)
        try:
            self._parser = MultipartParser(_boundary(request), cast(Any, self._form.callbacks()))
        except FormParserError as error:
            raise _malformed(str(error)) from None

    async def begin(self) -> str:
        """Read until the file begins; its name."""
        while self._form.filename is None:
            if not await self._feed():
                raise Refused(422, "validation_error", "The form has no file in a field 'file'.")
        return self._form.filename

    async def batch(self) -> bytes:
        """See `Body.batch`. The last one comes only if the form is complete, and holds nothing that it must not."""
        while self._form.waiting < BATCH and await self._feed():
            pass
        return self._form.take()

    async def _feed(self) -> bool:
        piece = await self._arrival.piece()
        if piece is None:
            if not self._form.ended:  # the parser itself does not look
                raise _malformed("the closing boundary is missing")
            return False
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed(str(error)) from None
        return True


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(415, "multipart_required", "Send multipart/form-data with the recording in the field 'file'.")
    return options[b"boundary"]


def _malformed(why: str) -> Refused:
    return Refused(400, "malformed_multipart", f"The form can't be read: {why}.")


@define
class _Form:
    """What the parser tells."""

    limit: int
    filename: str | None = None
    waiting: int = 0
    ended: bool = False
    _size: int = 0
    _others: int = 0
    _batch: list[bytes] = field(factory=list)
    _name: bytes = b""
    _value: bytes = b""
    _headers: dict[bytes, bytes] = field(factory=dict)
    _wanted: bool = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {name: getattr(self, name) for name in dir(self) if name.startswith("on_")}

    def take(self) -> bytes:
        batch, self._batch, self.waiting = self._batch, [], 0
        return b"".join(batch)

    def on_part_begin(self) -> None:
        self._headers, self._wanted = {}, False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count_other(end - start)

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count_other(end - start)

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") != b"file":
            return  # other fields are read past
        if self.filename is not None:
            raise Refused(422, "validation_error", "The form has the field 'file' twice: one call has one recording.")
        if b"filename" not in options:
            raise Refused(422, "validation_error", "The field 'file' must be a file: give it a filename.")
        self.filename = options[b"filename"].decode("utf-8", "replace")
        self._wanted = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._wanted:
            self._count_other(end - start)
            return
        self._size += end - start
        if self._size > self.limit:
            raise too_large(self.limit)
        self._batch.append(data[start:end])
        self.waiting += end - start

    def on_end(self) -> None:
        self.ended = True

    def _count_other(self, count: int) -> None:
        self._others += count
        if self._others > _OTHERS:
            raise Refused(413, "too_large", f"What is in the form besides the file may have {_OTHERS} bytes.")
