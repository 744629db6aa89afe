"""The description of the API, accurate down to its errors."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from callkit.http.access import needed_scope
from callkit.http.dto import derived
from callkit.http.problems import Problem
from callkit.http.sessions import COOKIE

__all__ = ["describe"]

_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "as `callkit keys add` shows it"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "the same"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "from POST /session; for the page"},
}
_ANY_KEY: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]


def describe(app: FastAPI) -> None:
    """Make the application describe itself: problems as they are sent, and what each route needs."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            _complete(build())
        return build()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _complete(document: dict[str, Any]) -> None:
    components = document["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = _problem()
    components["securitySchemes"] = _SCHEMES
    for method, path, operation in _operations(document):
        scope = needed_scope(method, path)
        if scope is None:
            operation["security"] = []
            if path != "/session":
                operation["responses"].pop("401", None)
        else:
            operation["security"] = _ANY_KEY
            operation["x-scope"] = str(scope)


def _problem() -> dict[str, Any]:
    """Only what is known is there."""
    schema = derived("Problem", Problem).model_json_schema()
    schema["required"] = ["title", "status", "code", "type"]
    for name in ("detail", "errors"):
        schema["properties"][name] = next(
            kind for kind in schema["properties"][name]["anyOf"] if kind.get("type") != "null"
        )
    return schema


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation
