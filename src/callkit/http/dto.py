"""attrs classes in OpenAPI: the pydantic models that describe answers and check bodies, derived, not written.

pydantic does not know attrs. What goes out is encoded by `callkit.wire`, so a model of an answer is documentation; what
comes in is checked by a model before the facade sees it. `HTTP` is where the domain's types meet HTTP.
"""

import re
import types
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import attrs
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)

__all__ = ["Moment", "Text", "answer", "body", "derived"]

_TIME = (
    r"(19|[2-5][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LONGEST_TEXT = 1000  # characters, as in callkit.core.call


def _rfc3339(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_TIME, value, re.ASCII):
        raise ValueError("must be an RFC 3339 time with seconds and offset, such as 2026-01-31T08:30:00Z")
    return value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339),
    AfterValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_TIME}$"}),
]
"""A time between 1900 and 5999, with seconds and offset; pydantic alone takes 0, "0" and times without seconds."""

Text = Annotated[str, Field(max_length=_LONGEST_TEXT, pattern=r"^[^\x00]*$")]
"""What every database can keep."""

_IN: dict[Any, Any] = {str: Text, datetime: Moment}
_OUT: dict[Any, Any] = {datetime: Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time"})]}


@cache
def answer(cls: type) -> type[BaseModel]:
    """The model of a class that is sent: all fields are there, whatever defaults they have."""
    return derived(cls.__name__, cls)


def derived(
    name: str, cls: type, *, without: Iterable[str] = (), more: Mapping[str, Any] | None = None
) -> type[BaseModel]:
    """The model of a class that is sent without some of its fields, and with others.

    Args:
        name: in OpenAPI.
        cls: an attrs class.
        without: fields that stay inside.
        more: types of what is added, by name.
    """
    hints = {own.name: _hints(cls)[own.name] for own in attrs.fields(cls) if own.init}
    kept = {key: hint for key, hint in hints.items() if key not in frozenset(without)} | dict(more or {})
    return _model(name, cls, {key: (_translated(hint, _OUT), ...) for key, hint in kept.items()})


@cache
def body(cls: type) -> type[BaseModel]:
    """The model of a class that is received: unknown fields are refused."""
    hints = _hints(cls)
    return _model(
        cls.__name__,
        cls,
        {own.name: (_translated(hints[own.name], _IN), _default(own.default)) for own in attrs.fields(cls)},
    )


def _model(name: str, cls: type, fields: Mapping[str, tuple[Any, Any]]) -> type[BaseModel]:
    about = (cls.__doc__ or "").partition("\n")[0]
    return cast(
        type[BaseModel], create_model(name, __config__=ConfigDict(extra="forbid"), __doc__=about, **cast(Any, fields))
    )


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _translated(hint: Any, words: Mapping[Any, Any]) -> Any:
    if isinstance(hint, type) and attrs.has(hint):
        return answer(hint) if words is _OUT else body(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is None:
        return words.get(hint, hint)
    if origin is Annotated:
        return hint  # it has bounds of its own
    if origin in (Union, types.UnionType):
        return reduce(or_, (_translated(one, words) for one in args))
    if all(isinstance(one, str) for one in args):  # Literal
        return hint
    return origin[tuple(one if one is ... else _translated(one, words) for one in args)]


def _default(default: Any) -> Any:
    if default is attrs.NOTHING:
        return ...
    return Field(default_factory=default.factory) if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]  # a function, in attrs' stubs
