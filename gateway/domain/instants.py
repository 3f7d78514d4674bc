"""HL7 time stamps and the London wall clock. Every instant inside the gateway is aware; wire times of Spine carry no zone and mean Europe/London."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from gateway.domain.errors import InvalidValue

LONDON = ZoneInfo("Europe/London")
_TS = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?)?)?", re.ASCII)


def aware(moment: datetime) -> datetime:
    """The same instant, or InvalidValue where it has no zone (I7)."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidValue("an instant needs a zone")
    return moment


def to_hl7(moment: datetime) -> str:
    """Aware instant -> `yyyyMMddHHmmss`, London wall clock."""
    return aware(moment).astimezone(LONDON).strftime("%Y%m%d%H%M%S")


@dataclass(frozen=True, slots=True)
class WireTime:
    """An HL7 time stamp with the precision it came with: year, year-month, date, minute or second."""

    text: str

    def __post_init__(self) -> None:
        match = _TS.fullmatch(self.text)
        if not match:
            raise InvalidValue("not an HL7 time stamp")
        try:
            self._wall(match)
        except ValueError as error:
            raise InvalidValue("not a real date or time") from error

    @staticmethod
    def _wall(match: re.Match[str]) -> datetime:
        year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
        return datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)  # noqa: DTZ001 - wall clock, zoned by its reader

    @property
    def _match(self) -> re.Match[str]:
        match = _TS.fullmatch(self.text)
        assert match is not None
        return match

    @property
    def has_time(self) -> bool:
        """Whether it is at least as precise as a minute."""
        return self._match.group(4) is not None

    @property
    def date(self) -> date | None:
        """The calendar date, where it is at least that precise."""
        return self._wall(self._match).date() if self._match.group(3) else None

    @property
    def instant(self) -> datetime:
        """The aware instant, missing parts as their first value; in the repeated autumn hour the first (summer time) reading."""
        return self._wall(self._match).replace(tzinfo=LONDON)

    @property
    def iso(self) -> str:
        """ISO 8601 at its own precision; times with their London offset, seconds always present."""
        match = self._match
        if self.has_time:
            return self.instant.isoformat(timespec="seconds")
        return "-".join(part for part in match.groups()[:3] if part)


def from_iso(text: str) -> datetime:
    """ISO 8601 text with a zone -> aware UTC instant. Raises InvalidValue."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue("not an ISO 8601 time") from error
    return aware(moment).astimezone(UTC)
