"""The officer's reports over rows that somebody made unreadable: all others are there, and none is left out unsaid."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.decision import Alert, AuditEntry
from gateway.domain.journal import Write
from gateway.domain.permission import RecordedPermission
from gateway.domain.privacy import (
    MOST_UNREADABLE,
    AlertAction,
    AlertFilter,
    AlertState,
    EntryFilter,
    Sample,
    Span,
    Unreadable,
)
from gateway.store.alert_export import alerts_file, entries_file
from gateway.store.journal import Journal
from gateway.store.workbench import Workbench
from tests.store.test_store_unreadable import flipped, only_sqlite, unguarded
from tests.store.values import COLLEAGUE, ELSEWHERE, NOW, ORGANISATION, PATIENT, SYSTEM, USER, new_id, raised
from tests.store.values import entry as an_entry
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal

SPAN = Span(start=NOW - timedelta(hours=1), end=NOW + timedelta(days=1))
MINE = AlertFilter(organisation=ORGANISATION)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Kept:
    """Two of each kind of row: one that is spoilt, and one that must still be told."""

    bad: AuditEntry
    good: AuditEntry
    bad_alert: Alert
    good_alert: Alert
    bad_answer: RecordedPermission
    good_answer: RecordedPermission
    refusals: Sequence[RecordedPermission]
    bench: Workbench


async def kept(journal: Journal, engine: AsyncEngine) -> Kept:
    """Each patient's no, their yes a moment later, a view by whoever recorded it, and its alert."""
    (bad, bad_alert), (good, good_alert) = raised(), raised(user=COLLEAGUE, at=NOW + SECOND)
    refusals = [a_refusal(start=NOW - timedelta(minutes=1), recorded_by=user) for user in (USER, COLLEAGUE)]
    bad_answer = a_permission(start=NOW - SECOND)
    good_answer = a_permission(start=NOW + SECOND, recorded_by=COLLEAGUE)
    await journal.commit(Write(permissions=(*refusals, bad_answer, good_answer)))
    await journal.commit(Write(entries=(bad, good), alerts=(bad_alert, good_alert)))
    bench = Workbench(engine=engine, journal=journal)
    return Kept(bad, good, bad_alert, good_alert, bad_answer, good_answer, refusals, bench)


async def everything(there: Kept) -> set[Unreadable]:
    """Every read of the workbench: none may fail, each must have the good rows. Returns what is named on any of its pages."""
    bench = there.bench
    by_user = await bench.entries(EntryFilter(organisation=ORGANISATION, span=SPAN, user=COLLEAGUE), 10)
    by_patient = await bench.entries(EntryFilter(organisation=ORGANISATION, span=SPAN, patient=PATIENT), 10)
    looked = await bench.looked((PATIENT,), ORGANISATION, 10)
    trail = await bench.trail(there.good.correlation_id, ORGANISATION, NOW)
    for found in (by_user, by_patient, looked, trail):
        assert there.good in found.entries
    assert COLLEAGUE in {one.user for one in await bench.events_per_day(ORGANISATION, SPAN)}
    assert COLLEAGUE in {one.user for one in await bench.views(ORGANISATION, SPAN)}
    page, newest = await bench.page(MINE, 1), await bench.all(MINE, 10)
    assert there.good_alert in [case.alert for case in page.cases]
    assert page == newest
    assert there.good_alert.id in await bench.alert_ids(MINE)
    assert (await bench.names(ORGANISATION))[COLLEAGUE] == "Ames, Zoë"
    assert sum((await bench.counts(MINE)).values()) in {1, 2}
    assert COLLEAGUE in {one.user for one in await bench.alerts_per_day(ORGANISATION, SPAN)}
    assert COLLEAGUE in {one.user for one in await bench.overrides(ORGANISATION, SPAN, "threshold")}
    assert COLLEAGUE in {one.user for one in await bench.answers(ORGANISATION, SPAN)}
    assert there.good_answer in [one.permission for one in await bench.self_recorded(ORGANISATION, SPAN)]
    assert isinstance(await bench.after_refusal(ORGANISATION, SPAN), tuple)
    file = await bench.reconcile(io.BytesIO(b"nhs_number,from,to\n"), MINE)
    assert file.unreadable == page.unreadable
    figures = await bench.unreadable(ORGANISATION, SPAN)
    for form in ("csv", "jsonl", "fhir"):  # a file names what it does not hold
        told = entries_file(form, by_patient.entries, by_patient.unreadable) + alerts_file(
            form, page.cases, page.unreadable
        )
        for one in (*by_patient.unreadable, *page.unreadable):
            written = one.id if form == "csv" else json.dumps(one.id)[1:-1]
            assert written in told.decode("utf-8-sig")
    return {*by_patient.unreadable, *looked.unreadable, *page.unreadable, *figures}


