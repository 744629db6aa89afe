"""callkit over HTTP: `create_app` makes an ASGI application, `callkit serve` runs it.

A thin room: every route is one call of the facade. What it needs is the extra `http`.
"""

from typing import TYPE_CHECKING

from callkit.errors import MissingExtraError
from callkit.http.settings import HttpSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from callkit.aio import AsyncCallKit
    from callkit.kit import CallKit

__all__ = ["HttpSettings", "create_app"]


def create_app(kit: "CallKit | AsyncCallKit | None" = None, settings: HttpSettings | None = None) -> "FastAPI":
    """The application, to be run by an ASGI server or mounted in another application.

    Args:
        kit: whose calls are served; who passes one closes it. None: the one that environment and files describe, opened
            when the application starts and closed when it ends.
        settings: of the HTTP side; None: what environment and files say.

    Raises:
        MissingExtraError: FastAPI and its companions are not installed.
        SettingsError: a setting can't be used.
    """
    try:
        from callkit.http.app import make_app  # noqa: PLC0415 - FastAPI takes 0.7 s
    except ImportError as error:
        if (error.name or "").startswith("callkit"):
            raise
        raise MissingExtraError("The HTTP API", "http") from None
    return make_app(kit, settings)
