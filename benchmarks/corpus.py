"""The recordings that are measured: made by the call factory, the same for everybody, kept in a folder."""

import wave
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import soundfile
from attrs import frozen

from callkit.testing.factory import FactoryCall, make_call

__all__ = ["RATE", "Corpus"]

RATE = 8000


@lru_cache(maxsize=2)
def _call(seconds: int, channels: int, seed: int) -> FactoryCall:
    return make_call(seconds=seconds, channels=channels, seed=seed, sample_rate=RATE)


@frozen
class Corpus:
    """Files in `folder`, each made when it is first asked for."""

    folder: Path

    def call(self, seconds: int, channels: int, kind: str, seed: int = 0) -> Path:
        """A call as a file; `kind` is a codec of WAVE files or a compressed one."""
        suffix = "wav" if kind.startswith("pcm") else kind

        def make(path: Path) -> None:
            call = _call(seconds, channels, seed)
            path.write_bytes(call.wav(kind) if suffix == "wav" else call.encoded(kind))

        return self._file(f"{kind}-{channels}-{seconds}s-{seed}.{suffix}", make)

    def long_wav(self, seconds: int, piece: int) -> Path:
        """Stereo, 16 bits: a call of `piece` seconds over and over again."""
        data = _call(piece, 2, 0).samples.tobytes()

        def make(path: Path) -> None:
            with wave.open(str(path), "wb") as writer:
                writer.setparams((2, 2, RATE, seconds * RATE, "NONE", ""))
                for _ in range(seconds // piece):
                    writer.writeframesraw(data)

        return self._file(f"long-{seconds}s-{piece}s.wav", make)

    def long_mp3(self, seconds: int, piece: int) -> Path:
        """Mono: a call of `piece` seconds over and over again."""
        samples = _call(piece, 1, 0).samples

        def make(path: Path) -> None:
            with soundfile.SoundFile(path, "w", RATE, 1, "MPEG_LAYER_III", format="MP3") as writer:
                for _ in range(seconds // piece):
                    writer.write(samples)

        return self._file(f"long-{seconds}s-{piece}s.mp3", make)

    def folder_of_mp3(self, number: int, seconds: int, distinct: int = 20) -> Path:
        """A folder of files that all differ: `distinct` mono calls, each under many ID3v1 tags."""
        folder = self.folder / f"mp3-{number}-{seconds}s"
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(number):
            path = folder / f"{index:04}.mp3"
            if not path.exists():
                sound = self.call(seconds, 1, "mp3", seed=index % distinct).read_bytes()
                path.write_bytes(sound + b"TAG" + f"Call {index}".encode().ljust(125, b"\0"))
        return folder

    def _file(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"part-{name}")
            make(part)
            part.replace(path)
        return path
