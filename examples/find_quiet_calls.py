"""Keep the calls of a folder, then find those with much silence: python find_quiet_calls.py [FOLDER]."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import callkit

NO_SOUND = {".md", ".toml", ".json", ".txt"}


def main(folder: Path) -> None:
    with TemporaryDirectory() as data, callkit.CallKit.open(data) as kit:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix not in NO_SOUND:
                kit.wait(kit.ingest(path).id)
        print(f"{kit.count('status:ready')} calls, {kit.count('silence>20%')} of them with more than 20 % silence:")
        for call in kit.calls("silence>20%"):
            results = kit.results(call.id)
            if call.recording and results:
                longest = max((mark.duration for mark in results.analysis.silence), default=0.0)
                print(f"  {call.silence_share:.0%} silent, longest pause {longest:.1f} s: {call.recording.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "calls")
