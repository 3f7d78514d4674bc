"""Audit entries and alerts built from a request and its decision. Pure; holds identifiers, never clinical content (P-04, section 3g)."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain import notes
from gateway.domain.access import ProvedUser
from gateway.domain.codes import Code
from gateway.domain.decision import Alert, AlertPlan, AuditEntry, Decision, Facts
from gateway.domain.errors import GatewayError, PolicyRefused
from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.raising import raising
from gateway.service.calls import Call, Context
from gateway.service.identify import Caller
from gateway.service.ports import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMaker:
    """Makes the entries of one request; what stays the same is filled in once."""

    base: AuditEntry
    ids: Ids

    @classmethod
    def of(
        cls, call: Call, context: Context, caller: Caller | None, patient: NhsNumber | None, ids: Ids
    ) -> "EntryMaker":
        """For a request whose system is proved; `caller` None where no user in a role is.

        Who signed in to a browser session is proved all the same, whatever became of the request.
        """
        role = caller.role if caller else None
        session = call.credentials.session if caller is None else None
        user = caller.user if caller else None
        organisation = caller.organisation.ods if caller and caller.organisation else context.system.organisation
        claims = call.claims
        return cls(
            ids=ids,
            base=AuditEntry(
                id="",
                at=context.now,
                event="",
                door=context.door,
                correlation_id=context.correlation_id.value,
                operation=call.action,
                outcome="",
                system=context.system.id,
                organisation=organisation,
                site=context.system.site,
                network=context.network,
                user=_named(call, caller),
                user_name=user.name if user else None,
                role=role.id.value if role else _chosen(session),
                role_code=role.code if role else None,
                patient=patient,
                purpose=claims.purpose or context.system.purpose.value,
                setting=claims.setting or (context.system.setting.code if context.system.setting else None),
                note=notes.joined(claims.note, claims.condition_changed_note),
                emergency=claims.permission.overrides,
                relationship=claims.relationship.value if claims.relationship else None,
                message_id=call.message.id.value if call.message else None,
                tracking_id=call.message.tracking_id if call.message else None,
                claimed=user is None and session is None,
            ),
        )

    def entry(self, event: str, outcome: str, at: datetime, **more: object) -> AuditEntry:
        """One entry with a new id."""
        return replace(self.base, id=self.ids.new(), event=event, outcome=outcome, at=at, **more)  # type: ignore[arg-type]

    def decided(self, event: str, outcome: str, decision: Decision, facts: Facts, **more: object) -> AuditEntry:
        """An entry that says what was decided and on which facts."""
        permission = next((p for p in facts.permissions if p.id == decision.permission_id), None)
        relationship = next((r for r in facts.relationships if r.id == decision.relationship_id), None)
        organisation = facts.organisation
        values: dict[str, object] = {
            "rules": tuple(dict.fromkeys(reason.rule for reason in decision.reasons)),
            "policy_version": decision.policy_version,
            "basis": decision.basis.value if decision.basis else None,
            "permission_id": decision.permission_id,
            "relationship_id": decision.relationship_id,
            "relationship": relationship.kind.value
            if relationship
            else ("self-claimed" if decision.self_claim else None),
            "question_version": permission.question_version
            if permission
            else (organisation.permission.question_version if organisation else None),
            "facts": audited_facts(facts),
        }
        return self.entry(event, outcome, more.pop("at", facts.now), **(values | more))  # type: ignore[arg-type]

    def failed(self, error: GatewayError, at: datetime, **more: object) -> AuditEntry:
        """The outcome entry of a request that ended in an error after it was asked."""
        event = {
            "refused": "refused",
            "no_record": "no-record",
            "invalid": "rejected",
            "unavailable": "unavailable",
        }[error.code.kind.value]
        return self.entry(event, error.code.kind.value, at, **({"code": error.code.slug, "rules": error.rules} | more))

    def raising(self, plan: AlertPlan, entry: AuditEntry, asid: str) -> tuple[AuditEntry, Alert]:
        """The entry of a view (or of an S-flag attempt) with the alert it raises, to be written together."""
        return raising(entry, plan, self.ids.new(), asid)


def _named(call: Call, caller: Caller | None) -> UserId | None:
    """Whom an entry names: the proved user, else whom the system or the message names."""
    if caller is not None and caller.user is not None:
        return caller.user.id
    if caller is None and call.credentials.session is not None:
        return call.credentials.session.id
    return (caller.vouched if caller else None) or call.credentials.named_user


def _chosen(session: ProvedUser | None) -> str | None:
    """The role chosen at a sign-in, where one was."""
    return session.selected_role.value if session is not None and session.selected_role is not None else None


def refused(decision: Decision) -> PolicyRefused:
    """The error of a denying decision. Whoever proved no user is told only that: other reasons may tell of the patient."""
    reasons = tuple((reason.rule, reason.code) for reason in decision.reasons)
    if decision.code is Code.CREDENTIALS_MISSING:
        reasons = tuple(reason for reason in reasons if reason[1] is Code.CREDENTIALS_MISSING)
    return PolicyRefused(decision.code, reasons, decision.reasons[0].detail if decision.reasons else "")


def audited_facts(facts: Facts) -> tuple[tuple[str, object], ...]:
    """The decision's inputs as plain values, enough to judge the same request again under another policy. No notes."""
    system, claims = facts.system, facts.claims
    patient = facts.patient
    return (
        ("kind", system.kind.value),
        ("product", system.product),
        ("system_proved", facts.system_proved),
        ("network_allowed", facts.network_allowed),
        ("purpose", facts.purpose.value),
        ("setting", facts.setting.code if facts.setting else None),
        ("activities", sorted(activity.value for activity in facts.role.activities) if facts.role else None),
        ("role_organisation", facts.role.organisation.value if facts.role else None),
        ("assurance", facts.proof.assurance.name if facts.proof else None),
        ("trained", facts.trained),
        ("officers_trained", facts.privacy_officers_trained),
        ("permission", claims.permission.value),
        ("relationship", claims.relationship.value if claims.relationship else None),
        ("emergency_reason", claims.emergency_reason.value if claims.emergency_reason else None),
        ("legal_basis", claims.legal_basis.value if claims.legal_basis else None),
        ("note_length", len(claims.note) if claims.note else 0),
        ("condition_changed", claims.condition_changed),
        ("confirm_deceased", claims.confirm_deceased),
        ("permissions", [permission.id for permission in facts.permissions]),
        ("relationships", [relationship.id for relationship in facts.relationships]),
        ("overrides_24h", facts.override_count_24h),
        ("reloaded", facts.reloaded),
        ("confidentiality", patient.confidentiality.value if patient else None),
        ("deceased", patient.deceased if patient else None),
        ("registered_here", patient.practice == facts.organisation.ods if patient and facts.organisation else None),
        ("consent", facts.consent.consent.value if facts.consent else None),
    )
