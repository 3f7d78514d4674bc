"""Rows that somebody made unreadable, chains that came and went, and chains begun while the audit is read."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.cli.exporting import recorded
from gateway.domain.errors import GatewayError, InternalError
from gateway.domain.journal import Write
from gateway.domain.privacy import AlertFilter, Unreadable
from gateway.store.alerts import Alerts
from gateway.store.checkpoints import EXPORTED, AnchorFile
from gateway.store.engine import reader_of
from gateway.store.export import blocks
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.tables import audit_checkpoint
from gateway.store.verify_database import verify_database
from gateway.store.verify_export import read_anchor
from tests.store.conftest import Count, MakeJournal
from tests.store.values import NOW, new_id, raised
from tests.store.values import entry as an_entry

_GUARDS = ("audit_no_update", "audit_no_delete", "alert_no_change", "alert_forwards", "alert_no_delete")


async def unguarded(engine: AsyncEngine, *statements: str) -> None:
    """What somebody with the database in his hands can do: away with the guards, then anything."""
    async with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for guard in _GUARDS:
                await connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard}")
        else:
            for table in ("audit", "alert"):
                await connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await connection.exec_driver_sql(statement)


def only_sqlite(engine: AsyncEngine) -> None:
    """PostgreSQL's own types refuse such values."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL takes no text that is not UTF-8, and no word for a number or a time")


def flipped(table: str, column: str, where: str) -> str:
    """One high bit of a text's third byte: no longer UTF-8."""
    high = f"CAST(substr({column}, 1, 2) || x'e2' || substr({column}, 4) AS TEXT)"
    return f"UPDATE {table} SET {column} = {high} WHERE {where}"


async def filled(journal: Journal) -> str:
    """Four entries, the third of which raised an alert, and a checkpoint. Returns the alert's id."""
    entry, alert = raised()
    await journal.commit(Write(entries=(an_entry(id="E1"), an_entry(id="E2"))))
    await journal.commit(Write(entries=(entry,), alerts=(alert,)))
    await journal.commit(Write(entries=(an_entry(id="E4"),)))
    await journal.checkpoint()
    return alert.id


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (flipped("audit", "body", "seq = 2"), ("edited", 2)),
        (flipped("audit", "mac", "seq = 2"), ("edited", 2)),
        (flipped("audit", "writer", "seq = 2"), ("removed", 2)),
        (flipped("audit", "patient", "seq = 2"), ("index", 2)),
        ("UPDATE audit SET patient = CAST(patient AS BLOB) WHERE seq = 2", ("index", 2)),
        ("UPDATE audit SET body = CAST(body AS BLOB) WHERE seq = 2", ("edited", 2)),
        ("UPDATE audit SET mac = x'0011' WHERE seq = 2", ("edited", 2)),
        ("UPDATE audit SET seq = 'abc' WHERE seq = 2", ("row", 4)),
        (flipped("alert", "note", "1"), ("alert", 0)),
        (flipped("audit_checkpoint", "body", "1"), ("checkpoint", 1)),
        ("UPDATE audit_chain SET seen = 'y'", ("chain", 0)),
        ("UPDATE audit_chain SET started = 'y'", ("chain", 0)),
        ("UPDATE audit_chain SET sealed = 'y'", ("chain", 0)),
    ],
)
async def test_what_cannot_be_read_is_named_and_the_rest_is_verified(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, statement: str, named: tuple[str, int]
) -> None:
    only_sqlite(engine)
    alert_id = await filled(journal)
    await unguarded(engine, statement, "UPDATE audit SET user_id = NULL WHERE seq = 4")
    report = await verify_database(engine, keys.verify)
    found = {(flaw.kind, flaw.seq) for flaw in report.flaws}
    assert {named, ("index", 4)} <= found  # that, and what stands behind it
    assert report.entries == 4
    if named[0] == "alert":
        assert [(flaw.id, flaw.sentence.split(" is ")[0]) for flaw in report.flaws if flaw.kind == "alert"] == [
            (alert_id, "note")
        ]


BAD_CHAINS = (
    "INSERT INTO audit_chain VALUES ('zz-other', '4db942395d98', '2026-01-01T00:00:00.000000Z', 'y', 0)",
    "INSERT INTO audit_chain VALUES (CAST(x'7ae2' AS TEXT), '4db942395d98', 'y', 'y', 0)",
)


