"""Which ways to a record stand open: what a page may offer. It asks the policy; what is offered is decided again when it is used."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.access import Operation, PermissionKind, PermissionPolicy
from gateway.domain.codes import Code
from gateway.domain.decision import Decision, Facts, PermissionBasis
from gateway.domain.errors import AccessDenied
from gateway.domain.permission import AccessClaims, EmergencyReason, LegalBasis, PermissionClaim, RelationshipKind
from gateway.domain.spine import Demographics
from gateway.service.calls import Call, Context
from gateway.service.identify import Caller
from gateway.service.parts import Parts
from gateway.service.successors import patient_facts

_NOTE = "What this path would need to be told."
"""Stands for a note, so that only what is missing beside it is seen."""


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
        numbers = (patient.nhs_number, *((patient.requested,) if patient.requested else ()))
        state = await self._parts.state_of(caller, context, numbers)
        facts = self._parts.facts(call, context, caller, state)
        facts = replace(facts, operation=Operation.VIEW, patient=patient_facts(patient, state.successors))
        asked = AccessClaims(permission=PermissionClaim.YES)
        plain = self._tried(facts, asked)
        emergency = self._tried(
            facts,
            AccessClaims(
                permission=PermissionClaim.EMERGENCY, emergency_reason=EmergencyReason.CANNOT_ANSWER, note=_NOTE
            ),
        )
        legal = self._tried(
            facts, AccessClaims(permission=PermissionClaim.LEGAL, legal_basis=LegalBasis.STATUTE, note=_NOTE)
        )
        claimed = self._tried(facts, replace(asked, relationship=RelationshipKind.SELF_CLAIMED))
        unasked = self._tried(facts, AccessClaims())
        held = self._parts.held(facts)
        return Paths(
            question=caller.organisation.permission,
            related=Code.RELATIONSHIP_MISSING not in _codes(plain),
            registered=unasked.basis is PermissionBasis.NOT_APPLICABLE_REGISTERED,
            held_until=held.end if held is not None else None,
            refused_lately=Code.EMERGENCY_AFTER_REFUSAL in _codes(emergency),
            self_claim=not _lacking(claimed) - _lacking(plain),
            emergency=not _lacking(emergency) - _lacking(plain),
            legal=not _lacking(legal) - _lacking(plain),
            warnings=plain.warnings,
        )

    def _tried(self, facts: Facts, claims: AccessClaims) -> Decision:
        said = facts.claims
        claims = replace(claims, confirm_deceased=True, purpose=said.purpose, setting=said.setting, role=said.role)
        return self._parts.decide(replace(facts, claims=claims))


def _codes(decision: Decision) -> frozenset[Code]:
    return frozenset(reason.code for reason in decision.reasons)


def _lacking(decision: Decision) -> frozenset[str]:
    """Activity codes the role lacks for this way."""
    reasons: Iterable[str] = (reason.detail for reason in decision.reasons if reason.code is Code.ROLE_ACTIVITY)
    return frozenset(reasons)
