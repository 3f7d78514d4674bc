"""Verifies the audit where it stands, together with what the database alone holds of alerts. Changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.agreement import disagreements
from gateway.store.checkpoints import Checkpoint
from gateway.store.claims import foreign, gone
from gateway.store.engine import reader_of, store_errors
from gateway.store.export import blocks
from gateway.store.flaws import Flaw, Report
from gateway.store.keys import VerifyKeys
from gateway.store.raw import instant, raws, text
from gateway.store.tables import audit_chain
from gateway.store.verify import Verifier


async def verify_database(engine: AsyncEngine, keys: VerifyKeys, anchored: Sequence[Checkpoint] = ()) -> Report:
    """Chains, checkpoints, entries and alerts, with checkpoints kept elsewhere where there are any. Raises NotPossibleNow."""
    verifier = Verifier(keys)
    kept: list[Checkpoint] = []
    number = 0
    async for kind, lines in blocks(engine):
        if kind == "checkpoint":
            stated = map(orjson.loads, lines)
            kept += [Checkpoint(body=line["body"], signature=line["signature"]) for line in stated]
        elif kind == "chain":
            verifier.register({line["writer"]: line["key"] for line in map(orjson.loads, lines)})
        else:
            if not number:  # what checkpoints claim is known before the entries it is about
                verifier.checkpoints(kept, anchored)
            for line in map(orjson.loads, lines):
                number += 1
                try:
                    verifier.entry(line)
                except (KeyError, TypeError, ValueError):
                    said = f"this row is no audit entry: its number reads {line['seq']}"
                    verifier.flaw("row", line["writer"], number, said, str(line.get("index", {}).get("id", "")))
    if not number:
        verifier.checkpoints(kept, anchored)
    if anchored:
        verifier.flaws += [*foreign(anchored, verifier.writers), *gone(kept, anchored, keys)]
    report = verifier.finish(len(kept))
    alerts, differing = await disagreements(engine)
    return replace(report, flaws=(*report.flaws, *await _unreadable(engine), *differing), alerts=alerts)


async def _unreadable(engine: AsyncEngine) -> list[Flaw]:
    """Chains whose times or state no gateway can read."""
    with store_errors():
        async with reader_of(engine).connect() as connection:
            rows = (await connection.execute(select(*raws(tuple(audit_chain.c), connection.dialect)))).all()
    flaws = []
    for row in rows:
        bad = [name for name in ("started", "seen") if instant(getattr(row, name)) is None]
        bad += [] if text(row.sealed) in {"0", "1", "False", "True"} else ["sealed"]
        flaws += [Flaw("chain", text(row.writer), 0, "", f"its {name} cannot be read") for name in bad]
    return flaws
