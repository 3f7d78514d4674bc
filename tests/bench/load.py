"""Closed-loop load: N callers, each begins its next view when the last is answered. Every answer is checked.

`python -m tests.bench.load HOST:PORT CALLERS SECONDS STEPS` prints one JSON line. STEPS is a JSON file, the requests of one view in
order (tests.bench.messages); in each, `{ID}` becomes a new UUID in capitals.
"""

import asyncio
import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import uvloop

WARM_UP = 0.2
"""Share of the time that does not count."""


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    length = int(lower[at + 15 :].split(b"\r\n", 1)[0])
    body = await reader.readexactly(length)
    return int(head[9:12]), body


def _maker(step: dict[str, str]) -> Callable[[], bytes]:
    """Makes the bytes of one request, each time with a new id in all its places."""
    parts = step["body"].encode().split(b"{ID}")
    length = sum(map(len, parts)) + 36 * (len(parts) - 1)
    head = step["head"].encode() + b"\r\nContent-Length: %d\r\n\r\n" % length

    def make() -> bytes:
        return head + str(uuid.uuid4()).upper().encode().join(parts)

    return make


async def run(address: str, callers: int, seconds: float, steps: list[dict[str, str]]) -> dict[str, object]:
    """Figures of one run; the first fifth of the time is warm-up and does not count. A view is good by its last answer."""
    host, port = address.split(":")
    makers = [(_maker(step), step["mark"].encode()) for step in steps]
    times: list[float] = []
    statuses: dict[str, int] = {}
    whole = 0
    start = time.perf_counter()
    counted, end = start + seconds * WARM_UP, start + seconds

    async def view(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        key = ""
        for make, mark in makers:
            status, body = await _exchange(reader, writer, make())
            key = str(status) if status != 200 or mark in body else "200-without-record"
            if key != "200":
                break
        return key

    async def caller() -> None:
        nonlocal whole
        reader, writer = await asyncio.open_connection(host, int(port), limit=8 * 1024 * 1024)
        while (began := time.perf_counter()) < end:
            key = await view(reader, writer)
            took = time.perf_counter() - began
            whole += 1
            if began >= counted:
                statuses[key] = statuses.get(key, 0) + 1
                if key == "200":
                    times.append(took)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    ordered = sorted(times) or [float("nan")]
    return {
        "callers": callers,
        "per_second": len(times) / (seconds * (1 - WARM_UP)),
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
        "statuses": statuses,
        "whole": whole,
        "cpu_s": time.process_time(),
    }


if __name__ == "__main__":
    where, many, how_long, file = sys.argv[1:5]
    print(json.dumps(uvloop.run(run(where, int(many), float(how_long), json.loads(Path(file).read_bytes())))))
