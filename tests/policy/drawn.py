"""Facts drawn at random for property tests: each part from a short list that holds permitted and broken values alike."""

from datetime import date, timedelta

from hypothesis import strategies as st

from gateway.domain.access import (
    Assurance,
    OnboardingStep,
    Operation,
    Purpose,
    Role,
    Scope,
    Setting,
    SystemKind,
    SystemState,
    TrainingMode,
    User,
    UserProof,
)
from gateway.domain.decision import ConsentFacts, Facts
from gateway.domain.identifiers import ActivityCode, OdsCode
from gateway.domain.permission import EmergencyReason, LegalBasis, PermissionClaim, RelationshipKind
from gateway.domain.spine import Confidentiality, Consent
from tests.policy import cases as c

SETTINGS = ["scheduled_care", "community_pharmacy", "primary_care", "dentistry", "police", "veterinary"]
NOTES = [None, "", "short", c.NOTE, c.CHANGE]
HOUR = timedelta(hours=1)
_usually = st.integers(0, 15).map(lambda n: n < 15)
"""True but for one time in sixteen, so that most cases break few rules or none."""


def mostly(good: object, *others: object) -> st.SearchStrategy[object]:
    """The permitted value four times out of five, else one of the others."""
    return st.integers(0, 4).flatmap(lambda n: st.sampled_from(others) if n == 4 else st.just(good))


def roles() -> st.SearchStrategy[Role]:
    """A role with some of the activities."""
    sets = st.sets(st.sampled_from(c.ALL_CODES)).map(lambda some: c.codes(*some))
    full = st.just(c.codes(*c.ALL_CODES))
    return st.one_of(full, full, full, sets).map(lambda held: c.role(activities=held))


@st.composite
def claims(draw: st.DrawFn) -> object:
    """What a request says, often enough with what its permission needs."""
    return c.claims(
        draw(st.sampled_from([each.value for each in PermissionClaim])),
        note=draw(mostly(c.NOTE, *NOTES)),
        emergency_reason=draw(mostly(EmergencyReason.UNCONSCIOUS, None, *EmergencyReason)),
        legal_basis=draw(mostly(LegalBasis.STATUTE, None, *LegalBasis)),
        relationship=draw(st.sampled_from([RelationshipKind.SELF_CLAIMED, RelationshipKind.REFERRAL, None])),
        condition_changed=draw(st.booleans()),
        condition_changed_note=draw(mostly(c.NOTE, *NOTES)),
        confirm_deceased=draw(st.booleans()),
        birth_date=draw(mostly(None, "1980-02-29", "1981-01-01")),
        until=draw(mostly(None, "2026-03-12", "2020-01-01")),
        setting=draw(mostly(None, "scheduled_care")),
        purpose=draw(mostly(None, "direct-care")),
    )


def permissions() -> st.SearchStrategy[tuple[object, ...]]:
    """Answers on record, for this view and for others."""
    one = st.sampled_from(
        [
            c.recorded(id="a"),
            c.recorded(id="b", ago=13 * HOUR),
            c.recorded(id="c", kind="extended", scope=Scope.TEAM),
            c.recorded(id="d", kind="extended", scope=Scope.ORGANISATION),
            c.recorded(id="e", user=c.OTHER_USER),
            c.recorded("no", id="f", ago=2 * HOUR),
            c.recorded("no", id="g", ago=HOUR / 2),
            c.recorded("withdrawn", id="h", ago=HOUR / 2),
            c.recorded(id="i", consumed=True),
            c.recorded(id="j", patient=c.OTHER_PATIENT),
        ]
    )
    return st.lists(one, max_size=3, unique_by=lambda each: each.id).map(tuple)


