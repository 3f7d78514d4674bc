"""The one way to make anything durable: concurrent callers share a transaction and its fsync (group commit).

`commit` returns only when the database has acknowledged the COMMIT. Never queues without bound, never holds a caller
alone waiting for company, and never reports a write whose end is unknown as done. What becomes of the connection and
of the chain is gateway.store.chain_writer's.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, NotPossibleNow
from gateway.domain.journal import Committed, Write
from gateway.store.chain import Head
from gateway.store.chain_writer import ChainWriter, UnknownEnd
from gateway.store.checkpoints import Anchor, Signer
from gateway.store.engine import DATABASE_ERRORS, NotDurable, store_errors
from gateway.store.faults import StoreFault, place_taken, takes_none
from gateway.store.keys import AuditKeys
from gateway.store.meter import JournalMeter, NoMeter
from gateway.store.tables import audit_chain
from gateway.store.units import Step, Unit, apply

_MISSED = 2
"""Checkpoints that may fail after the one that is due before an operator is told."""
_DEADLOCK = frozenset({"40P01", "40001"})


@dataclass(frozen=True, kw_only=True)
class JournalSettings:
    """How the journal gathers and when it refuses."""

    linger: float = 0.0
    """Seconds to gather more behind a busy journal; a caller alone never waits for it."""
    most_units: int = 500
    """Units of one transaction."""
    most_waiting: int = 4000
    """Units in line; the next one is refused at once."""
    patience: float = 10.0
    """Seconds after which a caller is told that the audit does not answer; its write may still happen."""
    checkpoint_every: float = 30.0
    """Seconds between signed checkpoints while anything is written."""
    retry_every: float = 1.0
    """Seconds between tries of a database that does not take writes, so that readiness comes back by itself."""


@dataclass(slots=True, eq=False)
class _Waiting:
    unit: Unit
    done: "asyncio.Future[Committed]"

    def refuse(self, error: GatewayError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # a caller that has gone away leaves nobody to read it

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(self.unit.committed)


@dataclass(eq=False)
class Journal:
    """Commits writes in groups. One per process; needs `start` and `stop`.

    `ids` gives a new UUID, `clock` the time: both only for chains and checkpoints, never for what callers write.
    """

    engine: AsyncEngine
    keys: AuditKeys
    host: str
    ids: Callable[[], str]
    clock: Callable[[], datetime]
    settings: JournalSettings = field(default_factory=JournalSettings)
    meter: JournalMeter = field(default_factory=NoMeter)
    anchor: Anchor | None = None
    """Where checkpoints are also kept, outside the database."""

    def __post_init__(self) -> None:
        self._line: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._open = False
        self._busy = False
        self._chain = ChainWriter(self.engine, self.keys, self.host, self.ids, self.clock)
        self._signer = Signer(self.keys, self.clock, self.anchor, self.meter.alarmed)
        self._tasks: list[asyncio.Task[None]] = []
        self._anchored = True
        self.healthy = False
        """Whether the last transaction was acknowledged, and no write is refused for what the database lacks."""
        self._refused: Unit | None = None
        """A write that the database refused whatever is in it: tried, and taken back, until it is taken."""

    async def start(self) -> None:
        """Connects and begins to write. Raises NotDurable where the database could lose a commit, NotPossibleNow where there is none."""
        with store_errors():
            await self._chain.connect()
        self._open = True
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._keep_checkpoints())]
        await self.probe()

    async def stop(self) -> None:
        """Writes what is in line, seals the chain with a last checkpoint, and closes. Later writes are refused."""
        if not self._open:
            return
        writer, keeper = self._tasks
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        with contextlib.suppress(GatewayError):
            await self.checkpoint(seal=True)
        self._open = False
        self._arrived.set()
        await writer
        await self._chain.disconnect()

    async def commit(self, write: Write, *steps: Step) -> Committed:
        """Returns once the write is on disk: all of it. A caller cancelled meanwhile does not undo it.

        Raises NotPossibleNow(OVERLOADED) at once where too many wait, NotPossibleNow(AUDIT_UNAVAILABLE) where the
        database does not take it; MessageInvalid or AccessDenied for an id already spent; PolicyRefused(PERMISSION_MISSING)
        where a permission for one view is gone; whatever GatewayError a step raises; InternalError for a row the
        database cannot hold.
        """
        if not self._open:
            raise NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60)
        if len(self._line) >= self.settings.most_waiting:
            raise NotPossibleNow(Code.OVERLOADED, retry_after=1)
        waiting = _Waiting(Unit.of(write, steps), asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        self._arrived.set()
        try:
            async with asyncio.timeout(self.settings.patience):
                return await asyncio.shield(waiting.done)
        except TimeoutError as error:
            raise NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60) from error

    @property
    def waiting(self) -> int:
        """Writes in line."""
        return len(self._line)

    async def probe(self) -> None:
        """Proves that the database takes a write now (readiness). Raises as `commit`."""

        def touch(connection: Connection) -> None:
            if self._chain.head is not None:
                chain = update(audit_chain).where(audit_chain.c.writer == self._chain.head.writer)
                connection.execute(chain.values(seen=self.clock()))

        await self.commit(Write(), touch)
        if self._refused is not None:
            await self.commit(Write(), self._again)

    def _again(self, connection: Connection) -> None:
        """What was refused, once more, and taken back: only then is it known whether such writes are taken again."""
        unit, head = self._refused, self._chain.head
        if unit is None:
            return
        if head is None:
            raise NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60)
        savepoint = connection.begin_nested()
        try:
            apply(connection, [replace(unit, steps=())], head, self.keys.mac)
        except (IntegrityError, DataError) as error:
            if takes_none(error):
                raise
        finally:
            savepoint.rollback()
        self._refused = None

    async def checkpoint(self, *, seal: bool = False) -> None:
        """Signs every open chain's head and length now. Raises as `commit`."""

        def sign(connection: Connection) -> None:
            if self._chain.head is not None:
                self._signer.write(connection, self._chain.head, seal=seal)

        await self.commit(Write(), sign)
        try:
            await self._signer.keep()
        except OSError as error:
            self.meter.failed(f"anchor {type(error).__name__}")
            if self._anchored:
                self._anchored = False
                self.meter.alarmed(alarm="anchor-not-kept")
        else:
            self._anchored = True

    async def _keep_checkpoints(self) -> None:
        """Signs now and then while anything is written; after a failure tries the database until it takes a write again."""
        covered: Head | None = None
        now, every = asyncio.get_running_loop().time, self.settings.checkpoint_every
        due, going = now() + every, True
        while True:
            await asyncio.sleep(min(every, self.settings.retry_every))
            try:
                if not self.healthy:
                    await self.probe()
                if now() >= due and self._chain.head != covered:
                    await self.checkpoint()
                    covered, due = self._chain.head, now() + every
                    if not going:
                        going = True
                        self.meter.vouching(True)
            except GatewayError:
                if going and now() >= due + _MISSED * every:
                    going = False
                    self.meter.vouching(False)
                    self.meter.alarmed(alarm="checkpoints-stopped")

    async def _run(self) -> None:
        """The writer: takes what is in line, as one transaction, until stopped and empty."""
        while self._open or self._line:
            if not self._line:
                self._arrived.clear()
                self._busy = False
                await self._arrived.wait()
                continue
            if self._busy and self.settings.linger and len(self._line) < self.settings.most_units:
                await asyncio.sleep(self.settings.linger)
            await self._write(self._take())

    def _take(self) -> list[_Waiting]:
        """The next batch; a unit with steps goes alone, so that its refusal can be a rollback."""
        batch: list[_Waiting] = []
        while self._line and len(batch) < self.settings.most_units:
            if self._line[0].unit.steps and batch:
                break
            batch.append(self._line.popleft())
            if batch[-1].unit.steps:
                break
        self._busy = len(batch) > 1
        return batch

    async def _write(self, batch: Sequence[_Waiting], tries: int = 3) -> None:
        """One batch, whatever happens: every unit in it is finished or refused when this returns."""
        began = asyncio.get_running_loop().time()
        try:
            refusals = await self._chain.write([waiting.unit for waiting in batch])
        except GatewayError as error:  # refused by a step, which comes alone
            batch[0].refuse(error)
        except DBAPIError as error:
            await self._after(error, batch, tries)
        except (*DATABASE_ERRORS, NotDurable, UnknownEnd) as error:
            await self._refuse_all(batch, NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60), error)
        except Exception as error:  # noqa: BLE001 - the writer must outlive any bug: everyone in line depends on it
            if len(batch) == 1:
                await self._refuse_all(batch, InternalError(), error)
            else:
                await self._halve(batch)
        else:
            if any(self._shows(waiting.unit) for waiting, refusal in zip(batch, refusals, strict=True) if not refusal):
                self._refused = None
            self._told(self._refused is None)
            self.meter.committed(len(batch), asyncio.get_running_loop().time() - began)
            for waiting, refusal in zip(batch, refusals, strict=True):
                if refusal is None:
                    waiting.finish()
                else:
                    waiting.refuse(refusal)

    def _told(self, going: bool, fault: str = "") -> None:
        """Notes whether writes are taken, and tells of it where that has changed."""
        if going != self.healthy:
            self.healthy = going
            self.meter.writing(going, fault)

    def _shows(self, written: Unit) -> bool:
        """Whether this one, on disk now, shows that such as was refused is taken again."""
        return bool(written.entries) and (bool(written.alerts) or self._refused is None or not self._refused.alerts)

    async def _after(self, error: DBAPIError, batch: Sequence[_Waiting], tries: int) -> None:
        """What an error before COMMIT means: a lost race or connection is tried again, one bad row is looked for by halves."""
        again = error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _DEADLOCK
        if again and tries > 1:
            await self._write(batch, tries - 1)
        elif place_taken(error) and tries > 1:
            self.meter.alarmed(alarm="audit-chain-unreadable")
            await self._chain.disconnect()  # a chain of its own from here on; the one before ends where it was forged
            await self._write(batch, tries - 1)
        elif not isinstance(error, IntegrityError | DataError) and not takes_none(error):
            await self._refuse_all(batch, NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60), error)
        elif len(batch) > 1:
            await self._halve(batch)
        elif takes_none(error):
            self._refused = batch[0].unit if batch[0].unit.entries else self._refused
            await self._refuse_all(batch, NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60), error)
        else:
            self.meter.failed(str(StoreFault.of(error)))
            fault = InternalError()
            fault.__cause__ = StoreFault.of(error)
            batch[0].refuse(fault)

    async def _halve(self, batch: Sequence[_Waiting]) -> None:
        middle = len(batch) // 2
        await self._write(batch[:middle])
        await self._write(batch[middle:])

    async def _refuse_all(self, batch: Sequence[_Waiting], answer: GatewayError, error: BaseException) -> None:
        if not takes_none(error):  # which was undone, and the connection and the chain are as they were
            await self._chain.disconnect()
        fault = StoreFault.of(error.__cause__ or error if isinstance(error, UnknownEnd) else error)
        self.meter.failed(str(fault))
        self._told(False, str(fault))
        for waiting in batch:
            refusal = (
                type(answer)()
                if isinstance(answer, InternalError)
                else NotPossibleNow(answer.code, retry_after=answer.retry_after)
            )
            refusal.__cause__ = fault
            waiting.refuse(refusal)
