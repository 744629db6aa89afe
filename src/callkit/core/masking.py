"""What may be shown of a URL: `masked`; and whether it can be told which part of it is the password."""

import re

from callkit.errors import SettingsError

__all__ = ["check_address", "masked"]

_SECRET = re.compile(r"(://[^:/@]*:).*@|((?:password|secret|token|key)=)[^&;\s]+", re.IGNORECASE)


def masked(value: object) -> str:
    """As text, without the passwords that a URL may hold."""
    return _SECRET.sub(lambda match: f"{match[1]}***@" if match[1] else f"{match[2]}***", str(value))


def check_address(url: str) -> None:
    """Refuse a URL of a server whose user or password holds what ends them: errors would show the rest of it.

    Raises:
        SettingsError: it says what to do, and shows nothing of the URL behind its scheme.
    """
    scheme, _, rest = url.partition("://")
    address, _, path = rest.partition("?")[0].partition("/")
    if address.count("@") > 1 or "@" in path or "#" in rest.partition("?")[0]:
        raise SettingsError(
            f"The {scheme}:// URL can't be read: write @ / # : and % in its user or password as %40 %2F %23 %3A %25."
        )
