"""SIGKILL under load: every record that any client received, whole or in part, is on record, every emergency has its alert.

Three kills a database in the suite; `make torture` (SCR_KILLS) does two hundred and more. The gateway is the real one, one or
four processes of it; stubs around it live on, as Spine would.
"""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.sandbox import Ports, surroundings
from gateway.store.engine import make_engine, upgrade
from tests.bench.template import template
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.running import ROOT, RunningSandbox, free_base

KILLS = int(os.environ.get("SCR_KILLS", "3"))
SEED = int(os.environ.get("SCR_KILL_SEED", "20260304"))
CALLERS = 24
WORKERS = (1, 4)
NUMBER, UID, SYSTEM = "9992000112", "910000000281", "portal-rzz09"
NOTE = "unconscious at home QQQQQQQQ"
FRESH = 20
"""Kills after which the requests are made anew: what proves a user does not last for ever."""


@dataclass
class Received:
    """What clients got: correlation id -> whether it was asked for as an emergency."""

    records: dict[str, bool] = field(default_factory=dict)
    in_part: int = 0
    refusals: dict[str, int] = field(default_factory=dict)


def fill(request: bytes) -> bytes:
    """A request with an id and a note of its own."""
    words = uuid.uuid4().hex
    while b"{ID}" in request:
        request = request.replace(b"{ID}", str(uuid.uuid4()).upper().encode(), 1)
    return request.replace(b"QQQQQQQQ", f"{words[:8]} {words[8:16]}".encode())


async def caller(port: int, requests: tuple[bytes, bytes], received: Received, stop: asyncio.Event) -> None:
    """One view after the other, by turns with permission and in an emergency, until the gateway is gone."""
    turn = 0
    while not stop.is_set():
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while not stop.is_set():
                    turn += 1
                    await _view(reader, writer, fill(requests[turn % 2]), turn % 2 == 1, received)
            finally:
                writer.close()
        await asyncio.sleep(0.02)


async def _view(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, emergency: bool, received: Received
) -> None:
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
        block = await reader.read(length - got)
        if not block:
            break
        got += len(block)
        if not code:  # from the first byte on it counts as shown
            received.records[correlation] = emergency
    if code:
        received.refusals[code] = received.refusals.get(code, 0) + 1
    if got < length:
        received.in_part += 1
        raise asyncio.IncompleteReadError(b"", length)


