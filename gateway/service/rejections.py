"""Trace of messages that fail before any decision; a flood from one source becomes a count per minute, not a full disk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.decision import AuditEntry
from gateway.domain.errors import GatewayError
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Write
from gateway.service.ports import Ids, JournalPort

MINUTE = timedelta(minutes=1)
MOST_SOURCES = 10_000


@dataclass
class _Folded:
    entry: AuditEntry
    since: datetime
    repeats: int = 0


def _kept(entry: AuditEntry) -> NhsNumber | None:
    """The patient of folded repeats, where they are one person's about one patient; else each may have been about another."""
    return None if entry.claimed else entry.patient


class Rejections:
    """Writes the first rejection of a source at once and durably, counts its repeats, and writes the count."""

    def __init__(self, *, journal: JournalPort, ids: Ids) -> None:
        self._journal = journal
        self._ids = ids
        self._folded: dict[tuple[object, ...], _Folded] = {}

    async def note(self, entry: AuditEntry, source: str) -> None:
        """`entry`: event `rejected`. `source`: the calling system or the peer's address.

        What a proved person was refused is folded with the very same alone: each person and patient stays on record.
        Raises NotPossibleNow where even this cannot be written.
        """
        key: tuple[object, ...] = (source, entry.door, entry.code)
        if not entry.claimed:
            key = (*key, entry.user, entry.patient, entry.facts)
        folded = self._folded.get(key)
        if folded is not None and entry.at - folded.since < MINUTE:
            folded.repeats += 1
            return
        await self._journal.commit(Write(entries=(entry,)))
        if len(self._folded) < MOST_SOURCES:
            self._folded[key] = _Folded(entry=entry, since=entry.at)

    async def flush(self, now: datetime, *, everything: bool = False) -> None:
        """Writes the counts of minutes that are over; at stop, of all."""
        over = {key: f for key, f in self._folded.items() if everything or now - f.since >= MINUTE}
        entries = tuple(
            replace(f.entry, id=self._ids.new(), at=now, count=f.repeats, message_id=None, patient=_kept(f.entry))
            for f in over.values()
            if f.repeats
        )
        if entries:
            await self._journal.commit(Write(entries=entries))
        for key in over:
            del self._folded[key]

    async def run(self, clock: Callable[[], datetime], every: float = 15.0) -> None:
        """Flushes for ever; cancelled at stop."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.flush(clock())
            except GatewayError:
                continue  # the journal says so itself; the counts are tried again with the next flush
