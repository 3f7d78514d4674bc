"""How many requests a process answers at a time, and what becomes of those for which there is no room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.metrics import Metrics


class Gate:
    """Bounded concurrency with a fair, bounded queue before it; what does not fit is told so at once."""

    def __init__(self, *, places: int, waiting: int, metrics: Metrics, seconds: float | None = None) -> None:
        """`seconds`: longest stay in the queue: who gets a place later has too little time left for what he asks."""
        self._places = asyncio.Semaphore(places)
        self._seconds = seconds
        self._most = waiting
        self._waiting = 0
        self._read = 0
        self._metrics = metrics

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Holds one place. Raises NotPossibleNow (OVERLOADED) where the queue is full, or none came free in time."""
        if self._places.locked():
            if self._waiting >= self._most:
                raise NotPossibleNow(Code.OVERLOADED, retry_after=1)
            self._waiting += 1
            self._metrics.waiting.inc()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._places.acquire()
            except TimeoutError as error:
                raise NotPossibleNow(Code.OVERLOADED, retry_after=1) from error
            finally:
                self._waiting -= 1
                self._metrics.waiting.dec()
        else:
            await self._places.acquire()
        self._metrics.active.inc()
        try:
            yield
        finally:
            self._metrics.active.dec()
            self._places.release()

    @asynccontextmanager
    async def reading(self, request: web.Request) -> AsyncIterator[None]:
        """For the holder of a place, while it reads a body: where that is not all there yet, the place goes to somebody else
        meanwhile, else a few slow callers could hold them all. Raises NotPossibleNow (OVERLOADED) where too many are read so.
        """
        if request.content.is_eof():
            yield
            return
        if self._read >= self._most:
            raise NotPossibleNow(Code.OVERLOADED, retry_after=1)
        self._read += 1
        self._places.release()
        try:
            yield
        finally:
            self._read -= 1
            await self._places.acquire()
