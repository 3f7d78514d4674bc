"""Which ways to a record stand open: what a page may offer. It asks the policy; what is offered is decided again when it is used."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.access import Operation, PermissionKind, PermissionPolicy
from gateway.domain.codes import Code
from gateway.domain.decision import Decision, Facts, PermissionBasis
from gateway.domain.errors import AccessDenied
from gateway.domain.journal import Write
from gateway.domain.permission import (
    AccessClaims,
    EmergencyReason,
    LegalBasis,
    PermissionAnswer,
    PermissionClaim,
    RelationshipKind,
)
from gateway.domain.spine import Demographics
from gateway.service.calls import Call, Context
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.parts import Parts
from gateway.service.successors import patient_facts

_NOTE = "What this path would need to be told."
"""Stands for a note, so that only what is missing beside it is seen."""
_ASKED = AccessClaims(permission=PermissionClaim.YES)
_EMERGENCY = AccessClaims(
    permission=PermissionClaim.EMERGENCY, emergency_reason=EmergencyReason.CANNOT_ANSWER, note=_NOTE
)
_LEGAL = AccessClaims(permission=PermissionClaim.LEGAL, legal_basis=LegalBasis.STATUTE, note=_NOTE)
_FIRST_PAGE = frozenset({Code.RELATIONSHIP_MISSING, Code.DECEASED_NOT_CONFIRMED, Code.UNDER_REVIEW})
"""What the page before the permission is there to answer, or what PDS has told and no answer changes. A sensitive record is refused,
and told to the privacy officer, with the view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What stands open to one user for one patient."""

    question: PermissionPolicy
    """How the organisation asks."""
    related: bool
    """A relationship is on record, or the patient is registered here."""
    registered: bool
    """Fully registered at this practice, where no permission is asked (P-36)."""
    held_until: datetime | None
    """A permission on record covers a view by this user now."""
    refused_at: datetime | None
    """When the no was recorded that stands on record: a yes now opens the record all the same (P-03)."""
    refused_lately: bool
    """A no within 24 hours: an override needs the statement that the condition has changed (P-03)."""
    self_claim: bool
    emergency: bool
    legal: bool
    """Whether the role may take these ways at all."""
    warnings: tuple[str, ...] = ()

    @property
    def extended_days(self) -> int:
        """For how many days an answer may be kept; 0: for this view only."""
        return self.question.days if self.question.kind is PermissionKind.EXTENDED else 0


class OpenPaths:
    """The look-up behind the relationship and permission pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def paths(self, call: Call, context: Context, caller: Caller, patient: Demographics) -> Paths:
        """Reads what is on record and tries each way on the policy. Raises AccessDenied, NotPossibleNow."""
        if caller.organisation is None:
            raise AccessDenied(Code.ORGANISATION_NOT_LIVE, rules=("P-70",))
        facts = await self._facts(call, context, caller, patient)
        plain, emergency, legal = (self._tried(facts, way) for way in (_ASKED, _EMERGENCY, _LEGAL))
        claimed = self._tried(facts, replace(_ASKED, relationship=RelationshipKind.SELF_CLAIMED))
        unasked = self._tried(facts, AccessClaims())
        held = self._parts.held(facts)
        return Paths(
            question=caller.organisation.permission,
            related=Code.RELATIONSHIP_MISSING not in _codes(plain),
            registered=unasked.basis is PermissionBasis.NOT_APPLICABLE_REGISTERED,
            held_until=held.end if held is not None else None,
            refused_at=_refused_at(facts) if Code.PERMISSION_REFUSED in _codes(unasked) else None,
            refused_lately=Code.EMERGENCY_AFTER_REFUSAL in _codes(emergency),
            self_claim=not _lacking(claimed) - _lacking(plain),
            emergency=not _lacking(emergency) - _lacking(plain),
            legal=not _lacking(legal) - _lacking(plain),
            warnings=plain.warnings,
        )

    async def admit(self, call: Call, context: Context, caller: Caller, patient: Demographics) -> None:
        """Ends a way at its first page where what was said there opens no record, whatever is answered next.

        Raises PolicyRefused, asked and refused durable in the audit; NotPossibleNow.
        """
        facts = await self._facts(call, context, caller, patient)
        said = facts.claims
        yes, *overrides = (
            self._parts.decide(replace(facts, claims=_with(way, said))) for way in (_ASKED, _EMERGENCY, _LEGAL)
        )
        still_open = [way for way in overrides if not _lacking(way) - _lacking(yes)]
        final = frozenset.intersection(*(_codes(way) for way in (yes, *still_open)))
        if final.isdisjoint(_FIRST_PAGE):
            return
        reasons = tuple(reason for reason in yes.reasons if reason.code in final)
        decision = replace(yes, reasons=reasons, alert=None)
        maker = EntryMaker.of(call, context, caller, patient.nhs_number, self._parts.ids)
        maker = replace(maker, base=replace(maker.base, requested_patient=patient.requested))
        await self._parts.journal.commit(Write(entries=(maker.decided("asked", "asked", decision, facts),)))
        await self._parts.refuse(decision, facts, maker)

    async def _facts(self, call: Call, context: Context, caller: Caller, patient: Demographics) -> Facts:
        """What a view's decision would be told by now."""
        numbers = (patient.nhs_number, *((patient.requested,) if patient.requested else ()))
        state = await self._parts.state_of(caller, context, numbers)
        facts = self._parts.facts(call, context, caller, state)
        return replace(facts, operation=Operation.VIEW, patient=patient_facts(patient, state.successors))

    def _tried(self, facts: Facts, claims: AccessClaims) -> Decision:
        said = facts.claims
        claims = replace(claims, confirm_deceased=True, purpose=said.purpose, setting=said.setting, role=said.role)
        return self._parts.decide(replace(facts, claims=claims))


def _with(way: AccessClaims, said: AccessClaims) -> AccessClaims:
    """What was said, and this way's permission."""
    return replace(
        said,
        permission=way.permission,
        emergency_reason=way.emergency_reason,
        legal_basis=way.legal_basis,
        note=way.note,
    )


def _refused_at(facts: Facts) -> datetime | None:
    """When the newest no was recorded."""
    refusals = (one.start for one in facts.permissions if one.answer is PermissionAnswer.NO)
    return max(refusals, default=None)


def _codes(decision: Decision) -> frozenset[Code]:
    return frozenset(reason.code for reason in decision.reasons)


def _lacking(decision: Decision) -> frozenset[str]:
    """Activity codes the role lacks for this way."""
    reasons: Iterable[str] = (reason.detail for reason in decision.reasons if reason.code is Code.ROLE_ACTIVITY)
    return frozenset(reasons)
