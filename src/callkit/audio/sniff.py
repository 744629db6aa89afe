"""What a file is, told from its first bytes: its name and its extension are not asked."""

from callkit.audio import mp3_frames

__all__ = ["HEAD_BYTES", "UNKNOWN", "ZEROS", "content_type_of", "describe", "sniff", "suffix_of"]

HEAD_BYTES = 4096
"""How many bytes of a file `sniff()` and `describe()` want."""

UNKNOWN = "bytes of no known audio format"
ZEROS = "zeros only"

_MAGIC = (
    ("flac", 0, b"fLaC"),
    ("ogg", 0, b"OggS"),
    ("aiff", 8, b"AIFF"),
    ("aiff", 8, b"AIFC"),
    ("au", 0, b".snd"),
    ("caf", 0, b"caff"),
    ("w64", 0, b"riff\x2e\x91\xcf\x11"),
    ("voc", 0, b"Creative Voice File"),
    ("nist", 0, b"NIST_1A"),
    ("mp4", 4, b"ftyp"),
    ("mp4", 4, b"moov"),
    ("mp4", 4, b"mdat"),
    ("amr", 0, b"#!AMR"),
    ("asf", 0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("matroska", 0, b"\x1a\x45\xdf\xa3"),
    ("flv", 0, b"FLV\x01"),
    ("wavpack", 0, b"wvpk"),
    ("ape", 0, b"MAC "),
    ("tta", 0, b"TTA1"),
    ("ac3", 0, b"\x0b\x77"),
    ("mpegps", 0, b"\x00\x00\x01\xba"),
    ("mp2", 0, b"\xff\xfd"),
    ("mp2", 0, b"\xff\xfc"),
    ("mp2", 0, b"\xff\xf5"),
    ("mp2", 0, b"\xff\xf4"),
    ("aac", 0, b"\xff\xf1"),
    ("aac", 0, b"\xff\xf9"),
    ("aac", 0, b"\xff\xf0"),
    ("aac", 0, b"\xff\xf8"),
)
_RIFF = {b"WAVE": "wav", b"AVI ": "avi"}
_SUFFIXES = {
    "aiff": ".aiff",
    "asf": ".wma",
    "matroska": ".mka",
    "mp4": ".m4a",
    "mpegps": ".mpg",
    "nist": ".sph",
    "samples": ".wav",
    "wavpack": ".wv",
}
_CONTENT_TYPES = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "asf": "audio/x-ms-wma",
    "au": "audio/basic",
    "flac": "audio/flac",
    "matroska": "audio/matroska",
    "mp2": "audio/mpeg",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"MThd", "a MIDI score, which has no sound of its own"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "the start of a RIFF file, but no sound"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def sniff(head: bytes) -> str | None:
    """Tell the container.

    Args:
        head: the first `HEAD_BYTES` bytes, or the whole file if it is shorter.

    Returns:
        "wav", "mp3", "flac", "ogg", "mp4", … as in `AudioFormat.container`; None if it looks like no audio.
    """
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if mp3_frames.id3_size(head) or mp3_frames.parse(head, 0):
        return "mp3"
    return next((name for name, at, magic in _MAGIC if head[at : at + len(magic)] == magic), None)


def describe(head: bytes) -> str:
    """Say in words what a file that `sniff()` does not know looks like: "a PNG picture", "text" and so on."""
    if not head:
        return "nothing: the file is empty"
    for magic, words in _OTHERS:
        if head.startswith(magic):
            return words
    if not head.strip(b"\0"):
        return ZEROS
    if not _is_text(head):
        return UNKNOWN
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        return "an HTML page (a log-in or an error page, perhaps)"
    return "text"


def _is_text(head: bytes) -> bool:
    """UTF-8 (the last character may be cut) without control characters."""
    try:
        head[:-3].decode()
    except UnicodeDecodeError:
        return False
    return all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head)


def suffix_of(container: str) -> str:
    """The customary ending of a file's name, such as ".wav" or ".m4a"."""
    return _SUFFIXES.get(container, f".{container}")


def content_type_of(container: str) -> str:
    """What HTTP calls the content, such as "audio/wav": what browsers play has its own, anything else is just bytes."""
    return _CONTENT_TYPES.get(container, "application/octet-stream")
