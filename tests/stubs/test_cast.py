"""The cast: complete, the same as the yardstick's, and the same in every process."""

import csv
import io
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vendor_stubs import cast
from vendor_stubs.cli import main


def _plain(value: Any) -> Any:
    """A frozen value as TOML would give it: dicts and lists, without what is not said."""
    if hasattr(value, "__dataclass_fields__"):
        told = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        if "start" in told:
            told["from"] = told.pop("start")
        return {name: part for name, part in told.items() if part is not None}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return dict(value) if isinstance(value, dict) else value


@pytest.fixture(scope="module")
def yardstick(shared: Path) -> dict[str, Any]:
    return tomllib.loads((shared / "cast.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("table", "people"),
    [
        ("organisation", cast.organisations()),
        ("user", cast.users()),
        ("patient", cast.patients()),
    ],
)
def test_every_field_of_the_yardstick(table: str, people: tuple[Any, ...], yardstick: dict[str, Any]) -> None:
    assert [_plain(row) for row in people] == yardstick[table]


def test_every_field_of_every_system(yardstick: dict[str, Any]) -> None:
    assert [{k: v for k, v in _plain(row).items() if v != []} for row in cast.systems()] == yardstick["system"]


def test_registry_is_the_yardsticks_own_tables(yardstick: dict[str, Any]) -> None:
    printed = CliRunner().invoke(main, ["cast", "registry"])
    assert printed.exit_code == 0
    assert tomllib.loads(printed.output) == {
        "organisation": yardstick["organisation"],
        "system": yardstick["system"],
    }


def test_registry_reads_back_without_the_yardstick() -> None:
    tables = tomllib.loads(cast.registry_toml())
    assert [row["ods"] for row in tables["organisation"]] == [row.ods for row in cast.organisations()]
    assert [row["asid"] for row in tables["system"]] == [row.asid for row in cast.systems()]


def test_training_lists_exactly_the_trained() -> None:
    printed = CliRunner().invoke(main, ["cast", "training"])
    rows = list(csv.DictReader(io.StringIO(printed.output)))
    assert list(rows[0]) == ["uid", "module", "topics_version", "passed", "date"]
    assert [row["uid"] for row in rows] == [user.uid for user in cast.users() if user.trained]
    assert "910000000091" not in {row["uid"] for row in rows}
    assert {row["passed"] for row in rows} == {"true"}


def test_the_cast_holds_together() -> None:
    codes = {row.ods for row in cast.organisations()}
    assert all("ZZ" in code for code in codes)
    for system in cast.systems():
        assert system.organisation is None or system.organisation in codes
        assert len(system.asid) == 12
    assert len({system.asid for system in cast.systems()}) == len(cast.systems())
    for user in cast.users():
        assert all(role.ods in codes for role in user.roles)
    for row in cast.organisations():
        assert all(cast.user(uid) for uid in row.privacy_officers)
    for patient in cast.patients():
        assert cast.is_nhs_number(patient.nhs)
        assert patient.nhs.startswith("9")
        assert cast.patient(patient.nhs) is patient


def test_first_system_of_a_product_is_the_default() -> None:
    assert cast.default_system("mini-service").id == "portal-rzz09"
    assert cast.default_system("ncrs").id == cast.default_system("scra").id == "scra"
    with pytest.raises(KeyError):
        cast.default_system("abacus")


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("9995000180", True),
        ("9000000009", True),
        ("5900002233", True),
        ("9900004948", False),
        ("9999999998", False),
        ("999500018", False),
        ("99950001800", False),
        ("９９９５０００１８０", False),
        ("999 500 0180", False),
    ],
)
def test_check_digit(number: str, valid: bool) -> None:
    assert cast.is_nhs_number(number) is valid


def _some_numbers(count: int) -> list[str]:
    numbers = (f"9{n:08d}{check}" for n in range(0, 99_999_999, 7_777_777 // count) for check in range(10))
    return [number for number in numbers if cast.is_nhs_number(number)][:count]


def test_generated_patients_stay_out_of_the_casts_practices() -> None:
    for number in _some_numbers(300):
        person = cast.patient(number)
        assert person is not None
        assert person.gp == "AZZ99"
        assert person.case in {"generated", *(p.case for p in cast.patients())}
        assert person.nhs == number
    assert cast.patient("5900002233") is None, "a valid number that does not begin with 9 is nobody"
    assert cast.patient("9995000181") is None


def test_generated_patients_are_the_same_in_another_process() -> None:
    numbers = _some_numbers(5)
    script = (
        "import sys; from vendor_stubs import cast\n"
        "for p in map(cast.patient, sys.argv[1:]): print(p.name.family, p.dob, p.postcode)"
    )
    there = subprocess.run(
        [sys.executable, "-c", script, *numbers],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    ).stdout.splitlines()
    people = [cast.patient(number) for number in numbers]
    assert there == [f"{p.name.family} {p.dob} {p.postcode}" for p in people if p]


def test_nobody_shows_in_a_repr() -> None:
    for person in (cast.patient("9992000112"), cast.patient("9995000180")):
        assert person is not None
        assert person.nhs not in repr(person)
        assert person.name.family not in repr(person)


def test_userinfo_of_a_user_with_activities() -> None:
    user = cast.user("910000000018")
    assert user is not None
    told = cast.userinfo(user)
    assert told["sub"] == told["uid"] == told["nhsid_useruid"] == "910000000018"
    assert (told["name"], told["family_name"], told["given_name"]) == ("ADAMS Nadia Dr", "Adams", "Nadia")
    [role] = told["nhsid_nrbac_roles"]
    assert role["person_roleid"] == "555000000101"
    assert role["activity_codes"] == ["B0264", "B0370", "B0257", "B0168"]
    assert len(role["activities"]) == 4
    assert role["workgroups_codes"] == ["RZZ01-A"]
    assert told["nhsid_user_orgs"] == [{"org_name": "NORTHBROOK HOSPITAL NHS TRUST", "org_code": "RZZ01"}]


def test_userinfo_leaves_out_activities_nobody_gave() -> None:
    user = cast.user("910000000075")
    assert user is not None
    [role] = cast.userinfo(user)["nhsid_nrbac_roles"]
    assert not {"activities", "activity_codes"} & set(role)


def test_every_user_has_a_userinfo() -> None:
    for user in cast.users():
        told = cast.userinfo(user)
        assert len(told["nhsid_nrbac_roles"]) == len(user.roles)
        for role in user.roles:
            assert cast.user_of_role(role.roleid) == (user, role)
