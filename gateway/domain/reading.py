"""What alerts, roles and outcomes are called by people who read reports: the words beside the codes, on pages and in files. Pure.

Names of job roles are the national ones as far as they are published; a role without one here stands under its code alone.
"""

from gateway.domain.codes import BY_SLUG
from gateway.domain.decision import AlertReason, AlertType, AuditEntry
from gateway.domain.privacy import AlertState

TYPES = {AlertType.SELF_CLAIM: "Relationship claimed", AlertType.ACCESS: "Access"}
REASONS = {
    AlertReason.PUBLIC_INTEREST: "Public interest",
    AlertReason.STATUTE: "Statute",
    AlertReason.COURT_ORDER: "Court order",
    AlertReason.SELF_CLAIM_EMERGENCY: "Emergency",
    AlertReason.EMERGENCY: "Emergency",
    AlertReason.OTHER: "Seen with permission",
}
STATES = {
    AlertState.NEW: "New",
    AlertState.INVESTIGATING: "Under investigation",
    AlertState.CLOSED: "Closed",
}
BASES = {
    "yes_this_time": "Yes, this view",
    "yes_extended": "Yes, kept",
    "yes_by_proxy": "Yes, by proxy",
    "not_applicable_registered": "Registered here",
    "emergency_unable_to_ask": "Emergency",
    "no_capacity_best_interests": "Best interests",
    "legal_court_order": "Court order",
    "legal_statute": "Statute",
    "legal_public_interest": "Public interest",
}
MARKS = {
    "after-refusal": "After the patient had refused",
    "threshold": "More overrides in 24 hours than the threshold",
    "reloaded": "The page of the same view, loaded again",
    "s-flag-attempt": "An attempt on a protected patient; no record was shown",
    "posted": "Written by the calling system",
}
RELATIONSHIPS = {
    "registration": "Registration",
    "referral": "Referral",
    "self_referral": "Self-referral",
    "self-claimed": "Claimed by the user",
    "self_claimed": "Claimed by the user",
    "colleague_granted": "Granted by a colleague",
}
EVENTS = {
    "asked": "Asked",
    "viewed": "Viewed",
    "print": "Printed",
    "refused": "Refused",
    "no-record": "No record",
    "unavailable": "Not available",
    "rejected": "Rejected",
    "permission": "Permission recorded",
    "relationship": "Relationship recorded",
    "status": "Status asked",
    "trace": "Patient looked up",
    "report": "Report",
    "privacy": "Privacy officer",
    "session": "Session",
    "alert": "Alert written",
}
OUTCOMES = {
    "asked": "Asked",
    "record": "Record shown",
    "no_record": "No record",
    "refused": "Refused",
    "invalid": "Not valid",
    "unavailable": "Not available",
    "answered": "Answered",
    "recorded": "On record",
    "known": "On record before",
    "held": "Held",
    "ended": "Ended",
    "issued": "Launch issued",
    "opened": "Launch opened",
    "sampled": "Sample drawn",
    "signed-in": "Signed in",
    "signed-out": "Signed out",
    "under-investigation": "Under investigation",
    "closed": "Closed",
}
ROLES = {
    "R0001": "Privacy Officer",
    "R0050": "Consultant",
    "R0260": "General Medical Practitioner",
    "R5080": "RA Manager",
    "R5090": "RA Agent",
    "R5105": "Caldicott Guardian",
    "R5110": "Demographic Administrator",
    "R8000": "Clinical Practitioner",
    "R8001": "Nurse",
    "R8003": "Health Professional",
    "R8004": "Healthcare Student",
    "R8008": "Admin or Clinical Support",
    "R8015": "Systems Support",
}
"""Job roles: the last part of a role code such as S8000:G8000:R8000 (access policy section 2b)."""


def role(code: str | None) -> str:
    """The name of a role code's job role; empty where it has none here."""
    return ROLES.get((code or "").rpartition(":")[2], "")


def outcome(entry: AuditEntry) -> str:
    """How a request ended: for a refusal or failure its public sentence."""
    if entry.code in BY_SLUG:
        return BY_SLUG[entry.code].sentence
    return OUTCOMES.get(entry.outcome, entry.outcome)
