"""Dates, ages, names and numbers as NHS CUI has them."""

from datetime import UTC, date, datetime

import pytest

from gateway.domain.identifiers import NhsNumber, OdsCode
from gateway.domain.instants import WireTime
from gateway.domain.spine import Confidentiality, Demographics
from gateway.pages import formats
from gateway.pages.contexts import banner

NUMBER = NhsNumber("9992000112")


def patient(**changes: object) -> Demographics:
    """A patient; any member may be changed."""
    values: dict[str, object] = {
        "nhs_number": NUMBER,
        "requested": None,
        "family": "Ashworth",
        "given": ("Evelyn",),
        "prefix": "Mrs",
        "birth": WireTime("19450714"),
        "gender": "2",
        "deceased": None,
        "practice": OdsCode("AZZ99"),
        "confidentiality": Confidentiality.UNRESTRICTED,
    }
    return Demographics(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(1994, 1, 1), "01-Jan-1994"),
        (WireTime("19940131"), "31-Jan-1994"),
        (WireTime("199401"), "Jan-1994"),
        (WireTime("1994"), "1994"),
        (None, "Not known"),
    ],
)
def test_days(value: date | WireTime | None, shown: str) -> None:
    assert formats.day(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 7, 1, 9, 15, tzinfo=UTC), "01-Jul-2026 10:15"),
        (datetime(2026, 1, 1, 9, 15, tzinfo=UTC), "01-Jan-2026 09:15"),
        (WireTime("202607011015"), "01-Jul-2026 10:15"),
        (WireTime("20260701"), "01-Jul-2026"),
    ],
)
def test_moments_are_on_the_london_clock(value: datetime | WireTime, shown: str) -> None:
    assert formats.moment(value) == shown


@pytest.mark.parametrize(
    ("born", "at", "shown"),
    [
        ("19450714", date(2026, 7, 13), "80y"),
        ("19450714", date(2026, 7, 14), "81y"),
        ("20240229", date(2026, 2, 28), "23m"),
        ("20240229", date(2026, 3, 1), "2y"),
        ("20260601", date(2026, 6, 20), "19d"),
        ("20260601", date(2026, 7, 1), "1m"),
        ("194507", date(2026, 7, 14), None),
        ("20270101", date(2026, 7, 14), None),
    ],
)
def test_ages(born: str, at: date, shown: str | None) -> None:
    assert formats.age(WireTime(born), at) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (("Smith", ("John", "Paul"), "Mr"), "SMITH, John Paul (Mr)"),
        (("Ó Murchú", ("Seán",), None), "Ó MURCHÚ, Seán"),
        ((None, ("Ada",), None), "Ada"),
        (("Smith", (), "Dr"), "SMITH (Dr)"),
        ((None, (), "Dr"), "Name not known"),
    ],
)
def test_names(name: tuple[str | None, tuple[str, ...], str | None], shown: str) -> None:
    assert formats.person(*name) == shown


def test_the_number_is_three_three_four_on_one_line() -> None:
    assert formats.nhs_number(NUMBER) == "999\u00a0200\u00a00112"


def test_the_banner() -> None:
    shown = banner("c", patient(), date(2026, 7, 14))
    assert (shown.name, shown.born, shown.gender, shown.died) == (
        "ASHWORTH, Evelyn (Mrs)",
        "14-Jul-1945 (81y)",
        "Female",
        None,
    )


def test_the_banner_of_the_dead_says_when_and_gives_the_age_then() -> None:
    shown = banner("c", patient(deceased=WireTime("20260301")), date(2026, 7, 14))
    assert (shown.born, shown.died) == ("14-Jul-1945", "01-Mar-2026 (80y)")


@pytest.mark.parametrize("hidden", [Confidentiality.VERY_RESTRICTED, Confidentiality.REDACTED, Confidentiality.UNKNOWN])
def test_protected_details_are_not_shown_at_all(hidden: Confidentiality) -> None:
    shown = banner("c", patient(confidentiality=hidden, deceased=WireTime("20260301")), date(2026, 7, 14))
    assert "Ashworth" not in repr((shown.name, shown.born, shown.note)).title()
    assert (shown.born, shown.gender, shown.died) == ("Not known", "Not known", None)


def test_a_superseded_number_is_said_beside_the_current_one() -> None:
    shown = banner("c", patient(requested=NhsNumber("9992003448")), date(2026, 7, 14))
    assert shown.note is not None
    assert "999\u00a0200\u00a03448" in shown.note
    assert "999\u00a0200\u00a00112" in shown.note


@pytest.mark.parametrize(
    ("code", "shown"), [("gp_out_of_hours", "GP out of hours"), ("111", "NHS 111"), ("mental_health", "Mental health")]
)
def test_settings_in_words(code: str, shown: str) -> None:
    assert formats.setting(code) == shown


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Last Issued: 12-Sep-2024", [("Last Issued: ", False), ("12-Sep-2024", True)]),
        ("31 Jan 2024, again", [("31 Jan 2024", True), (", again", False)]),
        ("from 01-Mar-2025 to 02-Mar-2025", [("from ", False), ("01-Mar-2025", True), (" to ", False), ("02-Mar-2025", True)]),
        ("32-Jan-2024 and 1-Jan-2024", [("32-Jan-2024 and 1-Jan-2024", False)]),
    ],
)  # fmt: skip
def test_dates_stand_apart_from_the_words_around_them(text: str, pieces: list[tuple[str, bool]]) -> None:
    """So that the page can keep each on one line."""
    assert list(formats.dates(text)) == pieces
    assert "".join(piece for piece, _ in formats.dates(text)) == text


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("20261128", "today"),
        ("202611281300", "today"),
        ("20261127", "1 day ago"),
        ("20260930", "59 days ago"),
        ("20260929", "1 month ago"),
        ("20260928", "2 months ago"),
        ("20241129", "23 months ago"),
        ("20241128", "2 years ago"),
        ("20161129", "9 years ago"),
        ("20261129", None),
        ("202611", None),
    ],
)
def test_how_old_a_record_is(made: str, told: str | None) -> None:
    """Never rounded up: a record is said to be no older than it is."""
    assert formats.ago(WireTime(made), date(2026, 11, 28)) == told


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("Paracetamol 500mg tablets", False),
        ("500\u00a0mg\u00a0comprim\u00e9s", False),
        ("x" * 32, False),
        ("x" * 33, True),
        (f"one {'x' * 40} two", True),
        ("\u00a0".join(["five5"] * 6), True),
        ("", False),
    ],
)
def test_only_a_word_too_long_for_a_column_may_be_broken(text: str, broken: bool) -> None:
    assert formats.unbroken(text) is broken