@dataclass
class House:
    """Where everything is."""

    data: Path
    base: int
    environment: dict[str, str]
    url: str

    @property
    def sandbox(self) -> RunningSandbox:
        """As the tests of requests know it."""
        return RunningSandbox(base=self.base, data=self.data, process=None, log=self.data / "log")  # type: ignore[arg-type]

    def start(self, workers: int) -> list["subprocess.Popen[bytes]"]:
        """Gateway processes on the same port."""
        command = [sys.executable, "-m", "gateway", "worker", "--mode", "sandbox", "--config"]
        log = (self.data / "log").open("ab")
        with log:
            return [
                subprocess.Popen(
                    [*command, str(self.data / "gateway.toml")], cwd=ROOT, env=self.environment, stdout=log, stderr=log
                )
                for _ in range(workers)
            ]

    async def ready(self, processes: list["subprocess.Popen[bytes]"]) -> None:
        """Until the gateway says that it can record. Raises AssertionError where it does not come up."""
        for _ in range(1200):
            if any(process.poll() is not None for process in processes):
                break
            if await asyncio.to_thread(self._answers):
                return
            await asyncio.sleep(0.05)
        raise AssertionError((self.data / "log").read_text(errors="replace")[-3000:])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.base}/health/ready", timeout=5) as answer:
                return bool(json.loads(answer.read())["ready"])
        except (OSError, urllib.error.URLError):
            return False

    async def cli(self, *arguments: str) -> str:
        """`scr-gateway ARGUMENTS`, which must succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *arguments, cwd=ROOT, env=self.environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode()


@asynccontextmanager
async def house(data: Path, url: str | None) -> AsyncIterator[House]:
    """The stubs running; the gateway's database as named, or the sandbox's own."""
    base = free_base()
    async with surroundings(Ports(base=base), data, None):
        environment = os.environ | ({"SCR_GATEWAY_STORE__URL": url} if url else {})
        yield House(data, base, environment, url or f"sqlite+aiosqlite:///{data / 'gateway.sqlite'}")


def requests_of(sandbox: RunningSandbox) -> tuple[bytes, bytes]:
    """A view that rests on a kept permission, and one in an emergency; relationship and permission are put on record."""
    kept = template(sandbox, number=NUMBER, uid=UID, system=SYSTEM)
    command = [sys.executable, "-m", "vendor_stubs", "mini-service", "view", "--nhs-number", NUMBER, "--as", UID]
    command += ["--relationship", "referral", "--permission", "emergency", "--note", NOTE, "--print-request"]
    output = subprocess.run([*command, "--gateway", sandbox.gateway], cwd=ROOT, capture_output=True, check=True)
    found = re.findall(rb"<(?:[\w-]+:)?Envelope.*?</(?:[\w-]+:)?Envelope>", output.stdout + output.stderr, re.DOTALL)
    emergency = next(one for one in found if b"QQQQQQQQ" in one)
    emergency, replaced = re.subn(
        rb"(<[\w-]+:MessageID[^>]*>)[^<]*(</[\w-]+:MessageID>)", rb"\g<1>{ID}\g<2>", emergency
    )
    assert replaced == 1
    return kept, emergency


async def one_kill(
    place: House, workers: int, requests: tuple[bytes, bytes] | None, received: Received, chance: random.Random
) -> tuple[bytes, bytes]:
    """Start, load, kill at a random instant."""
    processes = place.start(workers)
    try:
        await place.ready(processes)
        requests = requests or await asyncio.to_thread(requests_of, place.sandbox)
        stop, before = asyncio.Event(), len(received.records)
        callers = [asyncio.create_task(caller(place.base, requests, received, stop)) for _ in range(CALLERS)]
        async with asyncio.timeout(60):
            while len(received.records) == before:  # noqa: ASYNC110 - until the first is answered, whichever it is
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
    export = place.data / "audit.jsonl"
    await place.cli("audit", "export", "--config", str(place.data / "gateway.toml"), "--output", str(export))
    said = await place.cli("audit", "verify", str(export), "--keys", str(place.data / "keys"))
    assert said.rstrip().endswith(": sound"), said
    lines = [json.loads(line) for line in export.read_bytes().splitlines()]
    entries = [line["entry"] for line in lines if line["kind"] == "entry"]
    viewed = {entry["correlation_id"]: entry for entry in entries if entry["event"] == "viewed"}
    asked = {entry["correlation_id"] for entry in entries if entry["event"] == "asked"}
    alerts = await _alerts(place.url)
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


async def _alerts(url: str) -> dict[str, str]:
    """Correlation id -> alert id, from the database."""
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            found = await connection.exec_driver_sql("SELECT correlation_id, id FROM alert")
            return {row[0]: row[1] for row in found}
    finally:
        await engine.dispose()


async def kills(place: House) -> None:
    """So many kills, by turns with one process and with four; then the reckoning."""
    received, chance = Received(), random.Random(SEED)
    requests: tuple[bytes, bytes] | None = None
    for number in range(KILLS):
        workers = WORKERS[number % len(WORKERS)]
        requests = await one_kill(place, workers, None if number % FRESH == 0 else requests, received, chance)
    viewed, alerts = await check(place, received)
    emergencies = sum(received.records.values())
    print(
        f"\n{KILLS} kills: {len(received.records)} records received ({emergencies} in an emergency, {received.in_part} cut off), "
        f"{viewed} on record, {alerts} alerts; refusals {received.refusals}"
    )
    assert emergencies > 0
    assert emergencies < len(received.records)
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
