"""P-01 to P-06 and P-20 to P-25 through every door: a permitted case of each, and each way of breaking it."""

import json
import sqlite3
from datetime import date, timedelta
from typing import Any

import pytest

from tests.policy_doors.yard import (
    ADASTRA,
    CLEO,
    EMIS,
    MINI,
    SEATS,
    SYMPHONY,
    Seat,
    Yard,
    at,
    doors,
)
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import id_token
from vendor_stubs.mini_service_operations import ptv_create, ptv_query


@doors
async def test_p01_a_view_needs_a_relationship(yard: Yard, seat: Seat) -> None:
    on_record = await yard.opens(seat)
    assert (on_record["relationship"], yard.alert(on_record)) == ("referral", None)
    claimed = await yard.opens(seat, relationship="self-claimed")
    assert (claimed["relationship"], yard.alert(claimed)) == ("self-claimed", ("1", "6", ""))
    await yard.refused(seat, "relationship-missing", "P-01", relationship="none")


@doors
async def test_p02_a_view_needs_permission_or_an_override(yard: Yard, seat: Seat) -> None:
    assert (await yard.opens(seat))["basis"] == "yes_this_time"
    emergency = await yard.opens(seat, permission="emergency", note=yard.note())
    assert emergency["basis"] == "emergency_unable_to_ask"
    assert (yard.alert(emergency) or ())[:2] == ("2", "5")
    await yard.refused(seat, "permission-missing", "P-02", permission="not-asked")


@doors
async def test_p02_a_legal_override_names_its_basis(yard: Yard, seat: Seat) -> None:
    for basis, reason in (("public-interest", "1"), ("statute", "2"), ("court-order", "3")):
        opened = await yard.opens(seat, permission="legal", basis=basis, note=yard.note())
        assert yard.alert(opened) in {("2", reason, ""), ("2", reason, "threshold")}
    await yard.refused(seat, "legal-basis", "P-02", permission="legal", note=yard.note())
    await yard.refused(seat, "legal-basis", "P-06", permission="legal", basis="statute", note="because")


@doors
async def test_p03_a_no_closes_the_record_until_a_yes(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    await yard.opens(seat, nhs_number=number)
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, permission="no")
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, permission="not-asked")
    emergency: dict[str, Any] = {"nhs_number": number, "permission": "emergency"}
    await yard.refused(seat, "emergency-after-refusal", "P-03", **emergency, note=yard.note())
    said = yard.note()
    await yard.refused(
        seat, "emergency-after-refusal", "P-03", **emergency, note=said, condition_changed=True, condition_note=said
    )
    opened = await yard.opens(
        seat, **emergency, note=yard.note(), condition_changed=True, condition_note=f"Now unconscious; {yard.note()}"
    )
    alert = yard.alert(opened)
    assert alert is not None
    assert "after-refusal" in alert[2].split()
    await yard.opens(seat, nhs_number=number)


@doors
async def test_p04_the_answer_is_recorded(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    await yard.opens(seat, nhs_number=number)
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, permission="no")
    yes, no = yard.answers(number)
    assert [yes["answer"], no["answer"]] == ["yes", "no"]
    for row in (yes, no):
        assert (row["organisation"], row["recorded_by"], row["recorded_role"]) == (seat.ods, seat.uid, seat.role)
        assert (row["system"], row["question_version"]) == (seat.system, "1")
        assert row["starts"] < row["ends"]
    assert (yes["scope"], yes["user_id"], no["scope"]) == ("individual", seat.uid, "organisation")
    unsaid = yard.number()
    await yard.refused(seat, "permission-missing", "P-02", nhs_number=unsaid, permission="not-asked")
    assert yard.answers(unsaid) == []


class Unreasoned(ViewRequest):
    """An emergency that does not say why the patient cannot be asked."""

    @property
    def reason(self) -> str | None:
        return None


