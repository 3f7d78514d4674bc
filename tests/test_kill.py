"""SIGKILL under load: every record that any client received, whole or in part, is on record, every emergency has its alert.

Three kills a database in the suite; `make torture` (SCR_KILLS) does two hundred and more. The gateway is the real one, one or
four processes of it, by turns.
"""

import asyncio
import os
import random
import signal
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.store.engine import make_engine, upgrade
from tests.bench.messages import template
from tests.house import SYSTEM, UID, House, alerts_of, fill, house, requests_of
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture

KILLS = int(os.environ.get("SCR_KILLS", "3"))
SEED = int(os.environ.get("SCR_KILL_SEED", "20260304"))
CALLERS, SLOW = 20, 4
WORKERS = (1, 4)
LARGE = "9992004924"
"""A patient whose record is too large to leave the gateway in one piece: who reads it slowly is cut off in the middle of it."""
FRESH = 100
"""Seconds after which the requests are made anew: neither a message nor what proves its user lasts for ever."""


@dataclass(frozen=True)
class Requests:
    """What callers send: a view that rests on a kept permission, one in an emergency, and one of a large record."""

    kept: bytes
    emergency: bytes
    large: bytes
    until: float
    """When they are too old to send."""

    @classmethod
    def made(cls, place: House) -> "Requests":
        """Relationships and permissions are put on record for them."""
        until = time.monotonic() + FRESH
        kept, emergency = requests_of(place.sandbox)
        return cls(kept, emergency, template(place.sandbox, number=LARGE, uid=UID, system=SYSTEM), until)


@dataclass
class Received:
    """What clients got: correlation id -> whether it was asked for as an emergency."""

    records: dict[str, bool] = field(default_factory=dict)
    begun: dict[str, bool] = field(default_factory=dict)
    """Records of which a part has come and the rest has not: correlation id -> whether it is read slowly."""
    refusals: dict[str, int] = field(default_factory=dict)


async def caller(port: int, requests: Requests, received: Received, stop: asyncio.Event, *, slow: bool) -> None:
    """One view after the other, by turns with permission and in an emergency, until the gateway is gone; or a large one, slowly."""
    turn = 0
    while not stop.is_set():
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await _connected(port, slow=slow)
            try:
                while not stop.is_set():
                    turn += 1
                    emergency = not slow and turn % 2 == 1
                    body = requests.large if slow else requests.emergency if emergency else requests.kept
                    await _view(reader, writer, fill(body), emergency, received, stop if slow else None)
            finally:
                writer.close()
        await asyncio.sleep(0.02)


async def _connected(port: int, *, slow: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection; a slow one takes little at a time, so that most of a large answer waits in the gateway itself."""
    made = socket.socket()
    made.setblocking(False)
    if slow:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    try:
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=made, limit=4096)
    except BaseException:
        made.close()
        raise


async def _view(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    body: bytes,
    emergency: bool,
    received: Received,
    until: asyncio.Event | None,
) -> None:
    """One view, noted as received from its first byte on; where `until` is given, its answer is read slowly until then."""
    correlation = str(uuid.uuid4()).upper()
    head = (
        f"POST /itk HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml\r\nX-SCR-System: {SYSTEM}\r\n"
        f"X-Correlation-ID: {correlation}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
    code = answer.partition(b"x-scr-code:")[2].partition(b"\r\n")[0].strip().decode()
    got = 0
    while got < length:
        if not (block := await reader.read(length - got)):
            raise asyncio.IncompleteReadError(b"", length)
        got += len(block)
        if not code:  # from the first byte on it counts as shown
            received.records[correlation] = emergency
            received.begun[correlation] = until is not None
        if until is not None and not until.is_set():
            await asyncio.sleep(0.2)
    received.begun.pop(correlation, None)
    if code:
        received.refusals[code] = received.refusals.get(code, 0) + 1


async def one_kill(
    place: House, workers: int, requests: Requests | None, received: Received, chance: random.Random
) -> Requests:
    """Start, load, kill at a random instant."""
    processes = place.start(workers)
    try:
        await place.ready(processes)
        if requests is None or time.monotonic() > requests.until:
            requests = await asyncio.to_thread(Requests.made, place)
        stop, before = asyncio.Event(), len(received.records)
        cut = sum(received.begun.values())
        callers = [
            asyncio.create_task(caller(place.base, requests, received, stop, slow=number < SLOW))
            for number in range(SLOW + CALLERS)
        ]
        async with asyncio.timeout(300):
            while len(received.records) == before or sum(received.begun.values()) == cut:  # noqa: ASYNC110 - whichever comes first
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.random() * 1.5)
        for process in processes:
            process.send_signal(signal.SIGKILL)
        stop.set()
        await asyncio.gather(*callers)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return requests


async def check(place: House, received: Received) -> tuple[int, int]:
    """Everything received is in the audit, every emergency has its alert, every chain verifies. (viewed, alerts) found."""
    lines = await place.exported()
    entries = [line["entry"] for line in lines if line["kind"] == "entry"]
    viewed = {entry["correlation_id"]: entry for entry in entries if entry["event"] == "viewed"}
    asked = {entry["correlation_id"] for entry in entries if entry["event"] == "asked"}
    alerts = await alerts_of(place.url)
    lost = [one for one in received.records if one not in viewed]
    assert lost == []
    unalerted = [
        one
        for one, emergency in received.records.items()
        if emergency and alerts.get(one) != viewed[one].get("alert_id")
    ]
    assert unalerted == []
    assert set(viewed) <= asked
    assert {entry["alert_id"] for entry in viewed.values() if entry.get("emergency")} == set(alerts.values())
    return len(viewed), len(alerts)


async def kills(place: House) -> None:
    """So many kills, by turns with one process and with four; then the reckoning."""
    received, chance = Received(), random.Random(SEED)
    requests: Requests | None = None
    for number in range(KILLS):
        workers = WORKERS[number % len(WORKERS)]
        requests = await one_kill(place, workers, requests, received, chance)
    viewed, alerts = await check(place, received)
    emergencies = sum(received.records.values())
    print(
        f"\n{KILLS} kills: {len(received.records)} records received ({emergencies} in an emergency, {len(received.begun)} cut off), "
        f"{viewed} on record, {alerts} alerts; refusals {received.refusals}"
    )
    assert emergencies > 0
    assert emergencies < len(received.records)
    assert received.begun
    assert set(received.refusals) <= {"overloaded", "audit-unavailable", "spine-unreachable"}


async def test_sigkill_loses_nothing_that_was_shown_on_sqlite(tmp_path: Path) -> None:
    async with house(tmp_path, None) as place:
        await kills(place)


@pytest.mark.postgres
async def test_sigkill_loses_nothing_that_was_shown_on_postgresql(tmp_path: Path, postgres_cluster: Cluster) -> None:  # noqa: F811
    postgres_cluster.sql("CREATE DATABASE killed")
    url = postgres_cluster.url("killed")
    engine = make_engine(url)
    await upgrade(engine)
    await engine.dispose()
    async with house(tmp_path, url) as place:
        await kills(place)
