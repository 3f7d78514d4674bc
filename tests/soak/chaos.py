"""What breaks, in an order drawn from the seed: Spine, workers, the database, its disk. Every fault is mended before the next."""

import asyncio
import json
import random
import resource
import signal
import sqlite3
import subprocess
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from tests.postgres import Cluster
from tests.soak.house import House

RECOVERY_SECONDS = 60.0
"""Within which the gateway must say that it can record again, once a fault is mended."""


def _control(house: House, **how: float) -> None:
    request = urllib.request.Request(f"{house.sandbox.spine}/control", json.dumps(how).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


async def spine_faults(house: House, chance: random.Random) -> None:
    """A share of Spine's answers are faults."""
    await asyncio.to_thread(_control, house, error_rate=chance.choice((0.1, 0.3, 0.6)))
    await asyncio.sleep(chance.uniform(2, 6))
    await asyncio.to_thread(_control, house, error_rate=0)


async def spine_slow(house: House, chance: random.Random) -> None:
    """Every answer of Spine comes late."""
    await asyncio.to_thread(_control, house, latency_ms=chance.choice((100, 500, 1500)))
    await asyncio.sleep(chance.uniform(2, 6))
    await asyncio.to_thread(_control, house, latency_ms=0)


async def spine_frozen(house: House, chance: random.Random) -> None:
    """Spine takes connections and says nothing."""
    process = house.spine()
    process.suspend()
    try:
        await asyncio.sleep(chance.uniform(2, 7))
    finally:
        process.resume()


async def worker_killed(house: House, chance: random.Random) -> None:
    """SIGKILL of a worker, in the middle of whatever it does. The oldest is spared: what it holds is counted at the end."""
    await asyncio.sleep(chance.random())
    *_, victim = house.workers()[1:] or [None]
    if victim is not None:
        victim.kill()


async def registry_read_again(house: House, _: random.Random) -> None:
    """SIGHUP: the registry is read anew."""
    house.process.send_signal(signal.SIGHUP)


async def database_locked(house: House, chance: random.Random) -> None:
    """Another process holds the SQLite file's write lock."""
    seconds = chance.uniform(1, 7)

    def hold() -> sqlite3.Connection:
        connection = sqlite3.connect(house.sandbox.database, isolation_level=None, timeout=20, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    connection = await asyncio.to_thread(hold)
    await asyncio.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()


def _limit(pids: list[int], most: int) -> None:
    """No file of these processes may grow beyond `most` bytes: to them the disk is full. Files shrink and sockets work as before."""
    for pid in pids:
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


async def disk_full(house: House, chance: random.Random) -> None:
    """The workers cannot write another byte to any file."""
    pids = [worker.pid for worker in house.workers()]
    _limit(pids, 0)
    try:
        await asyncio.sleep(chance.uniform(1, 5))
    finally:
        _limit(pids, resource.RLIM_INFINITY)


def _cluster(house: House) -> Cluster:
    assert house.postgres is not None
    return house.postgres


def _servers(made: Cluster) -> list[int]:
    """The database's processes."""
    with suppress(OSError, ValueError, psutil.Error):
        keeper = psutil.Process(int((made.folder / "data" / "postmaster.pid").read_text().split()[0]))
        return [keeper.pid, *(child.pid for child in keeper.children())]
    return []


def _limit_servers(made: Cluster, most: str) -> None:
    """As `_limit`, by the database's own user, who alone may."""
    for pid in filter(psutil.pid_exists, _servers(made)):
        with suppress(subprocess.SubprocessError):  # ended since
            made._as_owner("prlimit", "--pid", str(pid), f"--fsize={most}:unlimited")


async def _started(made: Cluster) -> None:
    """Starts the cluster unless it runs."""
    for _ in range(20):
        try:
            await asyncio.to_thread(
                made._as_owner, str(made.bin / "pg_isready"), "-q", "-h", str(made.folder), "-p", str(made.port)
            )
        except subprocess.SubprocessError:
            with suppress(subprocess.SubprocessError):
                await asyncio.to_thread(made.start)
            await asyncio.sleep(0.5)
        else:
            return
    raise RuntimeError("the database did not come back: " + (made.folder / "log").read_text(errors="replace")[-1500:])


async def database_stopped(house: House, chance: random.Random) -> None:
    """PostgreSQL stops in order and is started again."""
    made = _cluster(house)
    await asyncio.to_thread(made.stop, "fast")
    await asyncio.sleep(chance.uniform(0, 4))
    await _started(made)


async def database_crashed(house: House, chance: random.Random) -> None:
    """PostgreSQL stops as in a crash and recovers from its log."""
    made = _cluster(house)
    await asyncio.to_thread(made.stop, "immediate")
    await asyncio.sleep(chance.uniform(0, 4))
    await _started(made)


async def database_disk_full(house: House, chance: random.Random) -> None:
    """PostgreSQL cannot write another byte: it panics at its log, stops, and is started again once there is room."""
    made = _cluster(house)
    await asyncio.to_thread(_limit_servers, made, "0")
    await asyncio.sleep(chance.uniform(1, 3))
    await asyncio.to_thread(_limit_servers, made, "unlimited")
    await _started(made)


Fault = Callable[[House, random.Random], Awaitable[None]]

ALWAYS: dict[str, Fault] = {
    "Spine answers with faults": spine_faults,
    "Spine is slow": spine_slow,
    "Spine is frozen": spine_frozen,
    "a worker is killed": worker_killed,
    "the registry is read again": registry_read_again,
}
SQLITE: dict[str, Fault] = {"the database is locked": database_locked, "the disk is full": disk_full}
POSTGRES: dict[str, Fault] = {
    "the database is restarted": database_stopped,
    "the database crashes": database_crashed,
    "the database's disk is full": database_disk_full,
}


def faults(kind: str) -> dict[str, Fault]:
    """What can break with this database."""
    if kind == "sqlite":
        return ALWAYS | SQLITE
    return ALWAYS | POSTGRES


def order(names: list[str], chance: random.Random) -> list[str]:
    """One round: each once, shuffled."""
    names = sorted(names)
    chance.shuffle(names)
    return names
