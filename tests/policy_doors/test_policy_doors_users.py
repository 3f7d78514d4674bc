"""P-07 to P-15 through every door: who asks, in which role, where and what for."""

import json
import re
from typing import Any

import pytest

from tests.policy_doors.yard import (
    ADASTRA,
    EMIS,
    MINI,
    SCRA,
    SYMPHONY,
    SYSTMONE,
    Seat,
    Yard,
    at,
    doors,
)
from vendor_stubs import scra
from vendor_stubs.calling.http import Exchange, Wire
from vendor_stubs.mini_service_operations import details, rbac, status, trace
from vendor_stubs.pages import Browser


class Unproved(Wire):
    """Takes every proof of a person out of what is sent to the gateway."""

    async def send(self, method: str, url: str, *, headers: Any, body: bytes = b"") -> Exchange:
        proof = rb"<((?:\w+:)?(?:Assertion|BinarySecurityToken|UserToken))\b.*?</\1>"
        left = {name: value for name, value in headers.items() if name != "Authorization"}
        return await super().send(method, url, headers=left, body=re.sub(proof, b"", body, flags=re.DOTALL))


@doors
async def test_p07_a_person_is_proved_by_a_smartcard_grade_sign_in(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    await yard.refused(seat, "credentials-assurance", "P-07", uid="910000000083", role=None)
    if seat is SCRA:
        async with yard.calling("scra") as calls:
            assert (await Browser(calls).get("/viewer/find")).exchange.code == "session-missing"
        return
    await yard.refused(seat, "credentials-missing", "P-07", wire=Unproved)
    if seat is not ADASTRA:  # an assertion is made for this gateway, not for one of its systems
        result = await yard.view(seat, client="rio-rzz02")
        assert (result.outcome, result.code, result.record) == ("refused", "credentials-audience", None)


async def test_p07_a_system_that_only_vouches_for_its_users_never_views(yard: Yard) -> None:
    vouching = at(MINI, system="portal-rzz09-vouched")
    await yard.refused(vouching, "credentials-missing", "P-07", wire=Unproved)
    async with yard.calling("portal-rzz09-vouched", Unproved, certificate=True) as calls:
        assert (await ask_trace(calls)).wire_code == "SMSP-0000"


async def test_p07_only_a_system_proved_by_its_certificate_vouches(yard: Yard) -> None:
    """Its name on the plain listener is no proof; a token of the user's own is, there too."""
    async with yard.calling("portal-rzz09-vouched", Unproved) as calls:
        found = await ask_trace(calls)
        assert (found.code, set(found.rules)) == ("credentials-missing", {"P-07"})
        assert (await status(calls, MINI.uid, MINI.role, nhs_number=yard.number())).code == "credentials-missing"
    async with yard.calling("portal-rzz09-vouched") as calls:
        assert (await ask_trace(calls)).wire_code == "SMSP-0000"


async def ask_trace(calls: Any) -> Any:
    """A search by details."""
    return await trace(calls, MINI.uid, MINI.role, born="1945-07-14", family="Ashworth", gender="female")


@doors
async def test_p08_the_role_holds_the_activities(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    uid, role = seat.clerk
    result = await yard.view(seat, uid=uid, role=role)
    yard.told_no(seat, result, "role-activity", "P-08")
    uid, role = seat.plain
    await yard.opens(seat, uid=uid, role=role)
    legal: dict[str, Any] = {"permission": "legal", "basis": "statute", "note": yard.note()}
    await yard.opens(seat, **legal)
    await yard.refused(seat, "role-activity", "P-08", uid=uid, role=role, **legal)


@pytest.mark.parametrize("uid", ["910000000067", "910000000075", "910000000026", "910000000034"])
async def test_p08_registration_authority_reception_and_privacy_codes_open_nothing(yard: Yard, uid: str) -> None:
    await yard.opens(SYMPHONY)
    await yard.refused(SYMPHONY, "role-activity", "P-08", uid=uid, role=None)


async def test_p08_emergency_and_self_claim_have_activities_of_their_own(yard: Yard) -> None:
    nowak: dict[str, Any] = {"uid": "910000000141", "role": None}
    await yard.opens(SYSTMONE, **nowak)
    await yard.opens(SYSTMONE, **nowak, relationship="self-claimed")
    await yard.refused(SYSTMONE, "role-activity", "P-08", **nowak, permission="emergency", note=yard.note())
    async with yard.calling("portal-rzz09") as calls:
        able = await rbac(calls, MINI.uid, MINI.role)
        clerk = await rbac(calls, *MINI.clerk)
    assert able.answer == {"with_permission": True, "in_emergency": True}
    assert clerk.answer == {"with_permission": False, "in_emergency": False}


@doors
async def test_p09_one_of_several_roles_is_chosen(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    if seat.uid == ADASTRA.uid:
        await yard.refused(seat, "role-not-chosen", "P-09", role=None)
    await yard.refused(seat, "role-not-held", "P-09", role="555000000101")
    if seat in (ADASTRA, SCRA):  # the other role there may view
        await yard.refused(seat, "role-activity", "P-08", role="555000000153")


@doors
async def test_p10_one_role_is_used_unasked_and_none_is_refused(yard: Yard, seat: Seat) -> None:
    uid, _ = seat.plain
    assert (await yard.opens(seat, uid=uid, role=None))["role"] is not None
    await yard.refused(seat, "role-none", "P-10", uid="910000000059", role=None)


async def test_p11_a_patient_is_found_by_number_first(yard: Yard) -> None:
    async with yard.calling("scra") as calls:
        browser = Browser(calls)
        page = await scra.sign_in(browser, EMIS.plain[0], None)
        if page.path == "/viewer/setting":
            page = await browser.post(page, "/viewer/setting", {"setting": "primary_care"})
        assert page.path == "/viewer/find"
        assert page.find("//input[@name='nhs_number']")
        assert not page.find("//input[@name='family']"), "details are another page's"
        page = await browser.post(page, "/viewer/find", {"nhs_number": "9992000113"})
        assert page.exchange.code is not None
        assert not page.find("//*[@data-record]")
    async with yard.calling("portal-rzz09") as calls:
        found = await details(calls, *MINI.plain, born="1945-07-14", nhs_number="9992000112", by=None)
        wrong = await details(calls, *MINI.plain, born="1945-07-15", nhs_number="9992000112", by=None)
    assert (found.outcome, wrong.outcome) == ("answered", "no_record")


@doors
async def test_p13_the_record_is_asked_for_after_the_last_rule(yard: Yard, seat: Seat) -> None:
    allowed = await yard.view(seat)
    refused = await yard.view(seat, relationship="none")
    dissent = await yard.view(seat, nhs_number="9992001224")
    assert (refused.code, dissent.code) == ("relationship-missing", "scr-not-available")
    async with yard.calling(seat.system) as calls:
        said = await calls.wire.send("GET", f"{yard.sandbox.spine}/control/received", headers={})
    received = [json.dumps(one) for one in json.loads(said.body)]
    fetched = [
        sum("QUPC_IN190000UK04" in one for one in received if str(view.correlation_id) in one)
        for view in (allowed, refused, dissent)
    ]
    assert fetched == [1, 0, 0]


@doors
async def test_p14_the_role_belongs_to_the_organisation_of_the_request(yard: Yard, seat: Seat) -> None:
    assert (await yard.opens(seat))["organisation"] == seat.ods
    if seat is SCRA:  # its organisation is the role's: elsewhere the setting is not this one's
        await yard.refused(seat, "setting-not-registered", "P-15", role="555000000150")
        return
    elsewhere = ("910000000307", "555000000150")
    await yard.refused(seat, "role-organisation", "P-14", uid=elsewhere[0], role=elsewhere[1])


@doors
async def test_p15_the_purpose_and_the_setting_are_the_registered_ones(yard: Yard, seat: Seat) -> None:
    assert (await yard.opens(seat, purpose="direct-care"))["purpose"] == "direct-care"
    await yard.refused(seat, "purpose-not-registered", "P-15", purpose="post-death-duty")
    dead: dict[str, Any] = {"nhs_number": "9992003073", "confirm_deceased": True, "purpose": "post-death-duty"}
    await yard.opens(seat, **dead)
    await yard.refused(seat, "setting-not-registered", "P-15", setting="community_pharmacy")
    result = await yard.view(seat, purpose="curiosity")
    assert (result.outcome, result.record) == ("invalid", None)
