"""What a reason tells an engineer and the audit beyond its code; never anything of the patient's record."""

from dataclasses import replace

import pytest

from gateway.domain.access import Assurance, Operation, Purpose, Setting, Site, SystemKind, SystemState, UserProof
from gateway.domain.codes import Code
from gateway.domain.decision import ConsentFacts
from gateway.domain.identifiers import OdsCode
from gateway.domain.permission import PermissionClaim, RelationshipKind
from gateway.domain.spine import Confidentiality, Consent
from tests.policy import cases as c

DETAILS = [
    ({"claims": c.claims("not-asked"), "permissions": (c.recorded("no"),)}, "P-03", "on record"),
    ({"claims": c.claims("extended")}, "P-20", "this organisation keeps no permission"),
    ({"claims": c.claims("emergency", note=None)}, "P-06", "none"),
    ({"claims": c.claims("emergency", note="too brief")}, "P-06", "too short"),
    ({"claims": c.claims("best-interests", note="unconsciousness")}, "P-24", "too few words"),
    ({"claims": c.claims("legal", note="help help help")}, "P-06", "one thing repeated"),
    ({"claims": c.claims("emergency"), "recent_notes": (c.NOTE,)}, "P-06", "used lately"),
    ({"claims": c.claims("legal", legal_basis=None)}, "P-02", "no basis named"),
    ({"proof": c.proof(assurance=Assurance.AAL1)}, "P-07", "AAL1"),
    ({"proof": c.proof(selected_role=c.OTHER_ROLE)}, "P-09", "another role was chosen"),
    ({"claims": c.claims(purpose="police")}, "P-15", "the purpose named is not the one in force"),
    ({"purpose": Purpose.POST_DEATH_DUTY}, "P-15", "not deceased"),
    (
        {"relationships": (), "claims": c.claims(relationship=RelationshipKind.REFERRAL)},
        "P-01",
        "referral not on record",
    ),
    ({"relationships": ()}, "P-01", ""),
    ({"patient": c.patient(confidentiality=Confidentiality.REDACTED)}, "SCR-AVAILABLE", "confidentiality REDACTED"),
    ({"consent": ConsentFacts(consent=Consent.NO)}, "SCR-AVAILABLE", "consent No"),
    ({"setting": None}, "P-58", "none named"),
    ({"setting": Setting("veterinary")}, "P-58", "veterinary"),
    ({"setting": Setting("police")}, "P-61", "police"),
    ({"setting": Setting("dentistry")}, "P-50", "dentistry"),
    ({"setting": Setting("ambulance")}, "P-15", "ambulance"),
    ({"system": c.system(purpose=Purpose.POST_DEATH_DUTY)}, "P-15", "direct-care"),
    ({"operation": Operation.LAUNCH}, "P-84", "launch"),
    ({"system": c.system(user_proof=UserProof.VOUCHED)}, "P-07", "a vouched system proves no user"),
    (
        {
            "system": c.system(user_proof=UserProof.VOUCHED, operations=frozenset({"verifyNHSNumber"})),
            "operation": Operation.TRACE,
            "action": "verifyNHSNumber",
            "system_proved": False,
            "proof": None,
        },
        "P-07",
        "only a system proved by its certificate vouches",
    ),
    ({"organisation": None}, "P-70", "unknown"),
    ({"system": c.system(organisation=c.OTHER_ODS)}, "P-14", "not the system's"),
    ({"privacy_officers_trained": 0}, "P-75", "no trained privacy officer"),
    ({"organisation": c.organisation(onboarding=())}, "P-70", "interest"),
    ({"site": None}, "P-71", "none named"),
    ({"site": OdsCode("RZZ91B")}, "P-71", "RZZ91B"),
    ({"site": OdsCode("RZZ91B"), "system": c.system(site=None)}, "P-71", "RZZ91B"),
    (
        {"organisation": c.organisation(sites=(Site(ods=OdsCode("RZZ91A"), settings=frozenset()),))},
        "P-71",
        "not for this setting",
    ),
    ({"network_allowed": False}, "P-12", ""),
    ({"system": c.system(state=SystemState.SUSPENDED)}, "P-84", ""),
    ({"operation": Operation.ACTIVITY_REPORT, "role": c.role("B0370")}, "P-08", "B0011"),
]


@pytest.mark.parametrize(("changes", "rule", "detail"), DETAILS)
def test_the_detail_tells_an_engineer_what_was_wrong_and_nothing_about_the_patient(changes, rule, detail):
    reasons = c.asked(c.facts(**changes)).reasons
    assert (rule, detail) == (reasons[0].rule, reasons[0].detail)


def test_the_condition_note_and_the_last_day_have_details_too():
    refused = c.facts(claims=c.claims("emergency", condition_changed=True), permissions=(c.recorded("no"),))
    assert c.asked(refused).reasons[0].detail == "none"
    same = c.with_claims(refused, condition_changed_note=c.NOTE)
    assert c.asked(same).reasons[0].detail == "same as the note"
    keeps = c.facts(organisation=c.organisation(permission=c.policy("extended", "team", 7)))
    over = c.with_claims(keeps, permission=PermissionClaim.EXTENDED, until="2026-03-01")
    assert c.asked(over).reasons[0].detail == "the last day is over or not a day"
    officer = c.standalone(operation=Operation.PRIVACY, role=c.role("B0370"))
    assert [reason.detail for reason in c.asked(officer).reasons] == ["B0016", "B0015"]


def test_codes_missing_are_named_in_the_order_they_are_asked():
    reasons = c.asked(c.facts(system=c.system(kind=SystemKind.ONE_CLICK), role=c.role("B0257"))).reasons
    assert [reason.detail for reason in reasons] == ["B0264", "B0370"]


def test_a_setting_not_approved_without_an_organisation_is_still_named():
    reasons = c.asked(replace(c.facts(setting=Setting("dentistry")), organisation=None)).reasons
    assert [reason.detail for reason in reasons if reason.rule in {"P-50", "P-57"}] == ["dentistry", "dentistry"]
    assert Code.INTERNAL not in [reason.code for reason in reasons]


def test_a_duty_after_death_under_a_refused_purpose_names_the_purpose():
    given = c.facts(system=c.system(purpose=Purpose.POLICE), purpose=Purpose.POST_DEATH_DUTY)
    assert [reason.detail for reason in c.asked(given).reasons if reason.rule == "P-15"] == ["post-death-duty"]
