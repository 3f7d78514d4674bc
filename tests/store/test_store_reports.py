"""Reports, training, forms, samples and browser state, on both databases."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import InvalidValue, NotPossibleNow
from gateway.domain.journal import Spend, SpendKind, Write
from gateway.domain.privacy import EntryFilter, Sample, SelfRecorded, Span
from gateway.store.browsers import forget_expired, launches, sessions
from gateway.store.journal import Journal
from gateway.store.people import (
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

HOUR = timedelta(hours=1)
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
    assert await reports.trail(refused.correlation_id, ORGANISATION) == (refused,)
    assert await reports.trail(refused.correlation_id, ELSEWHERE) == ()
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
