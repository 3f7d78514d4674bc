"""What runs beside the requests: whether the audit takes a write now, and forgetting what has expired. Never touches evidence."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import GatewayError
from gateway.store.browsers import forget_expired
from gateway.store.engine import in_place
from gateway.store.journal import Journal

FORGET_EVERY = 600.0
"""Seconds between two rounds of forgetting."""


class Probing:
    """Readiness by writing: at most one probe at a time and one a second, however often it is asked."""

    def __init__(self, journal: Journal, *, seconds: float = 2.0, fresh: float = 1.0) -> None:
        self._journal, self._seconds, self._fresh = journal, seconds, fresh
        self._asking = asyncio.Lock()
        self._asked = float("-inf")
        self._writable = False

    async def writable(self) -> bool:
        """Whether the database took a write just now, and nobody's was refused since. Never raises a GatewayError."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() - self._asked >= self._fresh:
                self._writable = await self._probe()
                self._asked = loop.time()
        return self._writable and self._journal.healthy and in_place(self._journal.engine)

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(self._seconds):
                await self._journal.probe()
        except (GatewayError, TimeoutError):
            return False
        return True


async def forgetting(engine: AsyncEngine, clock: Callable[[], datetime], every: float = FORGET_EVERY) -> None:
    """Removes expired sessions, launches and spent ids now and then, for ever; a database that is away is tried next time."""
    while True:
        with contextlib.suppress(GatewayError):
            await forget_expired(engine, now=clock())
        await asyncio.sleep(every)
