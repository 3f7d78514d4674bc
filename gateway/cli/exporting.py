"""How the audit leaves the database as a file."""

import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.decision import AuditEntry
from gateway.domain.journal import Write
from gateway.store.chain import canonical, decode
from gateway.store.engine import reader_of, store_errors
from gateway.store.export import CSV_COLUMNS, audit_event, blocks, csv_row, csv_text, export_lines
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.tables import audit_checkpoint

COMMANDS = "command-line/"
"""Before the names of chains that commands begin; no host has a stroke in its name."""


async def recorded(
    engine: AsyncEngine,
    keys: AuditKeys,
    operation: str,
    who: str,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> str:
    """Writes the entry that says who reads the audit, and seals it with a checkpoint: reading is audited too. Returns its id.

    `operation`: such as `audit export jsonl`, `audit verify`. Raises NotDurable, NotPossibleNow.
    """
    journal = Journal(
        engine=engine, keys=keys, host=f"{COMMANDS}{operation.replace(' ', '-')}:{who}", ids=new_id, clock=clock
    )
    await journal.start()
    try:
        entry = AuditEntry(
            id=new_id(),
            at=clock(),
            event="report",
            door="command-line",
            correlation_id=new_id(),
            operation=operation,
            outcome="answered",
            network=who,
        )
        await journal.commit(Write(entries=(entry,)))
    finally:
        await journal.stop()
    return entry.id


async def anchor_due(engine: AsyncEngine) -> bool:
    """Whether a gateway has made a checkpoint here, so that its anchor must be there. Raises NotPossibleNow."""
    made = select(exists().where(audit_checkpoint.c.signer.not_like(f"{COMMANDS}%")))
    with store_errors():
        async with reader_of(engine).connect() as connection:
            return bool((await connection.execute(made)).scalar_one())


async def _entries(engine: AsyncEngine) -> AsyncIterator[AuditEntry]:
    async for kind, lines in blocks(engine):
        if kind == "entry":
            for line in lines:
                yield decode(canonical(orjson.loads(line)["entry"]))


async def written(engine: AsyncEngine, keys: AuditKeys, form: str, made: str, output: Path) -> int:
    """Writes the export to a file that only its owner reads; `made`: the entry that says so. Returns its size in bytes.

    Raises OSError, NotPossibleNow.
    """
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # before anything is in it, also where the file was there and open to others
        file.truncate()
        if form == "jsonl":
            async for block in export_lines(engine, keys, made):
                file.write(block)
        elif form == "csv":
            heading = csv_text(CSV_COLUMNS, ())
            file.write(heading.encode())
            async for entry in _entries(engine):
                file.write(csv_text(CSV_COLUMNS, [csv_row(entry)]).removeprefix(heading).encode())
        else:
            async for entry in _entries(engine):
                file.write(orjson.dumps(audit_event(entry)) + b"\n")
        return file.tell()
