"""A circuit breaker and a bounded waiting room: what keeps a Spine in trouble from taking the gateway with it.

Only connection failures and timeouts are failures here: a fault or a bad answer about one patient must never count.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.spine.outcomes import SpineFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When the breaker opens: at least `calls` within `window` seconds of which `share` or more failed; for `pause` s."""

    calls: int = 20
    share: float = 0.5
    window: float = 10.0
    pause: float = 5.0

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.share <= 1 or self.window <= 0 or self.pause <= 0:
            raise ValueError("breaker settings are positive, and the share is at most 1")


class BreakerState(Enum):
    """CLOSED lets all through, OPEN none, HALF_OPEN one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """One endpoint's breaker. Times are seconds of one monotonic clock, passed in.

    Each admitted call must be followed by exactly one of `succeeded`, `failed` or `abandoned`.
    """

    def __init__(self, settings: BreakerSettings, changed: Callable[[BreakerState], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened = 0.0
        self.state = BreakerState.CLOSED
        self._probing = False

    def admit(self, now: float) -> bool:
        """Whether a call may start. In half-open state the first one admitted is the probe."""
        if self.state is BreakerState.OPEN and now >= self._opened + self._settings.pause:
            self._become(BreakerState.HALF_OPEN)
        if self.state is BreakerState.HALF_OPEN:
            if self._probing:
                return False
            self._probing = True
            return True
        return self.state is BreakerState.CLOSED

    def succeeded(self, now: float) -> None:
        """Spine answered, whatever it said."""
        if self.state is BreakerState.HALF_OPEN:
            self._probing = False
            self._calls.clear()
            self._failures = 0
            self._become(BreakerState.CLOSED)
        elif self.state is BreakerState.CLOSED:
            self._note(now, failed=False)

    def failed(self, now: float) -> None:
        """The connection failed or timed out."""
        if self.state is BreakerState.HALF_OPEN:
            self._open(now)
        elif self.state is BreakerState.CLOSED:
            self._note(now, failed=True)
            enough = len(self._calls) >= self._settings.calls
            if enough and self._failures >= self._settings.share * len(self._calls):
                self._open(now)

    def abandoned(self) -> None:
        """The call ended without telling anything about Spine (its caller went away)."""
        self._probing = False

    def remaining(self, now: float) -> float:
        """Seconds until a probe is let through, where open; else 0."""
        return max(0.0, self._opened + self._settings.pause - now) if self.state is BreakerState.OPEN else 0.0

    def _open(self, now: float) -> None:
        self._opened = now
        self._probing = False
        self._calls.clear()
        self._failures = 0
        self._become(BreakerState.OPEN)

    def _note(self, now: float, *, failed: bool) -> None:
        self._calls.append((now, failed))
        self._failures += failed
        while self._calls and self._calls[0][0] <= now - self._settings.window:
            self._failures -= self._calls.popleft()[1]

    def _become(self, state: BreakerState) -> None:
        self.state = state
        self._changed(state)


class Places:
    """At most `limit` calls at once and at most `queue` waiting, no longer than their deadline."""

    def __init__(self, limit: int, queue: int) -> None:
        if limit < 1 or queue < 0:
            raise ValueError("at least one place, and a queue of 0 or more")
        self._free = asyncio.Semaphore(limit)
        self._queue = queue
        self._waiting = 0

    @asynccontextmanager
    async def one(self, deadline: float) -> AsyncIterator[None]:
        """A place, until the block ends. Raises NotPossibleNow OVERLOADED: the queue is full, or the deadline came first."""
        await self._enter(deadline)
        try:
            yield
        finally:
            self._free.release()

    async def _enter(self, deadline: float) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._queue:
            raise NotPossibleNow(Code.OVERLOADED, retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError as error:
            raise NotPossibleNow(Code.OVERLOADED, retry_after=1) from error
        finally:
            self._waiting -= 1


def still_open(breaker: Breaker, now: float) -> SpineFailure:
    """The refusal of a call that the breaker does not let through."""
    failure = SpineFailure(Code.SPINE_UNREACHABLE)
    failure.retry_after = max(1, round(breaker.remaining(now) + 0.5))
    return failure
