"""Truth tables of who asks, from where and for what: P-07 to P-15, each passed once and broken in each way."""

from datetime import timedelta

import pytest

from gateway.domain.access import Assurance, Operation, Purpose, SystemKind, User
from gateway.domain.codes import Code
from gateway.domain.decision import Verdict
from gateway.domain.identifiers import RoleProfileId, TeamId
from gateway.domain.permission import RelationshipKind
from tests.policy import cases as c

HOUR = timedelta(hours=1)
CLAIMED = RelationshipKind.SELF_CLAIMED

# P-07 to P-10: sign-in, role, activity


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"proof": None}, Code.CREDENTIALS_MISSING),
        ({"user": None, "role": None}, Code.USER_UNKNOWN),
        ({"user": User(id=c.OTHER_USER, name="O", roles=(c.role(),))}, Code.USER_MISMATCH),
        ({"proof": c.proof(expires=c.NOW - timedelta(seconds=5))}, Code.CREDENTIALS_EXPIRED),
        ({"proof": c.proof(assurance=Assurance.AAL1)}, Code.CREDENTIALS_ASSURANCE),
    ],
)
def test_p07_a_person_who_is_not_proved_is_denied(changes, code):
    c.denied(c.facts(**changes), "P-07", code)


@pytest.mark.parametrize(
    "proof",
    [c.proof(assurance=Assurance.AAL2), c.proof(expires=c.NOW - timedelta(seconds=4)), c.proof(selected_role=None)],
)
def test_p07_assurance_level_2_and_a_clock_a_little_off_are_accepted(proof):
    c.allowed(c.facts(proof=proof))


@pytest.mark.parametrize("kind", [SystemKind.STANDALONE, SystemKind.ONE_CLICK, SystemKind.INTEGRATED_VIEWER])
@pytest.mark.parametrize(
    ("claim", "needed"),
    [
        ("yes", ("B0370",)),
        ("emergency", ("B0370", "B0168")),
        ("best-interests", ("B0370", "B0168")),
        ("legal", ("B0370", "B0082")),
    ],
)
@pytest.mark.parametrize("standing", [True, False])
def test_p08_exactly_the_needed_activities_open(kind, claim, needed, standing):
    needed = {*needed} | ({"B0264"} if kind is not SystemKind.INTEGRATED_VIEWER else set())
    needed |= {"B0257"} if not standing else set()
    wanted = c.claims(claim, relationship=None if standing else CLAIMED)
    system = c.system(kind=kind)
    base = {"claims": wanted, "system": system, "relationships": (c.relationship(),) if standing else ()}
    c.allowed(c.facts(role=c.role(*needed), **base))
    for absent in needed:
        kept = [code for code in c.ALL_CODES if code != absent]
        decision = c.denied(c.facts(role=c.role(*kept), **base), "P-08", Code.ROLE_ACTIVITY)
        assert [reason.detail for reason in decision.reasons] == [absent]


@pytest.mark.parametrize(
    "code", ["B1300", "B0002", "B0267", "B0272", "B0274", "B0089", "B0360", "B1611", "B0015", "B0016"]
)
def test_p08_other_activity_codes_open_nothing(code):
    c.denied(c.facts(role=c.role(code, "B0257")), "P-08", Code.ROLE_ACTIVITY)


def test_p08_a_role_without_a_list_and_a_receptionist_may_not_view():
    c.denied(c.facts(role=c.role(activities=frozenset())), "P-08", Code.ROLE_ACTIVITY)
    c.denied(c.facts(role=c.role("B0264")), "P-08", Code.ROLE_ACTIVITY)


def test_p08_what_the_job_is_called_opens_no_record():
    c.denied(c.facts(role=c.role("B0257", code="S8000:G8000:R0001")), "P-08", Code.ROLE_ACTIVITY)


def test_p09_one_role_of_ones_own_is_chosen_and_alone_counts():
    other = c.role(id=c.OTHER_ROLE)
    weak = c.role("B0264")
    two = User(id=c.USER, name="T", roles=(weak, other))
    c.denied(c.facts(user=two, role=weak), "P-08", Code.ROLE_ACTIVITY)
    c.allowed(c.facts(user=two, role=other, proof=c.proof(selected_role=c.OTHER_ROLE)))
    c.denied(c.facts(user=two, role=None), "P-09", Code.ROLE_NOT_CHOSEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": User(id=c.USER, name="T", roles=(c.role(id=c.OTHER_ROLE),))},
        {"user": User(id=c.USER, name="T", roles=(c.role("B0264"),))},
        {"user": User(id=c.USER, name="T", roles=(c.role(teams=frozenset({TeamId("X")})),))},
        {"user": User(id=c.USER, name="T", roles=(c.role(organisation=c.OTHER_ODS),))},
        {"proof": c.proof(selected_role=c.OTHER_ROLE)},
        {"claims": c.claims(role=RoleProfileId("555000000000"))},
    ],
)
def test_p09_a_role_that_is_not_the_users_or_not_the_one_chosen_is_denied(changes):
    c.denied(c.facts(**changes), "P-09", Code.ROLE_NOT_HELD)


