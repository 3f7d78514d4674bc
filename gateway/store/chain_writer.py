"""One connection and one chain of the audit, as one writer keeps them: a transaction at a time.

Never forks a chain: after any end that is not certain the connection goes, and the next transaction begins a chain of its
own under a new writer's name. Decides nothing of who waits, who is tried again and who is refused (gateway.store.journal).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import GatewayError
from gateway.store.chain import Head
from gateway.store.engine import DATABASE_ERRORS, durable
from gateway.store.held import Held, hold
from gateway.store.keys import AuditKeys
from gateway.store.tables import audit_chain
from gateway.store.units import Unit, apply


class UnknownEnd(Exception):
    """COMMIT was sent and its answer is not known."""


@dataclass(eq=False)
class ChainWriter:
    """Writes units to the chain of `host`. `ids` gives a new UUID, `clock` the time: both only for the chain itself."""

    engine: AsyncEngine
    keys: AuditKeys
    host: str
    ids: Callable[[], str]
    clock: Callable[[], datetime]
    head: Head | None = None
    """Where the chain stands; None where the next transaction begins one."""
    _held: Held | None = None

    async def connect(self) -> Held:
        """A new connection, seen to be durable. Raises NotDurable, and whatever the database raises."""
        await self.disconnect()
        held = await hold(self.engine)
        try:
            await held.run(_checked)
        except BaseException:
            await held.discard()
            raise
        self._held = held
        return held

    async def disconnect(self) -> None:
        """Away with the connection, and with the chain: the next transaction begins anew."""
        held, self._held = self._held, None
        self.head = None
        if held is not None:
            await held.discard()

    async def write(self, units: list[Unit]) -> list[GatewayError | None]:
        """One transaction: a refusal or None for each unit. Keeps the connection and the chain only where it is certain how it ended.

        Raises UnknownEnd where it is not; what a unit's step raises; and whatever the database raises before COMMIT.
        """
        held = self._held or await self.connect()
        try:
            self.head, refusals = await held.run(partial(self._whole, units))
        except BaseException as error:
            # after an uncertain end nobody knows whether it is durable: it is refused, and that chain never continued
            if held.broken or isinstance(error, UnknownEnd | asyncio.CancelledError):
                await self.disconnect()
            raise
        return refusals

    def _whole(self, units: list[Unit], connection: Connection) -> tuple[Head, list[GatewayError | None]]:
        """Begins, writes and commits. Raises UnknownEnd for whatever goes wrong in COMMIT."""
        transaction = connection.begin()
        try:
            head = self.head or self._begin(connection)
            head, refusals = apply(connection, units, head, self.keys.mac)
        except BaseException:
            try:
                transaction.rollback()
            except DATABASE_ERRORS:
                connection.invalidate()
            raise
        try:
            transaction.commit()
        except Exception as error:
            raise UnknownEnd from error
        return head, refusals

    def _begin(self, connection: Connection) -> Head:
        """A chain of our own, registered in the same transaction as its first entries."""
        writer = f"{self.host}:{self.ids()}"
        now = self.clock()
        row = {"writer": writer, "key_id": self.keys.mac_id, "started": now, "seen": now, "sealed": False}
        connection.execute(insert(audit_chain), row)
        return Head.start(writer, self.keys.mac)


def _checked(connection: Connection) -> None:
    durable(connection)
    connection.rollback()
