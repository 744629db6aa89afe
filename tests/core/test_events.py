from callkit.core.events import MASK, Event, masked

RING = Event("ringback", 0.0, 2.0, 0, "440+480 Hz", 0.95)
KEY = Event("dtmf", 3.0, 3.1, 1, "7", 0.99)


def test_keys_are_masked_and_nothing_else() -> None:
    assert masked([RING, KEY]) == (RING, Event("dtmf", 3.0, 3.1, 1, MASK, 0.99))


def test_masking_twice_is_masking_once() -> None:
    assert masked(masked([KEY])) == masked([KEY])


def test_an_event_has_a_duration() -> None:
    assert RING.duration == 2.0
