"""`Contract`: a suite of tests that a backend inherits, and can't quietly weaken."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

__all__ = ["Contract"]


class Contract:
    """Tests for whoever subclasses it. None of them can be overridden.

    What a backend can't do is declared, and shows as a skip with its reason:

        class TestMine(StorageContract):
            lacks: ClassVar = {"test_it_travels_to_another_process": "its blobs are in this process"}
    """

    lacks: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse what would hide an inherited test.

        Raises:
            TypeError: a test is overridden (by the class, or by one base of another's), or one that is lacking
                does not exist.
        """
        super().__init_subclass__(**options)
        for name in filter(_is_test, dir(cls)):
            inherited = {getattr(base, name) for base in cls.__bases__ if hasattr(base, name)}
            if inherited - {getattr(cls, name)}:
                raise TypeError(f"{cls.__name__}.{name} would hide an inherited test: rename it, or declare `lacks`.")
        for name, reason in vars(cls).get("lacks", {}).items():
            if not _is_test(name) or not hasattr(cls, name):
                raise TypeError(f"{cls.__name__} lacks {name}, but there is no such test.")
            setattr(cls, name, _skipped(name, reason))


def _is_test(name: str) -> bool:
    return name.startswith("test")


def _skipped(name: str, reason: str) -> Callable[[Any], None]:
    def lacking(self: Contract) -> None:
        """Never runs."""

    lacking.__name__ = name
    marked: Callable[[Any], None] = pytest.mark.skip(reason=reason)(lacking)
    return marked
