"""Verifies the audit where it stands, together with what the database alone holds of alerts. Changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.agreement import disagreements
from gateway.store.checkpoints import Checkpoint
from gateway.store.export import blocks
from gateway.store.keys import VerifyKeys
from gateway.store.verify import Report, Verifier


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
                verifier.checkpoints([*kept, *anchored])
            for line in map(orjson.loads, lines):
                number += 1
                try:
                    verifier.entry(line)
                except (KeyError, TypeError, ValueError):
                    verifier.flaw("unreadable", "", number, "this row is no audit entry")
    if not number:
        verifier.checkpoints([*kept, *anchored])
    if anchored:
        verifier.anchored(anchored)
    report = verifier.finish(len(kept))
    alerts, differing = await disagreements(engine)
    return replace(report, flaws=(*report.flaws, *differing), alerts=alerts)
