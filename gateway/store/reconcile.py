"""Reads an attendance file (CSV: nhs_number, from, to) and finds which open alerts it explains. Keeps no row, quotes none.

Bounded whatever is in the file: size, rows, one field's length; memory grows with a million rows by one number each.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import islice
from types import MappingProxyType
from typing import BinaryIO

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import LONDON
from gateway.domain.privacy import AlertCase, Attendance, FileRefused, Matched, Reconciliation

MOST_BYTES = 96 * 1024 * 1024
MOST_ROWS = 1_000_000
COLUMNS = ("nhs_number", "from", "to")
_LONGEST_LINE = 64 * 1024
_SHOWN = 10
_BLANKS = re.compile(r"[\s\u00a0-]+")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{2})/(\d{2})/(\d{4})", re.ASCII)

NUMBER = "not an NHS number"
INSTANT = "a date or time that cannot be read"
ORDER = "ends before it begins"
WIDTH = "not as many columns as the first line names"


@dataclass(slots=True)
class _Found:
    """What was counted so far."""

    rows: int = 0
    duplicates: int = 0
    first_duplicates: list[int] = field(default_factory=list)
    faults: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    matched: dict[str, Attendance] = field(default_factory=dict)

    def fault(self, what: str, row: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        first = self.faults.setdefault(what, [])
        if len(first) < _SHOWN:
            first.append(row)


def reconcile(
    file: BinaryIO,
    cases: Sequence[AlertCase],
    *,
    open_alerts: int,
    superseded: Mapping[str, str] = MappingProxyType({}),
) -> Reconciliation:
    """What the file, from its first byte, says about these alerts, each of which is still open. `superseded`: the number that
    stands for an old one now, since a file may have either.

    Dates are London days, a `to` day counts to its end, an empty `to` means still there; times without a zone are London
    time. Raises FileRefused for a file that is not UTF-8 CSV with the three columns, or is beyond the bounds.
    """
    wanted: dict[str, list[AlertCase]] = {}
    for each in cases:
        wanted.setdefault(each.alert.patient.value, []).append(each)
    for old, now in superseded.items():
        wanted[old] = [*wanted.get(old, ()), *wanted.get(now, ())]
    found, seen = _Found(), set[int]()
    for line, row in _rows(file, found):
        _take(line, row, found, seen, wanted)
    by_id = {each.alert.id: each for each in cases}
    matched = [Matched(case=by_id[alert_id], attendance=there) for alert_id, there in found.matched.items()]
    return Reconciliation(
        digest=_digest(file),
        rows=found.rows,
        duplicates=found.duplicates,
        first_duplicates=tuple(found.first_duplicates),
        faults=tuple((what, found.counts[what], tuple(first)) for what, first in sorted(found.faults.items())),
        compared=len(cases),
        open=open_alerts,
        matched=tuple(sorted(matched, key=lambda one: (one.case.alert.at, one.case.alert.id))),
    )


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Line by line, none longer than the bound. Raises FileRefused."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise FileRefused("The file has a line that is too long to be one of a list of attendances.")
        yield line


def _rows(file: BinaryIO, found: _Found) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """(line on which it begins, the three values) of each row that has them. Raises FileRefused."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(_lines(text), strict=True)
    began = 1
    try:
        header = next(reader, None)
        places = _places(header or [])
        width = len(header or [])
        began = reader.line_num + 1
        for row in reader:
            line, began = began, reader.line_num + 1
            if not row:
                continue
            found.rows += 1
            if found.rows > MOST_ROWS:
                raise FileRefused(f"The file has more than {MOST_ROWS:,} rows. Send it in parts.")
            if len(row) != width:
                found.fault(WIDTH, line)
                continue
            yield line, (row[places[0]], row[places[1]], row[places[2]])
    except UnicodeDecodeError as error:
        raise FileRefused("The file is not UTF-8 text. Save it as CSV UTF-8 and send it again.") from error
    except csv.Error as error:
        text.seek(0)
        raise FileRefused(_not_csv(islice(_lines(text), began - 1, reader.line_num), began, reader.line_num)) from error
    finally:
        text.detach()


