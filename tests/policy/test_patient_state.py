"""The patient's state on PDS and Spine's consent: who is shown, and how alike the refusals look."""

import pytest

from gateway.domain.access import Operation, Purpose
from gateway.domain.codes import Code
from gateway.domain.decision import ConsentFacts, Verdict
from gateway.domain.spine import Confidentiality, Consent
from tests.policy import cases as c

PROTECTED = [
    Confidentiality.SENSITIVE,
    Confidentiality.VERY_RESTRICTED,
    Confidentiality.REDACTED,
    Confidentiality.UNKNOWN,
]


@pytest.mark.parametrize("level", PROTECTED)
@pytest.mark.parametrize("claim", ["yes", "emergency", "legal"])
def test_scr_available_protected_patients_have_no_record_to_show(level, claim):
    given = c.facts(patient=c.patient(confidentiality=level), claims=c.claims(claim), consent=None)
    c.denied(given, "SCR-AVAILABLE", Code.SCR_NOT_AVAILABLE)


def test_scr_available_no_activity_opens_a_protected_record():
    sensitive = c.patient(confidentiality=Confidentiality.SENSITIVE)
    c.denied(c.facts(patient=sensitive, role=c.role(*c.ALL_CODES, "B1611")), "SCR-AVAILABLE", Code.SCR_NOT_AVAILABLE)


def test_pds_review_a_record_under_review_says_so():
    c.denied(c.facts(patient=c.patient(confidentiality=Confidentiality.UNDER_REVIEW)), "PDS-REVIEW", Code.UNDER_REVIEW)


@pytest.mark.parametrize("consent", [Consent.NO, Consent.UNKNOWN])
@pytest.mark.parametrize("claim", ["yes", "emergency", "legal"])
def test_scr_available_consent_no_or_unknown_refuses_even_an_override(consent, claim):
    given = c.facts(consent=ConsentFacts(consent=consent), claims=c.claims(claim))
    c.denied(given, "SCR-AVAILABLE", Code.SCR_NOT_AVAILABLE)


@pytest.mark.parametrize("consent", [Consent.ASK, Consent.YES])
def test_scr_available_consent_ask_and_the_legacy_yes_both_still_need_permission(consent):
    c.allowed(c.facts(consent=ConsentFacts(consent=consent)))
    given = c.facts(consent=ConsentFacts(consent=consent), claims=c.claims("not-asked"))
    c.denied(given, "P-02", Code.PERMISSION_MISSING)


def test_scr_available_a_protected_patient_and_one_who_opted_out_are_refused_alike():
    answers = [c.asked(c.facts(consent=ConsentFacts(consent=Consent.NO)))]
    answers += [c.asked(c.facts(patient=c.patient(confidentiality=level))) for level in PROTECTED]
    assert len({tuple((reason.rule, reason.code) for reason in each.reasons) for each in answers}) == 1


@pytest.mark.parametrize("purpose", [Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY])
def test_pds_death_the_record_of_the_dead_opens_on_confirmation(purpose):
    dead = c.patient(deceased=True)
    c.denied(c.facts(patient=dead, purpose=purpose), "PDS-DEATH", Code.DECEASED_NOT_CONFIRMED)
    c.allowed(c.facts(patient=dead, purpose=purpose, claims=c.claims(confirm_deceased=True)))


@pytest.mark.parametrize(
    ("given", "held", "opens"),
    [
        (None, "1980-02-29", True),
        (None, None, True),
        ("1980-02-29", "1980-02-29", True),
        ("1980-02-29", "1980-02", True),
        ("1980-02-29", "1980", True),
        ("1980-02-29", "1980-02-28", False),
        ("1980-02-29", "198", False),
        ("1980-02-29", None, False),
        ("1980-02-29", "", False),
        ("1980", "1980-02-29", False),
        ("", "1980-02-29", False),
    ],
)
def test_pds_birth_a_date_of_birth_given_must_be_the_patients(given, held, opens):
    asked = c.facts(claims=c.claims(birth_date=given), patient=c.patient(birth_date=held))
    if opens:
        c.allowed(asked)
    else:
        c.denied(asked, "PDS-BIRTH", Code.BIRTH_DATE_MISMATCH)


@pytest.mark.parametrize("given", [None, "1980-02-29", "1980-02-28", "1900-01-01"])
def test_pds_birth_nothing_is_told_of_a_patient_whose_record_is_not_shown(given):
    claims = c.claims(birth_date=given)
    answers = [
        c.asked(c.facts(claims=claims, consent=ConsentFacts(consent=one))) for one in (Consent.NO, Consent.UNKNOWN)
    ]
    answers += [c.asked(c.facts(claims=claims, patient=c.patient(confidentiality=level))) for level in PROTECTED]
    said = {tuple((reason.rule, reason.code) for reason in each.reasons) for each in answers}
    assert said == {(("SCR-AVAILABLE", Code.SCR_NOT_AVAILABLE),)}


def test_pds_birth_a_wrong_date_waits_for_consent():
    c.needs(c.facts(claims=c.claims(birth_date="1900-01-01"), consent=None), Verdict.NEEDS_CONSENT)


def test_printing_passes_what_viewing_passes():
    c.allowed(c.facts(operation=Operation.PRINT))
    c.denied(c.facts(operation=Operation.PRINT, relationships=()), "P-01", Code.RELATIONSHIP_MISSING)
    c.denied(
        c.facts(operation=Operation.PRINT, consent=ConsentFacts(consent=Consent.NO)),
        "SCR-AVAILABLE",
        Code.SCR_NOT_AVAILABLE,
    )
