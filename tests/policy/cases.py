"""Facts for policy tests: one permitted view in one place, and small named changes to it. Nobody here exists."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.domain.access import (
    Assurance,
    OnboardingStep,
    Operation,
    Organisation,
    PermissionKind,
    PermissionPolicy,
    ProofOfConcept,
    ProvedUser,
    Purpose,
    Role,
    Scope,
    Setting,
    Site,
    System,
    SystemKind,
    TrainingMode,
    User,
)
from gateway.domain.codes import Code
from gateway.domain.decision import ConsentFacts, Decision, Facts, PatientFacts, Verdict
from gateway.domain.identifiers import (
    ActivityCode,
    Asid,
    NhsNumber,
    OdsCode,
    RoleProfileId,
    SystemId,
    TeamId,
    UserId,
)
from gateway.domain.permission import (
    AccessClaims,
    EmergencyReason,
    HowAsked,
    LegalBasis,
    PermissionAnswer,
    PermissionClaim,
    RecordedKind,
    RecordedPermission,
    Relationship,
    RelationshipKind,
)
from gateway.domain.spine import Confidentiality, Consent
from gateway.policy import current, decide

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SETTINGS = current(NOW)
ODS = OdsCode("RZZ91")
OTHER_ODS = OdsCode("RZZ92")
USER = UserId("910000009911")
OTHER_USER = UserId("910000009912")
ROLE = RoleProfileId("555000009911")
OTHER_ROLE = RoleProfileId("555000009912")
TEAM = TeamId("RZZ91-A")
OTHER_TEAM = TeamId("RZZ91-B")
PATIENT = NhsNumber("9000000009")
OLD_NUMBER = NhsNumber("9000000017")
OTHER_PATIENT = NhsNumber("9000000033")
SYSTEM = SystemId("viewer-rzz91")
NOTE = "Found unresponsive on the ward"
CHANGE = "Now unconscious after a fall"

ALL_CODES = ("B0264", "B0370", "B0257", "B0168", "B0082", "B0016", "B0015", "B0011")


def codes(*names: str) -> frozenset[ActivityCode]:
    """Activity codes by name."""
    return frozenset(ActivityCode(name) for name in names)


def organisation(setting: str = "scheduled_care", **changes: Any) -> Organisation:
    """A live organisation with one site and one setting; single permission unless changed."""
    chosen = Setting(setting)
    values: dict[str, Any] = {
        "ods": ODS,
        "name": "Policy Test Trust",
        "settings": (chosen,),
        "sites": (Site(ods=OdsCode("RZZ91A"), settings=frozenset({chosen})),),
        "privacy_officers": (UserId("910000009990"),),
        "training": TrainingMode.WARN,
        "permission": policy(),
        "onboarding": tuple((step, date(2025, 1, 1)) for step in OnboardingStep),
    }
    return Organisation(**(values | changes))


def policy(kind: str = "single", scope: str = "individual", days: int = 0) -> PermissionPolicy:
    """A permission policy."""
    return PermissionPolicy(
        kind=PermissionKind(kind), scope=Scope(scope), days=days, question="May I look?", question_version="1"
    )


def role(*activities: str, **changes: Any) -> Role:
    """The user's role, with every activity unless some are named."""
    values: dict[str, Any] = {
        "id": ROLE,
        "organisation": ODS,
        "code": "S8000:G8000:R8000",
        "activities": codes(*(activities or ALL_CODES)),
        "teams": frozenset({TEAM}),
    }
    return Role(**(values | changes))


def system(setting: str | None = "scheduled_care", **changes: Any) -> System:
    """An integrated viewer of that organisation."""
    values: dict[str, Any] = {
        "id": SYSTEM,
        "product": "systmone",
        "supplier": "Test supplier",
        "kind": SystemKind.INTEGRATED_VIEWER,
        "asid": Asid("200000009991"),
        "client_id": SYSTEM.value,
        "username": SYSTEM.value,
        "purpose": Purpose.DIRECT_CARE,
        "organisation": ODS,
        "site": OdsCode("RZZ91A"),
        "setting": Setting(setting) if setting else None,
    }
    return System(**(values | changes))


def proof(**changes: Any) -> ProvedUser:
    """A smartcard sign-in a minute old."""
    values: dict[str, Any] = {
        "id": USER,
        "assurance": Assurance.AAL3,
        "authenticated": NOW - timedelta(minutes=1),
        "expires": NOW + timedelta(minutes=30),
        "selected_role": ROLE,
    }
    return ProvedUser(**(values | changes))


def patient(**changes: Any) -> PatientFacts:
    """What PDS says of a patient registered elsewhere."""
    values: dict[str, Any] = {
        "nhs_number": PATIENT,
        "requested": None,
        "confidentiality": Confidentiality.UNRESTRICTED,
        "deceased": False,
        "practice": OdsCode("AZZ99"),
        "birth_date": "1980-02-29",
    }
    return PatientFacts(**(values | changes))


def relationship(**changes: Any) -> Relationship:
    """A referral to this user, on record since yesterday."""
    values: dict[str, Any] = {
        "id": "rel-1",
        "patient": PATIENT,
        "organisation": ODS,
        "kind": RelationshipKind.REFERRAL,
        "scope": Scope.INDIVIDUAL,
        "user": USER,
        "team": None,
        "start": NOW - timedelta(days=1),
        "end": NOW + timedelta(days=30),
        "system": SystemId("pas-rzz91"),
    }
    return Relationship(**(values | changes))


