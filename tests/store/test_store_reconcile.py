"""Attendance files: what they explain, and what they cannot do: exhaust memory, hide rows, or get their words repeated."""

import io
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.privacy import AlertCase, AlertState, FileRefused, Reconciliation
from gateway.store.export import csv_text
from gateway.store.reconcile import MOST_ROWS, instant, reconcile
from tests.store.values import NOW, OTHER, PATIENT
from tests.store.values import alert as an_alert

HEAD = "nhs_number,from,to\r\n"


def case(**more: object) -> AlertCase:
    """A new alert."""
    return AlertCase(alert=an_alert(**more), state=AlertState.NEW, version=0, acted=None, acted_by=None)


def read(text: str | bytes, *cases: AlertCase) -> Reconciliation:
    """A file held against alerts."""
    content = text.encode() if isinstance(text, str) else text
    return reconcile(io.BytesIO(content), cases, open_alerts=len(cases))


@pytest.mark.parametrize(
    ("start", "end", "matches"),
    [
        ("2026-03-04", "2026-03-04", True),
        ("04/03/2026", "04/03/2026", True),
        ("2026-03-04T10:11", "2026-03-04T10:12", True),
        ("2026-03-04T10:12", "2026-03-04T10:13", False),
        ("2026-03-04T11:11+01:00", "2026-03-04T11:12+01:00", True),
        ("2026-03-03", "", True),
        ("2026-03-05", "", False),
        ("2026-03-01", "2026-03-03", False),
    ],
)
def test_an_alert_within_an_attendance_is_found(start: str, end: str, matches: bool) -> None:
    found = read(f"{HEAD}{PATIENT.value},{start},{end}\r\n", case(), case(patient=OTHER))
    assert [(one.case.alert.patient, one.attendance.row) for one in found.matched] == (
        [(PATIENT, 2)] if matches else []
    )
    assert (found.rows, found.compared, found.duplicates, found.faults) == (1, 2, 0, ())


def test_summer_days_are_london_days() -> None:
    late = case(at=datetime(2026, 7, 1, 22, 59, tzinfo=UTC))
    later = case(at=datetime(2026, 7, 1, 23, 1, tzinfo=UTC))
    found = read(f"{HEAD}{PATIENT.value},2026-07-01,2026-07-01\r\n", late, later)
    assert [one.case for one in found.matched] == [late]


def test_columns_in_any_order_others_left_aside_numbers_grouped() -> None:
    text = f'ward,TO,From ,"NHS Number"\n"A, B\nC",2026-03-05,2026-03-01,{PATIENT.grouped}\n\n'
    assert len(read("\ufeff" + text, case()).matched) == 1