def blob(table: str, column: str, where: str) -> str:
    """The same bytes as something other than text."""
    return f"UPDATE {table} SET {column} = CAST({column} AS BLOB) WHERE {where}"


ENTRY = [
    flipped("audit", column, "id = '{entry}'")
    for column in ("body", "at", "event", "user_id", "patient", "correlation_id")
] + [
    blob("audit", "user_id", "id = '{entry}'"),
    blob("audit", "body", "id = '{entry}'"),
    "UPDATE audit SET at = 'long ago' WHERE id = '{entry}'",
    "UPDATE audit SET at = '2026-02-31T10:11:12.131415Z' WHERE id = '{entry}'",
    "UPDATE audit SET at = '2026-03-04T25:11:12.131415Z' WHERE id = '{entry}'",
    "UPDATE audit SET at = at || char(0) || 'x' WHERE id = '{entry}'",
    "UPDATE audit SET body = replace(body, '\"adastra-rzz01\"', '7') WHERE id = '{entry}'",
    "UPDATE audit SET user_id = user_id || char(0) WHERE id = '{entry}'",
]
ALERT = [
    flipped("alert", column, "id = '{alert}'")
    for column in (
        "note",
        "user_name",
        "at",
        "type",
        "reason",
        "marks",
        "patient",
        "user_id",
        "system",
        "basis",
        "state",
    )
] + [
    blob("alert", "state", "id = '{alert}'"),
    "UPDATE alert SET at = 'long ago' WHERE id = '{alert}'",
    "UPDATE alert SET version = 'x' WHERE id = '{alert}'",
]
ANSWER = [
    flipped("permission", column, "id = '{answer}'")
    for column in (
        "patient",
        "answer",
        "kind",
        "scope",
        "user_id",
        "starts",
        "ends",
        "how_asked",
        "recorded_by",
        "system",
    )
] + [
    blob("permission", "recorded_by", "id = '{answer}'"),
    "UPDATE permission SET starts = 'yesterday' WHERE id = '{answer}'",
    "UPDATE permission SET consumed = 'maybe' WHERE id = '{answer}'",
]
ANYWHERE = [
    ("entry", "UPDATE audit SET user_id = 'somebody' WHERE id = '{entry}'"),
    ("entry", "UPDATE audit SET patient = '9990402133' WHERE id = '{entry}'"),
    ("entry", "UPDATE audit SET body = 'x' WHERE id = '{entry}'"),
    ("entry", "UPDATE audit SET body = '[]' WHERE id = '{entry}'"),
    ("alert", "UPDATE alert SET type = '9' WHERE id = '{alert}'"),
    ("alert", "UPDATE alert SET patient = '1234567890' WHERE id = '{alert}'"),
    ("alert", "UPDATE alert SET state = 'lost' WHERE id = '{alert}'"),
    ("answer", "UPDATE permission SET recorded_by = 'somebody' WHERE id = '{answer}'"),
    ("answer", "UPDATE permission SET answer = 'perhaps' WHERE id = '{answer}'"),
]
"""What both databases hold, and no gateway writes."""


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        *(("entry", one) for one in ENTRY),
        *(("alert", one) for one in ALERT),
        *(("answer", one) for one in ANSWER),
        *ANYWHERE,
    ],
)
async def test_a_spoilt_row_hides_no_other_and_is_named(
    journal: Journal, engine: AsyncEngine, kind: str, statement: str
) -> None:
    if (kind, statement) not in ANYWHERE:
        only_sqlite(engine)
    there = await kept(journal, engine)
    ids = {"entry": there.bad.id, "alert": there.bad_alert.id, "answer": there.bad_answer.id}
    assert await everything(there) == set()
    await unguarded(engine, statement.format(**ids))
    assert await everything(there) == {Unreadable(kind, ids[kind])}
    assert await there.bench.unreadable(ELSEWHERE, SPAN) == ()


