"""Look-ups that show no record: RBAC status, activity report, demographic trace."""

import unicodedata
from dataclasses import replace
from datetime import timedelta

from gateway.domain.access import Operation, Scope
from gateway.domain.codes import Code
from gateway.domain.decision import Facts
from gateway.domain.errors import NoRecord
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Write
from gateway.domain.permission import AccessClaims, EmergencyReason, PermissionClaim, Relationship, RelationshipKind
from gateway.domain.spine import Confidentiality, Demographics, SpineCall
from gateway.service.calls import ActivityCall, Context, CrossCheck, RbacCall, TraceCall
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.outcomes import Activity, Rbac, Traced
from gateway.service.parts import Parts
from gateway.service.recording import spends
from gateway.service.successors import patient_facts
from gateway.service.tracing import traced

HIDDEN = frozenset({Confidentiality.VERY_RESTRICTED, Confidentiality.REDACTED, Confidentiality.UNKNOWN})
"""Patients about whom a search says nothing, not even that they exist."""

ACTIVITY_RULE = "P-08"
"""The rule about activity codes; its failure is what closes a way to view."""

NOBODY = NhsNumber("9000000009")
"""Stands for any patient in a relationship that is only supposed; issued to nobody."""


def _supposed(facts: Facts) -> Relationship:
    """A relationship of the user with anybody, for a question that names no patient. Never recorded."""
    assert facts.user is not None
    assert facts.organisation is not None
    return Relationship(
        id="supposed",
        patient=NOBODY,
        organisation=facts.organisation.ods,
        kind=RelationshipKind.REFERRAL,
        scope=Scope.INDIVIDUAL,
        user=facts.user.id,
        team=None,
        start=facts.now,
        end=facts.now + timedelta(minutes=1),
        system=facts.system.id,
    )


def agrees(check: CrossCheck, patient: Demographics) -> bool:
    """Whether the details given are this patient's: the whole date of birth, and the names that are said.

    Names agree whatever their case, accents, spaces and hyphens; one of the patient's given names is enough.
    """
    born = patient.birth.text.replace("-", "")[:8] if patient.birth else ""
    if check.birth != born:
        return False
    if check.family is not None and letters(check.family) != letters(patient.family or ""):
        return False
    if check.given is None:
        return True
    own = [letters(name) for name in patient.given]
    return letters(check.given) in {*own, "".join(own)}


def letters(name: str) -> str:
    """A name for comparison: letters and digits only, without accents, lower case."""
    return "".join(each for each in unicodedata.normalize("NFKD", name).casefold() if each.isalnum())


def _number_alone(patient: Demographics) -> Demographics:
    """The same patient without a single detail."""
    return Demographics(
        nhs_number=patient.nhs_number,
        requested=patient.requested,
        family=None,
        given=(),
        prefix=None,
        birth=None,
        gender=None,
        deceased=None,
        practice=None,
        confidentiality=patient.confidentiality,
    )


class Reports:
    """Use cases that answer about users, accesses and demographics."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def rbac(self, call: RbacCall, context: Context, caller: Caller) -> Rbac:
        """Which ways to view the caller's role opens. Raises PolicyRefused, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, None, self._parts.ids)
        state = await self._parts.state_of(caller, context, ())
        facts = self._parts.facts(call, context, caller, state)
        decision = await self._parts.allowed(facts, maker, spends(call, caller, context))
        emergency = AccessClaims(permission=PermissionClaim.EMERGENCY, emergency_reason=EmergencyReason.CANNOT_ANSWER)
        answer = Rbac(
            with_permission=self._opens(facts, AccessClaims(permission=PermissionClaim.YES)),
            in_emergency=self._opens(facts, emergency),
        )
        entry = maker.decided("status", "answered", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=spends(call, caller, context)))
        return answer

    def _opens(self, facts: Facts, claims: AccessClaims) -> bool:
        """Whether the role's activities allow a view with these claims, whatever else would refuse it.

        No patient is named, so the user is taken to have a relationship: without one a self-claim's activity is needed too.
        """
        supposed = (_supposed(facts),) if facts.user is not None and facts.organisation is not None else ()
        facts = replace(facts, operation=Operation.VIEW, claims=claims, relationships=supposed)
        return all(reason.rule != ACTIVITY_RULE for reason in self._parts.decide(facts).reasons)

    async def activity(self, call: ActivityCall, context: Context, caller: Caller) -> Activity:
        """Accesses in the caller's own organisation. Reading the audit is audited. Raises PolicyRefused, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, ())
        facts = self._parts.facts(call, context, caller, state)
        decision = await self._parts.allowed(facts, maker, spends(call, caller, context))
        assert caller.organisation is not None
        entry = maker.decided("report", "answered", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=spends(call, caller, context)))
        found, rows = await self._parts.state.activity(
            organisation=caller.organisation.ods,
            start=call.start,
            end=call.end,
            patient=call.patient,
            user=call.user,
            limit=call.limit,
        )
        return Activity(made=context.now, organisation=caller.organisation, found=found, rows=rows)

    async def trace(self, call: TraceCall, context: Context, caller: Caller) -> Traced:
        """One patient's demographics; to view, none wholly protected. Raises PolicyRefused, NoRecord, SpineUnavailable, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, (call.patient,) if call.patient else ())
        facts = self._parts.facts(call, context, caller, state)
        decision = await self._parts.allowed(facts, maker)
        entry = maker.decided("asked", "asked", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=spends(call, caller, context)))
        found = await traced(self._parts, maker, context, lambda spine: self._found(call, spine))
        if found.patient.confidentiality in HIDDEN:
            await self._closed(found.patient, facts, maker)
        return found

    async def _closed(self, patient: Demographics, facts: Facts, maker: EntryMaker) -> None:
        """A view of a patient who cannot even be shown to be confirmed ends here, as the policy would end it. Raises PolicyRefused."""
        claims = replace(facts.claims, permission=PermissionClaim.YES, confirm_deceased=True)
        facts = replace(facts, operation=Operation.VIEW, claims=claims, patient=patient_facts(patient))
        decision = self._parts.decide(facts)
        reasons = tuple(reason for reason in decision.reasons if reason.code is Code.SCR_NOT_AVAILABLE)
        await self._parts.refuse(replace(decision, reasons=reasons, alert=None), facts, maker)

    async def _found(self, call: TraceCall, spine: SpineCall) -> Demographics:
        """The one patient; one whose demographics are wholly protected is answered as if there were none."""
        patient = await self._traced(call, spine)
        if patient.confidentiality not in HIDDEN:
            return patient
        if call.patient is None or not call.to_view:
            raise NoRecord(Code.PATIENT_NOT_FOUND)
        # the number is known to whoever asks; the view is refused in the same words as any that is not open
        return _number_alone(patient)

    async def _traced(self, call: TraceCall, spine: SpineCall) -> Demographics:
        if call.patient is not None:
            patient = await self._parts.spine.demographics(call.patient, spine)
            if call.check is not None and not agrees(call.check, patient):
                raise NoRecord(Code.PATIENT_NOT_VERIFIED)
            return patient
        assert call.traits is not None
        return await self._parts.spine.search(call.traits, spine)
