"""What the privacy officer's pages call things, and how they read dates from forms. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.errors import InvalidValue
from gateway.domain.instants import LONDON
from gateway.domain.privacy import AlertState, Span

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


def day_of(text: str) -> date:
    """From a date field: YYYY-MM-DD, or as people type it, D/M/YYYY. Raises ValueError."""
    text = text.strip()
    if "/" in text:
        day, month, year = text.split("/")
        return date(int(year), int(month), int(day))
    return date.fromisoformat(text)


def whole_days(first: date, last: date) -> tuple[datetime, datetime]:
    """[start of the first London day, end of the last)."""
    return (
        datetime.combine(first, time(), LONDON),
        datetime.combine(last + timedelta(days=1), time(), LONDON),
    )


def span_of(form: Mapping[str, str]) -> Span:
    """The span of a form's `from` and `to`. Raises InvalidValue, whose text is for the person."""
    try:
        first, last = day_of(form.get("from", "")), day_of(form.get("to", ""))
        start, end = whole_days(first, last)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("Enter both dates, such as 1/3/2026") from error
    if not timedelta(0) <= last - first < timedelta(days=31):
        raise InvalidValue("Choose a span of 1 to 31 days, from earlier to later")
    return Span(start=start, end=end)


def last_days(now: datetime, days: int = 31) -> dict[str, str]:
    """`from` and `to` of the last so many days, today included."""
    today = now.astimezone(LONDON).date()
    return {"from": (today - timedelta(days=days - 1)).isoformat(), "to": today.isoformat()}