async def test_the_figures_of_all_other_rows_stay(journal: Journal, engine: AsyncEngine) -> None:
    only_sqlite(engine)
    there = await kept(journal, engine)
    bad = {"entry": there.bad.id, "alert": there.bad_alert.id, "answer": there.bad_answer.id}
    await unguarded(
        engine,
        *(statement.format(**bad) for statement in (ENTRY[0], ENTRY[3], ALERT[7], ANSWER[8], ANSWER[9])),
    )
    bench = there.bench
    assert [(one.user, one.count) for one in await bench.events_per_day(ORGANISATION, SPAN)] == [(COLLEAGUE, 1)]
    assert [(one.user, one.system, one.count) for one in await bench.views(ORGANISATION, SPAN)] == [
        (COLLEAGUE, SYSTEM.value, 1)
    ]
    assert [(one.user, one.count) for one in await bench.alerts_per_day(ORGANISATION, SPAN)] == [(COLLEAGUE, 1)]
    assert [(one.user, one.views) for one in await bench.overrides(ORGANISATION, SPAN, "threshold")] == [(COLLEAGUE, 1)]
    assert {(one.user, one.yes, one.no) for one in await bench.answers(ORGANISATION, SPAN)} == {
        (USER, 0, 1),
        (COLLEAGUE, 1, 1),
    }
    assert set(await bench.unreadable(ORGANISATION, SPAN)) == {Unreadable(kind, id) for kind, id in bad.items()}  # noqa: A001


async def test_an_id_that_cannot_be_read_is_told_by_its_place(journal: Journal, engine: AsyncEngine) -> None:
    only_sqlite(engine)
    there = await kept(journal, engine)
    await unguarded(
        engine,
        flipped("audit", "id", "seq = 1"),
        "UPDATE audit SET body = 'x' WHERE seq = 1",
        "DELETE FROM outbox",
        f"UPDATE alert SET state = 'x' WHERE id = '{there.bad_alert.id}'",
        flipped("alert", "id", f"id = '{there.bad_alert.id}'"),
    )
    assert journal._chain.head is not None
    left = f"{there.bad_alert.id[:2]}\\xe2{there.bad_alert.id[3:]}"  # what is left of it
    assert await everything(there) == {
        Unreadable("entry", f"number 1 of writer {journal._chain.head.writer}"),
        Unreadable("alert", left),
    }


async def test_many_spoilt_rows_are_named_up_to_a_bound(journal: Journal, engine: AsyncEngine) -> None:
    bench = Workbench(engine=engine, journal=journal)
    for _ in range(3):
        await journal.commit(Write(entries=tuple(an_entry() for _ in range(400))))
    await unguarded(engine, "UPDATE audit SET user_id = 'somebody'")
    assert len(await bench.unreadable(ORGANISATION, SPAN)) == MOST_UNREADABLE + 1


async def test_a_spoilt_act_leaves_the_alert_readable(journal: Journal, engine: AsyncEngine) -> None:
    only_sqlite(engine)
    there = await kept(journal, engine)
    for version, (to, note) in enumerate(((AlertState.INVESTIGATING, "Asked"), (AlertState.CLOSED, "Attended"))):
        action = AlertAction(
            alert_id=there.good_alert.id,
            organisation=ORGANISATION,
            version=version,
            actor=USER,
            actor_name="Officer",
            at=NOW,
            to=to,
            note=note,
        )
        await there.bench.record(Write(entries=(an_entry(event="privacy"),)), action)
    await unguarded(engine, "DROP TRIGGER alert_action_no_update", flipped("alert_action", "note", "version = 1"))
    case = await there.bench.one(there.good_alert.id, ORGANISATION)
    assert case is not None
    assert ([past.note for past in case.history], case.unreadable_acts) == (["Attended"], 1)


@pytest.mark.parametrize("column", ["at", "officer", "seed", "data"])
async def test_a_spoilt_sample_is_named_among_the_others(journal: Journal, engine: AsyncEngine, column: str) -> None:
    only_sqlite(engine)
    bench = Workbench(engine=engine, journal=journal)
    drawn = [
        Sample(id=new_id(), organisation=ORGANISATION, officer=USER, at=NOW, percent=5, seed="seed", alerts=(new_id(),))
        for _ in range(2)
    ]
    for sample in drawn:
        await bench.record(Write(), sample)
    await unguarded(engine, flipped("sampling", column, f"id = '{drawn[0].id}'"))
    assert set(await bench.samples(ORGANISATION, 10)) == {Unreadable("sample", drawn[0].id), drawn[1]}


def test_a_file_names_what_cannot_be_read_in_its_own_form() -> None:
    lost = [Unreadable("entry", "E1")]
    [row] = csv.DictReader(io.StringIO(entries_file("csv", (), lost).decode("utf-8-sig")))
    assert (row["id"], row["time"].partition(":")[0], row["user"]) == ("E1", "cannot be read", "")
    assert orjson.loads(entries_file("jsonl", (), lost))["unreadable"] == "entry"
    [named] = json.loads(alerts_file("fhir", (), lost))["entry"]
    assert named["resource"]["resourceType"] == "OperationOutcome"
    assert named["resource"]["issue"][0]["diagnostics"].startswith("entry E1 cannot be read")
