"""The record page and its print view. The page is built before the view is on record, and leaves only after (I1).

Nothing of a record is kept: a print fetches it again under its own entry, resting on the view just shown.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.decision import PermissionBasis
from gateway.domain.errors import InternalError, PolicyRefused
from gateway.domain.identifiers import OdsCode
from gateway.domain.instants import LONDON
from gateway.domain.notes import NoteFlaw
from gateway.domain.permission import PermissionClaim
from gateway.pages.contexts import Grant, banner
from gateway.pages.formats import ago
from gateway.pages.frame import PatientChanged, Turn
from gateway.pages.permission import (
    OVERRIDES,
    answer_permission,
    lacking,
    override_form,
    patient_of,
    told_why,
    view_call,
)
from gateway.pages.record import allergies, shown
from gateway.pages.sessions import BrowserSession
from gateway.service.calls import PrintCall, ViewCall
from gateway.service.claims import claims_from
from gateway.service.outcomes import Viewed

BASES = {
    PermissionBasis.YES_THIS_TIME: "The patient agreed to this view",
    PermissionBasis.YES_EXTENDED: "The patient agreed, for a time",
    PermissionBasis.YES_BY_PROXY: "A representative of the patient agreed",
    PermissionBasis.NOT_APPLICABLE_REGISTERED: "The patient is registered here",
    PermissionBasis.EMERGENCY: "Emergency: the patient could not be asked",
    PermissionBasis.BEST_INTERESTS: "The patient's best interests",
    PermissionBasis.LEGAL_COURT_ORDER: "A court order",
    PermissionBasis.LEGAL_STATUTE: "A statute",
    PermissionBasis.LEGAL_PUBLIC_INTEREST: "The public interest",
}
"""What a view rests on, for people."""
AFTER_DEATH = BASES | {
    PermissionBasis.YES_THIS_TIME: "Permission recorded for this view",
    PermissionBasis.YES_EXTENDED: "Permission on record, given for a time",
    PermissionBasis.NOT_APPLICABLE_REGISTERED: "The patient was registered here",
    PermissionBasis.EMERGENCY: "Emergency: nobody could be asked",
    PermissionBasis.BEST_INTERESTS: "Best interests",
}
"""The same of a patient who has died, and so agreed to nothing now."""

NOTE_FLAWS: dict[str, str] = {
    NoteFlaw.NONE: "Nothing is written there yet.",
    NoteFlaw.SHORT: "What is written is too short.",
    NoteFlaw.LONG: "What is written is too long.",
    NoteFlaw.FEW_WORDS: "What is written has too few words.",
    NoteFlaw.REPEATED: "What is written says one thing over and over.",
    NoteFlaw.USED: "You wrote the same words for one of your last views; say what is so now.",
    NoteFlaw.SAME: "It says the same as the note above.",
}
"""Which condition a note does not meet, for people. Nothing written is quoted, earlier or now."""

_CORRECTED = {Code.EMERGENCY_NOTE, Code.EMERGENCY_REASON, Code.LEGAL_BASIS, Code.EMERGENCY_AFTER_REFUSAL}
"""Refusals that the same form, better filled in, may turn."""


async def show_record(turn: Turn) -> web.StreamResponse:
    """POST /viewer/record: the permission answered; the record, or why not."""
    answered = await answer_permission(turn)
    if not isinstance(answered, dict):
        return answered
    return await _view(turn, answered)


async def _view(turn: Turn, texts: dict[str, Any]) -> web.StreamResponse:
    context = patient_of(turn)
    facts = {**context.facts, **texts}
    call = replace(view_call(turn, texts), renews=_renewed(context.grant, facts))
    kept: list[Viewed] = []

    def write(viewed: Viewed) -> web.Response:
        kept.append(viewed)
        return _page(turn, viewed, "record.jinja")

    try:
        page = await turn.frame.service.show(call, turn.context(), write)
    except PolicyRefused as error:
        if error.code in _CORRECTED and turn.form.get("permission") in OVERRIDES:
            return await _again(turn, error)
        raise
    await _granted(turn, kept[-1], facts)
    return page


async def record_again(turn: Turn) -> web.StreamResponse:
    """GET /viewer/record: the record just shown, when its page is loaded again or come back to; no answer is recorded twice.

    Decided, audited and told like every view. A link of another site leads to the question, never to a record.
    """
    context = turn.signed_in.context
    if context is None or context.grant is None or not turn.own_site:
        return turn.go("/viewer/permission")
    facts = context.grant.claims
    kept: list[Viewed] = []

    def write(viewed: Viewed) -> web.Response:
        kept.append(viewed)
        return _page(turn, viewed, "record.jinja")

    call = replace(view_call(turn, facts), renews=context.grant.at)
    page = await turn.frame.service.show(call, turn.context(), write)
    await _granted(turn, kept[-1], facts)
    return page


def _renewed(grant: Grant | None, facts: dict[str, Any]) -> datetime | None:
    """When the view that this form asks for was shown already: a reload of its page posts the very same answers again."""
    if grant is None or facts.get("permission") not in OVERRIDES or grant.claims != facts:
        return None
    return grant.at


async def _again(turn: Turn, error: PolicyRefused) -> web.Response:
    """The override form again, saying what is wrong with it; the refusal is on record and in the headers."""
    fields = {
        Code.EMERGENCY_REASON: "emergency_reason",
        Code.LEGAL_BASIS: "legal_basis",
        Code.EMERGENCY_AFTER_REFUSAL: "condition_changed",
    }
    field, wrong = fields.get(error.code, "note"), NOTE_FLAWS.get(error.detail)
    if wrong is not None:
        field = "condition_changed_note" if error.code is Code.EMERGENCY_AFTER_REFUSAL else "note"
    text = " ".join(filter(None, (error.sentence, wrong or error.code.entry.next_step)))
    others = [one for one in lacking(turn.form) if one["href"] != f"#{field}"]
    return told_why(await override_form(turn, [{"text": text, "href": f"#{field}"}, *others]), error)


async def _granted(turn: Turn, viewed: Viewed, facts: dict[str, Any]) -> None:
    """Remembers in the session what a print may rest on."""
    context = patient_of(turn)
    assert viewed.decision.basis is not None
    grant = Grant(
        at=turn.now, basis=viewed.decision.basis, event_id=viewed.document.event_id, claims=_printing(viewed, facts)
    )

    def with_grant(session: BrowserSession) -> BrowserSession:
        if session.context is None or session.context.id != context.id:
            raise PatientChanged
        return replace(session, context=replace(session.context, grant=grant))

    await turn.change(with_grant)


def _printing(viewed: Viewed, facts: dict[str, Any]) -> dict[str, Any]:
    """The view's facts for its print: an answer on record for one view is spent by now, and stands as given."""
    once = {
        PermissionBasis.YES_THIS_TIME: PermissionClaim.YES.value,
        PermissionBasis.YES_BY_PROXY: PermissionClaim.PROXY.value,
    }
    basis = viewed.decision.basis
    if facts.get("permission") == PermissionClaim.NOT_ASKED.value and basis in once:
        return {**facts, "permission": once[basis]}
    if facts.get("permission") == PermissionClaim.EXTENDED.value:
        return {**facts, "permission": PermissionClaim.NOT_ASKED.value, "until": None}
    return facts