@doors
async def test_p05_an_emergency_is_for_patients_who_cannot_answer(yard: Yard, seat: Seat) -> None:
    for reason in ("unconscious", "no-capacity"):
        await yard.opens(seat, permission="emergency", emergency_reason=reason, note=yard.note())
    if seat is MINI:  # its payload has no place for the reason beside the note, which stands for it
        return
    result = await yard.view(seat, permission="emergency", note=yard.note(), request=Unreasoned)
    assert result.record is None
    assert result.code in {"emergency-reason", "message-value", "message-schema", "message-combination"}, result
    if result.code == "emergency-reason":
        yard.told_no(seat, result, "emergency-reason", "P-05")


@doors
@pytest.mark.parametrize("permission", ["emergency", "best-interests"])
async def test_p06_an_override_needs_a_note_of_substance(yard: Yard, seat: Seat, permission: str) -> None:
    note = yard.note()
    opened = await yard.opens(seat, permission=permission, note=note)
    assert note in opened["note"]
    [alert] = yard.rows("SELECT note FROM alert WHERE id = ?", opened["alert_id"])
    assert note in alert["note"]
    rule = "P-06" if permission == "emergency" else "P-24"
    for wrong in ("too short", "unconscious", note, "", "   "):
        number = yard.number()
        entry = await yard.refused(seat, "emergency-note", rule, nhs_number=number, permission=permission, note=wrong)
        assert (entry["user"], entry["role"], entry["patient"]) == (seat.uid, seat.role, number)
        assert not entry["claimed"]


