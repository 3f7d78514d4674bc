"""What each patient case of the cast ends in, through every door that stands: outcome, exit status, code, and what was audited."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast

RECORD, REFUSED, NO_RECORD, UNAVAILABLE = ("record", 0), ("refused", 3), ("no_record", 4), ("unavailable", 6)

CASES: dict[str, tuple[tuple[str, int], str]] = {
    **dict.fromkeys(
        (
            "core",
            "additional_information",
            "ask",
            "yes_legacy",
            "withheld",
            "recently_registered",
            "stale_document",
            "very_large",
            "awkward_text",
            "slow",
            "fault_then_answers",
            "several_versions",
            "nullified",
            "empty_allergies",
            "registered_here",
            "blank_optout",
            "no_data",
            "captions_only",
            "superseded",
        ),
        (RECORD, "SMSP-0000"),
    ),
    "deceased": (REFUSED, "SCR-0002"),
    "hostile_markup": (UNAVAILABLE, "SMSP-0002"),
    "no_scr": (NO_RECORD, "SCR-0004"),
    **dict.fromkeys(
        ("dissent", "sensitive", "consent_changed", "very_restricted", "under_review"), (REFUSED, "SCR-0002")
    ),
    **dict.fromkeys(("not_on_pds", "invalidated"), (NO_RECORD, "SCR-0004")),
    **dict.fromkeys(("wrong_patient", "truncated", "malformed"), (UNAVAILABLE, "SMSP-0002")),
    **dict.fromkeys(("hangs", "reset", "http_500", "fault", "fault_in_200"), (UNAVAILABLE, "SMSP-0004")),
}
"""Case -> (outcome, exit status), code of the mini service, where every other rule passes."""

ONE_SENTENCE = ("dissent", "sensitive", "consent_changed", "very_restricted")
"""Cases that must not be told apart by what is said."""


@dataclass(frozen=True)
class Door:
    """How a view with everything in order is asked for through one door."""

    product: str
    user: str
    options: tuple[str, ...] = ()
    rendered: bool = False
    wire_codes: bool = False


DOORS = [
    Door("adastra", "910000000117", rendered=True),
    Door("cleo", "910000000125", rendered=True),
    Door("emis-web", "910000000133"),
    Door("lorenzo", "910000000018", rendered=True),
    Door("mini-service", "910000000281", wire_codes=True),
    Door("scra", "910000000281", rendered=True),
    Door("pharmoutcomes", "910000000273", rendered=True),
    Door("rio", "910000000158", rendered=True),
    Door("sonar", "910000000166", rendered=True),
    Door("symphony", "910000000018", rendered=True),
    Door("systmone", "910000000141", rendered=True),
]
PATIENTS = {patient.case: patient for patient in reversed(list(cast.patients())) if patient.case}


def audited(sandbox: RunningSandbox, correlation_id: str) -> list[dict[str, object]]:
    """The audit entries of one request, in order."""
    with sqlite3.connect(sandbox.database) as connection:
        rows = connection.execute("SELECT body FROM audit ORDER BY writer, seq").fetchall()
    entries = [json.loads(body) for (body,) in rows]
    return [entry for entry in entries if entry["correlation_id"] == correlation_id]


async def viewed(sandbox: RunningSandbox, door: Door, number: str, *options: str) -> tuple[int, dict[str, object]]:
    """One view with permission and a referral, as its stub asks it."""
    status, output, errors = await vendor_stub(
        sandbox,
        door.product,
        "view",
        "--nhs-number",
        number,
        "--as",
        door.user,
        "--permission",
        "yes",
        "--relationship",
        "referral",
        "--json",
        *door.options,
        *options,
    )
    assert output, errors
    return status, json.loads(output)


def test_every_case_of_the_cast_has_its_row() -> None:
    assert set(PATIENTS) == set(CASES)


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.product)
async def test_each_case_ends_as_it_must(sandbox: RunningSandbox, door: Door, case: str) -> None:
    # door by door: one case through all doors at once can be failures enough for the breaker to keep everybody from Spine
    (outcome, status), wire_code = CASES[case]
    if case == "hostile_markup" and door.rendered:
        outcome, status = RECORD
    patient = PATIENTS[case]
    before = datetime.now(UTC).isoformat()
    found, answer = await viewed(sandbox, door, patient.nhs)
    assert (answer["outcome"], found) == (outcome, status), answer
    if door.wire_codes:
        assert answer["wire_code"] == wire_code
    entries = audited(sandbox, str(answer["correlation_id"]))
    assert entries[0]["event"] == "asked"
    last = entries[-1]
    events = {"record": "viewed", "refused": "refused", "no_record": "no-record", "unavailable": "unavailable"}
    assert last["event"] == events[outcome]
    assert last["user"] == door.user
    assert last["system"] is not None
    assert str(last["at"]) >= before[:19]
    if outcome == "record":
        assert answer["nhs_number"] == last["patient"]
        assert last["document_id"]
        assert answer["sections"]
    else:
        assert "sections" not in answer
        assert last["code"] == answer["code"]
    if case == "superseded":
        assert answer["requested_nhs_number"] == patient.nhs != answer["nhs_number"]
        assert last["requested_patient"] == patient.nhs


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.product)
async def test_a_deceased_patients_record_opens_once_that_is_confirmed(sandbox: RunningSandbox, door: Door) -> None:
    status, answer = await viewed(sandbox, door, PATIENTS["deceased"].nhs, "--confirm-deceased")
    assert (status, answer["outcome"]) == (0, "record")


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.product)
async def test_what_hides_a_record_is_not_told(sandbox: RunningSandbox, door: Door) -> None:
    told = set()
    for case in ONE_SENTENCE:
        _, answer = await viewed(sandbox, door, PATIENTS[case].nhs)
        told.add((answer["code"], answer["sentence"], answer.get("wire_code"), tuple(answer["rules"])))
    assert len(told) == 1


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.product)
async def test_a_refusal_holds_before_and_after_a_yes(sandbox: RunningSandbox, door: Door) -> None:
    number = "9000000009"
    base = ("--nhs-number", number, "--as", door.user, "--relationship", "referral", "--json", *door.options)
    for permission, expected in (("no", 3), ("yes", 0), ("no", 3), ("not-asked", 3)):
        status, output, _ = await vendor_stub(sandbox, door.product, "view", *base, "--permission", permission)
        assert status == expected, output
        if permission == "no":
            assert "P-03" in json.loads(output)["rules"]


async def test_a_wrong_patient_raises_the_operators_alarm(sandbox: RunningSandbox) -> None:
    _, answer = await viewed(sandbox, DOORS[0], PATIENTS["wrong_patient"].nhs)
    lines = [json.loads(line) for line in sandbox.log.read_text().splitlines() if line.startswith("{")]
    alarms = [line for line in lines if line.get("alarm") == "wrong-patient"]
    assert answer["correlation_id"] in {line["correlation_id"] for line in alarms}