async def print_record(turn: Turn) -> web.StreamResponse:
    """POST /viewer/print: the same document for paper, under a print entry of its own."""
    context, session = patient_of(turn), turn.signed_in
    grant = context.grant
    if grant is None:
        raise PatientChanged
    setting = session.setting.code if session.setting is not None else None
    call: ViewCall = PrintCall(
        action="printRecord",
        credentials=turn.credentials,
        claims=claims_from({"setting": setting, **grant.claims}),
        patient=context.asked,
        rendered=True,
        event_id=grant.event_id,
        viewed_at=grant.at,
    )
    return await turn.frame.service.show(call, turn.context(), lambda viewed: _page(turn, viewed, "print.jinja"))


def _page(turn: Turn, viewed: Viewed, template: str) -> web.Response:
    if viewed.record is None or viewed.decision.basis is None:
        raise InternalError
    context, record = patient_of(turn), shown(viewed.record)
    today = turn.now.astimezone(LONDON).date()
    current = banner(context.id, viewed.patient, today)
    return turn.page(
        template,
        patient=current,
        context=context,
        shown=record,
        allergies=allergies(record),
        ago=ago(viewed.record.created, today),
        basis=(AFTER_DEATH if viewed.patient.deceased else BASES)[viewed.decision.basis],
        decision=viewed.decision,
        printed_at=turn.now,
        organisation=_organisation(turn),
    )


def _organisation(turn: Turn) -> str:
    ods: OdsCode | None = turn.signed_in.organisation
    return f"{turn.signed_in.organisation_name} ({ods.value})" if ods is not None else ""
