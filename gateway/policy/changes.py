"""The finite list of changes that `explain` tries: what an engineer could set differently in facts. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.domain.access import (
    Assurance,
    OnboardingStep,
    Organisation,
    ProofOfConcept,
    Purpose,
    Role,
    Scope,
    Site,
    SystemState,
    TrainingMode,
)
from gateway.domain.decision import ConsentFacts, Facts
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import ActivityCode, NhsNumber
from gateway.domain.instants import LONDON
from gateway.domain.permission import (
    AccessClaims,
    EmergencyReason,
    LegalBasis,
    PermissionAnswer,
    PermissionClaim,
    Relationship,
    RelationshipKind,
)
from gateway.domain.spine import Confidentiality, Consent
from gateway.policy.settings import PolicySettings

NOTE = "Example note: patient found unconscious"
CHANGED = "Example note: condition worsened since"
PLACEHOLDER = NhsNumber("9000000009")
"""Where the patient is not known yet: belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change in words, and how it is made; None where it cannot be made to these facts."""

    name: str
    make: Callable[[Facts, PolicySettings], Facts | None]

    def applied(self, facts: Facts, settings: PolicySettings) -> Facts | None:
        """The changed facts, or None."""
        try:
            return self.make(facts, settings)
        except InvalidValue:
            return None


def _claims(**changes: object) -> Callable[[Facts, PolicySettings], Facts | None]:
    def make(facts: Facts, _: PolicySettings) -> Facts | None:
        return replace(facts, claims=replace(facts.claims, **changes))  # type: ignore[arg-type]

    return make


def _override(claim: PermissionClaim) -> Callable[[Facts, PolicySettings], Facts | None]:
    def make(facts: Facts, _: PolicySettings) -> Facts | None:
        claims: AccessClaims = replace(facts.claims, permission=claim, note=NOTE)
        if claim is PermissionClaim.EMERGENCY:
            claims = replace(claims, emergency_reason=EmergencyReason.CANNOT_ANSWER)
        if claim is PermissionClaim.LEGAL:
            claims = replace(claims, legal_basis=LegalBasis.COURT_ORDER)
        return replace(facts, claims=claims)

    return make


def _with_role(facts: Facts, role: Role) -> Facts | None:
    """The same with another role in force, which the user also holds."""
    if facts.user is None or facts.role not in facts.user.roles:
        return None  # a role of nobody's is not mended by what it holds
    others = tuple(own for own in facts.user.roles if own.id != role.id)
    return replace(facts, role=role, user=replace(facts.user, roles=(role, *others)))


def _activity(pick: Callable[[PolicySettings], ActivityCode]) -> Callable[[Facts, PolicySettings], Facts | None]:
    def make(facts: Facts, settings: PolicySettings) -> Facts | None:
        if facts.role is None:
            return None
        return _with_role(facts, replace(facts.role, activities=facts.role.activities | {pick(settings)}))

    return make


def _role_chosen(facts: Facts, _: PolicySettings) -> Facts | None:
    here = facts.organisation.ods if facts.organisation is not None else None
    roles = facts.user.roles if facts.user is not None else ()
    role = next((own for own in roles if own.organisation == here), None)
    if role is None:
        return None
    proof = replace(facts.proof, selected_role=role.id) if facts.proof is not None else None
    return replace(facts, role=role, proof=proof, claims=replace(facts.claims, role=None))


def _sign_in(facts: Facts, _: PolicySettings) -> Facts | None:
    if facts.proof is None:
        return None
    proof = replace(facts.proof, assurance=Assurance.AAL3, expires=facts.now + timedelta(minutes=30))
    return replace(facts, proof=proof)


def _live(facts: Facts, _: PolicySettings) -> Facts | None:
    if facts.organisation is None:
        return None
    before = (facts.now - timedelta(days=2)).date()
    steps = tuple((step, before) for step in OnboardingStep)
    return replace(facts, organisation=replace(facts.organisation, onboarding=steps))


def _site(facts: Facts, _: PolicySettings) -> Facts | None:
    """The request's site, agreed for its setting."""
    if facts.organisation is None or facts.site is None or facts.setting is None:
        return None
    site = Site(ods=facts.site, settings=frozenset({facts.setting}))
    return replace(facts, organisation=replace(facts.organisation, sites=(*facts.organisation.sites, site)))


def _proof_of_concept(facts: Facts, settings: PolicySettings) -> Facts | None:
    """One of the organisation's own, running, for a setting that only such a proof opens (P-57)."""
    if facts.organisation is None or facts.setting is None or facts.setting.code not in settings.not_approved:
        return None
    today = facts.now.astimezone(LONDON).date()
    trial = ProofOfConcept(setting=facts.setting, start=today - timedelta(days=1), until=today + timedelta(days=1))
    return replace(facts, organisation=replace(facts.organisation, proof_of_concept=trial))


def _own_setting(facts: Facts, _: PolicySettings) -> Facts | None:
    """The system's own setting, or the organisation's first."""
    first = facts.organisation.settings[0] if facts.organisation and facts.organisation.settings else None
    return replace(facts, setting=facts.system.setting or first, claims=replace(facts.claims, setting=None))


def _own_purpose(facts: Facts, _: PolicySettings) -> Facts | None:
    return replace(facts, purpose=facts.system.purpose, claims=replace(facts.claims, purpose=None))


def _direct_care(facts: Facts, _: PolicySettings) -> Facts | None:
    system = replace(facts.system, purpose=Purpose.DIRECT_CARE)
    return replace(facts, system=system, purpose=Purpose.DIRECT_CARE, claims=replace(facts.claims, purpose=None))


