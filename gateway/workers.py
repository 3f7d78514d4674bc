"""Several gateway processes on the same listeners, supervised: one that dies is started again, all stop together.

The supervisor makes the listening sockets, one set for each worker (SO_REUSEPORT), and hands a worker's set on to the process
that takes its place: callers that wait in a socket while its worker is replaced are answered by the next one. A worker that
died leaves its set closed, so that the others get its callers until the new one listens.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway import logs
from gateway.config import Listener, Settings
from gateway.listening import naming
from gateway.production import Mode

LOG = logs.get("workers")
PAUSE_SECONDS = 0.5
START_SECONDS = 120.0
READY = "worker ready"
"""The one line a worker prints, once it listens."""

Process = asyncio.subprocess.Process


class WorkerNotStarted(OSError):
    """A worker ended, or said nothing, before it was ready for the first time."""


def bound(settings: Settings) -> dict[str, socket.socket]:
    """A socket for each listener that calling systems reach, bound, not yet listening. Raises OSError."""
    listen, found = settings.listen, {}
    listeners: dict[str, Listener | None] = {
        "sandbox": listen.plain,
        "mutual-tls": listen.mutual_tls,
        "proxy": listen.proxy,
    }
    for name, at in listeners.items():
        if at is None:
            continue
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        made = found[name] = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with naming(at.host, at.port):
            made.bind((at.host, at.port))
    return found


@dataclass(eq=False)
class _Slot:
    """One worker's place: its number, its sockets, and whoever works there now."""

    number: int
    sockets: dict[str, socket.socket]
    process: Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its worker answers for the first time."""
    coming: bool = False
    """Whether a process for it is being started: one that does not heed signals yet, and would die of them."""
    heeds: bool = False
    """Whether its process has come up."""
    owed: bool = False
    """Whether a reload was asked for meanwhile."""

    def close(self) -> None:
        for one in self.sockets.values():
            one.close()


@dataclass(eq=False)
class Crew:
    """The workers of one supervisor."""

    config: Path
    settings: Settings
    mode: Mode
    slots: list[_Slot]

    def reload(self) -> None:
        """SIGHUP to every worker: registry, keys and certificates are read again; one that is only coming up is told then."""
        for slot in self.slots:
            slot.owed = slot.coming
            if slot.heeds:
                _tell(slot.process, signal.SIGHUP)

    async def roll(self) -> None:
        """Replaces every worker, one after the other: the new one answers before the old one goes, and no request is lost.

        Where a new one does not come up, it raises the alarm `worker-not-replaced` and leaves the rest as they are.
        """
        for slot in self.slots:
            old = slot.process
            new, came = await self._started(slot)
            if not came or old is None or slot.process is not old:
                LOG.error("alarm", alarm="worker-not-replaced", worker=slot.number, status=new.returncode)
                await _end(new, signal.SIGKILL)
                return
            slot.process = new
            self._settle(slot)
            await _end(old, signal.SIGTERM)
            LOG.warning("worker replaced", worker=slot.number)

    async def keep(self, slot: _Slot) -> None:
        """Keeps one worker alive for ever; cancelled at stop. Raises WorkerNotStarted where its first does not come up."""
        while True:
            slot.heeds = False
            process, came = await self._started(slot, at_once=True)
            if came:
                self._settle(slot)
                slot.ready.set()
            else:
                await _end(process, signal.SIGKILL)
                if not slot.ready.is_set():
                    raise WorkerNotStarted(f"worker {slot.number} did not come up: its own line says why")
            while True:
                status = await process.wait()
                if slot.process is process or slot.process is None:
                    break
                process = slot.process  # replaced on purpose
            LOG.error("alarm", alarm="worker-ended", worker=slot.number, status=status)
            slot.close()
            await asyncio.sleep(PAUSE_SECONDS)
            slot.sockets = bound(self.settings)

    async def _started(self, slot: _Slot, *, at_once: bool = False) -> tuple[Process, bool]:
        """A new process for the slot, in it `at_once` or not, and whether it came up in time."""
        slot.coming = True
        process = await self._start(slot)
        if at_once:
            slot.process = process
        try:
            async with asyncio.timeout(START_SECONDS):
                return process, await _says_ready(process)
        except TimeoutError:
            return process, False
        finally:
            slot.coming = False

    @staticmethod
    def _settle(slot: _Slot) -> None:
        """The slot's process heeds signals; what it was to be told while it came up, it is told now."""
        slot.heeds = True
        if slot.owed:
            slot.owed = False
            _tell(slot.process, signal.SIGHUP)

    async def _start(self, slot: _Slot) -> Process:
        given = [f"{name}={made.fileno()}" for name, made in slot.sockets.items()]
        command = [sys.executable, "-m", "gateway", "worker", "--config", str(self.config), "--mode", self.mode.value]
        return await asyncio.create_subprocess_exec(
            *command,
            "--number",
            str(slot.number),
            "--with-parent",
            *(word for one in given for word in ("--socket", one)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[made.fileno() for made in slot.sockets.values()],
        )


async def _says_ready(process: Process) -> bool:
    assert process.stdout is not None
    return bool(await process.stdout.readline())


def _tell(process: Process | None, number: signal.Signals) -> None:
    if process is not None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


async def _end(process: Process, number: signal.Signals) -> None:
    _tell(process, number)
    await process.wait()


async def _came_up(slots: list[_Slot], keepers: list[asyncio.Task[None]]) -> None:
    """Waits until every worker answers. Raises WorkerNotStarted as soon as one will not."""

    async def answering() -> None:
        for slot in slots:
            await slot.ready.wait()

    ready = asyncio.create_task(answering())
    done, _ = await asyncio.wait({ready, *keepers}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if ready not in done:
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
    for task in done:
        task.result()
    if not done:
        raise WorkerNotStarted(f"the workers did not come up within {START_SECONDS:.0f} s")


@asynccontextmanager
async def supervised(config: Path, settings: Settings, mode: Mode, workers: int) -> AsyncIterator[Crew]:
    """`workers` processes sharing the ports, each answering. `settings`: what `config` holds.

    Raises WorkerNotStarted where one does not come up, OSError where an address is taken.
    """
    slots = [_Slot(number, bound(settings)) for number in range(workers)]
    crew = Crew(config, settings, mode, slots)
    keepers = [asyncio.create_task(crew.keep(slot)) for slot in slots]
    try:
        await _came_up(slots, keepers)
        yield crew
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for slot in slots:
            _tell(slot.process, signal.SIGTERM)
        await asyncio.gather(*(slot.process.wait() for slot in slots if slot.process is not None))
        for slot in slots:
            slot.close()


def rolling(crew: Crew) -> Callable[[], None]:
    """What begins a rolling restart, one at a time; asked for during one, another follows it: settings may have changed since."""
    running: list[asyncio.Task[None]] = []
    owed = False

    async def roll() -> None:
        nonlocal owed
        while owed:
            owed = False
            await crew.roll()

    def begin() -> None:
        nonlocal owed
        owed = True
        if not running or running[-1].done():
            running[:] = [asyncio.create_task(roll())]

    return begin