@doors
async def test_p20_a_yes_is_kept_only_where_the_organisation_says_so(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    if not seat.keeps:
        await yard.refused(seat, "permission-scope", "P-20", nhs_number=number, permission="extended")
        return
    await yard.opens(seat, nhs_number=number, permission="extended")
    opened = await yard.opens(seat, nhs_number=number, permission="not-asked")
    assert opened["basis"] == "yes_extended"
    await yard.opens(seat, nhs_number=number, permission="not-asked")
    yesterday = date.today() - timedelta(days=2)  # noqa: DTZ011 - any day that is over
    result = await yard.view(seat, permission="extended", until=yesterday)
    if seat is MINI:  # a duration that is over is no duration there
        assert (result.outcome, result.code, result.record) == ("invalid", "message-value", None)
        return
    yard.told_no(seat, result, "permission-scope", "P-20")


MATES = {
    "mini-service": ("910000000323", "910000000324"),
    "systmone": ("910000000325", "910000000326"),
    "adastra": ("910000000328", None),
    "scra": ("910000000327", None),
}
"""Somebody the kept permission reaches, and somebody of another team that it does not (None: it reaches everybody)."""


@pytest.mark.parametrize("seat", [seat for seat in SEATS if seat.product in MATES], ids=lambda seat: seat.product)
async def test_p22_a_yes_taken_by_another_is_used_inside_its_scope(yard: Yard, seat: Seat) -> None:
    mate, stranger = MATES[seat.product]
    number = yard.number()
    await yard.opens(seat, nhs_number=number, permission="extended", uid=seat.plain[0], role=None)
    opened = await yard.opens(seat, nhs_number=number, permission="not-asked", uid=mate, role=None)
    [kept] = yard.answers(number)
    assert (opened["permission_id"], kept["recorded_by"]) == (kept["id"], seat.plain[0])
    if stranger is not None:
        code = "permission-scope"
        await yard.refused(seat, code, "P-22", nhs_number=number, permission="not-asked", uid=stranger, role=None)
    single = yard.number()
    await yard.opens(seat, nhs_number=single, uid=seat.plain[0], role=None)
    await yard.refused(
        seat, "permission-missing", "P-02", nhs_number=single, permission="not-asked", uid=mate, role=None
    )


async def answered(yard: Yard, seat: Seat, who: tuple[str, str | None], **document: Any) -> tuple[int, dict[str, Any]]:
    """POST /permissions of this person: the status and the body."""
    async with yard.calling(seat.system) as calls:
        token = await id_token(calls, *who)
        headers = {"X-SCR-System": seat.system, "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        body = json.dumps(document).encode()
        answer = await calls.wire.send("POST", f"{calls.gateway}/permissions", headers=headers, body=body)
        return answer.status, json.loads(answer.body)


async def test_p20_a_receptionists_yes_is_one_that_opens_or_is_refused(yard: Yard) -> None:
    """The example of docs/feeds.md: a yes for nobody who may view is refused, and the no before it stands."""
    number, nurse = yard.number(), {"uid": SYMPHONY.plain[0], "role": None, "permission": "not-asked"}
    assert (await answered(yard, SYMPHONY, SYMPHONY.clerk, nhs_number=number, answer="no"))[0] == 201
    for said in ({}, {"kind": "proxy"}, {"scope": "team"}, {"kind": "extended", "scope": "organisation"}):
        status, problem = await answered(yard, SYMPHONY, SYMPHONY.clerk, nhs_number=number, answer="yes", **said)
        assert (status, problem["code"], problem["rules"]) == (403, "permission-scope", ["P-20"]), said
        assert "kind extended, scope individual or team, at most 7 days" in problem["next_step"]
    await yard.refused(SYMPHONY, "permission-refused", "P-03", nhs_number=number, **nurse)
    kept = {"nhs_number": number, "answer": "yes", "kind": "extended", "scope": "team"}
    assert (await answered(yard, SYMPHONY, SYMPHONY.clerk, **kept))[0] == 201
    opened = await yard.opens(SYMPHONY, nhs_number=number, **nurse)
    assert opened["basis"] == "yes_extended"


async def test_p22_a_receptionist_asks_and_the_nurse_views(yard: Yard) -> None:
    number, nurse = yard.number(), ("910000000281", "555000000129")
    async with yard.calling("portal-rzz09") as calls:
        made = await ptv_create(
            calls, *MINI.clerk, nhs_number=number, others=(":".join(nurse),), until=None, hours=4
        )  # fmt: skip
        assert made.outcome == "answered", made
        known = await ptv_query(calls, *nurse, nhs_number=number)
        other = await ptv_query(calls, "910000000323", None, nhs_number=number)
    assert (known.answer, other.answer) == ({"permission": True}, {"permission": False})
    opened = await yard.opens(MINI, uid=nurse[0], role=nurse[1], nhs_number=number, permission="not-asked")
    [row] = yard.answers(number)
    assert (opened["permission_id"], row["recorded_by"]) == (row["id"], MINI.clerk[0])
    code = "permission-scope"
    await yard.refused(MINI, code, "P-22", uid="910000000323", role=None, nhs_number=number, permission="not-asked")


@doors
async def test_p23_what_is_kept_of_an_answer(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    await yard.opens(seat, nhs_number=number, permission="proxy")
    [row] = yard.answers(number)
    assert (row["answer"], row["kind"], row["how_asked"]) == ("yes", "proxy", "proxy")
    assert (row["recorded_by"], row["user_id"], row["role_id"]) == (seat.uid, seat.uid, seat.role)
    await yard.refused(seat, "permission-missing", "P-02", nhs_number=number, permission="not-asked")


@doors
async def test_p24_best_interests_opens_with_a_note_and_an_alert(yard: Yard, seat: Seat) -> None:
    opened = await yard.opens(seat, permission="best-interests", note=yard.note())
    assert opened["basis"] == "no_capacity_best_interests"
    alert = yard.alert(opened)
    assert alert is not None
    assert alert[:2] == ("2", "5")
    claimed = await yard.opens(seat, permission="best-interests", note=yard.note(), relationship="self-claimed")
    alert = yard.alert(claimed)
    assert alert is not None
    assert alert[:2] == ("1", "4")
    await yard.refused(seat, "emergency-note", "P-24", permission="best-interests", note="help")


async def test_p25_another_policy_is_other_data(yard: Yard) -> None:
    await yard.opens(ADASTRA, permission="extended")
    await yard.refused(CLEO, "permission-scope", "P-20", permission="extended")

    def keeping(row: Any) -> Any:
        return at(row, ptv=at(row.ptv, kind="extended", scope="team", days=3)) if row.ods == CLEO.ods else row

    with yard.registry(organisation=keeping):
        await yard.opens(CLEO, permission="extended")
    await yard.refused(CLEO, "permission-scope", "P-20", permission="extended")


@doors
async def test_p03_a_yes_after_the_no_opens_emergencies_again(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, permission="no")
    await yard.opens(seat, nhs_number=number)
    await yard.opens(seat, nhs_number=number, permission="emergency", note=yard.note())


OLD, CURRENT = "9992003448", "9992003812"
"""One patient of the cast: the superseded number and the one that stands for it."""


@doors
@pytest.mark.parametrize(("told", "asked"), [(OLD, CURRENT), (CURRENT, OLD)], ids=["old", "current"])
async def test_p03_a_no_binds_under_both_numbers_of_a_patient(yard: Yard, seat: Seat, told: str, asked: str) -> None:
    await yard.opens(seat, nhs_number=OLD)  # PDS tells which number stands for it
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=told, permission="no")
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=asked, permission="not-asked")
    emergency: dict[str, Any] = {"nhs_number": asked, "permission": "emergency"}
    await yard.refused(seat, "emergency-after-refusal", "P-03", **emergency, note=yard.note())
    await yard.opens(seat, nhs_number=asked)
    await yard.opens(seat, nhs_number=told, permission="emergency", note=yard.note())


@doors
@pytest.mark.parametrize(("told", "asked"), [(OLD, CURRENT), (CURRENT, OLD)], ids=["old", "current"])
async def test_p22_a_kept_yes_and_its_end_reach_both_numbers(yard: Yard, seat: Seat, told: str, asked: str) -> None:
    if not seat.keeps:
        await yard.refused(seat, "permission-scope", "P-20", nhs_number=told, permission="extended")
        return
    await yard.opens(seat, nhs_number=told, permission="extended")
    opened = await yard.opens(seat, nhs_number=asked, permission="not-asked")
    assert opened["basis"] == "yes_extended"
    await yard.refused(seat, "permission-refused", "P-03", nhs_number=asked, permission="no")
    [kept] = yard.rows("SELECT ended FROM permission WHERE id = ?", opened["permission_id"])
    assert kept["ended"] is not None
    await yard.opens(seat, nhs_number=told)


async def test_p03_a_no_holds_at_the_patients_own_practice_until_a_yes(yard: Yard) -> None:
    """No permission is needed there (P-36), so nothing but the no itself closes the record, however old it is."""
    own = "9992013060"
    await yard.opens(EMIS, nhs_number=own)  # whatever another test has left
    await yard.refused(EMIS, "permission-refused", "P-03", nhs_number=own, permission="no")
    with sqlite3.connect(yard.sandbox.database) as connection:
        for answer, hour in (("yes", "08"), ("no", "09")):  # months ago, in the order they were given
            connection.execute(
                "UPDATE permission SET starts = ?, ends = '2026-01-02T09:00:00.000000Z' WHERE patient = ? AND answer = ?",
                (f"2026-01-01T{hour}:00:00.000000Z", own, answer),
            )
    unasked: dict[str, Any] = {"nhs_number": own, "permission": "not-asked", "relationship": "none"}
    await yard.refused(EMIS, "permission-refused", "P-03", **unasked)
    emergency = await yard.opens(EMIS, nhs_number=own, permission="emergency", note=yard.note())
    assert "after-refusal" not in (yard.alert(emergency) or ("", "", ""))[2]
    await yard.refused(EMIS, "permission-refused", "P-03", **unasked)
    await yard.opens(EMIS, nhs_number=own)
    await yard.opens(EMIS, **unasked)
