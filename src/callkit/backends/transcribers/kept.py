"""What engines made of pieces, kept beside the recordings: the same sound is never transcribed twice."""

import json
import logging
from functools import cache
from hashlib import sha256
from io import BytesIO

from attrs import frozen
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import JsonConverter, make_converter

from callkit.backends.transcribers.pieces import GAP, Piece
from callkit.backends.transcribers.wording import Found
from callkit.errors import BlobNotFoundError
from callkit.protocols import Storage

__all__ = ["KeptPieces"]

log = logging.getLogger("callkit.transcripts")


@cache
def _converter() -> JsonConverter:
    return make_converter()


@frozen
class KeptPieces:
    """The pieces of one recording, in a storage, by what they are made of and how.

    Attributes:
        storage: where.
        prefix: what all keys begin with; it names the recording's bytes, so calls that share them share this, too.
    """

    storage: Storage
    prefix: str

    def get(self, piece: Piece, fingerprint: str) -> Found | None:
        """What was made of the piece; None if nothing was, or it can't be read.

        Raises:
            StorageError: the storage failed.
        """
        try:
            with self.storage.open(self._key(piece, fingerprint)) as file:
                document = file.read()
        except BlobNotFoundError:
            return None
        try:
            return _converter().loads(document, Found)
        except (ValueError, BaseValidationError, KeyError, TypeError):  # not ours, or of another version
            log.warning("a kept piece of a transcript can't be read, and is made once more")
            return None

    def put(self, piece: Piece, fingerprint: str, found: Found) -> None:
        """Keep what was made of it.

        Raises:
            StorageError: the storage failed.
        """
        self.storage.put(self._key(piece, fingerprint), BytesIO(_converter().dumps(found).encode()))

    def _key(self, piece: Piece, fingerprint: str) -> str:
        made_of = json.dumps([fingerprint, GAP, piece.channel, piece.regions])
        return f"{self.prefix}{sha256(made_of.encode()).hexdigest()[:32]}.json"
