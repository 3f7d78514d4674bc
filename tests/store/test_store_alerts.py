"""The privacy officer's queue on both databases: filters, history, two officers at once, P-90."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.errors import InvalidValue, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import UserId
from gateway.domain.journal import Write
from gateway.domain.privacy import AlertAction, AlertFilter, AlertState
from gateway.store.alerts import Alerts, act
from gateway.store.journal import Journal
from gateway.store.tables import audit
from tests.store.values import COLLEAGUE, ELSEWHERE, NOW, ORGANISATION, OTHER, PATIENT, USER
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry

OFFICER = UserId("910000000034")
DEPUTY = UserId("910000000174")


def action(alert_id: str, version: int = 0, **more: object) -> AlertAction:
    """An officer's act."""
    values: dict[str, object] = {
        "organisation": ORGANISATION,
        "actor": OFFICER,
        "actor_name": "Officer, Ann",
        "at": NOW,
        "to": AlertState.INVESTIGATING,
        "note": "Asked the ward",
    }
    return AlertAction(alert_id=alert_id, version=version, **(values | more))  # type: ignore[arg-type]


async def audited(engine: AsyncEngine) -> int:
    """How many acts the audit holds."""
    async with engine.connect() as connection:
        counted = select(func.count()).select_from(audit).where(audit.c.event == "privacy")
        return int((await connection.execute(counted)).scalar_one())


async def perform(journal: Journal, wanted: AlertAction) -> None:
    """Acts, with its audit entry."""
    await journal.commit(Write(entries=(an_entry(event="privacy", user=wanted.actor),)), act(wanted))


async def test_an_alert_goes_from_new_to_closed_with_its_history(journal: Journal, engine: AsyncEngine) -> None:
    raised = an_alert()
    await journal.commit(Write(alerts=(raised,)))
    await perform(journal, action(raised.id))
    await perform(journal, action(raised.id, 1, to=AlertState.CLOSED, actor=DEPUTY, note="Attendance confirmed"))
    case = await Alerts(engine).one(raised.id, ORGANISATION)
    assert case is not None
    assert (case.alert, case.state, case.version, case.acted_by) == (raised, AlertState.CLOSED, 2, DEPUTY)
    assert [(past.before.value, past.after.value, past.actor, past.note) for past in case.history] == [
        ("new", "under-investigation", OFFICER, "Asked the ward"),
        ("under-investigation", "closed", DEPUTY, "Attendance confirmed"),
    ]
    assert await Alerts(engine).one(raised.id, ELSEWHERE) is None
    assert await audited(engine) == 2


async def test_p90_nobody_closes_what_his_own_access_raised(journal: Journal, engine: AsyncEngine) -> None:
    raised = an_alert(user=OFFICER)
    await journal.commit(Write(alerts=(raised,)))
    await perform(journal, action(raised.id))  # he may look into it
    with pytest.raises(PolicyRefused) as refused:
        await perform(journal, action(raised.id, 1, to=AlertState.CLOSED))
    assert (refused.value.code, refused.value.rules) == (Code.ALERT_OWN_ACCESS, ("P-90",))
    assert await audited(engine) == 1  # the refused act has left no entry that says it was done
    await perform(journal, action(raised.id, 1, to=AlertState.CLOSED, actor=DEPUTY))


async def test_notes_are_added_while_an_alert_is_under_investigation_and_then_no_more(
    journal: Journal, engine: AsyncEngine
) -> None:
    raised = an_alert(user=DEPUTY)
    await journal.commit(Write(alerts=(raised,)))

    async def refused(wanted: AlertAction) -> None:
        with pytest.raises(MessageInvalid) as error:
            await perform(journal, wanted)
        assert error.value.code is Code.ALERT_CHANGED

    await refused(action(raised.id, adds=True, note="Nobody has taken it on"))
    await perform(journal, action(raised.id))
    await perform(journal, action(raised.id, 1, adds=True, note="The ward has answered"))
    await refused(action(raised.id, 1, adds=True, note="From the page before"))
    await perform(journal, action(raised.id, 2, adds=True, actor=DEPUTY, note="My own access: I was on call"))
    await perform(journal, action(raised.id, 3, to=AlertState.CLOSED, note="Rota seen"))
    await refused(action(raised.id, 4, adds=True, actor=DEPUTY, note="One thing more"))
    case = await Alerts(engine).one(raised.id, ORGANISATION)
    assert case is not None
    assert (case.state, case.version, case.acted_by) == (AlertState.CLOSED, 4, OFFICER)
    assert [(past.before.value, past.after.value, past.actor, past.note) for past in case.history] == [
        ("new", "under-investigation", OFFICER, "Asked the ward"),
        ("under-investigation", "under-investigation", OFFICER, "The ward has answered"),
        ("under-investigation", "under-investigation", DEPUTY, "My own access: I was on call"),
        ("under-investigation", "closed", OFFICER, "Rota seen"),
    ]
    assert await audited(engine) == 4
    with pytest.raises(InvalidValue):
        action(raised.id, 4, adds=True, to=AlertState.CLOSED)


async def test_an_alert_is_not_put_where_it_stands(journal: Journal, engine: AsyncEngine) -> None:
    raised = an_alert()
    await journal.commit(Write(alerts=(raised,)))
    await perform(journal, action(raised.id))
    with pytest.raises(MessageInvalid) as refused:
        await perform(journal, action(raised.id, 1))
    assert refused.value.code is Code.ALERT_CHANGED
    assert await audited(engine) == 1


