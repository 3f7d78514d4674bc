"""Readiness tells of the next write, expired state goes, evidence stays; retention says what was kept long enough."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.config import Retention
from gateway.domain.journal import Write
from gateway.domain.privacy import AlertAction, AlertState
from gateway.sandbox_folder import ANCHOR, remove
from gateway.store.alerts import act
from gateway.store.browsers import sessions
from gateway.store.checkpoints import AnchorFile
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.retention import held, years_before
from gateway.store.tables import audit, session
from gateway.store.upkeep import Probing, forgetting
from gateway.store.verify_export import read_checkpoints
from tests.store.values import COLLEAGUE, NOW, ORGANISATION, new_id
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry


async def test_readiness_writes_and_is_not_a_memory(journal: Journal) -> None:
    probing = Probing(journal, fresh=0.0)
    assert await probing.writable()
    await journal.stop()
    assert not await probing.writable()


async def test_many_questions_are_one_probe(journal: Journal, meter: object) -> None:
    probing = Probing(journal, fresh=60.0)
    before = len(meter.sizes)  # type: ignore[attr-defined]
    assert all(await asyncio.gather(*(probing.writable() for _ in range(50))))
    assert len(meter.sizes) == before + 1  # type: ignore[attr-defined]


async def test_only_what_expired_is_forgotten(journal: Journal, engine: AsyncEngine) -> None:
    shelf = sessions(engine)
    for name, hours in (("old-secret", 1), ("new-secret", 3)):
        await shelf.put(name, state="open", data={}, now=NOW, expires=NOW + timedelta(hours=hours))
    await journal.commit(Write(entries=(an_entry(),)))
    task = asyncio.create_task(forgetting(engine, lambda: NOW + timedelta(hours=2), every=60))
    try:
        async with asyncio.timeout(10):
            while await _count(engine, session) > 1:  # noqa: ASYNC110 - nothing tells of a row that went
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    assert await shelf.get("new-secret", now=NOW) is not None
    assert await _count(engine, audit) == 1


async def _count(engine: AsyncEngine, table: object) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]


async def test_retention_counts_and_removes_nothing(journal: Journal, engine: AsyncEngine) -> None:
    then = NOW - timedelta(days=366 * 9)
    closed, open_one = an_alert(at=then), an_alert(at=then)
    await journal.commit(Write(entries=(an_entry(at=then), an_entry()), alerts=(closed, open_one)))
    close = AlertAction(
        alert_id=closed.id, organisation=ORGANISATION, version=0, actor=COLLEAGUE, actor_name="Officer",
        at=then, to=AlertState.CLOSED, note="attended",
    )  # fmt: skip
    await journal.commit(Write(), act(close))
    entries = await held(engine, "audit", NOW, 8)
    assert (entries.count, entries.older, entries.oldest) == (2, 1, then)
    assert (await held(engine, "alerts", NOW, 8)).older == 1  # the open one stays, however old
    assert (await held(engine, "alerts", NOW, 10)).older == 0
    assert await _count(engine, audit) == 2


def test_years_end_on_the_same_day() -> None:
    assert years_before(datetime(2028, 2, 29, 12, tzinfo=UTC), 8) == datetime(2020, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "audit_rules", [[], [{"since": "2026-02-01", "years": 8}, {"since": "2026-01-01", "years": 9}]]
)
def test_decisions_are_in_order(audit_rules: list[dict[str, object]]) -> None:
    with pytest.raises(ValidationError):
        Retention(audit=audit_rules)  # type: ignore[arg-type]


async def test_checkpoints_are_kept_outside_the_database(engine: AsyncEngine, keys: AuditKeys, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.jsonl"
    journal = Journal(
        engine=engine, keys=keys, host="anchored", ids=new_id, clock=lambda: NOW, anchor=AnchorFile(anchor)
    )
    await journal.start()
    await journal.commit(Write(entries=(an_entry(),)))
    await journal.stop()
    kept = list(read_checkpoints(anchor))
    assert kept[-1].values["chains"][0]["length"] == 1


def test_a_fresh_sandbox_forgets_the_anchor_with_the_audit_it_is_about(tmp_path: Path) -> None:
    for name in ("gateway.sqlite", ANCHOR):
        (tmp_path / name).write_text("of an earlier run")
    (tmp_path / "notes.txt").write_text("not the sandbox's")
    remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
