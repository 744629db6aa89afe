"""What engines behind HTTP have in common: where they are, the key to them, patience, and errors that tell no secrets.

The key is read when a request is made, from the environment or from a file that it names, and goes into a header and
nowhere else. What a server says is never repeated: it may quote the key, or what somebody said.
"""

import io
import logging
import os
import wave
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from random import uniform
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from attrs import frozen

from callkit.backends.transcribers.choices import choices_of
from callkit.backends.transcribers.library import check_there
from callkit.errors import SettingsError, TranscriptionError

if TYPE_CHECKING:
    import httpx
    from numpy.typing import NDArray

__all__ = ["KEY", "KEY_FILE", "Service", "check_address", "place_of", "wav"]

log = logging.getLogger("callkit.transcripts")

KEY, KEY_FILE = "CALLKIT_ASR_KEY", "CALLKIT_ASR_KEY_FILE"
"""The variables that hold the key, or name a file that does."""

_PATIENCE = 5  # attempts at a service that is busy or away
_DEAR = 3  # attempts that a slow one counts for: each takes minutes, and may be charged
_PAUSES = 0.5, 8.0  # seconds: the first, and the longest of our own
_LONGEST_WAIT = 60.0  # seconds that a server may ask for
_CONNECT = 10.0  # seconds
_MOST = 32 << 20  # bytes of an answer: more than 100,000 words
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_WHY: Mapping[int, str] = {
    400: "it does not take this request: check the model, the language and the options",
    401: f"it does not take the key: set {KEY}, or {KEY_FILE}",
    402: "the account there has no credit: top it up",
    403: f"the key does not allow it: check what belongs to the key in {KEY}",
    404: "there is no such address or model: check the URL",
    413: "the sound is too large for it: ask for shorter pieces",
    415: "it does not take WAVE files",
}


@frozen
class _Trouble:
    """Why there is no answer.

    Attributes:
        short: what happened.
        advice: what to do.
        cost: of the patience that there is.
        wait: seconds that the service wants to be left alone.
    """

    short: str
    advice: str
    cost: int = 1
    wait: float | None = None

    @property
    def why(self) -> str:
        """All of it."""
        return f"{self.short}: {self.advice}"


@frozen
class Service:
    """An engine behind HTTP.

    Attributes:
        engine: its name, such as "openai".
        url: that of all requests.
        scheme: what stands before the key in the header, such as "Bearer".
        timeout: seconds that one answer may take, from the first byte sent to the last one read.
    """

    engine: str
    url: str
    scheme: str
    timeout: float

    def ask(self, **request: Any) -> Any:
        """The answer to a POST, as JSON; tried again while the service is busy or away.

        Args:
            request: what httpx sends: `content`, `files`, `data`, `params`, `headers`.

        Raises:
            TranscriptionError: the service refused, or did not answer in the end.
            MissingExtraError: httpx is not installed.
        """
        check_there(self.engine, "httpx", "remote")
        import httpx  # noqa: PLC0415 - only what is asked for

        request["headers"] = request.get("headers", {}) | self._authorization()
        left = _PATIENCE
        # a redirect would take the key elsewhere; httpx follows none by itself
        with httpx.Client(timeout=httpx.Timeout(self.timeout, connect=_CONNECT)) as client:
            while isinstance(outcome := self._tried(client, request), _Trouble):
                left -= outcome.cost
                if left <= 0 or (outcome.wait or 0.0) > _LONGEST_WAIT:
                    raise self._failed(outcome.why)
                log.warning("the transcriber %s is asked again: %s", self.engine, outcome.short)
                sleep(_pause(_PATIENCE - left) if outcome.wait is None else outcome.wait)
        return outcome

    def _tried(self, client: "httpx.Client", request: Mapping[str, Any]) -> "Any | _Trouble":
        import httpx  # noqa: PLC0415 - as in ask

        try:
            answer = self._once(client, request)
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            return _Trouble("it took too long", f"for {self.timeout:g} s: raise timeout, or ask less at once", _DEAR)
        except httpx.HTTPError as error:
            return _Trouble(f"it can't be reached ({type(error).__name__})", "check the URL, and that it runs")
        return self._document(answer) if answer.is_success else _refused(answer)

    def _once(self, client: "httpx.Client", request: Mapping[str, Any]) -> "httpx.Response":
        """One answer, not longer than it may be, and not slower."""
        import httpx  # noqa: PLC0415 - as in ask

        until = monotonic() + self.timeout
        with client.stream("POST", self.url, **request) as answer:
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _MOST:
                    raise self._failed(f"its answer is longer than {_MOST >> 20} MiB, so it is none of a transcription")
                if monotonic() > until:
                    raise httpx.ReadTimeout("slow")
        return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(body))

    def _document(self, answer: "httpx.Response") -> Any:
        try:
            return answer.json()
        except ValueError:
            raise self.strange() from None

    def strange(self) -> TranscriptionError:
        """The error for an answer that is none."""
        return self._failed("its answer is not what such a service says: check the URL, and what runs there")

    def _failed(self, why: str) -> TranscriptionError:
        return TranscriptionError(self.engine, why)

    def _authorization(self) -> dict[str, str]:
        key = os.environ.get(KEY, "").strip() or self._in_file()
        if not key:
            return {}
        if not key.isascii() or not key.isprintable() or " " in key:
            raise self._failed(f"what {KEY} or {KEY_FILE} gives can't be a key: it holds more than letters and digits")
        return {"authorization": f"{self.scheme} {key}"}

    def _in_file(self) -> str:
        if not (path := os.environ.get(KEY_FILE)):
            return ""
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, ValueError):
            raise self._failed(f"the file that {KEY_FILE} names can't be read") from None


