"""The rule about the legitimate relationship between user and patient (P-01)."""

from gateway.domain.codes import Code
from gateway.policy.case import Case
from gateway.policy.judging import GOVERNANCE, NEEDS_PATIENT, PASSED, SEED, VIEWS, Judgement, Rule, Stage, failed


def _relationship(case: Case) -> Judgement:
    """On record, or by registration here, or claimed: expressly or by overriding. Any other kind must be on record."""
    if case.registered or case.standing is not None:
        return PASSED
    if case.claims_relationship or case.overrides:
        return PASSED
    if case.registered is None:
        return NEEDS_PATIENT
    claimed = case.facts.claims.relationship
    return failed("P-01", Code.RELATIONSHIP_MISSING, f"{claimed.value} not on record" if claimed else "")


RULES = (
    Rule(
        ids=("P-01",),
        sentence="The user has a legitimate relationship with the patient: on record, by registration, or claimed with an alert.",
        source=f"{SEED}; {GOVERNANCE}",
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_relationship,
    ),
)
