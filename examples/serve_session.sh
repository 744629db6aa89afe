#!/bin/sh
# A session with a running `callkit serve`, by curl: sh serve_session.sh [URL]
set -eu
URL=${1:-http://127.0.0.1:8000}
WAV=$(mktemp -d)/tone.wav
python3 - "$WAV" <<'PYTHON'
import math, struct, sys, wave
with wave.open(sys.argv[1], "wb") as writer:
    writer.setparams((1, 2, 8000, 0, "NONE", ""))
    writer.writeframes(b"".join(struct.pack("<h", round(9000 * math.sin(0.35 * n)) * (n < 8000)) for n in range(16000)))
PYTHON

# Announce a call
CALL=$(curl -sS -X POST "$URL/calls/" -H 'Content-Type: application/json' \
  -d '{"caller": "+442079460018", "receiver": "101", "started_at": "2026-11-24T08:30:00Z"}')
ID=$(printf %s "$CALL" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
printf 'created %s\n' "$ID"

# Upload its recording: what is no audio is refused, and so is a second one
curl -sS -o /dev/null -w 'text: %{http_code}\n' -X POST "$URL/calls/$ID/recording" -F "file=@$0;filename=a.txt"
curl -sS -o /dev/null -w 'upload: %{http_code}\n' -X POST "$URL/calls/$ID/recording" -F "file=@$WAV"
curl -sS -o /dev/null -w 'once more: %{http_code}\n' -X POST "$URL/calls/$ID/recording" -F "file=@$WAV"

# Wait until it is ready
while curl -sS "$URL/calls/$ID" | grep -q '"status":"processing"'; do sleep 0.2; done
curl -sS "$URL/calls/$ID" | python3 -c 'import json, sys; call = json.load(sys.stdin); print(call["status"], call["recording"]["duration_sec"])'

# Find it, hear a part of it, ask for a link
curl -sS -G "$URL/calls" --data-urlencode "query=7946" -d limit=5 -d offset=0 | grep -q "$ID" && echo found
curl -sS -o /dev/null -w 'part: %{http_code}\n' -H 'Range: bytes=0-99' "$URL/calls/$ID/audio"
curl -sS -o /dev/null -w 'link: %{http_code}\n' "$URL/calls/$ID/download"
rm -r "$(dirname "$WAV")"