def test_faulty_rows_are_counted_by_line_and_never_quoted() -> None:
    text = HEAD + "=1+1,2026-03-01,2026-03-02\r\n" + f"{PATIENT.value},@now,2026-03-02\r\n"
    text += f"{PATIENT.value},2026-03-02,2026-03-01\r\n{PATIENT.value},2026-03-01\r\n"
    text += (
        f"{PATIENT.value},0001-01-01T00:00+14:00,\r\n9990000000,2026-03-01,\r\n"
        + f"{PATIENT.value},2026-03-01,2026-03-09\r\n" * 14
    )
    found = read(text, case())
    assert {what: (count, lines) for what, count, lines in found.faults} == {
        "not an NHS number": (2, (2, 7)),
        "a date or time that cannot be read": (2, (3, 6)),
        "ends before it begins": (1, (4,)),
        "not as many columns as the first line names": (1, (5,)),
    }
    assert (found.rows, found.duplicates, found.first_duplicates) == (20, 13, tuple(range(9, 19)))
    assert "=1+1" not in repr(found)
    assert PATIENT.value not in repr(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD.encode() + "José".encode("cp1252"), "UTF-8"),
        (HEAD.encode("utf-16"), "UTF-8"),
        (b"", "names the columns"),
        (b"nhs_number,from,from,to\n", "names the columns"),
        (HEAD.encode() + b'"never closed', "quotation mark in line 2"),
        (HEAD.encode() + b"x" * 70_000, "too long"),
    ],
)
def test_files_that_cannot_be_used_are_refused_whole(content: bytes, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        read(content, case())


VISIT = f"{PATIENT.value},2026-03-01,,A\r\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (VISIT + '"never closed\r\n' + VISIT * 3, "a quotation mark in line 3 that is not closed"),
        (VISIT + f'{PATIENT.value},2026-03-01,,"A\r\n' + VISIT * 9000, "a quotation mark in line 3 that is not closed"),
        (
            VISIT + f'"{PATIENT.value}","2026-\r\n03-01","a ""b""","A\r\n',
            "a quotation mark in line 4 that is not closed",
        ),
        (f'{PATIENT.value[:3]}"{PATIENT.value[3:]},,,"A\r\n', "a quotation mark in line 2 that is not closed"),
        (
            VISIT + f'{PATIENT.value},2026-03-01,,"A\r\n"{PATIENT.value}",2026-03-01,,"A"\r\n',
            "not CSV in line 4: text follows the value whose quotation mark opens in line 3",
        ),
        (
            f'{PATIENT.value},2026-03-01,,"A" B\r\n',
            "in line 2: text follows the value whose quotation mark opens in line 2",
        ),
    ],
)
def test_a_quotation_mark_that_spoils_the_file_is_placed_and_nothing_of_it_quoted(text: str, said: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read("nhs_number,from,to,ward\r\n" + text, case())
    assert said in str(refused.value)
    assert PATIENT.value not in str(refused.value)


def test_a_quotation_mark_left_open_in_the_first_line_is_placed() -> None:
    with pytest.raises(FileRefused, match="a quotation mark in line 1 that is not closed"):
        read('nhs_number,"from,to\r\n' + VISIT, case())


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    for start in (b"", HEAD.encode()):
        try:
            assert read(start + content, case()).rows >= 0
        except FileRefused:
            continue


@given(st.text(max_size=30))
def test_no_text_but_a_date_is_one(text: str) -> None:
    try:
        assert instant(text, end=False).tzinfo is not None
    except ValueError:
        return


class Endless(io.RawIOBase):
    """A file made while it is read, so that the test's own memory stays small."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._rest = b""
        self._lines: Iterator[bytes] = iter(())

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._rest = b""
        self._lines = self._made()
        return 0

    def _made(self) -> Iterator[bytes]:
        yield HEAD.encode()
        clock = [f"{hour:02}:{minute:02}Z" for hour in range(24) for minute in range(60)]
        for number in range(self.rows):
            if number % 1440 == 0:
                day = f"{PATIENT.value},{date(2020, 1, 1) + timedelta(days=number // 1440)}T"
            yield f"{day}{clock[number % 1440]},\r\n".encode()

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer)  # type: ignore[arg-type]
        while len(self._rest) < len(room):
            block = b"".join(islice(self._lines, 500))
            if not block:
                break
            self._rest += block
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def endless(rows: int) -> BinaryIO:
    """So many rows, each another minute."""
    return io.BufferedReader(Endless(rows))  # type: ignore[return-value]


def test_a_million_rows_are_read_in_bounded_time() -> None:
    began = time.monotonic()
    found = reconcile(endless(MOST_ROWS), [case()], open_alerts=1)
    assert (found.rows, found.duplicates) == (MOST_ROWS, 0)
    assert time.monotonic() - began < 120  # a wide guard; about 10 s on two busy cores


def test_more_rows_than_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.reconcile.MOST_ROWS", 1000)
    assert reconcile(endless(1000), [], open_alerts=0).rows == 1000
    with pytest.raises(FileRefused, match="more than"):
        reconcile(endless(1001), [], open_alerts=0)


def test_memory_grows_by_one_number_a_row() -> None:
    reconcile(endless(10), [case()], open_alerts=1)
    tracemalloc.start()
    try:
        reconcile(endless(40_000), [case()], open_alerts=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the file has 1.7 MB in these rows; a set of numbers and what it
    # takes while it grows stay below 250 bytes each
    assert peak < 40_000 * 250


@given(st.text(max_size=20))
def test_no_cell_of_an_export_is_a_formula(text: str) -> None:
    import csv

    [_, row] = list(csv.reader(io.StringIO(csv_text(["note"], [[text]]))))
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert row[0].removeprefix("'") == text.removeprefix("'") or text.startswith("'")


def test_now_is_an_instant() -> None:
    assert instant(NOW.isoformat(), end=True) == NOW
