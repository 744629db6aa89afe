"""`Writer`: writes down what is said in stored recordings, and what was written down is forgotten by `forget_words`."""

from collections.abc import Callable
from functools import cached_property

from attrs import frozen

from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import OnProgress, transcribe, wanted_fingerprint
from callkit.backends.transcribers.kept import KeptPieces
from callkit.backends.transcribers.pieces import Piece
from callkit.backends.transcribers.wording import Found
from callkit.core.analysis import Analysis
from callkit.core.call import Recording
from callkit.core.query import Query
from callkit.core.transcript import Transcript
from callkit.errors import MissingExtraError, TranscriptionError
from callkit.protocols import Repository, Storage, Transcriber

__all__ = ["Writer", "forget_words"]


@frozen
class Writer:
    """An engine, and what it is asked for."""

    transcriber: Transcriber
    options: TranscriptOptions

    def wants(self, transcript: Transcript | None) -> bool:
        """Whether another transcript would be made now: there is none, or it came from another engine or options.

        A transcript that says what was said is never given up for one that is made up. Where the engine is not, for
        it is on workers elsewhere, its name and its model are all that can be compared.
        """
        if transcript is None:
            return True
        if self.transcriber.capabilities.synthetic and not transcript.synthetic:
            return False
        if self._fingerprint is None:
            return (transcript.engine, transcript.model) != (self.transcriber.name, self.transcriber.model)
        return transcript.fingerprint != self._fingerprint

    @cached_property
    def _fingerprint(self) -> str | None:
        try:
            return wanted_fingerprint(self.transcriber, self.options)
        except (MissingExtraError, TranscriptionError):
            return None

    def write(
        self,
        storage: Storage,
        recording: Recording,
        analysis: Analysis,
        *,
        proceed: Callable[[], object],
        on_progress: OnProgress | None = None,
    ) -> Transcript:
        """Write it down. What is kept of the same sound, by whatever call, is not transcribed again.

        Args:
            storage: of the recording.
            recording: whose words.
            analysis: of it.
            proceed: called when a piece is done and kept; what it raises ends the work.
            on_progress: told seconds of speech that are written down, and that there are.

        Raises:
            TranscriptionError, MissingExtraError, StorageError, NotFoundError, AudioError: as they say.
        """
        kept = _Proceeding(KeptPieces(storage, recording.words_prefix), proceed)
        with storage.open(recording.key) as file:
            return transcribe(
                file,
                self.transcriber,
                name=recording.name,
                options=self.options,
                analysis=analysis,
                kept=kept,
                on_progress=on_progress,
            )


@frozen
class _Proceeding:
    """Kept pieces; each new one is told."""

    kept: KeptPieces
    proceed: Callable[[], object]

    def get(self, piece: Piece, fingerprint: str) -> Found | None:
        return self.kept.get(piece, fingerprint)

    def put(self, piece: Piece, fingerprint: str, found: Found) -> None:
        self.kept.put(piece, fingerprint, found)
        self.proceed()


def forget_words(repository: Repository, storage: Storage, recording: Recording) -> None:
    """Remove what was written down of a recording that is gone, unless another call has the same bytes.

    Raises:
        RepositoryError, StorageError: as they say.
    """
    if not repository.count(Query(sha256=recording.sha256), at_most=1):
        for blob in list(storage.list(recording.words_prefix)):
            storage.delete(blob.key)
