"""What is behind the "?" of an engine's name: how the engine is to work."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from callkit.errors import SettingsError

__all__ = ["choices_of", "number", "yes"]


def choices_of(engine: str, query: str, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The values in a query such as "beam=1&small_memory=yes", each read by the function of its name.

    Raises:
        SettingsError: a name is unknown or there twice, or its value can't be read. No value is shown.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise SettingsError(f"An option of the transcriber {engine} is given twice.")
    read = {}
    for name, value in pairs:
        if name not in known:
            raise SettingsError(f"The transcriber {engine} has no such option: there are {', '.join(sorted(known))}.")
        try:
            read[name] = known[name](value)
        except ValueError as error:
            raise SettingsError(f"The option {name} of the transcriber {engine} can't be used: {error}.") from None
    return read


def yes(value: str) -> bool:
    """Whether something is wanted.

    Raises:
        ValueError: it is neither "yes" nor "no".
    """
    if value not in {"yes", "no"}:
        raise ValueError("write yes or no")
    return value == "yes"


def number(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers within bounds."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit() and least <= int(value[:9]) <= most):
            raise ValueError(f"write a number from {least} to {most}")
        return int(value)

    return read
