"""What signed links have in common, whoever signs them."""

import re
from datetime import timedelta
from urllib.parse import quote

from callkit.errors import SettingsError

__all__ = ["check_terms", "content_disposition", "plain_name"]

_LONGEST = timedelta(days=7)  # S3 signs for no longer
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+( *; *[\w-]+=[\w.+-]+)*", re.ASCII)
_IN_TOKENS = "!#$&+-.^_`|~"  # what RFC 5987 leaves as it is, besides letters and digits


def check_terms(method: str, expires: timedelta, content_type: str | None) -> int:
    """Refuse a link that nobody can sign; for how many seconds it is valid.

    Raises:
        SettingsError: it says which of the three is wrong.
    """
    if method not in ("GET", "PUT"):
        raise SettingsError(f"A link can be signed for GET or PUT, not for {method!r}.")
    if not timedelta(seconds=1) <= expires <= _LONGEST:
        raise SettingsError(
            f"A link can be valid for a second to seven days, not for {expires}: pass another `expires`."
        )
    if content_type is not None and not _MEDIA_TYPE.fullmatch(content_type):
        raise SettingsError(f"A content type is like 'audio/wav', not {content_type!r}.")
    return int(expires.total_seconds())


def plain_name(filename: str) -> str:
    """A file name for a header: folders, quotes, line ends and other control characters become "_"."""
    return "".join(letter if letter.isprintable() and letter not in '"\\/' else "_" for letter in filename)


def content_disposition(filename: str) -> str:
    """The header that makes a browser save what it gets under a name, in any language.

    Source:
        RFC 6266, section 4.3 and appendix D; RFC 5987, section 3.2.1.
    """
    name = plain_name(filename)
    ascii_name = "".join(letter if letter.isascii() and letter != "%" else "_" for letter in name)  # for old browsers
    header = f'attachment; filename="{ascii_name}"'
    return header if ascii_name == name else f"{header}; filename*=UTF-8''{quote(name, safe=_IN_TOKENS)}"
