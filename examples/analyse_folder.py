"""Measure every recording in a folder, with no database: python analyse_folder.py [FOLDER]."""

import sys
from pathlib import Path

import callkit

NO_SOUND = {".md", ".toml", ".json", ".txt"}


def main(folder: Path) -> None:
    print(f"{'recording':<40} {'seconds':>8} {'silence':>8}  talk")
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix in NO_SOUND:
            continue
        try:
            analysis = callkit.analyse(path)
        except callkit.CallKitError as error:
            print(f"{path.name[:40]:<40} {error}")
            continue
        talk = " + ".join(f"{party.talk_time:.1f} s" for party in analysis.parties)
        print(f"{path.name[:40]:<40} {analysis.duration:>8.1f} {analysis.silence_share or 0:>8.0%}  {talk}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "calls")
