"""Which privacy alert a view must raise, and what a view rests on (P-24, P-79). Pairs of type and reason are the national ones.

Never names a pair the national service refuses (1/5, 2/4, 2/6).
"""

from gateway.domain.decision import AlertPlan, AlertReason, AlertType, PermissionBasis
from gateway.domain.permission import LegalBasis, PermissionClaim, RecordedKind
from gateway.domain.spine import Confidentiality
from gateway.policy.case import Case

AFTER_REFUSAL = "after-refusal"
THRESHOLD = "threshold"
RELOADED = "reloaded"
S_FLAG_ATTEMPT = "s-flag-attempt"

LEGAL_REASONS = {
    LegalBasis.PUBLIC_INTEREST: AlertReason.PUBLIC_INTEREST,
    LegalBasis.STATUTE: AlertReason.STATUTE,
    LegalBasis.COURT_ORDER: AlertReason.COURT_ORDER,
}
LEGAL_BASES = {
    LegalBasis.PUBLIC_INTEREST: PermissionBasis.LEGAL_PUBLIC_INTEREST,
    LegalBasis.STATUTE: PermissionBasis.LEGAL_STATUTE,
    LegalBasis.COURT_ORDER: PermissionBasis.LEGAL_COURT_ORDER,
}
CLAIMED_BASES = {
    PermissionClaim.YES: PermissionBasis.YES_THIS_TIME,
    PermissionClaim.EXTENDED: PermissionBasis.YES_EXTENDED,
    PermissionClaim.PROXY: PermissionBasis.YES_BY_PROXY,
    PermissionClaim.EMERGENCY: PermissionBasis.EMERGENCY,
    PermissionClaim.BEST_INTERESTS: PermissionBasis.BEST_INTERESTS,
}
RECORDED_BASES = {
    RecordedKind.SINGLE: PermissionBasis.YES_THIS_TIME,
    RecordedKind.EXTENDED: PermissionBasis.YES_EXTENDED,
    RecordedKind.PROXY: PermissionBasis.YES_BY_PROXY,
}


def basis(case: Case) -> PermissionBasis | None:
    """What the view rests on; None while that is not known. At the patient's own practice no answer on record is used."""
    claims = case.facts.claims
    if claims.permission is PermissionClaim.LEGAL:
        return LEGAL_BASES[claims.legal_basis] if claims.legal_basis is not None else None
    if claims.permission in CLAIMED_BASES:
        return CLAIMED_BASES[claims.permission]
    if case.registered:
        return PermissionBasis.NOT_APPLICABLE_REGISTERED
    return RECORDED_BASES[case.held.kind] if case.held is not None else None


def plan(case: Case) -> AlertPlan | None:
    """The alert of a view that is allowed; None where it raises none."""
    pair = _pair(case)
    return AlertPlan(*pair, marks=_marks(case)) if pair is not None else None


def attempt(case: Case) -> AlertPlan | None:
    """The alert of a refused view of an S-flagged patient; None for any other patient.

    The pair is the one the view would have raised. The national code has none for a mere attempt: where there would
    have been no alert it is 2/5, the access pair, and the mark says what it was (this project's own choice).
    """
    patient = case.facts.patient
    if patient is None or patient.confidentiality is not Confidentiality.SENSITIVE:
        return None
    pair = _pair(case) or (AlertType.ACCESS, AlertReason.EMERGENCY)
    return AlertPlan(*pair, marks=(*_marks(case), S_FLAG_ATTEMPT))


def seen_by(case: Case) -> frozenset[AlertType]:
    """Which alerts the role may read: claimed relationships by one activity, accesses by another (section 2a)."""
    codes = case.settings.activities
    kinds = ((codes.self_claim_alerts, AlertType.SELF_CLAIM), (codes.access_alerts, AlertType.ACCESS))
    return frozenset(kind for code, kind in kinds if code in case.activities)


def _pair(case: Case) -> tuple[AlertType, AlertReason] | None:
    """An override's own pair first, then a claimed relationship, then settings that alert every view."""
    claims = case.facts.claims
    kind = AlertType.SELF_CLAIM if case.self_claim else AlertType.ACCESS
    if claims.permission is PermissionClaim.LEGAL:
        return (kind, LEGAL_REASONS[claims.legal_basis]) if claims.legal_basis is not None else None
    if case.overrides:
        return kind, AlertReason.SELF_CLAIM_EMERGENCY if case.self_claim else AlertReason.EMERGENCY
    setting = case.facts.setting
    if case.self_claim or (setting is not None and setting.code in case.settings.alert_every_view):
        return AlertType.SELF_CLAIM, AlertReason.OTHER
    return None


def _marks(case: Case) -> tuple[str, ...]:
    if not case.overrides:
        return ()
    marks = (AFTER_REFUSAL,) if case.refused_lately else ()
    if case.facts.reloaded:
        return (*marks, RELOADED)  # the same view shown again: it was counted when it was first shown
    often = case.facts.override_count_24h + 1 > case.settings.limits.override_views_per_day
    return (*marks, THRESHOLD) if often else marks
