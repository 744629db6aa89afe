"""Take many recordings in at once from async code: python async_ingest.py [FOLDER]."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import callkit

NO_SOUND = {".md", ".toml", ".json", ".txt"}


async def measure(kit: callkit.AsyncCallKit, path: Path) -> None:
    try:
        call = await kit.ingest(path, source="folder", external_id=path.name)
    except callkit.CallKitError as error:
        print(f"refused  {error}")
        return
    call = await kit.wait(call.id)
    print(f"{call.status:<8} {call.duration or 0:>6.1f} s  {path.name}")


async def main(folder: Path) -> None:
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix not in NO_SOUND]
    with TemporaryDirectory() as data:
        async with callkit.AsyncCallKit.open(data, runner="threads:2") as kit:
            await asyncio.gather(*(measure(kit, path) for path in paths))
            print(f"{await kit.count('status:ready')} of {len(paths)} are ready")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "calls"))
