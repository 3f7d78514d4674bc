"""What the privacy officer's pages call things, and how they read dates from forms. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from gateway.domain.errors import InvalidValue
from gateway.domain.instants import LONDON
from gateway.domain.privacy import Span
from gateway.domain.reading import BASES, EVENTS, MARKS, REASONS, RELATIONSHIPS, STATES, TYPES, outcome, role

__all__ = [
    "BASES",
    "EVENTS",
    "MARKS",
    "REASONS",
    "RELATIONSHIPS",
    "STATES",
    "TYPES",
    "around",
    "day_of",
    "last_days",
    "outcome",
    "role",
    "span_of",
    "whole_days",
]


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


def around(moment: datetime, days: int = 15) -> dict[str, str]:
    """`from` and `to` of so many days either side of a moment."""
    day = moment.astimezone(LONDON).date()
    return {"from": (day - timedelta(days=days)).isoformat(), "to": (day + timedelta(days=days)).isoformat()}
