"""Reports, training, forms, samples and browser state, on both databases."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, NotPossibleNow
from gateway.domain.identifiers import NhsNumber, SystemId
from gateway.domain.journal import Spend, SpendKind, Successor, Write
from gateway.domain.permission import PermissionAnswer
from gateway.domain.privacy import EntryFilter, Sample, SelfRecorded, Span
from gateway.store.browsers import forget_expired, launches, sessions
from gateway.store.journal import Journal
from gateway.store.people import (
    MOST_FORMS_A_DAY,
    MOST_FORMS_AN_HOUR,
    Interest,
    People,
    TrainingRecord,
    draw,
    record_interest,
    record_sample,
    record_training,
)
from gateway.store.reports import Reports
from gateway.store.tables import session, spent
from tests.store.values import COLLEAGUE, ELSEWHERE, NOW, ORGANISATION, OTHER, PATIENT, USER, new_id
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal

HOUR = timedelta(hours=1)
OLD = NhsNumber("9123456744")
SPAN = Span(start=NOW, end=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("start", "end"), [(NOW, NOW), (NOW, NOW - HOUR), (NOW, NOW + timedelta(days=31, hours=1, seconds=1))]
)
def test_a_span_is_at_most_a_month(start: object, end: object) -> None:
    with pytest.raises(InvalidValue):
        Span(start=start, end=end)  # type: ignore[arg-type]


async def test_reports_by_patient_by_user_and_who_looked(journal: Journal, engine: AsyncEngine) -> None:
    viewed = [an_entry(at=NOW + number * HOUR) for number in range(4)]
    refused = an_entry(event="refused", outcome="refused", at=NOW, user=COLLEAGUE)
    late, elsewhere = an_entry(at=NOW + timedelta(days=2)), an_entry(organisation=ELSEWHERE)
    other = an_entry(patient=OTHER, user=COLLEAGUE, at=NOW + HOUR)
    await journal.commit(Write(entries=(*viewed[::-1], refused, late, elsewhere, other)))
    reports = Reports(engine)
    mine = await reports.entries(EntryFilter(organisation=ORGANISATION, span=SPAN, patient=PATIENT), limit=3)
    assert mine.found == 5
    assert {each.id for each in mine.entries} == {viewed[0].id, refused.id, viewed[1].id}
    rest = await reports.entries(EntryFilter(organisation=ORGANISATION, span=SPAN, patient=PATIENT), limit=3, offset=3)
    assert rest.entries == tuple(viewed[2:])
    colleague = await reports.entries(
        EntryFilter(organisation=ORGANISATION, span=SPAN, user=COLLEAGUE, events=("viewed",)), limit=9
    )
    assert colleague.entries == (other,)
    looked = await reports.looked((PATIENT, OTHER), ORGANISATION, limit=100)
    assert {each.id for each in looked.entries} == {each.id for each in (*viewed, other, late)}
    assert (await reports.looked((OTHER,), ORGANISATION, limit=100)).entries == (other,)
    successors = (Successor(superseded=OLD, current=OTHER, at=NOW),)
    await journal.commit(Write(entries=(), successors=successors))
    for number in (OLD, OTHER):  # whichever number the patient asks with
        assert (await reports.looked((number,), ORGANISATION, limit=100)).entries == (other,)
        asked = EntryFilter(organisation=ORGANISATION, span=SPAN, patient=number)
        assert (await reports.entries(asked, limit=9)).entries == (other,)
    assert (await reports.trail(refused.correlation_id, ORGANISATION)).entries == (refused,)
    assert (await reports.trail(refused.correlation_id, ELSEWHERE)).entries == ()
    counts = await reports.per_day(ORGANISATION, SPAN)
    assert [(row.day, row.event, row.user, row.count) for row in counts] == [
        (date(2026, 3, 4), "refused", COLLEAGUE, 1),
        (date(2026, 3, 4), "viewed", USER, 4),
        (date(2026, 3, 4), "viewed", COLLEAGUE, 1),
    ]


async def test_a_yes_recorded_by_its_viewer_just_before_the_view_is_shown(
    journal: Journal, engine: AsyncEngine
) -> None:
    quick, slow, by_colleague = a_permission(), a_permission(patient=OTHER), a_permission(recorded_by=COLLEAGUE)
    view = an_entry(at=NOW + timedelta(seconds=2))
    await journal.commit(Write(permissions=(quick, slow, by_colleague)))
    await journal.commit(Write(entries=(view, an_entry(patient=OTHER, at=NOW + timedelta(seconds=2, microseconds=1)))))
    assert await Reports(engine).self_recorded(ORGANISATION, SPAN) == (SelfRecorded(permission=quick, viewed=view.at),)
    assert await Reports(engine).self_recorded(ELSEWHERE, SPAN) == ()


async def test_a_yes_after_a_no_is_shown_with_the_no(journal: Journal, engine: AsyncEngine) -> None:
    third, old = NhsNumber("9990252955"), NhsNumber("9990252947")
    first = a_permission(start=NOW - HOUR)
    no = a_refusal(start=NOW, recorded_by=COLLEAGUE, system=SystemId("cleo-rzz03"))
    withdrawn = a_refusal(start=NOW + HOUR / 2, answer=PermissionAnswer.WITHDRAWN)
    turned, again = a_permission(start=NOW + HOUR), a_permission(start=NOW + 2 * HOUR)
    earlier_no = a_refusal(patient=OTHER, start=NOW - timedelta(days=30))
    late = a_permission(patient=OTHER, start=NOW + 3 * HOUR, consumed=True)
    told_under_old = a_refusal(patient=old, start=NOW + HOUR)
    under_new = a_permission(patient=third, start=NOW + 4 * HOUR)
    elsewhere = a_refusal(patient=third, start=NOW + 3 * HOUR, organisation=ELSEWHERE)
    long_ago = a_refusal(patient=third, start=NOW - timedelta(days=40))
    rows = (first, no, withdrawn, turned, again, earlier_no, late, told_under_old, under_new, elsewhere, long_ago)
    await journal.commit(Write(permissions=rows))
    found = await Reports(engine).after_refusal(ORGANISATION, SPAN)
    assert [(one.permission, one.refused) for one in found] == [(late, earlier_no.start), (turned, no.start)]
    assert (found[1].refused_to, found[1].refused_system) == (COLLEAGUE, no.system)
    await journal.commit(Write(successors=(Successor(superseded=old, current=third, at=NOW),)))
    linked = await Reports(engine).after_refusal(ORGANISATION, SPAN)
    assert [(one.permission, one.refused) for one in linked[:1]] == [(under_new, told_under_old.start)]
    assert linked[1:] == found
    assert await Reports(engine).after_refusal(ELSEWHERE, SPAN) == ()
    tomorrow = Span(start=NOW + timedelta(days=1), end=NOW + timedelta(days=2))
    assert await Reports(engine).after_refusal(ORGANISATION, tomorrow) == ()


async def test_marks_are_counted(journal: Journal, engine: AsyncEngine) -> None:
    await journal.commit(
        Write(alerts=(an_alert(marks=("threshold", "after-refusal")), an_alert(marks=("thresholds",)), an_alert()))
    )
    assert await Reports(engine).marked(ORGANISATION, SPAN, "threshold") == 1


async def test_training_forms_and_samples_are_kept(journal: Journal, engine: AsyncEngine) -> None:
    course = TrainingRecord(user=USER, module="scr", topics_version="1", completed=date(2025, 5, 1), passed=True)
    again = TrainingRecord(user=USER, module="scr", topics_version="1", completed=date(2025, 5, 1), passed=False)
    form = Interest(id=new_id(), kind="setting", received=NOW, data={"setting": "optometry", "why": "“quotes”"})
    sample = Sample(
        id=new_id(), organisation=ORGANISATION, officer=USER, at=NOW, percent=50, seed="s", alerts=("A", "B")
    )
    steps = (record_training([course], at=NOW, source="import"), record_interest(form), record_sample(sample))
    await journal.commit(
        Write(entries=(an_entry(event="privacy"),)), *steps, record_training([again], at=NOW, source="import")
    )
    people = People(engine)
    assert await people.training_of((USER, COLLEAGUE)) == (course,)
    assert await people.interests(limit=5) == (form,)
    assert await people.samples(ORGANISATION, limit=5) == (sample,)
    assert await people.samples(ELSEWHERE, limit=5) == ()


async def interested(journal: Journal, received: datetime, address: str | None) -> int:
    """0 where the form was kept, else the wait it was told."""
    form = Interest(id=new_id(), kind="setting", received=received, data={})
    try:
        await journal.commit(Write(), record_interest(form, address))
    except NotPossibleNow as error:
        return (error.retry_after or 0) if error.code is Code.RATE_LIMITED else -1
    return 0


async def test_one_address_may_send_few_forms_an_hour(journal: Journal, engine: AsyncEngine) -> None:
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    told = [await interested(journal, hour + timedelta(minutes=number), "192.0.2.7") for number in range(7)]
    assert told == [0] * MOST_FORMS_AN_HOUR + [55 * 60, 54 * 60]
    assert len(await People(engine).interests(limit=50)) == MOST_FORMS_AN_HOUR
    assert await interested(journal, hour, "192.0.2.8") == 0
    assert await interested(journal, hour + HOUR, "192.0.2.7") == 0
    async with engine.connect() as connection:
        keys = (await connection.execute(select(spent.c.key))).scalars().all()
    assert len(keys) == MOST_FORMS_AN_HOUR + 2
    assert not any("192" in key.partition(":")[2] or "." in key for key in keys)


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        ([f"2001:db8:0:1::{number}" for number in range(1, 7)], "2001:db8:0:2::1"),
        ([None, "", "nowhere", None, "", None], "192.0.2.1"),
    ],
)
async def test_callers_that_cannot_be_told_apart_are_one(
    journal: Journal, addresses: list[str | None], other: str
) -> None:
    told = [await interested(journal, NOW, address) for address in addresses]
    assert [bool(wait) for wait in told] == [False] * 5 + [True]
    assert await interested(journal, NOW, other) == 0


async def test_a_days_forms_are_bounded_whoever_sends_them(journal: Journal, engine: AsyncEngine) -> None:
    told = [await interested(journal, NOW, f"192.0.2.{number}") for number in range(MOST_FORMS_A_DAY)]
    assert told == [0] * MOST_FORMS_A_DAY
    assert await interested(journal, NOW + HOUR, "198.51.100.1") == 3600
    assert len(await People(engine).interests(limit=1000)) == MOST_FORMS_A_DAY
    assert await interested(journal, NOW + 24 * HOUR, "198.51.100.1") == 0


def test_a_sample_can_be_drawn_again() -> None:
    alerts = [f"A{number}" for number in range(101)]
    drawn = draw(alerts, 10, "seed")
    assert len(drawn) == 11
    assert drawn == draw(alerts[::-1], 10, "seed") != draw(alerts, 10, "other seed")
    assert draw(alerts, 100, "seed") == tuple(sorted(alerts))
    assert draw([], 50, "seed") == ()
    with pytest.raises(InvalidValue):
        draw(alerts, 0, "seed")


async def test_sessions_are_kept_changed_once_and_expire(engine: AsyncEngine) -> None:
    shelf = sessions(engine)
    await shelf.put("secret", state="open", data={"user": "x"}, now=NOW, expires=NOW + HOUR)
    with pytest.raises(NotPossibleNow):
        await shelf.put("secret", state="open", data={}, now=NOW, expires=NOW + HOUR)
    kept = await shelf.get("secret", now=NOW)
    assert kept is not None
    assert (kept.state, kept.version, kept.data, kept.expires) == ("open", 0, {"user": "x"}, NOW + HOUR)
    assert await shelf.change("secret", version=0, state="role", data={"role": 1}, now=NOW)
    assert not await shelf.change("secret", version=0, state="open", data={}, now=NOW)
    assert await shelf.get("secret", now=NOW + HOUR) is None
    assert await launches(engine).get("secret", now=NOW) is None
    async with engine.connect() as connection:
        assert "secret" not in str((await connection.execute(select(session))).all())
    await shelf.drop("secret")
    assert await shelf.get("secret", now=NOW) is None


async def test_only_what_has_expired_is_forgotten(journal: Journal, engine: AsyncEngine) -> None:
    await sessions(engine).put("old", state="open", data={}, now=NOW, expires=NOW)
    await sessions(engine).put("new", state="open", data={}, now=NOW, expires=NOW + HOUR)
    spends = tuple(
        Spend(kind=SpendKind.MESSAGE, key=key, expires=end) for key, end in (("old", NOW), ("new", NOW + HOUR))
    )
    await journal.commit(Write(spend=spends, entries=(an_entry(),)))
    assert await forget_expired(engine, now=NOW + HOUR / 2) == 2
    async with engine.connect() as connection:
        assert (await connection.execute(select(spent.c.key))).scalars().all() == ["new"]
