"""Work beside the requests: started with the gateway, ended with it, and never ended unheard in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway import logs
from gateway.metrics import Metrics

LOG = logs.get("background")
PAUSE_SECONDS = 5.0
"""Wait before work that ended by itself is begun again."""


@asynccontextmanager
async def beside(
    name: str, work: Callable[[], Awaitable[None]], metrics: Metrics, *, pause: float = PAUSE_SECONDS
) -> AsyncIterator[None]:
    """Runs `work`, which should never end, until the block does. Where it ends all the same it raises the alarm
    `background-ended` and is begun again after `pause` seconds: alerts that nobody delivers must not go unnoticed.
    """
    task = asyncio.create_task(_kept(name, work, metrics, pause))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _kept(name: str, work: Callable[[], Awaitable[None]], metrics: Metrics, pause: float) -> None:
    while True:
        fault: Exception | None = None
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator hears of it and the work goes on
            fault = error
        metrics.alarms.labels("background-ended").inc()
        LOG.error("alarm", alarm="background-ended", reason=name, exc_info=fault)
        await asyncio.sleep(pause)
