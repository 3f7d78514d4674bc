"""What the officer's checks count, on both databases: views, answers, overrides, marks, and alerts as files."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.errors import MessageInvalid
from gateway.domain.identifiers import NhsNumber, SystemId
from gateway.domain.journal import Successor, Write
from gateway.domain.privacy import (
    AlertAction,
    AlertFilter,
    AlertState,
    AnswerCount,
    OverrideCount,
    Span,
    ViewCount,
)
from gateway.store.alert_export import COLUMNS, alerts_file, entries_file
from gateway.store.journal import Journal
from gateway.store.reports import Reports
from gateway.store.workbench import Workbench
from tests.store.values import COLLEAGUE, ELSEWHERE, NOW, ORGANISATION, OTHER, PATIENT, SYSTEM, USER
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal

SPAN = Span(start=NOW - timedelta(days=1), end=NOW + timedelta(days=3))
DAY = timedelta(days=1)


async def test_views_by_basis_and_system(journal: Journal, engine: AsyncEngine) -> None:
    scra = SystemId("scra")
    await journal.commit(
        Write(
            entries=(
                an_entry(basis="yes_this_time"),
                an_entry(basis="yes_this_time"),
                an_entry(basis="emergency_unable_to_ask", system=scra, at=NOW + DAY),
                an_entry(event="asked"),
                an_entry(organisation=ELSEWHERE),
            )
        )
    )
    assert await Reports(engine).views(ORGANISATION, SPAN) == (
        ViewCount(date(2026, 3, 4), "yes_this_time", USER, SYSTEM.value, 2),
        ViewCount(date(2026, 3, 5), "emergency_unable_to_ask", USER, "scra", 1),
    )


async def test_answers_and_overrides_by_user(journal: Journal, engine: AsyncEngine) -> None:
    await journal.commit(
        Write(
            permissions=(
                a_permission(),
                a_permission(),
                a_refusal(),
                a_permission(recorded_by=COLLEAGUE),
                a_permission(recorded_by=None),
                a_permission(organisation=ELSEWHERE),
            ),
            alerts=(
                an_alert(),
                an_alert(marks=("threshold",)),
                an_alert(at=NOW + DAY, marks=("after-refusal", "threshold")),
                an_alert(user=COLLEAGUE, marks=("thresholds",)),
                an_alert(user=COLLEAGUE, marks=("reloaded",)),
                an_alert(user=COLLEAGUE, basis="yes_this_time", type=AlertType.SELF_CLAIM, reason=AlertReason.OTHER),
            ),
        )
    )
    reports = Reports(engine)
    answers = await reports.answers(ORGANISATION, SPAN)
    assert set(answers) == {
        AnswerCount(USER, SYSTEM.value, 2, 1),
        AnswerCount(COLLEAGUE, SYSTEM.value, 1, 0),
        AnswerCount(None, SYSTEM.value, 1, 0),
    }
    assert [one.yes_percent for one in answers] == [66, 100, 100]
    assert await reports.overrides(ORGANISATION, SPAN, "threshold") == (
        OverrideCount(USER, 3, 2, 2),
        OverrideCount(COLLEAGUE, 1, 0, 1),
    )


async def test_the_workbench_reads_only_its_own_and_keeps_acts_with_their_entry(
    journal: Journal, engine: AsyncEngine
) -> None:
    bench = Workbench(engine=engine, journal=journal)
    marked, plain, elsewhere = an_alert(marks=("threshold",)), an_alert(patient=OTHER), an_alert(organisation=ELSEWHERE)
    await journal.commit(Write(alerts=(marked, plain, elsewhere)))
    mine = AlertFilter(organisation=ORGANISATION)
    assert set(await bench.alert_ids(mine)) == {marked.id, plain.id}
    assert await bench.alert_ids(AlertFilter(organisation=ORGANISATION, mark="threshold")) == (marked.id,)
    assert await bench.alert_ids(AlertFilter(organisation=ORGANISATION, ids=())) == ()
    assert await bench.alert_ids(AlertFilter(organisation=ORGANISATION, ids=(elsewhere.id, plain.id))) == (plain.id,)
    assert await bench.names(ORGANISATION) == {USER: "Ames, Zoë"}
    action = AlertAction(
        alert_id=plain.id, organisation=ORGANISATION, version=0, actor=COLLEAGUE, actor_name="Officer",
        at=NOW, to=AlertState.CLOSED, note="attended",
    )  # fmt: skip
    await bench.record(Write(entries=(an_entry(event="privacy", outcome="closed"),)), action)
    lost = an_entry(event="privacy", outcome="closed")
    with pytest.raises(MessageInvalid) as refused:
        await bench.record(Write(entries=(lost,)), action)
    assert refused.value.code is Code.ALERT_CHANGED
    assert (await bench.counts(mine))[AlertState.CLOSED] == 1
    assert (await bench.trail(lost.correlation_id, ORGANISATION, NOW)).entries == ()  # neither the act nor its entry
    found = await bench.reconcile(io.BytesIO(b"nhs_number,from,to\n"), mine)
    assert (found.compared, found.open) == (1, 1)
    old = NhsNumber("9123456744")
    await journal.commit(Write(entries=(), successors=(Successor(superseded=old, current=PATIENT, at=NOW),)))
    for number in (old, PATIENT):  # a file may have either
        row = f"nhs_number,from,to\n{number.value},{NOW.date()},{NOW.date()}\n"
        found = await bench.reconcile(io.BytesIO(row.encode()), mine)
        assert [one.case.alert.id for one in found.matched] == [marked.id]


async def test_alerts_as_files(journal: Journal, engine: AsyncEngine) -> None:
    bench = Workbench(engine=engine, journal=journal)
    await journal.commit(Write(alerts=(an_alert(note="@SUM(A1) found unconscious"), an_alert(note=None))))
    cases = (await bench.all(AlertFilter(organisation=ORGANISATION), 10)).cases
    table = list(csv.DictReader(io.StringIO(alerts_file("csv", cases).decode("utf-8-sig"))))
    assert tuple(table[0]) == COLUMNS
    assert {row["note"] for row in table} == {"'@SUM(A1) found unconscious", ""}
    assert {json.loads(line)["status"] for line in alerts_file("jsonl", cases).splitlines()} == {"new"}
    bundle = json.loads(alerts_file("fhir", cases))
    assert [len(one["resource"]["agent"]) for one in bundle["entry"]] == [3, 3]
    entries = [an_entry(note="-1+1 words")]
    assert "'-1+1 words" in entries_file("csv", entries).decode("utf-8-sig")
    assert json.loads(entries_file("jsonl", entries))["note"] == "-1+1 words"
    assert json.loads(entries_file("fhir", entries))["entry"][0]["resource"]["resourceType"] == "AuditEvent"