@pytest.mark.parametrize("statement", BAD_CHAINS)
async def test_a_bad_chain_row_ends_no_checkpoints_and_is_told_once(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, meter: Count, statement: str
) -> None:
    only_sqlite(engine)
    await filled(journal)
    await unguarded(engine, statement)
    for number in range(3):
        await journal.commit(Write(entries=(an_entry(id=f"E{number + 5}"),)))
        await journal.checkpoint()
    async with reader_of(engine).connect() as connection:
        newest = select(audit_checkpoint.c.body).order_by(audit_checkpoint.c.number.desc()).limit(1)
        stated = orjson.loads((await connection.execute(newest)).scalar_one())
    assert (stated["number"], [chain["length"] for chain in stated["chains"]]) == (4, [7])
    assert meter.alarms == ["audit-chain-unreadable"]
    kinds = {flaw.kind for flaw in (await verify_database(engine, keys.verify)).flaws}
    assert "chain" in kinds


FORGED = (
    "INSERT INTO audit SELECT writer, seq + {more}, mac, 'forged', at, event, organisation, user_id, patient, correlation_id, body "
    "FROM audit ORDER BY seq DESC LIMIT 1"
)


async def test_an_entry_put_where_the_next_one_belongs_stops_no_view_and_is_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, meter: Count
) -> None:
    await filled(journal)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(FORGED.format(more=1))
    await journal.commit(Write(entries=(an_entry(id="E9"),)))
    assert meter.alarms == ["audit-chain-unreadable"]
    assert journal.healthy
    report = await verify_database(engine, keys.verify)
    assert (report.chains, [flaw.kind for flaw in report.flaws]) == (2, ["index", "inserted"])


async def test_what_somebody_put_at_a_chains_end_is_never_signed(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, meter: Count
) -> None:
    first, second = make_journal(), make_journal()
    await first.start()
    await filled(first)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(FORGED.format(more=9000))
    await second.start()
    await second.commit(Write(entries=(an_entry(id="E9"),)))
    await second.checkpoint()
    assert meter.alarms == ["audit-chain-unreadable"]
    await unguarded(engine, "DELETE FROM audit WHERE id = 'forged'")
    await second.checkpoint()
    assert (await verify_database(engine, keys.verify)).flaws == ()


async def test_checkpoints_that_stop_are_told_and_so_is_that_they_go_on(
    make_journal: MakeJournal, engine: AsyncEngine, meter: Count
) -> None:
    journal = make_journal(checkpoint_every=0.05, retry_every=0.02)
    await journal.start()
    await unguarded(engine, "ALTER TABLE audit_checkpoint RENAME TO away")
    await journal.commit(Write(entries=(an_entry(id="E1"),)))
    await until(lambda: bool(meter.alarms))
    assert (meter.alarms, meter.going) == (["checkpoints-stopped"], [False])
    await unguarded(engine, "ALTER TABLE away RENAME TO audit_checkpoint")
    await until(lambda: meter.going == [False, True])
    assert meter.alarms == ["checkpoints-stopped"]


