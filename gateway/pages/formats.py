"""How pages write names, dates, ages and NHS numbers (NHS CUI; access policy section 6c). Pure; never guesses what is not known."""

import re
from collections.abc import Iterator
from datetime import date, datetime

from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import LONDON, WireTime

NOT_KNOWN = "Not known"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
GENDERS = {"0": NOT_KNOWN, "1": "Male", "2": "Female", "9": "Not specified"}
_LONG_WORD = re.compile(r"[^ \t\r\n]{33}")
_SETTINGS = {
    "111": "NHS 111",
    "gp_out_of_hours": "GP out of hours",
    "gp_temporary_or_non_registered": "GP, temporary or non-registered patients",
    "private_gp": "Private GP",
}


def nhs_number(number: NhsNumber) -> str:
    """3 3 4 with single spaces that do not break across lines (NUM-0001, NUM-0002)."""
    return number.grouped.replace(" ", "\u00a0")


def day(value: date | WireTime | None) -> str:
    """dd-Mmm-yyyy; a time stamp less precise than a day as precise as it is."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, WireTime):
        found = value.date
        if found is None:
            parts = value.iso.split("-")
            return parts[0] if len(parts) == 1 else f"{_MONTHS[int(parts[1]) - 1]}-{parts[0]}"
        value = found
    return f"{value.day:02d}-{_MONTHS[value.month - 1]}-{value.year:04d}"


def moment(value: datetime | WireTime) -> str:
    """dd-Mmm-yyyy hh:mm on the London clock; a date alone where no time is known."""
    if isinstance(value, WireTime):
        if not value.has_time:
            return day(value)
        value = value.instant
    local = value.astimezone(LONDON)
    return f"{day(local.date())} {local:%H:%M}"


def unbroken(text: str) -> bool:
    """Whether some word is too long for a column, so that it must be broken somewhere; no-break spaces hold words together."""
    return _LONG_WORD.search(text) is not None


def clock(value: datetime) -> str:
    """hh:mm on the London clock."""
    return f"{value.astimezone(LONDON):%H:%M}"


def age(born: WireTime | None, at: date) -> str | None:
    """Whole years such as `61y`, months below two years, days below four weeks; None where no day of birth is known."""
    start = born.date if born is not None else None
    if start is None or start > at:
        return None
    years = at.year - start.year - ((at.month, at.day) < (start.month, start.day))
    if years >= 2:
        return f"{years}y"
    days = (at - start).days
    if days < 28:
        return f"{days}d"
    months = (at.year - start.year) * 12 + at.month - start.month - (at.day < start.day)
    return f"{months}m"


def ago(value: WireTime, today: date) -> str | None:
    """How long ago a day was, in whole days, months or years; None where the day is not known or yet to come."""
    start = value.date
    if start is None or start > today:
        return None
    days = (today - start).days
    months = (today.year - start.year) * 12 + today.month - start.month - (today.day < start.day)
    if days == 0:
        return "today"
    for number, word in ((months // 12 if months >= 24 else 0, "year"), (months if days >= 60 else 0, "month")):
        if number:
            return f"{number} {word}{'' if number == 1 else 's'} ago"
    return f"{days} day{'' if days == 1 else 's'} ago"


def person(family: str | None, given: tuple[str, ...], prefix: str | None) -> str:
    """FAMILY, Given (Title); what is missing is left out, a person without any name is `Name not known`."""
    first = " ".join(given)
    name = ", ".join(part for part in ((family or "").upper(), first) if part)
    if not name:
        return "Name not known"
    return f"{name} ({prefix})" if prefix else name


def gender(code: str | None) -> str:
    """The word for a PDS gender code."""
    return GENDERS.get(code or "0", NOT_KNOWN)


_DATE = re.compile(rf"((?:0[1-9]|[12][0-9]|3[01])[-\s](?:{'|'.join(_MONTHS)})[-\s][0-9]{{4}})", re.ASCII)


def dates(text: str) -> Iterator[tuple[str, bool]]:
    """A text in pieces, each with whether it is a date such as 14-Jul-1945, which must not break across lines (NHS CUI)."""
    for at, piece in enumerate(_DATE.split(text)):
        if piece:
            yield piece, at % 2 == 1


def setting(code: str) -> str:
    """A care setting's code as words."""
    words = code.replace("_", " ")
    return _SETTINGS.get(code, words[:1].upper() + words[1:])
