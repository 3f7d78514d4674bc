"""What a decision reads of the store, on both databases."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.journal import ViewState, Write
from gateway.domain.permission import PermissionAnswer, RecordedKind
from gateway.store.engine import near_of
from gateway.store.journal import Journal
from gateway.store.state import State
from gateway.store.tables import training
from tests.store.values import COLLEAGUE, ELSEWHERE, NOW, ORGANISATION, OTHER, PATIENT, USER
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal
from tests.store.values import relationship as a_relationship

HOUR = timedelta(hours=1)


async def read(
    engine: AsyncEngine, *patients: NhsNumber, user: UserId | None = USER, officers: tuple[UserId, ...] = ()
) -> ViewState:
    """The state for a view at NOW."""
    return await State(engine).view_state(
        patients=patients, organisation=ORGANISATION, user=user, officers=officers, now=NOW
    )


async def test_nothing_on_record(engine: AsyncEngine) -> None:
    nothing = ViewState(
        permissions=(),
        relationships=(),
        recent_notes=(),
        override_count_24h=0,
        trained=False,
        privacy_officers_trained=0,
    )
    assert await read(engine, PATIENT) == nothing
    assert await read(engine, user=None) == nothing


async def test_standing_permissions_and_the_newest_of_each_answer(journal: Journal, engine: AsyncEngine) -> None:
    standing = a_permission(start=NOW - HOUR, kind=RecordedKind.EXTENDED)
    last_moment = a_permission(start=NOW - 12 * HOUR, end=NOW)
    refused = a_refusal(start=NOW - 23 * HOUR)
    withdrawn = a_refusal(start=NOW - 2 * HOUR, answer=PermissionAnswer.WITHDRAWN)
    stranger = a_permission(patient=OTHER, start=NOW - 2 * HOUR)
    spent = a_permission(start=NOW - HOUR / 2, consumed=True)  # the newest yes: tells that a no before it is over
    hidden = (
        a_permission(start=NOW - 20 * HOUR, end=NOW - 8 * HOUR),
        a_permission(start=NOW - 25 * HOUR, end=NOW, consumed=True),
        a_permission(start=NOW, ended=NOW),
        a_refusal(start=NOW - 25 * HOUR, end=NOW),
        a_refusal(start=NOW - 3 * HOUR, answer=PermissionAnswer.WITHDRAWN),
        a_permission(organisation=ELSEWHERE),
    )
    await journal.commit(Write(permissions=(standing, last_moment, refused, withdrawn, stranger, spent, *hidden)))
    assert set((await read(engine, PATIENT)).permissions) == {standing, last_moment, refused, withdrawn, spent}
    both = {standing, last_moment, refused, withdrawn, spent, stranger}
    assert set((await read(engine, PATIENT, OTHER)).permissions) == both


@pytest.mark.parametrize("age", [timedelta(days=2), timedelta(days=400)])
async def test_a_no_is_read_whatever_its_age(journal: Journal, engine: AsyncEngine, age: timedelta) -> None:
    """It closes the record until a later yes (P-03); only the statement after it is a matter of 24 hours."""
    no = a_refusal(start=NOW - age, end=NOW - age + 24 * HOUR)
    await journal.commit(Write(permissions=(no,)))
    assert (await read(engine, PATIENT)).permissions == (no,)
    yes = a_permission(start=NOW - 25 * HOUR, end=NOW - 13 * HOUR, consumed=True)
    await journal.commit(Write(permissions=(yes,)))
    assert set((await read(engine, PATIENT)).permissions) == {no, yes}


async def test_what_is_read_of_many_answers_is_little(journal: Journal, engine: AsyncEngine) -> None:
    old = NOW - timedelta(days=90)
    nos = [a_refusal(start=old + number * HOUR, end=old + (number + 24) * HOUR) for number in range(200)]
    yeses = [a_permission(start=each.start + HOUR / 2, end=each.end, consumed=True) for each in nos]
    await journal.commit(Write(permissions=(*nos, *yeses)))
    assert (await read(engine, PATIENT)).permissions == (nos[-1], yeses[-1])


async def test_open_relationships(journal: Journal, engine: AsyncEngine) -> None:
    standing, team = a_relationship(start=NOW - HOUR), a_relationship(user=COLLEAGUE)
    hidden = (
        a_relationship(ended=NOW - HOUR),
        a_relationship(start=NOW - 9 * HOUR, end=NOW - HOUR),
        a_relationship(organisation=ELSEWHERE),
    )
    await journal.commit(Write(relationships=(standing, team, *hidden, a_relationship(patient=OTHER))))
    assert set((await read(engine, PATIENT)).relationships) == {standing, team}


async def test_a_users_overrides(journal: Journal, engine: AsyncEngine) -> None:
    mine = [an_alert(at=NOW - number * 5 * HOUR, note=f"Note number {number}", patient=OTHER) for number in range(7)]
    others = (
        an_alert(user=COLLEAGUE, note="Somebody else's note"),
        an_alert(basis="yes_this_time", note="Not an override"),
        an_alert(marks=("s-flag-attempt",), note=None),
        an_alert(marks=("reloaded",), note=None),
        an_alert(marks=("after-refusal", "reloaded"), note=None),
        an_alert(at=NOW - 24 * HOUR, note=None, basis="legal_statute"),
    )
    await journal.commit(Write(alerts=(*mine, *others)))
    state = await read(engine, PATIENT)
    assert state.recent_notes == tuple(f"Note number {number}" for number in range(5))
    assert state.override_count_24h == 5
    assert (await read(engine, PATIENT, user=UserId("910000000999"))).override_count_24h == 0


async def test_training(engine: AsyncEngine) -> None:
    row = {"module": "scr", "topics_version": "1", "completed": date(2025, 1, 1), "recorded": NOW, "source": "import"}
    async with engine.begin() as connection:
        people = ((USER, True), (COLLEAGUE, False))
        await connection.execute(
            insert(training), [{**row, "user_id": user.value, "passed": passed} for user, passed in people]
        )
    state = await read(engine, PATIENT, officers=(USER, COLLEAGUE, UserId("910000000034")))
    assert (state.trained, state.privacy_officers_trained) == (True, 1)
    assert not (await read(engine, PATIENT, user=COLLEAGUE)).trained


async def test_p77_the_newest_record_of_a_course_counts(engine: AsyncEngine) -> None:
    row = {"user_id": USER.value, "topics_version": "1", "recorded": NOW, "source": "import"}
    told = []
    for module, year, passed in (("scr", 2025, True), ("scr", 2026, False), ("other", 2024, True), ("scr", 2027, True)):
        async with engine.begin() as connection:
            record = {**row, "module": module, "completed": date(year, 1, 1), "passed": passed}
            await connection.execute(insert(training), [record])
        told.append((await read(engine, PATIENT)).trained)
    assert told == [True, False, True, True]


async def test_it_is_one_round_trip(journal: Journal, engine: AsyncEngine) -> None:
    statements: list[str] = []
    event.listen(
        near_of(engine) or engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    await read(engine, PATIENT, OTHER, officers=(USER, COLLEAGUE))
    assert len([text for text in statements if not text.startswith("BEGIN")]) == 1


@pytest.mark.parametrize(("limit", "expected"), [(10, 3), (2, 2)])
async def test_activity(journal: Journal, engine: AsyncEngine, limit: int, expected: int) -> None:
    viewed = [an_entry(at=NOW + number * HOUR) for number in (2, 0, 1)]
    other = an_entry(at=NOW + HOUR, patient=OTHER, user=COLLEAGUE)
    hidden = (
        an_entry(event="refused"),
        an_entry(at=NOW + 3 * HOUR),
        an_entry(at=NOW - HOUR),
        an_entry(organisation=ELSEWHERE),
    )
    await journal.commit(Write(entries=(*viewed, other, *hidden)))
    state, span = State(engine), {"organisation": ORGANISATION, "start": NOW, "end": NOW + 3 * HOUR}
    found, rows = await state.activity(**span, patient=PATIENT, user=USER, limit=limit)  # type: ignore[arg-type]
    assert (found, rows) == (3, tuple(sorted(viewed, key=lambda each: each.at))[:expected])
    everything = await state.activity(**span, patient=None, user=None, limit=limit)  # type: ignore[arg-type]
    assert everything[0] == 4
    assert (await state.activity(**span, patient=OTHER, user=None, limit=limit)) == (1, (other,))  # type: ignore[arg-type]
