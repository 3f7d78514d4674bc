"""What a gateway process holds: tasks, sockets, open files, memory. Read from outside, the tasks from its own metrics."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.soak.house import House

_TASKS = re.compile(rb"^scr_tasks (\d+)", re.MULTILINE)
_TRIES = 60


@dataclass(frozen=True)
class Count:
    """One process at one moment."""

    tasks: int | None
    """None: it did not tell."""
    callers: int
    """Connections of callers that are open."""
    files: int
    """All but the SQLite database's."""
    rss: int
    database: int = 0
    """Times the SQLite database, its log or its index is open: the connections in the pools, and what SQLite itself keeps to use again."""
    kinds: Counter[str] = field(default_factory=Counter, repr=False)
    """Open files by what they are."""

    def __str__(self) -> str:
        return f"{self.tasks} tasks, {self.callers} callers, {self.files} open files, the database {self.database} times, {self.rss / 2**20:.1f} MB"


async def exposition(house: House, pid: int | None = None) -> bytes | None:
    """The metrics page, of one worker where it is named: the kernel deals connections out, so one tries until it meets it."""
    for _ in range(_TRIES):
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", house.metrics_port)
                try:
                    if pid is None or _holds(pid, writer.get_extra_info("sockname")[1]):
                        writer.write(b"GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n")
                        return await reader.read()
                finally:
                    writer.close()
        await asyncio.sleep(0.02)
    return None


def _holds(pid: int, port: int) -> bool:
    """Whether this process has accepted the connection from that port."""
    return any(one.raddr and one.raddr.port == port for one in _connections(pid))


def _connections(pid: int) -> Iterator[Any]:
    with suppress(psutil.Error):
        yield from psutil.Process(pid).net_connections("tcp")


async def count(house: House, pid: int) -> Count:
    """What the process holds now. Raises psutil.NoSuchProcess."""
    page = await exposition(house, pid)
    tasks = _TASKS.search(page) if page else None
    process = psutil.Process(pid)
    ports = {house.sandbox.base, house.sandbox.base + 4}
    callers = sum(1 for one in _connections(pid) if one.laddr.port in ports and one.raddr)
    kinds = _kinds(pid)
    database = sum(kinds.pop(f"{house.sandbox.database.name}{end}", 0) for end in ("", "-wal", "-shm"))
    return Count(
        tasks=int(tasks[1]) if tasks else None,
        callers=callers,
        files=process.num_fds() - database,
        rss=process.memory_info().rss,
        database=database,
        kinds=kinds,
    )


def _kinds(pid: int) -> Counter[str]:
    """Open files counted by name; sockets by the port they lead to."""
    led = {one.fd: f"socket to port {one.raddr.port}" if one.raddr else "listening" for one in _connections(pid)}
    found: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            found[led.get(int(link.name)) or target.split(":[", maxsplit=1)[0].rpartition("/")[2]] += 1
    return found
