"""Create a call over HTTP, upload a recording, wait until it is ready: python serve_smoke.py [URL OF A SERVER]."""

import io
import re
import subprocess
import sys
import time
import wave
from tempfile import TemporaryDirectory

import httpx  # pip install httpx

NEW = {"caller": "+442079460018", "receiver": "101", "started_at": "2026-11-24T08:30:00Z"}


def silence(seconds: int = 2, rate: int = 8000) -> bytes:
    with io.BytesIO() as file, wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(bytes(2 * rate * seconds))
        return file.getvalue()


def smoke(url: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        call = client.post("/calls/", json=NEW).raise_for_status().json()
        client.post(f"/calls/{call['id']}/recording", files={"file": ("a.wav", silence())}).raise_for_status()
        while (call := client.get(f"/calls/{call['id']}").json())["status"] == "processing":
            time.sleep(0.2)
        print(call["status"], call["recording"]["duration_sec"], "s, silence:", call["recording"]["silence_marks"])


if len(sys.argv) > 1:
    smoke(sys.argv[1])
else:
    with TemporaryDirectory() as data:
        command = [sys.executable, "-m", "callkit", "serve", "--data", data, "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            said = (re.search(r"http://\S+:\d+", line) for line in server.stderr or ())
            smoke(next(filter(None, said))[0])
            server.terminate()
