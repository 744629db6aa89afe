"""The walls between callkit's core and what it stands on: few doors, any object with the methods fits.

`callkit.testing` has a contract suite for each: subclass it, give it your backend, and it proves itself.
All may be called from several threads at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, runtime_checkable
from uuid import UUID

from attrs import frozen

from callkit.core.analysis import Results
from callkit.core.call import Call
from callkit.core.page import Order, Page
from callkit.core.query import Query
from callkit.core.transcript import Transcript
from callkit.errors import RunnerError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Blob",
    "HasBacklog",
    "Message",
    "Portable",
    "Readable",
    "Repository",
    "SignsUrls",
    "Storage",
    "Task",
    "TaskRunner",
    "TidiesUp",
    "Transcriber",
    "TranscriberCapabilities",
]


class Repository(Protocol):
    """Where calls are kept. `callkit.backends.repositories.memory` is the specification."""

    def add(self, call: Call) -> None:
        """Keep a new call.

        Raises:
            CallExistsError: its id, or its pair (source, external_id), is taken; nothing was changed.
        """

    def get(self, call_id: UUID) -> Call:
        """The call as it was saved last.

        Raises:
            CallNotFoundError: there is none.
        """

    def save(self, call: Call, results: Results | None = None) -> None:
        """Replace version `call.version - 1` by this one, and its results too if given, in one transaction.

        The id, `started_at`, `source`, `external_id` and `created_at` of a call never change: what is passed for
        them is ignored. Saving an erased call removes its results. With the results comes what was said, which
        searches find from then on; nothing of a synthetic transcript was.

        Raises:
            StaleCallError: the kept call has another version; nothing was changed.
            CallNotFoundError: there is none.
        """

    def find(self, query: Query, *, limit: int = 20, after: str | None = None, order: Order = "newest") -> Page:
        """The calls for which `callkit.core.query.matches` is true, with passages in which it was said what is sought.

        A page is short only if it is the last one. Calls added while somebody turns pages never push others
        off a page or on to it twice.

        Args:
            query: which calls.
            limit: at least 1 on a page.
            after: `next` of the page before.
            order: "newest" first; or the "best" first, by `callkit.core.said.Said.score`, of the newest
                `callkit.core.page.BEST_OF` that match, and of equals the newest. There is one page of the best.

        Raises:
            InvalidQueryError: `after` is no cursor, or calls have no such figure to compare.
        """

    def count(self, query: Query, *, at_most: int = 1000) -> int:
        """How many calls match; `at_most + 1` if there are more than `at_most`."""

    def results(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """The results of those of the calls that have some."""

    def close(self) -> None:
        """Let go of connections; the next call of a method opens them again."""


@frozen
class Blob:
    """A stored object: size in bytes, `modified_at` aware."""

    key: str
    size: int
    modified_at: datetime


class Readable(Protocol):
    """What a storage asks of what it stores."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size` of them; none at the end."""


class Storage(Protocol):
    """Where sound is kept, by key. Keys are relative, made of plain parts joined by "/" (see `check_key`)."""

    def put(self, key: str, source: Readable) -> None:
        """Store what is left to read from `source`, in place of whatever had the key.

        Nobody ever sees half: if reading or writing fails, the key is as it was before.

        Raises:
            InvalidKeyError: the key could leave its place.
            StorageError: the storage failed. Errors of `source` pass through as they are.
        """

    def open(self, key: str) -> BinaryIO:
        """Open for reading; it can seek.

        Raises:
            BlobNotFoundError: there is no such key.
            InvalidKeyError, StorageError: as `put`.
        """

    def delete(self, key: str) -> None:
        """Remove; a key that is not there is fine.

        Raises:
            InvalidKeyError, StorageError: as `put`.
        """

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """The blobs whose key begins with `prefix`, in no promised order.

        Raises:
            StorageError: the storage failed.
        """


@runtime_checkable
class TidiesUp(Protocol):
    """An optional power of a storage: writes that died midway leave something that `list` does not show."""

    def tidy(self, before: datetime) -> int:
        """Remove such left-overs last written before that time; how many there were."""