async def test_a_database_that_takes_no_writes_is_told_once_and_so_is_that_it_does_again(
    make_journal: MakeJournal, engine: AsyncEngine, meter: Count
) -> None:
    journal = make_journal(retry_every=0.02)
    await journal.start()
    assert meter.writes == [(True, "")]
    await unguarded(engine, "ALTER TABLE audit RENAME TO away")
    for number in range(3):
        with pytest.raises(GatewayError):
            await journal.commit(Write(entries=(an_entry(id=f"E{number}"),)))
    refused = [told for told in meter.writes if not told[0]]
    assert refused
    assert all(fault for _, fault in refused)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO audit")
    await until(lambda: meter.writes[-1] == (True, ""))
    assert [going for going, _ in meter.writes] == [True, False] * (len(meter.writes) // 2) + [True]
    await journal.commit(Write(entries=(an_entry(id="E9"),)))


async def test_an_anchor_that_cannot_be_kept_is_told_once_until_it_is_kept_again(
    make_journal: MakeJournal, meter: Count, tmp_path: Path
) -> None:
    journal = make_journal()
    at = tmp_path / "gone" / "anchor.jsonl"
    object.__setattr__(journal, "anchor", AnchorFile(at))
    journal.__post_init__()
    await journal.start()
    for number in range(2):
        await journal.commit(Write(entries=(an_entry(id=f"E{number}"),)))
        await journal.checkpoint()
    assert meter.alarms == ["anchor-not-kept"]
    at.parent.mkdir()
    await journal.checkpoint()
    assert at.read_bytes().count(b"\n") == 1
    at.unlink()
    at.parent.rmdir()
    await journal.checkpoint()
    assert meter.alarms == ["anchor-not-kept"] * 2


async def until(reached: Callable[[], bool]) -> None:
    """Until it is so."""
    async with asyncio.timeout(30):
        while not reached():  # noqa: ASYNC110 - the journal tells its meter, which cannot be waited for
            await asyncio.sleep(0.02)


async def test_a_gateways_checkpoint_vouches_for_a_command_that_came_and_went(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    journal._signer._anchor = AnchorFile(tmp_path / "anchor.jsonl")
    await filled(journal)
    await recorded(engine, keys, EXPORTED, "an auditor", lambda: NOW, new_id)
    await journal.commit(Write(entries=(an_entry(id="E5"),)))
    await journal.checkpoint()
    gone = "'command-line/%%'" if engine.dialect.name != "sqlite" else "'command-line/%'"
    await unguarded(
        engine,
        f"DELETE FROM audit WHERE writer LIKE {gone}",
        f"DELETE FROM audit_chain WHERE writer LIKE {gone}",
        f"DELETE FROM audit_checkpoint WHERE signer LIKE {gone}",
    )
    flaws = (await verify_database(engine, keys.verify, read_anchor(tmp_path / "anchor.jsonl").checkpoints)).flaws
    assert [(flaw.kind, flaw.writer.startswith("command-line/"), flaw.seq) for flaw in flaws] == [("cut", True, 1)]


async def test_a_chain_begun_while_the_audit_is_read_is_no_fault(
    journal: Journal, make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(journal)
    late = make_journal()

    async def interrupted(of: AsyncEngine):  # type: ignore[no-untyped-def]
        async for kind, lines in blocks(of):
            yield kind, lines
            if kind == "chain" and not late.healthy:
                await late.start()
                await late.commit(Write(entries=(an_entry(id="E9"),)))

    monkeypatch.setattr("gateway.store.verify_database.blocks", interrupted)
    report = await verify_database(engine, keys.verify)
    assert (report.flaws, report.entries, late.healthy) == ((), 4, True)
    assert (await verify_database(engine, keys.verify)).entries == 5


@pytest.mark.parametrize(
    "statement",
    [
        flipped("alert", "note", "id = '{}'"),
        flipped("alert", "user_name", "id = '{}'"),
        "UPDATE alert SET at = 'long ago' WHERE id = '{}'",
        "UPDATE alert SET patient = '1234567890' WHERE id = '{}'",
        "UPDATE alert SET version = 'x' WHERE id = '{}'",
    ],
)
async def test_one_unreadable_alert_hides_no_other_from_the_officer(
    journal: Journal, engine: AsyncEngine, statement: str
) -> None:
    only_sqlite(engine)
    bad, good = raised()[1], raised()[1]
    await journal.commit(Write(alerts=(bad, good)))
    await unguarded(engine, statement.format(bad.id))
    alerts, mine = Alerts(engine), AlertFilter(organisation=bad.organisation)
    page = await alerts.page(mine)
    assert (page.found, page.unreadable, [case.alert for case in page.cases]) == (
        2,
        (Unreadable("alert", bad.id),),
        [good],
    )
    assert [case.alert for case in (await alerts.oldest(mine, limit=5)).cases] == [good]
    assert set(await alerts.ids(mine)) == {bad.id, good.id}
    assert (await alerts.one(good.id, good.organisation)) == page.cases[0]
    with pytest.raises(InternalError):  # nothing untrue is said of it, such as that the access could not be recorded
        await alerts.one(bad.id, bad.organisation)


async def test_checkpoints_that_only_the_anchor_still_has_are_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    journal._signer._anchor = AnchorFile(tmp_path / "anchor.jsonl")
    await filled(journal)
    for _ in range(4):
        await journal.checkpoint()
    anchored = read_anchor(tmp_path / "anchor.jsonl").checkpoints
    assert (await verify_database(engine, keys.verify, anchored)).flaws == ()
    await unguarded(engine, "DELETE FROM audit_checkpoint WHERE number IN (1, 2, 5)")
    flaws = (await verify_database(engine, keys.verify, anchored)).flaws
    said = "missing in the database, though the anchor has it: checkpoint"
    assert [(flaw.kind, flaw.sentence) for flaw in flaws] == [
        ("checkpoint", f"{said} 1 to 2"),
        ("checkpoint", f"{said} 5"),
    ]
