"""Rules about the patient's state on PDS and the consent Spine holds (section on statuses of record and patient).

A protected patient and one who said no to a record are refused under one rule id and one sentence, so that an answer
never tells which it was; only the reason's detail, for the audit, does.
"""

from gateway.domain.codes import Code
from gateway.domain.spine import Confidentiality, Consent
from gateway.policy.case import Case
from gateway.policy.judging import (
    NEEDS_CONSENT,
    NEEDS_PATIENT,
    OWN,
    PASSED,
    VIEWS,
    Judgement,
    Rule,
    Stage,
    failed,
)

AVAILABLE = "SCR-AVAILABLE"
REVIEW = "PDS-REVIEW"
DEATH = "PDS-DEATH"
BIRTH = "PDS-BIRTH"
OPEN_CONSENT = frozenset({Consent.ASK, Consent.YES})
"""Yes is legacy and means Ask: permission is judged by its own rules either way."""
OPEN_RECORD = frozenset({Confidentiality.UNRESTRICTED, Confidentiality.UNDER_REVIEW})
"""Under review has a rule and a sentence of its own."""


def _unprotected(case: Case) -> Judgement:
    patient = case.facts.patient
    if patient is None:
        return NEEDS_PATIENT
    if patient.confidentiality in OPEN_RECORD:
        return PASSED
    return failed(AVAILABLE, Code.SCR_NOT_AVAILABLE, f"confidentiality {patient.confidentiality.value}")


def _reviewed(case: Case) -> Judgement:
    patient = case.facts.patient
    if patient is None:
        return NEEDS_PATIENT
    if patient.confidentiality is Confidentiality.UNDER_REVIEW:
        return failed(REVIEW, Code.UNDER_REVIEW)
    return PASSED


def _death_confirmed(case: Case) -> Judgement:
    patient = case.facts.patient
    if patient is None:
        return NEEDS_PATIENT
    if not patient.deceased or case.facts.claims.confirm_deceased:
        return PASSED
    return failed(DEATH, Code.DECEASED_NOT_CONFIRMED)


def _birth_date(case: Case) -> Judgement:
    """Compared as far as PDS holds it; a date given where PDS holds none matches nothing.

    Whether it is right is told only of patients whose record may be shown: else the answer would tell a protected patient's
    date of birth to whoever tries every day, and tell the protected from those who said no.
    """
    patient, given, consent = case.facts.patient, case.facts.claims.birth_date, case.facts.consent
    if given is None:
        return PASSED
    if patient is None:
        return NEEDS_PATIENT
    held = patient.birth_date
    right = bool(held) and (given == held or given.startswith(f"{held}-"))
    if right or patient.confidentiality not in OPEN_RECORD:
        return PASSED
    if consent is None:
        return NEEDS_CONSENT
    return failed(BIRTH, Code.BIRTH_DATE_MISMATCH) if consent.consent in OPEN_CONSENT else PASSED


def _consent(case: Case) -> Judgement:
    if case.facts.patient is None:
        return NEEDS_PATIENT
    if case.facts.consent is None:
        return NEEDS_CONSENT
    if case.facts.consent.consent in OPEN_CONSENT:
        return PASSED
    return failed(AVAILABLE, Code.SCR_NOT_AVAILABLE, f"consent {case.facts.consent.consent.value}")


RULES = (
    Rule(
        ids=(AVAILABLE,),
        sentence="No record is shown of a patient whose demographics are sensitive, very restricted, redacted or of unknown status.",
        source=f"Restricting access to a patient's demographic record; the refusal of V and REDACTED is {OWN}",
        stage=Stage.PATIENT,
        operations=VIEWS,
        judge=_unprotected,
    ),
    Rule(
        ids=(REVIEW,),
        sentence="No record is shown of a patient whose demographic record is under review.",
        source=OWN,
        stage=Stage.PATIENT,
        operations=VIEWS,
        judge=_reviewed,
    ),
    Rule(
        ids=(DEATH,),
        sentence="The record of a patient who has died is shown on confirmation, for direct care or a duty after death.",
        source=OWN,
        stage=Stage.PATIENT,
        operations=VIEWS,
        judge=_death_confirmed,
    ),
    Rule(
        ids=(BIRTH,),
        sentence="A date of birth given with the request is the patient's. Told only where the record may be shown.",
        source="Spine mini service, the step before the first call",
        stage=Stage.PATIENT,
        operations=VIEWS,
        judge=_birth_date,
    ),
    Rule(
        ids=(AVAILABLE,),
        sentence="Spine's consent to view is Ask or the legacy Yes, which still needs permission; No and any other text refuse.",
        source="Summary Care Record FHIR API, access permission",
        stage=Stage.CONSENT,
        operations=VIEWS,
        judge=_consent,
    ),
)
