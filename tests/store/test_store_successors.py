"""What is on record under any of a patient's numbers holds for all of them, once PDS has told which they are; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import EndPermissions, EndRelationships, Successor, ViewState, Write
from gateway.domain.permission import RecordedKind
from gateway.store.journal import Journal
from gateway.store.state import State
from tests.store.values import ELSEWHERE, NOW, ORGANISATION, OTHER, PATIENT, USER
from tests.store.values import permission as a_permission
from tests.store.values import refusal as a_refusal
from tests.store.values import relationship as a_relationship

HOUR = timedelta(hours=1)
CURRENT, OLD, OLDER = PATIENT, NhsNumber("9990252955"), NhsNumber("9990252947")
STRANGER = OTHER
EVERY = [CURRENT, OLD, OLDER]


def link(superseded: NhsNumber, current: NhsNumber, hours: int = 0) -> Successor:
    """What PDS said, so many hours from NOW."""
    return Successor(superseded=superseded, current=current, at=NOW + hours * HOUR)


async def read(engine: AsyncEngine, *patients: NhsNumber) -> ViewState:
    """The state at NOW."""
    return await State(engine).view_state(patients=patients, organisation=ORGANISATION, user=USER, officers=(), now=NOW)


async def known(engine: AsyncEngine) -> dict[str, str]:
    """Superseded -> current, of every number of these tests."""
    state = await read(engine, *EVERY)
    return {each.superseded.value: each.current.value for each in state.successors}


@pytest.mark.parametrize("said_of", EVERY)
@pytest.mark.parametrize("asked", EVERY)
async def test_answers_and_relationships_reach_every_number(
    journal: Journal, engine: AsyncEngine, said_of: NhsNumber, asked: NhsNumber
) -> None:
    no = a_refusal(patient=said_of, start=NOW - HOUR)
    kept = a_permission(patient=said_of, start=NOW - 2 * HOUR, kind=RecordedKind.EXTENDED)
    referred = a_relationship(patient=said_of, start=NOW - HOUR)
    await journal.commit(Write(permissions=(no, kept), relationships=(referred,)))
    if said_of != asked:
        assert (await read(engine, asked)).permissions == ()
    await journal.commit(Write(successors=(link(OLD, CURRENT), link(OLDER, CURRENT))))
    state = await read(engine, asked)
    assert (set(state.permissions), state.relationships) == ({no, kept}, (referred,))
    assert {(each.superseded, each.current) for each in state.successors} == {(OLD, CURRENT), (OLDER, CURRENT)}
    assert (await read(engine, STRANGER)).permissions == ()
    assert (await read(engine, STRANGER, asked)).permissions == state.permissions


@pytest.mark.parametrize("said_of", EVERY)
@pytest.mark.parametrize("ended", EVERY)
async def test_endings_reach_every_number(
    journal: Journal, engine: AsyncEngine, said_of: NhsNumber, ended: NhsNumber
) -> None:
    mine = a_relationship(patient=said_of)
    other = a_relationship(patient=STRANGER)
    elsewhere = a_permission(patient=said_of, organisation=ELSEWHERE)
    await journal.commit(
        Write(
            permissions=(a_permission(patient=said_of), a_permission(patient=STRANGER), elsewhere),
            relationships=(mine, other),
            successors=(link(OLD, CURRENT), link(OLDER, CURRENT)),
        )
    )
    ending = EndPermissions(patients=(ended,), organisation=ORGANISATION, at=NOW)
    leaving = EndRelationships(patient=ended, system=mine.system, user=USER, team=None, at=NOW)
    done = await journal.commit(Write(end_permissions=(ending,), end_relationships=(leaving,)))
    assert (done.ended_permissions, done.ended_relationships) == (1, 1)
    again = await journal.commit(Write(end_permissions=(ending,), end_relationships=(leaving,)))
    assert (again.ended_permissions, again.ended_relationships) == (0, 0)
    assert len((await read(engine, STRANGER)).permissions) == 1


async def test_a_link_and_an_ending_of_one_write(journal: Journal) -> None:
    await journal.commit(Write(permissions=(a_permission(patient=OLD),)))
    ending = EndPermissions(patients=(CURRENT,), organisation=ORGANISATION, at=NOW)
    done = await journal.commit(Write(successors=(link(OLD, CURRENT),), end_permissions=(ending,)))
    assert done.ended_permissions == 1


async def test_a_chain_of_supersessions_is_one_patient(journal: Journal, engine: AsyncEngine) -> None:
    await journal.commit(Write(successors=(link(OLDER, OLD),)))
    await journal.commit(Write(successors=(link(OLD, CURRENT, 1),)))
    assert await known(engine) == {OLDER.value: CURRENT.value, OLD.value: CURRENT.value}
    turned = Write(successors=(link(CURRENT, OLD, 2),))
    await journal.commit(turned)
    await journal.commit(turned)  # told twice is told once
    assert await known(engine) == {OLDER.value: OLD.value, OLD.value: OLD.value, CURRENT.value: OLD.value}
    no = a_refusal(patient=OLDER, start=NOW - HOUR)
    await journal.commit(Write(permissions=(no,)))
    for each in EVERY:
        assert (await read(engine, each)).permissions == (no,)


async def test_a_supersession_taken_back_binds_no_longer(journal: Journal, engine: AsyncEngine) -> None:
    no = a_refusal(patient=CURRENT, start=NOW - HOUR)
    await journal.commit(Write(permissions=(no,), successors=(link(OLD, CURRENT), link(OLDER, CURRENT))))
    await journal.commit(Write(successors=(link(OLD, OLD, 1),)))
    assert (await read(engine, OLD)).permissions == ()
    assert (await read(engine, OLDER)).permissions == (no,)


async def test_the_newest_no_is_found_under_whichever_number(journal: Journal, engine: AsyncEngine) -> None:
    first, last = a_refusal(patient=CURRENT, start=NOW - 9 * HOUR), a_refusal(patient=OLDER, start=NOW - 2 * HOUR)
    await journal.commit(Write(permissions=(first, last), successors=(link(OLD, CURRENT), link(OLDER, CURRENT))))
    assert (await read(engine, OLD)).permissions == (last,)
