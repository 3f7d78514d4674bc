"""The steps between patient and record: who the user is to the patient, then the patient's permission, in the organisation's own words.

Pages offer what stands open and pass on what was answered; whether it opens the record is decided by the service alone.
Any page that has a patient in its session, launched or found, goes through here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid, PolicyRefused
from gateway.domain.notes import STRAIGHT, turns
from gateway.domain.permission import EmergencyReason, LegalBasis
from gateway.pages.contexts import PatientContext
from gateway.pages.frame import PatientChanged, Turn
from gateway.service.calls import ViewCall
from gateway.service.claims import claims_from
from gateway.service.paths import Paths

ON_RECORD = "none"
"""The relationship answer that claims nothing: rely on what is on record."""
OVERRIDES = frozenset({"emergency", "best-interests", "legal"})

REASONS = {
    EmergencyReason.UNCONSCIOUS: "The patient is unconscious",
    EmergencyReason.CANNOT_ANSWER: "The patient cannot answer for another reason",
    EmergencyReason.NO_CAPACITY: "The patient lacks the capacity to decide",
}
BASES = {
    LegalBasis.COURT_ORDER: "A court order",
    LegalBasis.STATUTE: "A statute",
    LegalBasis.PUBLIC_INTEREST: "The public interest",
}


def patient_of(turn: Turn) -> PatientContext:
    """The session's patient. A form must name the same context. Raises PatientChanged where there is none or another."""
    context = turn.signed_in.context
    if context is None or (turn.form and turn.form.get("context") != context.id):
        raise PatientChanged
    return context


def view_call(turn: Turn, texts: dict[str, Any]) -> ViewCall:
    """A view of the session's patient with these access facts. Raises MessageInvalid."""
    session, context = turn.signed_in, patient_of(turn)
    setting = session.setting.code if session.setting is not None else None
    claims = claims_from({"setting": setting, **context.facts, **texts})
    return ViewCall(
        action="viewRecord", credentials=turn.credentials, claims=claims, patient=context.asked, rendered=True
    )


async def paths_of(turn: Turn) -> Paths:
    """What stands open for the session's patient. Raises AccessDenied, NotPossibleNow."""
    context = patient_of(turn)
    return await turn.frame.service.paths(view_call(turn, {}), turn.context(), context.patient)


async def patient_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/patient: is this the right patient, and who is the user to them?"""
    if turn.signed_in.context is None:
        return turn.go("/viewer")
    return await _patient_form(turn)


async def _patient_form(turn: Turn, problems: list[dict[str, str]] | None = None) -> web.Response:
    """The form itself, with what was chosen."""
    context = patient_of(turn)
    given: dict[str, str | None] = dict(turn.form) or {"relationship": context.relationship, "purpose": context.purpose}
    return turn.page("patient.jinja", paths=await paths_of(turn), context=context, problems=problems, given=given)


async def answer_relationship(turn: Turn) -> web.StreamResponse:
    """POST /viewer/patient. What opens no record whatever the patient answers is told here, before the patient is asked."""
    context = patient_of(turn)
    relationship, purpose = turn.form.get("relationship", ""), turn.form.get("purpose") or None
    confirmed = turn.form.get("confirm_deceased") == "true"
    if not relationship:
        return await _patient_form(
            turn, [{"text": "Say what your relationship with the patient is", "href": "#relationship"}]
        )
    said = {"relationship": relationship, "purpose": purpose, "confirm_deceased": confirmed}
    try:
        await turn.frame.service.admit(view_call(turn, said), turn.context(), context.patient)
    except PolicyRefused as error:
        fields = {Code.DECEASED_NOT_CONFIRMED: "confirm_deceased", Code.RELATIONSHIP_MISSING: "relationship"}
        field = fields.get(error.code)
        if field is None:
            raise
        text = f"{error.sentence} {error.code.entry.next_step}"
        return told_why(await _patient_form(turn, [{"text": text, "href": f"#{field}"}]), error)

    def answered(session: Any) -> Any:
        if session.context is None or session.context.id != context.id:
            raise PatientChanged
        said = session.context.answered(relationship=relationship, purpose=purpose, confirm_deceased=confirmed)
        return replace(session, context=said)

    await turn.change(answered)
    return turn.go("/viewer/permission")


async def permission_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/permission: the organisation's question, and every way on that stands open."""
    return await _permission_form(turn)