def _organisation(change: Callable[[Organisation], Organisation]) -> Callable[[Facts, PolicySettings], Facts | None]:
    def make(facts: Facts, _: PolicySettings) -> Facts | None:
        return replace(facts, organisation=change(facts.organisation)) if facts.organisation is not None else None

    return make


def _referral(facts: Facts, _: PolicySettings) -> Facts | None:
    if facts.user is None or facts.organisation is None:
        return None
    referral = Relationship(
        id="example",
        patient=facts.patient.nhs_number if facts.patient is not None else PLACEHOLDER,
        organisation=facts.organisation.ods,
        kind=RelationshipKind.REFERRAL,
        scope=Scope.INDIVIDUAL,
        user=facts.user.id,
        team=None,
        start=facts.now - timedelta(days=1),
        end=facts.now + timedelta(days=1),
        system=facts.system.id,
    )
    return replace(facts, relationships=(*facts.relationships, referral))


def _no_refusal(facts: Facts, _: PolicySettings) -> Facts | None:
    return replace(facts, permissions=tuple(p for p in facts.permissions if p.answer is PermissionAnswer.YES))


def _patient(**changes: object) -> Callable[[Facts, PolicySettings], Facts | None]:
    def make(facts: Facts, _: PolicySettings) -> Facts | None:
        return replace(facts, patient=replace(facts.patient, **changes)) if facts.patient is not None else None  # type: ignore[arg-type]

    return make


def _consent(facts: Facts, _: PolicySettings) -> Facts | None:
    return replace(facts, consent=ConsentFacts(consent=Consent.ASK)) if facts.consent is not None else None


CHANGES: tuple[Change, ...] = (
    Change("system: active", lambda f, _: replace(f, system=replace(f.system, state=SystemState.ACTIVE))),
    Change(
        "system: registered for this operation",
        lambda f, _: replace(f, system=replace(f.system, operations=f.system.operations | {f.action})),
    ),
    Change("system: proved by its certificate", lambda f, _: replace(f, system_proved=True)),
    Change("system: merely named", lambda f, _: replace(f, system_proved=False)),
    Change("network: a registered one", lambda f, _: replace(f, network_allowed=True)),
    Change("network: another one", lambda f, _: replace(f, network_allowed=False)),
    Change("user: signed in now, with a smartcard", _sign_in),
    Change("user: not signed in", lambda f, _: replace(f, proof=None)),
    Change("role: one of the user's own here is chosen", _role_chosen),
    Change("role: holds the activity to trace", _activity(lambda s: s.activities.trace)),
    Change("role: holds the activity to view", _activity(lambda s: s.activities.view)),
    Change("role: holds the activity to claim a relationship", _activity(lambda s: s.activities.self_claim)),
    Change("role: holds the activity for emergencies", _activity(lambda s: s.activities.emergency)),
    Change("role: holds the activity for legal overrides", _activity(lambda s: s.activities.legal)),
    Change("role: holds the activity for reports", _activity(lambda s: s.activities.report)),
    Change("role: holds the activity for alerts", _activity(lambda s: s.activities.access_alerts)),
    Change(
        "role: without activities",
        lambda f, _: _with_role(f, replace(f.role, activities=frozenset())) if f.role is not None else None,
    ),
    Change("training: recorded", lambda f, _: replace(f, trained=True)),
    Change("training: only warned about", _organisation(lambda o: replace(o, training=TrainingMode.WARN))),
    Change("organisation: every set-up step done", _live),
    Change("organisation: a trained privacy officer", lambda f, _: replace(f, privacy_officers_trained=1)),
    Change("organisation: no trained privacy officer", lambda f, _: replace(f, privacy_officers_trained=0)),
    Change("site: agreed for this setting", _site),
    Change("site: the system's own", lambda f, _: replace(f, site=f.system.site)),
    Change("setting: the registered one", _own_setting),
    Change("setting: under a proof of concept of the organisation", _proof_of_concept),
    Change("purpose: the registered one", _own_purpose),
    Change("purpose: direct care, and registered for it", _direct_care),
    Change("relationship: a referral on record", _referral),
    Change("relationship: claimed now", _claims(relationship=RelationshipKind.SELF_CLAIMED)),
    Change(
        "relationship: none", lambda f, _: replace(f, relationships=(), claims=replace(f.claims, relationship=None))
    ),
    Change("permission: yes, asked now", _claims(permission=PermissionClaim.YES)),
    Change("permission: not asked", _claims(permission=PermissionClaim.NOT_ASKED)),
    Change("permission: refused", _claims(permission=PermissionClaim.NO)),
    Change("permission: no refusal on record", _no_refusal),
    Change("permission: emergency, with reason and note", _override(PermissionClaim.EMERGENCY)),
    Change("permission: legal, with basis and note", _override(PermissionClaim.LEGAL)),
    Change("note: one of substance", _claims(note=NOTE)),
    Change(
        "emergency: a reason why the patient cannot be asked", _claims(emergency_reason=EmergencyReason.UNCONSCIOUS)
    ),
    Change(
        "emergency: condition changed, with a note", _claims(condition_changed=True, condition_changed_note=CHANGED)
    ),
    Change("legal: a basis", _claims(legal_basis=LegalBasis.STATUTE)),
    Change("patient: death confirmed by the user", _claims(confirm_deceased=True)),
    Change("patient: no date of birth given", _claims(birth_date=None)),
    Change("patient: unrestricted on PDS", _patient(confidentiality=Confidentiality.UNRESTRICTED)),
    Change("patient: recorded as deceased", _patient(deceased=True)),
    Change("consent: ask", _consent),
)
