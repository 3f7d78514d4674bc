"""The journal on both databases: all or nothing, conditions, shared transactions, clean refusals."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.decision import AuditEntry
from gateway.domain.errors import (
    AccessDenied,
    GatewayError,
    InternalError,
    MessageInvalid,
    NotPossibleNow,
    PolicyRefused,
)
from gateway.domain.journal import EndPermissions, EndRelationships, Spend, SpendKind, Write
from gateway.domain.permission import RecordedKind
from gateway.store.chain import decode
from gateway.store.engine import reader_of
from gateway.store.journal import Journal
from gateway.store.rows import alert_of, permission_of, relationship_of
from gateway.store.tables import alert, audit, outbox, permission, relationship, spent
from tests.store.conftest import Count, MakeJournal
from tests.store.values import (
    COLLEAGUE,
    ELSEWHERE,
    NOW,
    ORGANISATION,
    OTHER,
    PATIENT,
    USER,
    new_id,
)
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal
from tests.store.values import relationship as a_relationship


async def entries(engine: AsyncEngine) -> list[AuditEntry]:
    """What the audit holds, in the order of each chain."""
    async with reader_of(engine).connect() as connection:
        rows = await connection.execute(select(audit.c.body).order_by(audit.c.writer, audit.c.seq))
        return [decode(row.body) for row in rows]


async def count(engine: AsyncEngine, table: object) -> int:
    """Rows of a table."""
    async with reader_of(engine).connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]


def message(key: str | None = None, kind: SpendKind = SpendKind.MESSAGE) -> Spend:
    """An id to spend."""
    return Spend(kind=kind, key=key or new_id(), expires=NOW + timedelta(minutes=10))


async def test_what_is_committed_comes_back_as_it_was(journal: Journal, engine: AsyncEngine) -> None:
    full = an_entry(
        note='a "note" \x00 \u2028 £', emergency=True, requested_patient=OTHER, spine_message_ids=("A", "B"), count=3
    )
    allowed, related, raised = a_permission(), a_relationship(), an_alert(marks=("after-refusal", "threshold"))
    await journal.commit(Write(entries=(full,), permissions=(allowed,), relationships=(related,), alerts=(raised,)))
    assert await entries(engine) == [full]
    async with reader_of(engine).connect() as connection:
        assert permission_of((await connection.execute(select(permission))).one()) == allowed
        assert relationship_of((await connection.execute(select(relationship))).one()) == related
        assert alert_of((await connection.execute(select(alert))).one()) == raised


async def test_an_alert_brings_its_message_and_its_notification(journal: Journal, engine: AsyncEngine) -> None:
    raised = an_alert()
    await journal.commit(Write(entries=(an_entry(),), alerts=(raised,)))
    async with reader_of(engine).connect() as connection:
        rows = (await connection.execute(select(outbox).order_by(outbox.c.id))).all()
    assert [(row.id, row.kind, row.state) for row in rows] == [
        (f"notify:{raised.id}", "notify", "waiting"),
        (f"spine:{raised.id}", "spine", "waiting"),
    ]
    assert raised.patient.value in rows[1].body
    for private in (raised.patient.value, raised.user.value, raised.user_name, "unconscious"):
        assert private not in rows[0].body


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        (SpendKind.MESSAGE, MessageInvalid, Code.MESSAGE_REPLAYED),
        (SpendKind.ASSERTION, AccessDenied, Code.CREDENTIALS_REPLAYED),
        (SpendKind.LAUNCH, AccessDenied, Code.LAUNCH_SPENT),
        (SpendKind.NOTE, PolicyRefused, Code.EMERGENCY_NOTE),
    ],
)
async def test_an_id_is_spent_once(
    journal: Journal, engine: AsyncEngine, kind: SpendKind, error: type[GatewayError], code: Code
) -> None:
    used, fresh = message(kind=kind), message(kind=kind)
    await journal.commit(Write(entries=(an_entry(),), spend=(used,)))
    with pytest.raises(error) as refused:
        await journal.commit(Write(entries=(an_entry(),), spend=(fresh, used), alerts=(an_alert(),)))
    assert refused.value.code is code
    assert (await count(engine, audit), await count(engine, alert), await count(engine, spent)) == (1, 0, 1)
    await journal.commit(Write(spend=(fresh,)))  # a refused write has spent nothing
    assert await count(engine, spent) == 2


async def test_the_same_id_in_one_batch_is_spent_by_the_first_only(journal: Journal, engine: AsyncEngine) -> None:
    keys = [f"K{number % 7}" for number in range(70)]
    results = await asyncio.gather(
        *(journal.commit(Write(entries=(an_entry(),), spend=(message(key), message()))) for key in keys),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, MessageInvalid)]
    assert len(refused) == 63
    assert not any(isinstance(result, MessageInvalid) for result in results[:7])
    assert (await count(engine, audit), await count(engine, spent)) == (7, 14)


async def test_two_processes_cannot_spend_one_id_twice(make_journal: MakeJournal, engine: AsyncEngine) -> None:
    journals = [make_journal(), make_journal()]
    for made in journals:
        await made.start()
    writes = [(journals[turn], f"K{number}") for number in range(60) for turn in (0, 1)]
    results = await asyncio.gather(
        *(made.commit(Write(entries=(an_entry(),), spend=(message(key),))) for made, key in writes),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(MessageInvalid) == 60
    assert (await count(engine, audit), await count(engine, spent)) == (60, 60)


async def test_a_permission_for_one_view_is_used_once(journal: Journal, engine: AsyncEngine) -> None:
    allowed = a_permission()
    await journal.commit(Write(permissions=(allowed,)))
    spend = message()
    results = await asyncio.gather(
        *(
            journal.commit(Write(entries=(an_entry(),), consume_permission=allowed.id, spend=(message(),)))
            for _ in range(9)
        ),
        journal.commit(Write(entries=(an_entry(),), consume_permission=new_id(), spend=(spend,))),
        return_exceptions=True,
    )
    gone = [result for result in results if isinstance(result, PolicyRefused)]
    assert len(gone) == 9
    assert {(error.code, error.rules) for error in gone} == {(Code.PERMISSION_MISSING, ("P-02",))}
    assert (await count(engine, audit), await count(engine, spent)) == (1, 1)
    await journal.commit(Write(spend=(spend,)))


async def test_an_ended_or_refused_permission_cannot_be_used(journal: Journal, engine: AsyncEngine) -> None:
    ended, refused = a_permission(ended=NOW), a_refusal()
    await journal.commit(Write(permissions=(ended, refused)))
    for each in (ended, refused):
        with pytest.raises(PolicyRefused):
            await journal.commit(Write(entries=(an_entry(),), consume_permission=each.id))
    assert await entries(engine) == []


async def test_a_refusal_ends_standing_permissions_here_only(journal: Journal, engine: AsyncEngine) -> None:
    later = NOW + timedelta(hours=1)
    mine, successor, elsewhere = (
        a_permission(kind=RecordedKind.EXTENDED),
        a_permission(patient=OTHER),
        a_permission(organisation=ELSEWHERE),
    )
    past, used = a_permission(start=NOW - timedelta(days=2), end=NOW - timedelta(days=1)), a_permission(consumed=True)
    await journal.commit(Write(permissions=(mine, successor, elsewhere, past, used)))
    no = a_refusal(start=later)
    ending = EndPermissions(patients=(PATIENT, OTHER), organisation=ORGANISATION, at=later)
    done = await journal.commit(Write(entries=(an_entry(),), permissions=(no,), end_permissions=(ending,)))
    assert done.ended_permissions == 2
    async with reader_of(engine).connect() as connection:
        ended = {row.id: row.ended for row in await connection.execute(select(permission.c.id, permission.c.ended))}
    assert ended == {mine.id: later, successor.id: later, elsewhere.id: None, past.id: None, used.id: None, no.id: None}


async def test_a_feed_ends_only_what_it_fed(journal: Journal) -> None:
    mine, colleague = a_relationship(), a_relationship(user=COLLEAGUE)
    await journal.commit(Write(relationships=(mine, colleague, a_relationship(patient=OTHER))))
    leaving = EndRelationships(patient=PATIENT, system=mine.system, user=USER, team=None, at=NOW)
    assert (await journal.commit(Write(end_relationships=(leaving,)))).ended_relationships == 1
    assert (await journal.commit(Write(end_relationships=(leaving,)))).ended_relationships == 0
    everyone = EndRelationships(patient=PATIENT, system=mine.system, user=None, team=None, at=NOW)
    assert (await journal.commit(Write(end_relationships=(everyone,)))).ended_relationships == 1


async def test_concurrent_callers_share_transactions(journal: Journal, engine: AsyncEngine, meter: Count) -> None:
    meter.sizes.clear()
    await asyncio.gather(*(journal.commit(Write(entries=(an_entry(),), spend=(message(),))) for _ in range(300)))
    assert sum(meter.sizes) == 300
    assert len(meter.sizes) <= 3
    assert await count(engine, audit) == 300


async def test_a_caller_alone_does_not_wait_for_company(make_journal: MakeJournal, meter: Count) -> None:
    journal = make_journal(linger=30.0)
    await journal.start()
    async with asyncio.timeout(20):
        for _ in range(3):
            await journal.commit(Write(entries=(an_entry(),)))
    assert meter.sizes[-3:] == [1, 1, 1]


async def test_one_row_the_database_refuses_harms_no_other(journal: Journal, engine: AsyncEngine) -> None:
    twice = a_permission()
    await journal.commit(Write(permissions=(twice,)))
    writes = [Write(entries=(an_entry(),), end_relationships=()) for _ in range(40)]
    writes[13] = Write(entries=(an_entry(),), permissions=(twice,), spend=(message(),))
    results = await asyncio.gather(*(journal.commit(write) for write in writes), return_exceptions=True)
    assert [index for index, result in enumerate(results) if isinstance(result, BaseException)] == [13]
    assert isinstance(results[13], InternalError)
    assert (await count(engine, audit), await count(engine, spent)) == (39, 0)


async def test_facts_that_are_not_json_hurt_their_caller_only(journal: Journal, engine: AsyncEngine) -> None:
    results = await asyncio.gather(
        journal.commit(Write(entries=(an_entry(facts=(("what", object()),)),))),
        journal.commit(Write(entries=(an_entry(),))),
        return_exceptions=True,
    )
    assert isinstance(results[0], InternalError)
    assert await count(engine, audit) == 1


async def test_overload_is_refused_at_once(make_journal: MakeJournal, engine: AsyncEngine) -> None:
    journal = make_journal(most_waiting=10)
    await journal.start()
    results = await asyncio.gather(
        *(journal.commit(Write(entries=(an_entry(),))) for _ in range(50)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, NotPossibleNow)]
    assert {(error.code, error.retry_after) for error in refused} == {(Code.OVERLOADED, 1)}
    assert len(refused) == 40
    assert await count(engine, audit) == 10


async def test_a_cancelled_callers_write_still_happens(journal: Journal, engine: AsyncEngine) -> None:
    task = asyncio.create_task(journal.commit(Write(entries=(an_entry(),))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await journal.stop()
    assert await count(engine, audit) == 1


async def test_stopping_writes_what_waits_and_then_refuses(journal: Journal, engine: AsyncEngine) -> None:
    waiting = [asyncio.create_task(journal.commit(Write(entries=(an_entry(),)))) for _ in range(20)]
    await asyncio.sleep(0)
    await journal.stop()
    await asyncio.gather(*waiting)
    assert await count(engine, audit) == 20
    with pytest.raises(NotPossibleNow) as refused:
        await journal.commit(Write(entries=(an_entry(),)))
    assert refused.value.code is Code.AUDIT_UNAVAILABLE


async def test_a_step_is_part_of_the_unit(journal: Journal, engine: AsyncEngine) -> None:
    def refuse(_connection: object) -> None:
        raise AccessDenied(Code.SESSION_EXPIRED)

    with pytest.raises(AccessDenied):
        await journal.commit(Write(entries=(an_entry(),), spend=(message(),), permissions=(a_permission(),)), refuse)
    await journal.commit(Write(entries=(an_entry(),)))
    assert (await count(engine, audit), await count(engine, spent), await count(engine, permission)) == (1, 0, 0)
