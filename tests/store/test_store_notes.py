"""A note used lately is known again, also where it was kept together with how the patient's condition changed (P-06)."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain import notes
from gateway.domain.codes import Code
from gateway.domain.decision import AuditEntry
from gateway.domain.journal import Write
from gateway.domain.permission import AccessClaims, EmergencyReason, PermissionClaim
from gateway.policy.notes import same_words
from gateway.service.calls import Credentials, ViewCall
from gateway.service.entries import EntryMaker
from gateway.store.journal import Journal
from gateway.store.state import State
from tests.policy import cases
from tests.service.world import World, context
from tests.store.values import ORGANISATION, PATIENT, USER
from tests.store.values import alert as an_alert

NOTE, CHANGED = "Found unconscious at home", "Now bleeding and no longer answering"


@pytest.mark.parametrize(
    ("note", "changed"), [(NOTE, CHANGED), (NOTE, None), (None, CHANGED), ("a / Condition changed: b", "c d")]
)
def test_what_is_joined_is_found_again(note: str | None, changed: str | None) -> None:
    kept = notes.joined(note, changed)
    assert kept is not None
    found = notes.parts(kept)
    for said in filter(None, (note, changed)):
        assert said in found or all(piece in found for piece in said.split(" / Condition changed: "))
    assert notes.joined(None, None) is None


async def test_the_store_gives_both_notes_of_one_override(journal: Journal, engine: AsyncEngine) -> None:
    claims = AccessClaims(
        permission=PermissionClaim.EMERGENCY,
        emergency_reason=EmergencyReason.UNCONSCIOUS,
        note=NOTE,
        condition_changed=True,
        condition_changed_note=CHANGED,
    )
    call = ViewCall(action="view", patient=PATIENT, rendered=True, credentials=Credentials(), claims=claims)
    entry: AuditEntry = EntryMaker.of(call, context(), None, PATIENT, World()).entry("viewed", "record", cases.NOW)
    raised = an_alert(note=entry.note)
    await journal.commit(Write(alerts=(raised,)))
    state = await State(engine).view_state(
        patients=(PATIENT,), organisation=ORGANISATION, user=USER, officers=(), now=raised.at
    )
    assert {NOTE, CHANGED} <= set(state.recent_notes)
    assert any(same_words(" found  UNCONSCIOUS at home.", known) for known in state.recent_notes)


async def test_the_policy_refuses_the_first_note_again() -> None:
    world = World()
    kept = notes.joined(NOTE, CHANGED)
    assert kept is not None
    facts = cases.facts(
        claims=cases.claims("emergency", emergency_reason=EmergencyReason.UNCONSCIOUS, note=NOTE),
        recent_notes=notes.parts(kept),
    )
    reasons = world.parts().decide(facts).reasons
    assert [(reason.rule, reason.code) for reason in reasons if reason.rule == "P-06"] == [
        ("P-06", Code.EMERGENCY_NOTE)
    ]
