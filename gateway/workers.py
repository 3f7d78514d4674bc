"""Several gateway processes on the same listeners, supervised: one that dies is started again, all stop together."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway import logs
from gateway.app import Mode

LOG = logs.get("workers")
PAUSE_SECONDS = 0.5


async def _start(config: Path, mode: Mode) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "worker", "--config", str(config), "--mode", mode.value
    )


async def _keep(number: int, config: Path, mode: Mode, running: dict[int, asyncio.subprocess.Process]) -> None:
    """Keeps one worker alive for ever; cancelled at stop."""
    while True:
        running[number] = await _start(config, mode)
        status = await running[number].wait()
        LOG.error("alarm", alarm="worker-ended", worker=number, status=status)
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def supervised(config: Path, mode: Mode, workers: int) -> AsyncIterator[Callable[[], None]]:
    """`workers` processes sharing the ports (SO_REUSEPORT). Yields what makes all of them reload."""
    running: dict[int, asyncio.subprocess.Process] = {}
    keepers = [asyncio.create_task(_keep(number, config, mode, running)) for number in range(workers)]

    def tell(number: signal.Signals) -> None:
        for process in running.values():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    try:
        yield lambda: tell(signal.SIGHUP)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        tell(signal.SIGTERM)
        await asyncio.gather(*(process.wait() for process in running.values()))
