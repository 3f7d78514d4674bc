"""Closed-loop load: N callers, each sends its next request when the last is answered. Every answer is checked.

`python -m tests.bench.load HOST:PORT CALLERS SECONDS TEMPLATE MARK` prints one JSON line. `{ID}` in the template becomes a new
UUID in capitals each time; MARK must stand in every good answer.
"""

import asyncio
import json
import statistics
import sys
import time
import uuid
from pathlib import Path

import uvloop


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    length = int(lower[at + 15 :].split(b"\r\n", 1)[0])
    body = await reader.readexactly(length)
    return int(head[9:12]), body


def _requests(template: bytes, address: str, system: str):  # type: ignore[no-untyped-def]
    parts = template.split(b"{ID}")
    length = len(template) + (36 - 4) * (len(parts) - 1)
    head = (
        f"POST /itk HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/xml\r\nX-SCR-System: {system}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
    while True:
        pieces = [parts[0]]
        for part in parts[1:]:
            pieces += [str(uuid.uuid4()).upper().encode(), part]
        yield head + b"".join(pieces)


async def run(
    address: str, callers: int, seconds: float, template: bytes, mark: bytes, system: str
) -> dict[str, object]:
    """Figures of one run; the first fifth of the time is warm-up and does not count."""
    host, port = address.split(":")
    times: list[float] = []
    statuses: dict[str, int] = {}
    start = time.perf_counter()
    counted, end = start + seconds / 5, start + seconds

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=8 * 1024 * 1024)
        requests = _requests(template, address, system)
        while (began := time.perf_counter()) < end:
            status, body = await _exchange(reader, writer, next(requests))
            took = time.perf_counter() - began
            key = str(status) if status != 200 or mark in body else "200-without-record"
            if began >= counted:
                statuses[key] = statuses.get(key, 0) + 1
                if key == "200":
                    times.append(took)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    elapsed = seconds * 4 / 5
    ordered = sorted(times) or [float("nan")]
    return {
        "callers": callers,
        "per_second": len(times) / elapsed,
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
        "statuses": statuses,
    }


if __name__ == "__main__":
    where, many, how_long, file, wanted, system_id = sys.argv[1:7]
    print(
        json.dumps(
            uvloop.run(run(where, int(many), float(how_long), Path(file).read_bytes(), wanted.encode(), system_id))
        )
    )