def relationships() -> st.SearchStrategy[tuple[object, ...]]:
    """Relationships on record, of this user and of others."""
    one = st.sampled_from(
        [
            c.relationship(id="r1"),
            c.relationship(id="r2", user=c.OTHER_USER),
            c.relationship(id="r3", scope=Scope.TEAM, user=None, team=c.TEAM),
            c.relationship(id="r4", kind=RelationshipKind.SELF_CLAIMED),
            c.relationship(id="r5", end=c.NOW),
        ]
    )
    return st.lists(one, max_size=2, unique_by=lambda each: each.id).map(tuple)


@st.composite
def _systems(draw: st.DrawFn, setting: str) -> object:
    return c.system(
        setting,
        kind=draw(
            st.sampled_from(
                [SystemKind.INTEGRATED_VIEWER, SystemKind.ONE_CLICK, SystemKind.MINI_SERVICE, SystemKind.FEED]
            )
        ),
        operations=frozenset({"querySCR"}) if draw(_usually) else frozenset(),
        feeds=frozenset({"relationships"}) if draw(st.booleans()) else frozenset(),
        state=SystemState.ACTIVE if draw(_usually) else SystemState.SUSPENDED,
        user_proof=UserProof.TOKEN if draw(_usually) else UserProof.VOUCHED,
        purpose=Purpose.DIRECT_CARE if draw(_usually) else draw(st.sampled_from(list(Purpose))),
    )


@st.composite
def _organisations(draw: st.DrawFn, setting: str) -> object:
    steps = tuple((step, date(2025, 1, 1)) for step in OnboardingStep if draw(_usually) or draw(st.booleans()))
    kept = draw(st.sampled_from([c.policy(), c.policy("extended", "team", 7), c.policy("extended", "organisation", 2)]))
    return c.organisation(
        setting,
        onboarding=steps,
        permission=kept,
        training=draw(mostly(TrainingMode.WARN, TrainingMode.ENFORCE)),
        proof_of_concept=c.trial() if draw(st.booleans()) else None,
    )


@st.composite
def facts(draw: st.DrawFn, operations: tuple[Operation, ...] = tuple(Operation)) -> Facts:
    """Facts of any stage, permitted or not; about one in four is allowed."""
    setting = draw(mostly("scheduled_care", *SETTINGS))
    role = draw(roles())
    met = draw(_usually)
    confidentiality = Confidentiality.UNRESTRICTED if draw(_usually) else draw(st.sampled_from(list(Confidentiality)))
    known = c.patient(
        confidentiality=confidentiality,
        deceased=not draw(_usually),
        practice=draw(st.sampled_from([None, c.ODS, OdsCode("AZZ99")])),
    )
    consent = draw(mostly(Consent.ASK, *Consent))
    return c.facts(
        operation=draw(st.sampled_from(operations)),
        action="querySCR",
        system=draw(_systems(setting)),
        organisation=draw(_organisations(setting)) if draw(_usually) else c.organisation(setting),
        setting=Setting(setting),
        system_proved=draw(_usually),
        network_allowed=draw(_usually),
        purpose=Purpose.DIRECT_CARE if draw(_usually) else draw(st.sampled_from(list(Purpose))),
        user=User(id=c.USER, name="T", roles=(role,)),
        proof=c.proof(assurance=Assurance.AAL2 if draw(_usually) else Assurance.AAL1) if draw(_usually) else None,
        role=role,
        trained=draw(mostly(True, False, None)),
        privacy_officers_trained=1 if draw(_usually) else 0,
        claims=draw(claims()),
        permissions=draw(permissions()),
        relationships=draw(relationships()),
        recent_notes=draw(mostly((), (c.NOTE,))),
        override_count_24h=draw(st.sampled_from([0, 5])),
        patient=known if met else None,
        consent=ConsentFacts(consent=consent) if met and draw(_usually) else None,
    )


def unrelated_codes() -> st.SearchStrategy[frozenset[ActivityCode]]:
    """Activity codes that no rule names."""
    return st.sets(st.sampled_from(["B1300", "B0002", "B0360", "B1611", "B0825", "B0020"]), min_size=1).map(
        lambda some: c.codes(*some)
    )