def recorded(answer: str = "yes", kind: str = "single", ago: timedelta = timedelta(hours=1), **changes: Any) -> Any:
    """An answer on record: a yes to this user for one view, an hour old, unless changed."""
    scope = changes.pop("scope", Scope.INDIVIDUAL if answer == "yes" else Scope.ORGANISATION)
    individual = scope is Scope.INDIVIDUAL
    values: dict[str, Any] = {
        "id": f"per-{answer}",
        "patient": PATIENT,
        "organisation": ODS,
        "answer": PermissionAnswer(answer),
        "kind": RecordedKind(kind),
        "scope": scope,
        "user": USER if individual else None,
        "role": ROLE if individual else None,
        "team": TEAM if scope is Scope.TEAM else None,
        "start": NOW - ago,
        "end": NOW - ago + timedelta(days=3),
        "how_asked": HowAsked.FACE_TO_FACE,
        "question_version": "1",
        "recorded_by": USER,
        "recorded_role": ROLE,
        "system": SYSTEM,
    }
    return RecordedPermission(**(values | changes))


def claims(permission: str = "yes", **changes: Any) -> AccessClaims:
    """What a request says; a patient's yes unless changed. Overrides come with what they need."""
    values: dict[str, Any] = {"permission": PermissionClaim(permission)}
    if values["permission"].overrides:
        values["note"] = NOTE
    if permission == "emergency":
        values["emergency_reason"] = EmergencyReason.UNCONSCIOUS
    if permission == "legal":
        values["legal_basis"] = LegalBasis.COURT_ORDER
    return AccessClaims(**(values | changes))


def facts(**changes: Any) -> Facts:
    """Stage 3 of a view that is allowed: yes given now, referral on record, every rule met."""
    mine = changes.pop("role", role())
    values: dict[str, Any] = {
        "now": NOW,
        "operation": Operation.VIEW,
        "system": system(),
        "system_proved": True,
        "network_allowed": True,
        "organisation": organisation(),
        "site": OdsCode("RZZ91A"),
        "setting": Setting("scheduled_care"),
        "purpose": Purpose.DIRECT_CARE,
        "user": User(id=USER, name="TEST User", roles=(mine,) if mine else ()),
        "proof": proof(),
        "role": mine,
        "trained": True,
        "privacy_officers_trained": 1,
        "claims": claims(),
        "relationships": (relationship(),),
        "patient": patient(),
        "consent": ConsentFacts(consent=Consent.ASK),
    }
    return Facts(**(values | changes))


def at_setting(setting: str, **changes: Any) -> Facts:
    """The same view where the system, the organisation and the request are in another setting."""
    values: dict[str, Any] = {
        "system": system(setting),
        "organisation": organisation(setting),
        "setting": Setting(setting),
    }
    return facts(**(values | changes))


def at_practice(registered: bool = True, **changes: Any) -> Facts:
    """A view at a general practice, where the patient is registered or not; nothing asked, nothing on record."""
    values: dict[str, Any] = {
        "claims": claims("not-asked"),
        "relationships": (),
        "patient": patient(practice=ODS if registered else OdsCode("AZZ99")),
    }
    return at_setting("gp_temporary_or_non_registered", **(values | changes))


def standalone(**changes: Any) -> Facts:
    """The same view through the standalone viewer."""
    viewer = system(None, kind=SystemKind.STANDALONE, organisation=None, site=None)
    return facts(**({"system": viewer, "site": None} | changes))


def mini_service(operation: Operation, action: str, **changes: Any) -> Facts:
    """An operation of a mini-service client, with local facts only."""
    client = system(
        kind=SystemKind.MINI_SERVICE,
        operations=frozenset(
            {"getSCRStatus", "getRBACStatus", "queryPTV", "createPTV", "querySCR", "querySCRActivity"}
        ),
    )
    values = {"system": client, "operation": operation, "action": action, "patient": None, "consent": None}
    return facts(**(values | changes))


def asked(given: Facts) -> Decision:
    """The decision under the settings in force."""
    return decide(given, SETTINGS)


def allowed(given: Facts) -> Decision:
    """The decision, which must be allow."""
    decision = asked(given)
    assert decision.verdict is Verdict.ALLOW, decision.reasons
    assert decision.reasons == ()
    assert decision.policy_version == SETTINGS.version
    return decision


def denied(given: Facts, rule: str, code: Code, first: bool = True) -> Decision:
    """The decision, which must be deny for this reason; as the first one unless said otherwise."""
    decision = asked(given)
    assert decision.verdict is Verdict.DENY, decision
    pairs = [(reason.rule, reason.code) for reason in decision.reasons]
    assert (rule, code) in pairs, pairs
    if first:
        assert pairs[0] == (rule, code), pairs
        assert decision.code is code
    return decision


def needs(given: Facts, verdict: Verdict) -> Decision:
    """The decision, which must be this need."""
    decision = asked(given)
    assert decision.verdict is verdict, (decision.verdict, decision.reasons)
    assert decision.reasons == ()
    assert decision.alert is None
    return decision


def trial(setting: str = "dentistry", start: date = date(2026, 1, 1), until: date = date(2026, 12, 31)) -> Any:
    """A proof of concept."""
    return ProofOfConcept(setting=Setting(setting), start=start, until=until)


def with_claims(given: Facts, **changes: Any) -> Facts:
    """The same facts with changed claims."""
    return replace(given, claims=replace(given.claims, **changes))
