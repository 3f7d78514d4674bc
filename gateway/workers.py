"""Several gateway processes on the same listeners, supervised: one that dies is started again, all stop together."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway import logs
from gateway.production import Mode

LOG = logs.get("workers")
PAUSE_SECONDS = 0.5
START_SECONDS = 60.0
READY = "worker ready"
"""The one line a worker prints, once it listens."""


async def _start(config: Path, mode: Mode) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "worker",
        "--config",
        str(config),
        "--mode",
        mode.value,
        stdout=asyncio.subprocess.PIPE,
    )


async def _keep(
    number: int, config: Path, mode: Mode, running: dict[int, asyncio.subprocess.Process], ready: asyncio.Event
) -> None:
    """Keeps one worker alive for ever; cancelled at stop. `ready` is set when it answers for the first time."""
    while True:
        process = running[number] = await _start(config, mode)
        assert process.stdout is not None
        if await process.stdout.readline():
            ready.set()
        status = await process.wait()
        LOG.error("alarm", alarm="worker-ended", worker=number, status=status)
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def supervised(config: Path, mode: Mode, workers: int) -> AsyncIterator[Callable[[], None]]:
    """`workers` processes sharing the ports (SO_REUSEPORT), each answering. Yields what makes all of them reload.

    Raises OSError where they do not come up in time.
    """
    running: dict[int, asyncio.subprocess.Process] = {}
    ready = [asyncio.Event() for _ in range(workers)]
    keepers = [asyncio.create_task(_keep(n, config, mode, running, ready[n])) for n in range(workers)]

    def tell(number: signal.Signals) -> None:
        for process in running.values():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    try:
        async with asyncio.timeout(START_SECONDS):
            await asyncio.gather(*(event.wait() for event in ready))
        yield lambda: tell(signal.SIGHUP)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        tell(signal.SIGTERM)
        await asyncio.gather(*(process.wait() for process in running.values()))
