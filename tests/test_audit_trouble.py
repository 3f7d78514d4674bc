"""A database that is locked, full, gone or read-only, met through the gateway itself: refused with a code and no byte of the record.

Readiness says so meanwhile, everything works again without a restart, and no entry is half written.
"""

import asyncio
import json
import os
import resource
import sqlite3
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store.engine import make_engine, upgrade
from tests.house import NUMBER, SYSTEM, UID, House, alerts_of, fill, house, requests_of
from tests.postgres import REQUIRED, Cluster, binaries, cluster

RECORD = b"GPSummary"
QUEUE = 4
REFUSED, BUSY = "audit-unavailable", "overloaded"

Trouble = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Caller:
    """One system that asks for a view in an emergency, and what it got."""

    place: House
    request: bytes
    shown: list[str] = field(default_factory=list)

    async def view(self) -> str:
        """The code of its refusal, or nothing. A refusal must hold nothing of the record."""
        correlation = str(uuid.uuid4()).upper()
        headers = {"Content-Type": "text/xml", "X-SCR-System": SYSTEM, "X-Correlation-ID": correlation}
        _, code, body = await self._post("/itk", fill(self.request), headers)
        assert (RECORD in body) is not bool(code)
        if not code:
            self.shown.append(correlation)
        return code

    async def feed(self) -> tuple[int, str]:
        """(HTTP status, code of the refusal or nothing) of putting a relationship on record."""
        until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
        document = {"nhs_number": NUMBER, "kind": "referral", "user": UID, "end": until}
        headers = {"Content-Type": "application/json", "X-SCR-System": "pas-rzz09"}
        return (await self._post("/relationships", json.dumps(document).encode(), headers))[:2]

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.place.base}{path}", body, headers)

        def sent() -> tuple[int, str, bytes]:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, answer.headers.get("X-SCR-Code", ""), answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.headers.get("X-SCR-Code", ""), error.read()

        return await asyncio.to_thread(sent)


async def readiness(place: House) -> tuple[int, str]:
    """(HTTP status, what is said of the audit)."""

    def asked() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{place.base}/health/ready", timeout=30) as answer:
                return answer.status, json.loads(answer.read())["audit"]
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["audit"]

    return await asyncio.to_thread(asked)


async def until(place: House, wanted: tuple[int, str]) -> None:
    """Until readiness says so by itself; it is asked of the database at most once a second."""
    async with asyncio.timeout(300):
        while await readiness(place) != wanted:  # noqa: ASYNC110 - it is asked, as a load balancer asks it
            await asyncio.sleep(0.1)


async def through(name: str, trouble: Trouble, caller: Caller) -> None:
    """One trouble, from a gateway that works to a gateway that works again."""
    assert (name, await caller.view()) == (name, "")
    async with trouble():
        assert (name, await caller.view()) == (name, REFUSED)
        await until(caller.place, (503, "not writable"))
        if name == "locked":
            await overload(caller)
    await until(caller.place, (200, "writable"))
    assert (name, await caller.view()) == (name, "")


async def overload(caller: Caller) -> None:
    """More callers than may wait for a database that hangs: the rest are told so at once, and nobody waits for ever."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(3 * QUEUE))
    asked = [asyncio.create_task(caller.feed()) for _ in range(3 * QUEUE)]
    early, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    answers = await asyncio.gather(*asked)
    assert {task.result() for task in early} == {(503, BUSY)}
    assert set(answers) == {(503, BUSY), (503, REFUSED)}


async def sound(caller: Caller) -> None:
    """Every record shown is on record with its alert; every chain verifies; no view is there without what it rests on."""
    lines = await caller.place.exported()
    entries = [line["entry"] for line in lines if line["kind"] == "entry"]
    viewed = {entry["correlation_id"]: entry.get("alert_id") for entry in entries if entry["event"] == "viewed"}
    assert set(caller.shown) <= set(viewed)
    assert set(viewed) <= {entry["correlation_id"] for entry in entries if entry["event"] == "asked"}
    alerts = await alerts_of(caller.place.url)
    assert {one: alert for one, alert in viewed.items() if alert} == alerts
    assert set(caller.shown) <= set(alerts)


@asynccontextmanager
async def calling(data: Path, url: str | None) -> AsyncIterator[tuple[Caller, int]]:
    """A running gateway, somebody who calls it, and its process id."""
    async with house(data, url) as place:
        place.environment["SCR_GATEWAY_STORE__QUEUE"] = str(QUEUE)
        processes = place.start(1)
        try:
            await place.ready(processes)
            _, emergency = await asyncio.to_thread(requests_of, place.sandbox)
            yield Caller(place, emergency), processes[0].pid
        finally:
            for process in processes:
                process.terminate()
                process.wait(20)


def on_sqlite(file: Path, pid: int) -> dict[str, Trouble]:
    """What can befall a database file; `pid` is the gateway's."""

    @asynccontextmanager
    async def locked() -> AsyncIterator[None]:
        blocker = sqlite3.connect(file, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        yield
        blocker.close()

    @asynccontextmanager
    async def full() -> AsyncIterator[None]:
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))  # no file of it takes another byte
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    @asynccontextmanager
    async def gone() -> AsyncIterator[None]:
        away = file.with_name("elsewhere")
        move(file, away)
        yield
        move(away, file)

    @asynccontextmanager
    async def stopped() -> AsyncIterator[None]:
        abort = "CREATE TRIGGER stopped BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no more'); END"
        for statement in (abort, "DROP TRIGGER stopped"):
            other = sqlite3.connect(file, isolation_level=None, timeout=30)
            other.execute(statement)
            other.close()
            if statement == abort:
                yield

    return {"locked": locked, "full": full, "gone": gone, "stopped": stopped}


def move(there: Path, here: Path) -> None:
    """A file to another name."""
    there.rename(here)


def on_postgresql(server: Cluster, url: str) -> dict[str, Trouble]:
    """What can befall a database server."""

    @asynccontextmanager
    async def gone() -> AsyncIterator[None]:
        server.stop("immediate")
        yield
        server.start()

    @asynccontextmanager
    async def read_only() -> AsyncIterator[None]:
        for statement in ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"):
            server.sql(statement)
        await asyncio.sleep(0.5)
        yield
        for statement in ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"):
            server.sql(statement)

    @asynccontextmanager
    async def locked() -> AsyncIterator[None]:
        engine = make_engine(url)
        async with engine.connect() as blocker:
            await blocker.exec_driver_sql("LOCK TABLE audit_chain, audit IN ACCESS EXCLUSIVE MODE")
            yield
        await engine.dispose()

    return {"gone": gone, "read-only": read_only, "locked": locked}


async def test_sqlite_in_trouble_refuses_and_comes_back(tmp_path: Path) -> None:
    async with calling(tmp_path, None) as (caller, pid):
        for name, trouble in on_sqlite(tmp_path / "gateway.sqlite", pid).items():
            await through(name, trouble, caller)
        await sound(caller)


@pytest.mark.postgres
async def test_postgresql_in_trouble_refuses_and_comes_back(tmp_path: Path) -> None:
    if binaries() is None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail("PostgreSQL is required and not installed")
        pytest.skip("PostgreSQL is not installed (deploy/install-postgres.sh): its half of this test does not run")
    with cluster() as server:
        server.sql("CREATE DATABASE troubled")
        url = server.url("troubled")
        engine = make_engine(url)
        await upgrade(engine)
        await engine.dispose()
        async with calling(tmp_path, url) as (caller, _):
            for name, trouble in on_postgresql(server, url).items():
                await through(name, trouble, caller)
            await sound(caller)
