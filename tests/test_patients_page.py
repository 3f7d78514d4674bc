"""docs/patients.md names every patient of the cast who plays a part, says what each ends in, and what other numbers are."""

import re

import pytest

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumbers, NumberRange
from tests.running import ROOT
from tests.test_patient_cases import CASES
from vendor_stubs import cast

PAGE = (ROOT / "docs" / "patients.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (\d{3} \d{3} \d{4}) \| (.+?) \| `(\w+)` \| (.+?) \| (\w[\w ]+, \d)(; .+)? \| (\S+) \|$", re.MULTILINE
)
ROWS = {row[1].replace(" ", ""): row for row in ROW.finditer(PAGE)}


def test_every_patient_with_a_part_stands_there_once_and_nobody_else() -> None:
    listed = {number: (row[2], row[3]) for number, row in ROWS.items()}
    assert listed == {one.nhs: (f"{one.name.family}, {one.name.given}", one.case) for one in cast.patients()}
    assert PAGE.count("\n| 9") == len(ROWS)


def test_each_ends_as_the_tests_of_every_door_say() -> None:
    for row in ROWS.values():
        (outcome, status), code = CASES[row[3]]
        assert (row[5], row[7]) == (f"{outcome.replace('_', ' ')}, {status}", code), row[3]
    other = {row[3] for row in ROWS.values() if row[6]}
    assert other == {"deceased", "hostile_markup"}, "cases that end in two ways"


@pytest.mark.parametrize("text", [PAGE, README])
def test_any_other_number_that_is_one_is_a_patient(text: str) -> None:
    told = " ".join(text.split())
    assert re.search(r"[Aa]ny other number (that begins|beginning) with 9 (and|that) passes Modulus 11", told)
    numbers = NhsNumbers(NumberRange.SYNTHETIC)
    for digits in ("9000000009", "9434765919", "9990402132"):
        assert digits not in ROWS
        assert numbers.read(digits).value == digits
        assert cast.patient(digits) is not None
    for digits in ("9999999999", "9000000008", "4857773457"):
        with pytest.raises(InvalidValue):
            numbers.read(digits)
    assert "9999999999" in told.replace("999 999 9999", "9999999999")