async def _permission_form(turn: Turn, problems: list[dict[str, str]] | None = None) -> web.Response:
    context = turn.signed_in.context
    if context is None or context.relationship is None:
        return turn.go("/viewer/patient" if context is not None else "/viewer")
    paths = await paths_of(turn)
    if _unrelated(context, paths):
        return turn.go("/viewer/without-permission")
    return turn.page("permission.jinja", paths=paths, context=context, problems=problems)


def _unrelated(context: PatientContext, paths: Paths) -> bool:
    """Whether no relationship is on record and none is claimed: then only a view without permission may stand open (P-01)."""
    return context.relationship == ON_RECORD and not paths.related


async def override_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/without-permission: what an override means, and what it must say."""
    return await override_form(turn)


async def override_form(turn: Turn, problems: list[dict[str, str]] | None = None) -> web.Response:
    """The form itself, with what was typed."""
    context = turn.signed_in.context
    if context is None or context.relationship is None:
        return turn.go("/viewer/patient" if context is not None else "/viewer")
    paths = await paths_of(turn)
    return turn.page(
        "override.jinja",
        paths=paths,
        unrelated=_unrelated(context, paths),
        context=context,
        problems=problems,
        reasons=REASONS,
        bases=BASES,
        given=dict(turn.form),
    )


def lacking(form: Mapping[str, str]) -> list[dict[str, str]]:
    """What an override form leaves open, each with its field, so that all of it is told at once."""
    answer, missing = form.get("permission", ""), []
    if not answer:
        missing.append({"text": "Say why the record is needed", "href": "#permission"})
    if answer == "emergency" and not form.get("emergency_reason"):
        missing.append({"text": "Say why the patient cannot be asked", "href": "#emergency_reason"})
    if answer == "legal" and not form.get("legal_basis"):
        missing.append({"text": "Say which legal basis it is", "href": "#legal_basis"})
    if not form.get("note", "").strip():
        missing.append({"text": "Explain why, in your own words", "href": "#note"})
    return missing


def told_why(form: web.Response, error: PolicyRefused) -> web.Response:
    """A form shown again after a refusal that is on record: with its status, code and rules."""
    form.set_status(error.code.entry.http)
    form.headers["X-SCR-Code"] = error.code.slug
    form.headers["X-SCR-Rules"] = " ".join(error.rules)
    return form


def facts_of(turn: Turn) -> dict[str, Any]:
    """A permission or override form as access facts. Raises MessageInvalid: no answer at all."""
    form = turn.form
    answer = form.get("permission", "")
    if not answer:
        raise MessageInvalid(Code.MESSAGE_VALUE, rules=("P-02",))
    texts: dict[str, Any] = {"permission": answer}
    if answer in {"extended", "proxy"}:
        texts["until"] = form.get("until") or None
    if answer in OVERRIDES:
        texts["note"] = form.get("note")
        texts["condition_changed"] = form.get("condition_changed") == "true"
        texts["condition_changed_note"] = form.get("condition_changed_note") if texts["condition_changed"] else None
    if answer == "emergency":
        texts["emergency_reason"] = form.get("emergency_reason") or None
    if answer == "legal":
        texts["legal_basis"] = form.get("legal_basis") or None
    return texts


async def answer_permission(turn: Turn) -> web.StreamResponse | dict[str, Any]:
    """A posted permission form: the facts to view with, or the page to show instead."""
    context = patient_of(turn)
    answer = turn.form.get("permission", "")
    if not answer and "note" in turn.form:
        return await override_form(turn, lacking(turn.form))
    if not answer:
        died = context.patient.deceased is not None
        text = "Say what the view rests on" if died else "Say what the patient answered"
        return await _permission_form(turn, [{"text": text, "href": "#permission"}])
    if answer == "cannot-ask":
        return turn.go("/viewer/without-permission")
    facts = facts_of(turn)
    turned = [name for name in ("note", "condition_changed_note") if turns(facts.get(name) or "")]
    if turned:
        return await override_form(turn, [{"text": f"Write characters {STRAIGHT}", "href": f"#{turned[0]}"}])
    return facts
