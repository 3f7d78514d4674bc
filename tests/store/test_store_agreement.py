"""Alerts and acts on them against the audit's entries: whatever somebody changes in the database is found and named."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.decision import Alert
from gateway.domain.identifiers import UserId
from gateway.domain.journal import Write
from gateway.domain.privacy import AlertAction, AlertState
from gateway.domain.raising import raised_by
from gateway.store.alerts import act
from gateway.store.chain import decode, encode
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.verify_database import verify_database
from tests.store.values import NOW, ORGANISATION, OTHER, SENT, new_id, raised
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry

OFFICER = UserId("910000000034")
GUARDS = {
    "alert": ("alert_no_change", "alert_sent_no_change", "alert_forwards", "alert_no_delete", "alert_no_truncate"),
    "alert_action": (
        "alert_action_no_change",
        "alert_action_no_update",
        "alert_action_no_delete",
        "alert_action_no_truncate",
    ),
}


async def unguarded(engine: AsyncEngine, *statements: str) -> None:
    """What somebody with the database in his hands can do: away with the guards, then anything."""
    lite = engine.dialect.name == "sqlite"
    async with engine.connect() as connection:
        if lite:
            await connection.exec_driver_sql("COMMIT")  # the setting is heeded outside a transaction alone
            await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.exec_driver_sql("SET session_replication_role = replica")
        for guard in (name for names in GUARDS.values() for name in names) if lite else ():
            await connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard}")
        for statement in statements:
            await connection.exec_driver_sql(statement)
        await connection.commit()
        await connection.invalidate()


async def officer_acts(journal: Journal, alert: Alert, version: int, to: AlertState, note: str) -> None:
    """An act with its entry, as the use case writes both."""
    action = AlertAction(
        alert_id=alert.id,
        organisation=alert.organisation,
        version=version,
        actor=OFFICER,
        actor_name="Officer, Ann",
        at=NOW,
        to=to,
        note=note,
    )
    told = {"alert_id": alert.id, "patient": alert.patient, "note": note, "facts": (("version", version),)}
    entry = an_entry(event="privacy", outcome=to.value, user=OFFICER, user_name="Officer, Ann", **told)
    await journal.commit(Write(entries=(entry,)), act(action))


async def some_alerts(journal: Journal) -> list[Alert]:
    """Three: one untouched, one under investigation, one closed after that; and entries that raise none."""
    made = [raised(SENT), raised(), raised(SENT)]
    for entry, alert in made:
        await journal.commit(Write(entries=(an_entry(event="asked"), entry), alerts=(alert,)))
    _, second, third = alerts = [alert for _, alert in made]
    await officer_acts(journal, second, 0, AlertState.INVESTIGATING, "Asked the ward")
    await officer_acts(journal, third, 0, AlertState.INVESTIGATING, "Asked the ward")
    await officer_acts(journal, third, 1, AlertState.CLOSED, "Explained")
    # looked at, and an attempt that was refused; and one at an alert that is not there, or not this organisation's
    looked = an_entry(event="privacy", outcome="answered", user=OFFICER, alert_id=third.id)
    refused = an_entry(event="refused", outcome="refused", code="alert-changed", user=OFFICER, alert_id=third.id)
    nowhere = an_entry(event="refused", outcome="refused", code="page-not-found", user=OFFICER, alert_id=new_id())
    await journal.commit(Write(entries=(looked, refused, nowhere)))
    return alerts


async def test_alerts_and_acts_agree_with_their_entries(journal: Journal, engine: AsyncEngine, keys: AuditKeys) -> None:
    await some_alerts(journal)
    report = await verify_database(engine, keys.verify)
    assert (report.flaws, report.alerts, report.entries) == ((), 3, 12)


TAMPERED: list[tuple[str, str]] = [
    ("DELETE FROM alert WHERE id = '{0}'", "0: the alert is missing: entry 2 of writer W tells of it"),
    ("UPDATE alert SET state = 'closed', version = 1, acted_by = '910000000034' WHERE id = '{0}'",
     "0: state, version, last actor are not as the entries of what officers did have it"),
    ("UPDATE alert SET state = 'new' WHERE id = '{2}'", "2: state is not as the entries of what officers did have it"),
    ("UPDATE alert SET acted = '2020-01-01T00:00:00.000000Z' WHERE id = '{2}'",
     "2: time of the last act is not as the entries of what officers did have it"),
    ("UPDATE alert SET note = 'x', patient = '9990281025' WHERE id = '{1}'",
     "1: patient, note are not as entry 4 of writer W has it"),
    ("UPDATE alert SET note = NULL WHERE id = '{1}'", "1: note is not as entry 4 of writer W has it"),
    ("UPDATE alert SET sent = NULL WHERE id = '{2}'", "2: sent is not as entry 6 of writer W has it"),
    ("UPDATE alert SET marks = '' WHERE id = '{1}'", "1: marks is not as entry 4 of writer W has it"),
    ("UPDATE alert SET reason = '1' WHERE id = '{1}'", "1: reason is not as entry 4 of writer W has it"),
    ("UPDATE alert SET asid = '0' WHERE id = '{1}'", "1: ASID is not as entry 4 of writer W has it"),
    ("UPDATE alert SET organisation = 'RZZ02' WHERE id = '{1}'", "1: organisation is not as entry 4 of writer W has it"),
    ("UPDATE alert_action SET note = 'Nothing wrong' WHERE alert_id = '{1}'",
     "1: act 1 of its history: note is not as its entry has it"),
    ("UPDATE alert_action SET actor = '910000000018' WHERE alert_id = '{2}' AND version = 2",
     "2: act 2 of its history: actor is not as its entry has it"),
    ("UPDATE alert_action SET from_state = 'new' WHERE alert_id = '{2}' AND version = 2",
     "2: act 2 of its history: from state is not as its entry has it"),
    ("DELETE FROM alert_action WHERE alert_id = '{2}' AND version = 1",
     "2: act 1, of which an entry tells, is missing from its history"),
    (("INSERT INTO alert_action SELECT alert_id, 3, at, actor, actor_name, from_state, to_state, note FROM alert_action "
     "WHERE alert_id = '{2}' AND version = 2"), "2: act 3 of its history: no entry of the audit tells of it"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "said"), TAMPERED)
async def test_what_is_changed_behind_the_audit_is_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, statement: str, said: str
) -> None:
    alerts = await some_alerts(journal)
    await unguarded(engine, statement.format(*(alert.id for alert in alerts)))
    report = await verify_database(engine, keys.verify)
    writer = journal._chain.head.writer if journal._chain.head else ""
    number, _, sentence = said.partition(": ")
    wanted = (f"alert {alerts[int(number)].id}", sentence.replace("writer W", f"writer {writer}"))
    assert [(flaw.place, flaw.sentence) for flaw in report.flaws] == [wanted]
    assert not report.sound


async def test_all_alerts_gone_and_one_that_nobody_raised(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys
) -> None:
    alerts = await some_alerts(journal)
    await unguarded(engine, "DELETE FROM alert_action", "DELETE FROM outbox", "DELETE FROM alert")
    found = await verify_database(engine, keys.verify)
    assert {flaw.id for flaw in found.flaws if "is missing: entry" in flaw.sentence} == {one.id for one in alerts}
    assert (len([flaw for flaw in found.flaws if "missing from its history" in flaw.sentence]), found.alerts) == (3, 0)
    stranger = an_alert(patient=OTHER)
    await journal.commit(Write(alerts=(stranger,)))
    found = await verify_database(engine, keys.verify)
    said = [flaw.sentence for flaw in found.flaws if flaw.id == stranger.id]
    assert said == ["no entry of the audit raised this alert"]


async def test_a_time_made_unreadable_is_named_like_any_other(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys
) -> None:
    alerts = await some_alerts(journal)
    worth = "'long ago'" if engine.dialect.name == "sqlite" else "'-infinity'"
    await unguarded(engine, f"UPDATE alert SET at = {worth} WHERE id = '{alerts[0].id}'")
    [flaw] = (await verify_database(engine, keys.verify)).flaws
    assert (flaw.id, flaw.sentence.startswith("time is not as entry 2 of writer ")) == (alerts[0].id, True)


FORBIDDEN = [
    "DELETE FROM alert_action",
    "DELETE FROM alert",
    "UPDATE alert SET note = 'x'",
    "UPDATE alert SET note = note",
    "UPDATE alert SET sent = NULL, version = version + 1, state = 'closed' WHERE state <> 'closed'",
    "UPDATE alert SET audit_id = 'x', version = version + 1, state = 'closed' WHERE state <> 'closed'",
    "UPDATE alert SET state = 'closed'",
    "UPDATE alert SET state = 'new', version = version + 1 WHERE state = 'under-investigation'",
    "UPDATE alert SET version = version + 1 WHERE state = 'closed'",
    "UPDATE alert_action SET note = 'x'",
]
ONLY = {
    "sqlite": ["INSERT OR REPLACE INTO alert SELECT * FROM alert", "REPLACE INTO alert_action SELECT * FROM alert_action",
               "REPLACE INTO audit SELECT * FROM audit"],
    "postgresql": ["TRUNCATE alert CASCADE", "TRUNCATE alert_action", "TRUNCATE audit"],
}  # fmt: skip


async def test_the_database_itself_refuses_to_change_alerts_and_acts(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys
) -> None:
    await some_alerts(journal)
    for statement in (*FORBIDDEN, *ONLY[engine.dialect.name]):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.exec_driver_sql(statement)
    assert (await verify_database(engine, keys.verify)).flaws == ()


async def test_an_alert_can_be_told_again_from_its_entry() -> None:
    entry, alert = raised(site=ORGANISATION)
    assert raised_by(decode(encode(entry))) == alert
    posted, kept = raised(SENT)
    assert raised_by(decode(encode(posted))) == kept
    assert kept.sent == SENT
    assert raised_by(an_entry()) is None
    broken: list[Callable[[], object]] = [
        lambda: raised_by(replace(entry, patient=None)),
        lambda: raised_by(replace(entry, alert_id=None)),
        lambda: raised_by(replace(entry, facts=(("alert", "2"),))),
    ]
    for one in broken:
        with pytest.raises(ValueError, match="alert"):
            one()