def test_p09_naming_the_chosen_role_again_changes_nothing():
    c.allowed(c.facts(claims=c.claims(role=c.ROLE)))


def test_p10_a_person_without_a_role_is_denied():
    c.denied(c.facts(user=User(id=c.USER, name="T"), role=None), "P-10", Code.ROLE_NONE)


# P-12 to P-15: network, order, organisation, purpose


def test_p12_a_request_from_another_network_is_denied_first():
    c.denied(c.facts(network_allowed=False, claims=c.claims("no"), proof=None), "P-12", Code.SYSTEM_NETWORK)


def test_p13_patient_and_consent_are_asked_for_in_order_and_only_after_local_rules():
    c.needs(c.facts(patient=None, consent=None), Verdict.NEEDS_PATIENT)
    c.needs(c.facts(patient=None), Verdict.NEEDS_PATIENT)
    c.needs(c.facts(consent=None), Verdict.NEEDS_CONSENT)
    c.denied(c.facts(claims=c.claims("not-asked"), patient=None, consent=None), "P-02", Code.PERMISSION_MISSING)
    c.denied(c.facts(patient=c.patient(deceased=True), consent=None), "PDS-DEATH", Code.DECEASED_NOT_CONFIRMED)


def test_p14_role_and_system_belong_to_the_one_organisation_of_the_request():
    elsewhere = c.role(organisation=c.OTHER_ODS)
    c.denied(c.facts(role=elsewhere), "P-14", Code.ROLE_ORGANISATION)
    c.denied(c.facts(system=c.system(organisation=c.OTHER_ODS)), "P-14", Code.ROLE_ORGANISATION)
    c.denied(c.facts(system=c.system(organisation=None)), "P-14", Code.ROLE_ORGANISATION)
    c.allowed(c.standalone())
    c.denied(c.standalone(role=elsewhere), "P-14", Code.ROLE_ORGANISATION)


@pytest.mark.parametrize(
    ("registered", "asked", "deceased", "opens"),
    [
        (Purpose.DIRECT_CARE, Purpose.DIRECT_CARE, False, True),
        (Purpose.DIRECT_CARE, Purpose.DIRECT_CARE, True, True),
        (Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY, True, True),
        (Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY, False, False),
        (Purpose.POST_DEATH_DUTY, Purpose.POST_DEATH_DUTY, True, True),
        (Purpose.POST_DEATH_DUTY, Purpose.POST_DEATH_DUTY, False, False),
        (Purpose.POST_DEATH_DUTY, Purpose.DIRECT_CARE, True, False),
    ],
)
def test_p15_the_purpose_is_the_registered_one_or_narrower(registered, asked, deceased, opens):
    given = c.facts(
        system=c.system(purpose=registered),
        purpose=asked,
        patient=c.patient(deceased=deceased),
        claims=c.claims(confirm_deceased=True),
    )
    if opens:
        c.allowed(given)
    else:
        c.denied(given, "P-15", Code.PURPOSE_NOT_REGISTERED)


def test_p15_a_duty_after_death_waits_for_pds():
    c.needs(c.facts(purpose=Purpose.POST_DEATH_DUTY, patient=None, consent=None), Verdict.NEEDS_PATIENT)


def test_p15_what_the_message_names_is_what_is_judged():
    c.allowed(c.facts(claims=c.claims(purpose="direct-care", setting="scheduled_care")))
    c.denied(c.facts(claims=c.claims(purpose="post-death-duty")), "P-15", Code.PURPOSE_NOT_REGISTERED)
    c.denied(c.facts(claims=c.claims(setting="ambulance")), "P-15", Code.SETTING_NOT_REGISTERED)


@pytest.mark.parametrize("registered", [Purpose.RESEARCH, Purpose.POLICE])
def test_p15_a_duty_after_death_is_not_narrower_than_a_refused_purpose(registered):
    given = c.facts(
        system=c.system(purpose=registered), purpose=Purpose.POST_DEATH_DUTY, patient=c.patient(deceased=True)
    )
    c.denied(given, "P-15", Code.PURPOSE_NOT_REGISTERED, first=False)


@pytest.mark.parametrize("operation", [Operation.TRACE, Operation.SCR_STATUS, Operation.RECORD_PERMISSION])
def test_p15_what_shows_no_record_asks_no_death_but_the_same_purpose(operation):
    c.allowed(c.facts(operation=operation, purpose=Purpose.POST_DEATH_DUTY))
    widened = c.facts(operation=operation, system=c.system(purpose=Purpose.POST_DEATH_DUTY))
    c.denied(widened, "P-15", Code.PURPOSE_NOT_REGISTERED)
    elsewhere = c.facts(operation=operation, purpose=Purpose.POST_DEATH_DUTY, system=c.system(purpose=Purpose.POLICE))
    c.denied(elsewhere, "P-15", Code.PURPOSE_NOT_REGISTERED, first=False)
