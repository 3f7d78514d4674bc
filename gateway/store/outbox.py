"""Delivers what waits in the outbox: alerts to Spine, references to privacy officers. At least once, never silently dropped.

Several processes share the work: each leases what it takes, and what a dead one leased is taken again when the lease
runs out. The id of a message stays the same however often it is sent, so that the receiver can tell.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import GatewayError
from gateway.store.engine import DATABASE_ERRORS, reader_of, store_errors
from gateway.store.faults import StoreFault
from gateway.store.tables import outbox

WAITING, DELIVERED, REFUSED = "waiting", "delivered", "refused"


class Undeliverable(Exception):
    """The receiver has refused this very message: repeating it will not help. It is kept for the operator. The text names the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to deliver."""

    id: str
    """Idempotent: the same each time it is sent."""
    kind: str
    organisation: str
    attempt: int
    """From 1."""
    body: Mapping[str, Any] = field(repr=False)


Sender = Callable[[Message], Awaitable[None]]
"""Returns when the receiver has the message. Raises Undeliverable, or any GatewayError, OSError or TimeoutError to try again."""


class OutboxMeter(Protocol):
    """What the worker tells the metrics."""

    def delivered(self, kind: str, attempt: int) -> None:
        """A message was taken by its receiver."""

    def postponed(self, kind: str, attempt: int, fault: str) -> None:
        """A message will be tried again."""

    def refused(self, kind: str, fault: str) -> None:
        """A message was refused for good: the operator must look."""


class _NoMeter:
    def delivered(self, kind: str, attempt: int) -> None:
        pass

    def postponed(self, kind: str, attempt: int, fault: str) -> None:
        pass

    def refused(self, kind: str, fault: str) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class OutboxSettings:
    """How often, how many, how long."""

    idle: float = 1.0
    """Seconds between looks where nothing was due."""
    batch: int = 20
    lease: float = 60.0
    """Seconds after which another process may take a message over; longer than `patience`."""
    patience: float = 20.0
    """Seconds for one delivery."""
    first_wait: float = 2.0
    longest_wait: float = 900.0


def wait_after(attempt: int, settings: OutboxSettings, jitter: float) -> float:
    """Seconds to the next try: doubling from `first_wait` to `longest_wait`, with up to a quarter off (`jitter` 0 to 1)."""
    return float(min(settings.longest_wait, settings.first_wait * 2 ** min(attempt - 1, 20)) * (1 - jitter / 4))


@dataclass(frozen=True)
class Outbox:
    """The worker of one process."""

    engine: AsyncEngine
    senders: Mapping[str, Sender]
    """By kind: `spine`, `notify`. Kinds without a sender wait."""
    name: str
    """Unique per process."""
    clock: Callable[[], datetime]
    settings: OutboxSettings = field(default_factory=OutboxSettings)
    meter: OutboxMeter = field(default_factory=_NoMeter)
    chance: Callable[[], float] = random.random

    async def run(self) -> None:
        """Delivers until cancelled; outlives a database that is away."""
        while True:
            try:
                taken = await self.deliver_due()
            except GatewayError:
                taken = 0
            if not taken:
                await asyncio.sleep(self.settings.idle)

    async def deliver_due(self) -> int:
        """Delivers one batch of what is due. Returns how many were taken. Raises NotPossibleNow."""
        messages = await self._claim()
        await asyncio.gather(*(self._deliver(message) for message in messages))
        return len(messages)

    async def waiting(self) -> Mapping[str, int]:
        """How many messages stand in each state, for readiness and metrics. Raises NotPossibleNow."""
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))).all()
        return {WAITING: 0, DELIVERED: 0, REFUSED: 0, **{row[0]: int(row[1]) for row in rows}}

    async def _claim(self) -> list[Message]:
        now = self.clock()
        free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
        due = (
            select(outbox.c.id)
            .where(outbox.c.state == WAITING, outbox.c.kind.in_(sorted(self.senders)), outbox.c.due <= now, free)
            .order_by(outbox.c.due, outbox.c.id)
            .limit(self.settings.batch)
        )
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                if (await connection.execute(due.limit(1))).first() is None:
                    return []  # the usual case takes no lock
            async with self.engine.begin() as connection:
                ids = (await connection.execute(due.with_for_update(skip_locked=True))).scalars().all()
                leased = {"leased_by": self.name, "leased_until": now + timedelta(seconds=self.settings.lease)}
                taking = update(outbox).where(outbox.c.id.in_(ids)).values(attempts=outbox.c.attempts + 1, **leased)
                rows = (await connection.execute(taking.returning(outbox))).all()
        return [
            Message(
                id=row.id,
                kind=row.kind,
                organisation=row.organisation,
                attempt=row.attempts,
                body=orjson.loads(row.body),
            )
            for row in rows
        ]

    async def _deliver(self, message: Message) -> None:
        """One message, whatever happens to it; if we die before it is noted, it is sent again."""
        now = self.clock
        try:
            async with asyncio.timeout(self.settings.patience):
                await self.senders[message.kind](message)
        except Undeliverable as refusal:
            self.meter.refused(message.kind, str(refusal))
            await self._note(message, state=REFUSED, done=now(), fault=str(refusal)[:200])
        except (GatewayError, OSError, TimeoutError) as error:
            await self._postpone(message, str(error) if isinstance(error, GatewayError) else type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a bug in one sender must not lose the message or stop the others
            await self._postpone(message, type(error).__name__)
        else:
            self.meter.delivered(message.kind, message.attempt)
            await self._note(message, state=DELIVERED, done=now(), fault=None)

    async def _postpone(self, message: Message, fault: str) -> None:
        self.meter.postponed(message.kind, message.attempt, fault)
        wait = wait_after(message.attempt, self.settings, self.chance())
        await self._note(message, due=self.clock() + timedelta(seconds=wait), fault=fault[:200])

    async def _note(self, message: Message, **values: Any) -> None:
        """Writes down how it went, unless another process has taken the message over meanwhile."""
        mine = (outbox.c.id == message.id, outbox.c.attempts == message.attempt, outbox.c.state == WAITING)
        try:
            async with self.engine.begin() as connection:
                await connection.execute(
                    update(outbox).where(*mine).values(leased_by=None, leased_until=None, **values)
                )
        except DATABASE_ERRORS as error:
            self.meter.postponed(
                message.kind, message.attempt, str(StoreFault.of(error))
            )  # the lease runs out, and it is sent again