def place_of(engine: str, text: str, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """What "openai+https://host/v1?model=NAME" says, or "openai:NAME" of a service at its own home, as arguments.

    Raises:
        SettingsError: the URL or an option can't be used.
    """
    address, _, query = text.partition("?")
    chosen = choices_of(engine, query, known)
    scheme, _, name = address.partition(":")
    if "+" in scheme:
        return {"url": check_address(engine, address.partition("+")[2]), **chosen}
    return ({"model": name} if name else {}) | chosen


def check_address(engine: str, url: str) -> str:
    """The address without its options, if it is one that may be shown.

    Raises:
        SettingsError: it is no http(s):// URL, or holds a user, a password or a fragment; nothing of it is repeated.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or "@" in url or "#" in url:
        raise SettingsError(
            f"The URL of the transcriber {engine} is {engine}+https://HOST/PATH?model=NAME; keys belong into {KEY}."
        )
    return url.partition("?")[0].rstrip("/")


def wav(samples: "NDArray[np.float32]", rate: int) -> bytes:
    """The samples as a WAVE file of 16 bits.

    Args:
        samples: of one channel, -1 to 1, shape (n,).
        rate: hertz.
    """
    whole = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, len(whole), "NONE", ""))
        writer.writeframes(whole.tobytes())
    return file.getvalue()


def _refused(answer: "httpx.Response") -> _Trouble:
    status = answer.status_code
    if status in _PASSING:
        wait = _retry_after(answer.headers.get("retry-after"))
        return _Trouble(f"it answered {status}", "and went on doing so: try again later", wait=wait)
    short, _, advice = _WHY.get(status, f"it answered {status}: its log or its manual says why").partition(": ")
    return _Trouble(short, advice, _PATIENCE)


def _plain(headers: "httpx.Headers") -> dict[str, str]:
    """Those that still say something once a body was unpacked."""
    return {name: value for name, value in headers.items() if name in {"content-type", "retry-after"}}


def _pause(attempt: int) -> float:
    """Pauses double, and differ from caller to caller, so that a service that comes back is not run over."""
    first, longest = _PAUSES
    pause = min(first * 2 ** (attempt - 1), longest)
    return uniform(pause / 2, pause)


def _retry_after(told: str | None) -> float | None:
    """Seconds that the service wants to be left alone; None if it does not say.

    Source: RFC 9110, 10.2.3: seconds, or a date.
    """
    if not told:
        return None
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(parsedate_to_datetime(told).timestamp() - time(), 0.0)
    except (ValueError, OverflowError):
        return None
