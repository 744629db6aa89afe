"""`masked`: what may be shown of a URL."""

import re

__all__ = ["masked"]

_SECRET = re.compile(r"(://[^:/@]*:).*@|((?:password|secret|token|key)=)[^&;\s]+", re.IGNORECASE)


def masked(value: object) -> str:
    """As text, without the passwords that a URL may hold."""
    return _SECRET.sub(lambda match: f"{match[1]}***@" if match[1] else f"{match[2]}***", str(value))
