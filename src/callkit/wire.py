"""Model ↔ JSON, written once: what databases keep and what `--json` prints.

Every document carries a format number. A reader refuses a newer format; an older one is brought up to date here.
Times are RFC 3339 in UTC with "Z".
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from cattrs.fns import identity
from cattrs.preconf.json import JsonConverter, make_converter

from callkit.core.analysis import Results
from callkit.core.call import Call
from callkit.errors import NewerDataError

__all__ = ["FORMAT", "call_from_dict", "call_to_dict", "results_from_json", "results_to_json", "to_json", "to_values"]

FORMAT = 1


@cache
def _converter() -> JsonConverter:
    converter = make_converter(detailed_validation=False)  # documents are callkit's own
    converter.register_unstructure_hook(datetime, lambda moment: moment.isoformat().replace("+00:00", "Z"))
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(UUID, str)
    converter.register_structure_hook(UUID, lambda text, _: UUID(text))
    converter.register_unstructure_hook_func(_is_plain, identity)  # cattrs would look at each value
    return converter


def _is_plain(kind: Any) -> bool:
    """`float | None` and the like: JSON has them as they are."""
    return get_origin(kind) in {Union, UnionType} and set(get_args(kind)) <= {str, int, float, bool, NoneType}


def to_json(value: Any) -> str:
    """One line of JSON; text stays readable in every language, NaN is refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_values(value: Any) -> Any:
    """Anything of the model as JSON values: dictionaries, lists, texts, numbers."""
    return _converter().unstructure(value)


def results_to_json(results: Results) -> str:
    """Results as a document of their own."""
    return to_json({"format": FORMAT, **_converter().unstructure(results)})


def results_from_json(text: str) -> Results:
    """The results in a document.

    Raises:
        NewerDataError: a newer callkit wrote it.
    """
    return _converter().structure(_opened(json.loads(text)), Results)


def call_to_dict(call: Call, results: Results | None = None) -> dict[str, Any]:
    """A call as JSON values: its own fields, then `channels`, `silence` (the marks), `analysis` and `transcript`.

    What there is not, or not yet, is None.
    """
    document: dict[str, Any] = {"format": FORMAT, **_converter().unstructure(call)}
    analysis = _converter().unstructure(results.analysis) if results else None
    shown = analysis or {}
    return document | {
        "channels": shown.get("channels"),
        "silence": shown.get("silence"),
        "analysis": analysis,
        "transcript": _converter().unstructure(results.transcript) if results and results.transcript else None,
    }


def call_from_dict(document: Mapping[str, Any]) -> Call:
    """The call in a document of `call_to_dict`.

    Raises:
        NewerDataError: a newer callkit wrote it.
    """
    return _converter().structure(_opened(document), Call)


def _opened(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if document.get("format", FORMAT) > FORMAT:
        raise NewerDataError("This document", str(document["format"]), str(FORMAT))
    return document
