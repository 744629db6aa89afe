from typing import ClassVar

import pytest

from callkit.testing.contract import Contract


class Flies(Contract):
    def test_it_takes_off(self) -> None:
        assert type(self) is Flies

    def test_it_lands(self) -> None:
        assert isinstance(self, Flies)


class Swims(Contract):
    def test_it_lands(self) -> None:
        assert isinstance(self, Swims)


def test_an_inherited_test_can_not_be_hidden() -> None:
    with pytest.raises(TypeError, match=r"Penguin\.test_it_takes_off would hide"):
        type("Penguin", (Flies,), {"test_it_takes_off": lambda _: None})
    with pytest.raises(TypeError, match=r"Duck\.test_it_lands would hide"):
        type("Duck", (Flies, Swims), {})


def test_not_even_by_what_is_no_test() -> None:
    with pytest.raises(TypeError, match=r"Penguin\.test_it_takes_off would hide"):
        type("Penguin", (Flies,), {"test_it_takes_off": None})


def test_other_tests_may_be_added() -> None:
    sparrow = type("Sparrow", (Flies,), {"test_it_chirps": lambda _: None})
    eagle = type("Eagle", (sparrow,), {})
    assert {"test_it_chirps", "test_it_takes_off", "test_it_lands"} <= set(dir(eagle))


def test_what_is_lacking_must_exist() -> None:
    for name in ("test_it_dives", "lacks"):
        with pytest.raises(TypeError, match=f"Ostrich lacks {name}"):
            type("Ostrich", (Flies,), {"lacks": {name: "it can't"}})


def test_what_is_lacking_is_shown_as_a_skip_with_its_reason() -> None:
    class Ostrich(Flies):
        lacks: ClassVar = {"test_it_takes_off": "it runs"}

    class YoungOstrich(Ostrich):
        pass

    for kind in (Ostrich, YoungOstrich):
        [mark] = vars(kind.test_it_takes_off)["pytestmark"]
        assert (mark.name, mark.kwargs) == ("skip", {"reason": "it runs"})
        assert kind.test_it_lands is Flies.test_it_lands
    assert not hasattr(Flies.test_it_takes_off, "pytestmark")
