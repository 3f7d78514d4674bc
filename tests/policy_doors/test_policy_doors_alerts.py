"""Alerts and what emergencies need, through doors: every pair of type and reason, marks, refusals by others, notes used lately."""

import asyncio
from typing import Any

import pytest

from tests.policy_doors.yard import EMIS, MINI, SYSTMONE, Seat, Yard, at, doors
from vendor_stubs import cast

SENSITIVE = next(patient.nhs for patient in cast.patients() if patient.case == "sensitive")
HIDDEN = next(patient.nhs for patient in cast.patients() if patient.case == "very_restricted")
OVERRIDES: dict[str, tuple[dict[str, Any], str, str]] = {
    "emergency": ({"permission": "emergency"}, "5", "4"),
    "best interests": ({"permission": "best-interests"}, "5", "4"),
    "public interest": ({"permission": "legal", "basis": "public-interest"}, "1", "1"),
    "statute": ({"permission": "legal", "basis": "statute"}, "2", "2"),
    "court order": ({"permission": "legal", "basis": "court-order"}, "3", "3"),
}
"""What is said, the reason where a relationship is on record, and where it is claimed."""


@doors
async def test_p06_the_same_note_many_times_at_once_opens_one_view(yard: Yard, seat: Seat) -> None:
    note = yard.note()
    asked = [yard.view(seat, permission="emergency", note=note) for _ in range(6)]
    results = await asyncio.gather(*asked)
    assert sorted(result.outcome for result in results) == ["record", *["refused"] * 5]
    for result in results:
        if result.outcome == "refused":
            yard.told_no(seat, result, "emergency-note", "P-06")
    assert len(yard.rows("SELECT id FROM alert WHERE note LIKE ?", f"%{note}%")) == 1


@doors
@pytest.mark.parametrize("name", OVERRIDES)
async def test_p24_every_override_raises_its_national_pair(yard: Yard, seat: Seat, name: str) -> None:
    said, on_record, claimed = OVERRIDES[name]
    for relationship, pair in (
        ("referral", ("2", on_record)),
        ("self-claimed", ("1", claimed)),
        ("none", ("1", claimed)),  # an override of somebody without a relationship is also a claim
    ):
        entry = await yard.opens(seat, **said, relationship=relationship, note=yard.note())
        alert = yard.alert(entry)
        assert alert is not None
        assert alert[:2] == pair, (relationship, alert)


@doors
async def test_p08_an_override_without_a_relationship_needs_the_activity_to_claim_one(yard: Yard, seat: Seat) -> None:
    """B0257 as well as B0168: the registry's receptionists and registration agents have neither."""
    uid, role = seat.clerk
    result = await yard.view(seat, uid=uid, role=role, permission="emergency", note=yard.note(), relationship="none")
    yard.told_no(seat, result, "role-activity", "P-08")


async def test_p03_after_a_refusal_nobody_of_the_organisation_has_an_emergency(yard: Yard) -> None:
    number = yard.number()
    await yard.refused(MINI, "permission-refused", "P-03", nhs_number=number, permission="no")
    colleague: dict[str, Any] = {"nhs_number": number, "permission": "emergency", "uid": "910000000281", "role": None}
    await yard.refused(MINI, "emergency-after-refusal", "P-03", **colleague, note=yard.note())
    changed = await yard.opens(
        MINI, **colleague, note=yard.note(), condition_changed=True, condition_note=f"Now in shock; {yard.note()}"
    )
    elsewhere = await yard.opens(SYSTMONE, nhs_number=number, permission="emergency", note=yard.note())
    marks = [(yard.alert(entry) or ("", "", ""))[2].split() for entry in (changed, elsewhere)]
    assert "after-refusal" in marks[0]
    assert "after-refusal" not in marks[1]


async def test_more_overrides_in_a_day_than_the_limit_mark_the_alert(yard: Yard) -> None:
    somebody = at(MINI, uid="910000000324", role="555000000168")
    marks = []
    for _ in range(6):
        alert = yard.alert(await yard.opens(somebody, permission="emergency", note=yard.note()))
        assert alert is not None
        marks.append(alert[2])
    assert marks == [""] * 5 + ["threshold"]


async def test_p06_a_note_explains_again_after_five_others(yard: Yard) -> None:
    somebody = at(SYSTMONE, uid="910000000326", role="555000000170")
    emergency: dict[str, Any] = {"permission": "emergency"}
    first = yard.note()
    await yard.opens(somebody, **emergency, note=first)
    for _ in range(4):
        await yard.opens(somebody, **emergency, note=yard.note())
        await yard.refused(somebody, "emergency-note", "P-06", **emergency, note=f"  {first.upper()} ")
    await yard.opens(somebody, **emergency, note=yard.note())
    await yard.opens(somebody, **emergency, note=first)


@doors
async def test_scr_available_an_attempt_on_a_sensitive_patient_is_refused_and_alerts(yard: Yard, seat: Seat) -> None:
    entry = await yard.refused(seat, "scr-not-available", "SCR-AVAILABLE", nhs_number=SENSITIVE)
    assert yard.alert(entry) == ("2", "5", "s-flag-attempt")
    claimed = await yard.refused(
        seat, "scr-not-available", "SCR-AVAILABLE", nhs_number=SENSITIVE, relationship="self-claimed"
    )
    pair = ("2", "5") if seat is EMIS else ("1", "6")  # refused at the first of two steps, before the claim is made
    assert yard.alert(claimed) == (*pair, "s-flag-attempt")
    assert yard.alert(await yard.refused(seat, "scr-not-available", "SCR-AVAILABLE", nhs_number=HIDDEN)) is None
