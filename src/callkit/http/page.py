"""The page at "/": a few plain files, which a browser asks for again only if they have changed."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from attrs import frozen
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from callkit.http.middleware import CONTENT_POLICY

__all__ = ["File", "files", "router"]

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@frozen
class File:
    """A part of the page.

    Attributes:
        content: its bytes.
        content_type: what they are.
        etag: changes with them.
    """

    content: bytes
    content_type: str
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """The same whether it is sent or only said to be unchanged."""
        return {"etag": self.etag, "cache-control": "no-cache", "content-security-policy": CONTENT_POLICY}


@cache
def files() -> Mapping[str, File]:
    """All there are, by name: whatever else is asked for is not there."""
    return {path.name: _file(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _file(path: Path) -> File:
    content = path.read_bytes()
    return File(content, f"{_TYPES[path.suffix]}; charset=utf-8", f'"{sha256(content).hexdigest()[:32]}"')


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """The page."""
    return _sent(request, "index.html")


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
async def static(request: Request, name: str) -> Response:
    """What belongs to it."""
    return _sent(request, name)


def _sent(request: Request, name: str) -> Response:
    file = files().get(name)
    if file is None:
        raise HTTPException(404, "There is no such file.")
    known = request.headers.get("if-none-match", "")
    if known == "*" or file.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers, media_type=file.content_type)