def _not_csv(lines: Iterable[str], began: int, last: int) -> str:
    """Why the row from line `began` to line `last` is none, and where its trouble begins. Quotes nothing of it.

    Where a quotation mark is not closed, nobody can tell which of the lines after it are rows: none of them is read.
    """
    opened, quoted, at_start, closed = began, False, True, False
    for number, line in enumerate(lines, began):
        for letter in line:
            if quoted:
                quoted, closed = (letter != '"'), letter == '"'
            elif letter == '"' and (at_start or closed):
                quoted, at_start, opened = True, False, opened if closed else number
            else:
                if closed and letter not in ",\r\n":
                    return f"The file is not CSV in line {number}: text follows the value whose quotation mark opens in line {opened}."
                at_start, closed = letter == ",", False
    if quoted:
        return (
            f"The file has a quotation mark in line {opened} that is not closed, so that all after it would be one value. "
            f"Close it, or take it out, and send the file again."
        )
    return f"The file is not CSV from line {last} on."


def _places(header: Sequence[str]) -> tuple[int, int, int]:
    """Where the columns are, in whatever order. Raises FileRefused."""
    names = [_BLANKS.sub("_", name.strip().lower()) for name in header]
    if any(names.count(name) != 1 for name in COLUMNS):
        raise FileRefused("The first line names the columns nhs_number, from and to, each once.")
    first, second, third = (names.index(name) for name in COLUMNS)
    return first, second, third


def _take(
    line: int, row: tuple[str, str, str], found: _Found, seen: set[int], wanted: Mapping[str, list[AlertCase]]
) -> None:
    """One row: counted, checked, and held against the alerts of its patient."""
    number = _BLANKS.sub("", row[0])
    try:
        NhsNumber(number)
    except InvalidValue:
        return found.fault(NUMBER, line)
    first, last = row[1].strip(), row[2].strip()
    try:
        start, end = _moment(first, end=False), _moment(last, end=True) if last else None
        if end is not None and _before(end, start):
            return found.fault(ORDER, line)
        cases = wanted.get(number, ())
        there = Attendance(row=line, start=_utc(start), end=_utc(end) if end is not None else None) if cases else None
    except ValueError:
        return found.fault(INSTANT, line)
    key = hash((number, first, last))
    if key in seen:
        found.duplicates += 1
        if len(found.first_duplicates) < _SHOWN:
            found.first_duplicates.append(line)
        return None
    seen.add(key)
    if there is not None:
        _match(cases, there, found)
    return None


def _match(cases: Sequence[AlertCase], there: Attendance, found: _Found) -> None:
    """The first attendance that covers an alert's access is its evidence."""
    for case in cases:
        covers = there.start <= case.alert.at and (there.end is None or case.alert.at <= there.end)
        if covers:
            found.matched.setdefault(case.alert.id, there)


def instant(text: str, *, end: bool) -> datetime:
    """A day (2026-03-01, 01/03/2026) or a time (2026-03-01T10:15, with or without zone) as a UTC instant. Raises ValueError.

    `end`: of a day its last instant, else its first. In the repeated autumn hour the first reading.
    """
    return _utc(_moment(text.strip(), end=end))


def _moment(text: str, *, end: bool) -> datetime:
    """The same, naive where the text names no zone: zones are worked out only for patients with alerts."""
    match = _DAY.fullmatch(text)
    if match is None:
        if len(text) < len("2026-03-01T10:15") or not text.isascii():
            raise ValueError("not an instant")
        return datetime.fromisoformat(text)
    year, month, day, other_day, other_month, other_year = match.groups()
    found = date(int(year or other_year), int(month or other_month), int(day or other_day))
    return datetime.combine(found, time.max if end else time.min)


def _utc(moment: datetime) -> datetime:
    """London wall clock where it is naive. Raises ValueError at the ends of the calendar."""
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=LONDON)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


def _before(one: datetime, other: datetime) -> bool:
    if (one.tzinfo is None) is (other.tzinfo is None):
        return one < other
    return _utc(one) < _utc(other)
