"""How the audit leaves the database as a file."""

import errno
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.decision import AuditEntry
from gateway.domain.journal import Write
from gateway.store.chain import canonical, decode
from gateway.store.checkpoints import COMMANDS, Anchor, AnchorFile
from gateway.store.engine import reader_of, store_errors
from gateway.store.export import CSV_COLUMNS, audit_event, blocks, csv_row, csv_text, export_lines
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.tables import audit_checkpoint


@dataclass
class _Noting:
    """An anchor that remembers that it could not keep a checkpoint: a journal goes on without, a command does not."""

    anchor: Anchor
    fault: OSError | None = None

    def keep(self, line: bytes) -> None:
        try:
            self.anchor.keep(line)
        except OSError as error:
            self.fault = error
            raise


async def recorded(
    engine: AsyncEngine,
    keys: AuditKeys,
    operation: str,
    who: str,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    anchor: Anchor | None = None,
) -> str:
    """Writes the entry that says who reads the audit, and seals it with a checkpoint: reading is audited too. Returns its id.

    `operation`: such as `audit export jsonl`, `audit verify`. `anchor` keeps the checkpoint outside the database: the chain
    is this run's own, and where nothing else tells of it, it could be taken out whole. Raises NotDurable, NotPossibleNow,
    OSError where the anchor does not take it.
    """
    noting = _Noting(anchor) if anchor is not None else None
    host = f"{COMMANDS}{operation.replace(' ', '-')}:{who}"
    journal = Journal(engine=engine, keys=keys, host=host, ids=new_id, clock=clock, anchor=noting)
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
    if noting is not None and noting.fault is not None:
        raise noting.fault
    return entry.id


async def anchor_due(engine: AsyncEngine) -> bool:
    """Whether a gateway has made a checkpoint here, so that its anchor must be there. Raises NotPossibleNow."""
    made = select(exists().where(audit_checkpoint.c.signer.not_like(f"{COMMANDS}%")))
    with store_errors():
        async with reader_of(engine).connect() as connection:
            return bool((await connection.execute(made)).scalar_one())


async def anchor_of(engine: AsyncEngine, path: Path | None) -> AnchorFile | None:
    """Where a command keeps its checkpoint; None where the settings name no anchor.

    Raises FileNotFoundError where the anchor should be there and is not: a new one in its place would hide that. NotPossibleNow.
    """
    if path is not None and not path.exists() and await anchor_due(engine):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return AnchorFile(path) if path is not None else None


async def _entries(engine: AsyncEngine, unreadable: list[str]) -> AsyncGenerator[AuditEntry, None]:
    async with aclosing(blocks(engine)) as parts:
        async for line in (line async for kind, lines in parts if kind == "entry" for line in map(orjson.loads, lines)):
            try:
                entry = decode(canonical(line["entry"]))
            except (KeyError, TypeError, ValueError, AttributeError):
                unreadable.append(f"entry {line['seq']} of writer {line['writer']}")
            else:
                yield entry


async def written(
    engine: AsyncEngine, keys: AuditKeys, form: str, made: str, output: Path, unreadable: list[str]
) -> int:
    """Writes the export to a file that only its owner reads; `made`: the entry that says so. Returns its size in bytes.

    `unreadable` takes the place of each entry that somebody made unreadable: CSV and FHIR leave them out, JSON Lines has them.
    A file that was there before stands until the new one is whole.

    Raises OSError, NotPossibleNow.
    """
    if output.exists() and not output.is_file():
        return await _written(engine, keys, form, made, output, unreadable)  # a device
    part = output.with_name(f"{output.name}.part")
    try:
        size = await _written(engine, keys, form, made, part, unreadable)
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


async def _written(
    engine: AsyncEngine, keys: AuditKeys, form: str, made: str, output: Path, unreadable: list[str]
) -> int:
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # before anything is in it, also where the file was there and open to others
        file.truncate()
        if form == "jsonl":
            async with aclosing(export_lines(engine, keys, made)) as written_lines:
                async for block in written_lines:
                    file.write(block)
        elif form == "csv":
            heading = csv_text(CSV_COLUMNS, ())
            file.write(heading.encode())
            async with aclosing(_entries(engine, unreadable)) as entries:
                async for entry in entries:
                    file.write(csv_text(CSV_COLUMNS, [csv_row(entry)]).removeprefix(heading).encode())
        else:
            async with aclosing(_entries(engine, unreadable)) as entries:
                async for entry in entries:
                    file.write(orjson.dumps(audit_event(entry)) + b"\n")
        return file.tell()
