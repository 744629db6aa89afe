"""Errors are values: one tree, one sentence each, and they travel."""

import pickle
from typing import get_type_hints

import attrs
import pytest

from callkit import errors

ALL = [getattr(errors, name) for name in errors.__all__]
SAMPLES = {str: "x", int: 3, float: 2.5}


def made(kind: type[errors.CallKitError]) -> errors.CallKitError:
    fields = attrs.fields(kind) if attrs.has(kind) else ()
    return kind(*(SAMPLES[get_type_hints(kind)[field.name]] for field in fields))


@pytest.mark.parametrize("kind", ALL)
def test_every_error_survives_pickling(kind: type[errors.CallKitError]) -> None:
    error = made(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.args == error.args


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_in_the_tree_and_its_picture(kind: type[errors.CallKitError]) -> None:
    assert issubclass(kind, errors.CallKitError)
    assert errors.__doc__ is not None
    assert f" {kind.__name__} " in errors.__doc__.replace("\n", " ")


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in ALL]
    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("kind", [kind for kind in ALL if attrs.has(kind)])
def test_every_leaf_is_a_sentence(kind: type[errors.CallKitError]) -> None:
    text = str(made(kind))
    assert "{" not in text
    assert text == "x" or text.endswith((".", "]'."))


def test_nothing_else_is_an_error() -> None:
    others = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception) and value not in ALL
    }
    assert not others