async def test_two_officers_at_once_lose_no_action(journal: Journal, engine: AsyncEngine) -> None:
    raised = [an_alert() for _ in range(10)]
    await journal.commit(Write(alerts=tuple(raised)))
    acts = [action(each.id, actor=actor, note=f"By {actor.value}") for each in raised for actor in (OFFICER, DEPUTY)]
    results = await asyncio.gather(*(perform(journal, each) for each in acts), return_exceptions=True)
    lost = [result for result in results if result is not None]
    assert [result.code for result in lost if isinstance(result, MessageInvalid)] == [Code.ALERT_CHANGED] * 10
    assert len(lost) == 10
    for each in raised:
        case = await Alerts(engine).one(each.id, ORGANISATION)
        assert case is not None
        assert len(case.history) == 1
    assert await audited(engine) == 10


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"version": 1}, Code.ALERT_CHANGED),
        ({"organisation": ELSEWHERE}, Code.PAGE_NOT_FOUND),
        ({"alert_id": "none"}, Code.PAGE_NOT_FOUND),
    ],
)
async def test_an_act_on_what_is_not_there(
    journal: Journal, engine: AsyncEngine, more: dict[str, object], code: Code
) -> None:
    raised = an_alert()
    await journal.commit(Write(alerts=(raised,)))
    with pytest.raises(MessageInvalid) as refused:
        await perform(journal, action(**({"alert_id": raised.id} | more)))  # type: ignore[arg-type]
    assert refused.value.code is code
    case = await Alerts(engine).one(raised.id, ORGANISATION)
    assert case is not None
    assert (case.state, case.history) == (AlertState.NEW, ())


async def test_a_closed_alert_stays_closed(journal: Journal, engine: AsyncEngine) -> None:
    raised = an_alert()
    await journal.commit(Write(alerts=(raised,)))
    await perform(journal, action(raised.id, to=AlertState.CLOSED))
    with pytest.raises(MessageInvalid):
        await perform(journal, action(raised.id, 1))


@pytest.mark.parametrize(
    "more",
    [
        {"note": " \n"},
        {"note": "\u202e\u200b"},
        {"note": "x" * 2001},
        {"to": AlertState.NEW},
        {"at": NOW.replace(tzinfo=None)},
    ],
)
def test_an_act_that_cannot_be(more: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        action("A", **more)


async def test_the_queue_is_filtered_counted_and_paged(journal: Journal, engine: AsyncEngine) -> None:
    emergency = [an_alert(at=NOW - timedelta(hours=number)) for number in range(23)]
    claimed = an_alert(
        type=AlertType.SELF_CLAIM, reason=AlertReason.OTHER, user=COLLEAGUE, patient=OTHER, at=NOW - timedelta(days=40)
    )
    await journal.commit(Write(alerts=(*emergency, claimed, an_alert(organisation=ELSEWHERE))))
    await perform(journal, action(emergency[4].id))
    await perform(journal, action(emergency[5].id, to=AlertState.CLOSED))
    alerts, mine = Alerts(engine), AlertFilter(organisation=ORGANISATION)
    assert await alerts.counts(AlertFilter(organisation=ORGANISATION)) == {
        AlertState.NEW: 22,
        AlertState.INVESTIGATING: 1,
        AlertState.CLOSED: 1,
    }
    pages = [await alerts.page(mine, page=number) for number in (1, 2, 3, 4)]
    assert [(page.found, len(page.cases)) for page in pages] == [(24, 10), (24, 10), (24, 4), (24, 0)]
    listed = [case.alert for page in pages for case in page.cases]
    assert listed == [*emergency, claimed]

    async def found(**wanted: object) -> set[str]:
        page = await alerts.page(AlertFilter(organisation=ORGANISATION, **wanted), size=100)  # type: ignore[arg-type]
        return {case.alert.id for case in page.cases}

    assert await found(states=(AlertState.INVESTIGATING, AlertState.CLOSED)) == {emergency[4].id, emergency[5].id}
    assert await found(types=(AlertType.SELF_CLAIM,)) == {claimed.id}
    assert await found(reasons=(AlertReason.OTHER,), user=COLLEAGUE, patient=OTHER) == {claimed.id}
    assert await found(user=USER, patient=OTHER) == set()
    assert await found(end=NOW - timedelta(days=30)) == {claimed.id}
    assert await found(start=NOW - timedelta(hours=1)) == {emergency[0].id, emergency[1].id}


async def test_counts_by_day_are_utc_days(journal: Journal, engine: AsyncEngine) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    moments = (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(hours=23))
    await journal.commit(
        Write(alerts=(*(an_alert(at=at) for at in moments), an_alert(at=midnight, patient=PATIENT, user=COLLEAGUE)))
    )
    rows = await Alerts(engine).per_day(ORGANISATION, midnight - timedelta(days=1), midnight + timedelta(days=1))
    assert [(row.day, row.type, row.reason, row.user, row.count) for row in rows] == [
        (date(2026, 3, 3), "2", "5", USER, 1),
        (date(2026, 3, 4), "2", "5", USER, 2),
        (date(2026, 3, 4), "2", "5", COLLEAGUE, 1),
    ]