@runtime_checkable
class SignsUrls(Protocol):
    """An optional power of a storage: URLs that work without credentials, for a while."""

    def sign(
        self,
        key: str,
        method: Literal["GET", "PUT"] = "GET",
        *,
        expires: timedelta = timedelta(hours=1),
        filename: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """A presigned URL; nobody looks whether there is such a blob.

        Args:
            key: of the blob.
            method: "GET" reads it (parts, too: a player seeks by Range), "PUT" stores it.
            expires: how long from now; a second at least, seven days at most.
            filename: for GET: a browser saves the blob under this name, in any language.
            content_type: for GET: what the answer says it is; for PUT: what the client must say it is.

        Raises:
            InvalidKeyError: the key could leave its place.
            SettingsError: it can't be valid for so long, or the storage has nothing to sign with.
        """


Message = Mapping[str, Any]
"""What says which work to do, in JSON values: `task` names the kind, the rest are ids. Never sound, never a number."""


@runtime_checkable
class Portable(Protocol):
    """An optional power of a task: it fits into a message, from which a worker anywhere makes it again."""

    def message(self) -> Message:
        """The message."""


@runtime_checkable
class HasBacklog(Protocol):
    """An optional power of a runner whose messages wait elsewhere."""

    def waiting(self) -> int:
        """How many messages nobody has taken yet.

        Raises:
            RunnerError: the broker can't be asked.
        """


class Task(Protocol):
    """Some work that a runner does: called without arguments, in this process or another.

    A task must survive pickling unless the runner stays in this process. It handles its own errors; what it
    raises all the same is logged and dropped, for the repository remembers what is not done.
    """

    def __call__(self) -> None:
        """Do the work."""

    def lost(self, error: RunnerError) -> bool:
        """Called where it was submitted, after its worker died or was stopped; true: run it again."""


class TaskRunner(Protocol):
    """Does work soon, somewhere. That it forgets everything when it dies is expected: `sweep()` submits again."""

    def submit(self, task: Task) -> None:
        """Take on a task, and return at once (an inline runner does it here and now).

        Raises:
            RunnerError: it can't be taken: the runner was closed, or the task can't travel.
        """

    def close(self) -> None:
        """Take no more; what was submitted is done: by pools before this returns, by workers elsewhere in their time.

        Twice is fine.
        """


@frozen
class TranscriberCapabilities:
    """What an engine can do.

    Attributes:
        words: it gives words with times.
        languages: those it knows, as BCP-47 codes; None: not known beforehand.
        sample_rate: hertz that it wants its sound in; None: any.
        max_seconds: of sound it takes at once; None: any.
        local: the sound does not leave this machine.
        synthetic: it makes something up (the placeholder): nothing of it was said.
    """

    words: bool = True
    languages: frozenset[str] | None = None
    sample_rate: int | None = None
    max_seconds: float | None = None
    local: bool = True
    synthetic: bool = False


class Transcriber(Protocol):
    """Writes down what is said on one channel. It knows nothing of calls, channels, parties or files.

    A frozen value that names an engine and a model; what is loaded is looked up per process. It travels to workers.
    """

    @property
    def name(self) -> str:
        """Of the engine, such as "whisper"."""

    @property
    def model(self) -> str:
        """Of the model, such as "base"; empty if there is no choice."""

    @property
    def fingerprint(self) -> str:
        """Engine, version, model with a digest of its weights where there are some, and options; no secrets."""

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""

    def transcribe(
        self, samples: "NDArray[np.float32]", rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        """What is said, with times from the first sample given.

        Args:
            samples: of one channel, -1 to 1, shape (n,).
            rate: hertz; `capabilities.sample_rate` if there is one.
            language: BCP-47 code; None: it finds out.
            hints: names and terms that are likely.

        Raises:
            TranscriptionError: the engine failed; the message says what to do.
            MissingExtraError: its package is not installed.
        """
