"""Rules seen through Adastra's and CLEO's doors in a running sandbox: reasons of refusal, overrides, permissions, ids, raw files."""

import json
import re
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import aiohttp
import pytest

from tests.doors.viewer_doors import ADASTRA, CLEO, Viewer, changed
from tests.running import RunningSandbox, vendor_stub
from tests.test_patient_cases import PATIENTS
from vendor_stubs.calling.commands import Calling, open_calls
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product
from vendor_stubs.calling.result import ViewResult

LOCUM = "910000000307"
NUMBER = "9992001968"
NOTE = "Patient found unresponsive at home"


@dataclass(frozen=True)
class Seat:
    """A user at one viewer."""

    viewer: Viewer
    user: str
    role: str
    """One of the locum's roles at this organisation."""
    keeps: bool
    """Whether the organisation keeps permissions."""

    @property
    def name(self) -> str:
        """The product."""
        return self.viewer.product


SEATS = (Seat(ADASTRA, "910000000117", "555000000145", True), Seat(CLEO, "910000000125", "555000000146", False))
seats = pytest.mark.parametrize("seat", SEATS, ids=lambda seat: seat.name)


@asynccontextmanager
async def calling(sandbox: RunningSandbox, name: str) -> AsyncIterator[Calls]:
    """What the stub works with, in this process."""
    async with open_calls(Calling(gateway=sandbox.gateway), product=name) as calls:
        yield calls


async def view(sandbox: RunningSandbox, seat: Seat, **said: Any) -> ViewResult:
    """One view as the stub asks it, of NUMBER with a referral unless said."""
    request = ViewRequest(**{"nhs_number": NUMBER, "uid": seat.user, "relationship": "referral", **said})
    async with calling(sandbox, seat.name) as calls:
        await prepare(request, calls)
        return await product(seat.name).view(request, calls)


def entries(sandbox: RunningSandbox, result: ViewResult) -> list[Mapping[str, Any]]:
    """The audit entries of a view."""
    with sqlite3.connect(sandbox.database) as connection:
        rows = connection.execute("SELECT body FROM audit ORDER BY writer, seq").fetchall()
    found = [json.loads(body) for (body,) in rows]
    return [entry for entry in found if entry["correlation_id"] == result.correlation_id]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "not asked": ({}, "permission-missing"),
    "no relationship": ({"relationship": "none", "permission": "yes"}, "relationship-missing"),
    "refused now": ({"permission": "no", "nhs_number": "9000004403"}, "permission-refused"),
    "empty note": ({"permission": "emergency", "note": ""}, "emergency-note"),
    "short note": ({"permission": "emergency", "note": "help"}, "emergency-note"),
    "legal without its activity": ({"permission": "legal", "basis": "statute", "note": NOTE}, "role-activity"),
    "another's birthday": ({"permission": "yes", "date_of_birth": date(1901, 1, 1)}, "birth-date-mismatch"),
    "research": ({"permission": "yes", "purpose": "research"}, "purpose-refused"),
    "another setting": ({"permission": "yes", "setting": "community_pharmacy"}, "setting-not-registered"),
    "several roles": ({"permission": "yes", "uid": LOCUM}, "role-not-chosen"),
    "another's role": ({"permission": "yes", "role": "555000000101"}, "role-not-held"),
    "role elsewhere": ({"permission": "yes", "uid": LOCUM, "role": "555000000150"}, "role-organisation"),
    "no role": ({"permission": "yes", "uid": "910000000059"}, "role-none"),
    "weak sign-in": ({"permission": "yes", "uid": "910000000083"}, "credentials-assurance"),
    "no right to view": ({"permission": "yes", "uid": LOCUM, "role": "555000000153"}, "role-activity"),
    "deceased": ({"permission": "yes", "nhs_number": PATIENTS["deceased"].nhs}, "deceased-not-confirmed"),
}
"""Reason -> what the stub is asked with, and the code; each exits 3."""


@seats
@pytest.mark.parametrize("reason", REFUSED)
async def test_each_reason_of_refusal(sandbox: RunningSandbox, seat: Seat, reason: str) -> None:
    said, code = REFUSED[reason]
    result = await view(sandbox, seat, **said)
    assert (result.outcome, result.exit_status) == ("refused", 3)
    assert result.code == result.wire_code == code, result
    assert result.rules or code == "birth-date-mismatch"


INVALID: dict[str, dict[str, Any]] = {
    "check digit": {"nhs_number": "9992001969"},
    "purpose unknown": {"purpose": "curiosity"},
    "setting of a wrong form": {"setting": "A&E"},
    "note too long": {"permission": "emergency", "note": "x " * 600},
}


@seats
@pytest.mark.parametrize("reason", INVALID)
async def test_each_wrong_value(sandbox: RunningSandbox, seat: Seat, reason: str) -> None:
    result = await view(sandbox, seat, **INVALID[reason])
    assert (result.outcome, result.exit_status) == ("invalid", 5), result


@seats
@pytest.mark.parametrize("permission", ["emergency", "best-interests", "legal"])
async def test_an_override_opens_the_record_and_raises_an_alert(
    sandbox: RunningSandbox, seat: Seat, permission: str
) -> None:
    said = {"basis": "public-interest"} if permission == "legal" else {}
    result = await view(
        sandbox,
        seat,
        uid=LOCUM,
        role=seat.role,
        permission=permission,
        note=f"{NOTE}, {permission} at {seat.name}",
        nhs_number="9000004411",
        **said,
    )
    assert result.outcome == "record", result
    last = entries(sandbox, result)[-1]
    assert last["event"] == "viewed"
    assert last["alert_id"]


@seats
async def test_a_self_claim_with_permission_opens_and_raises_an_alert(sandbox: RunningSandbox, seat: Seat) -> None:
    result = await view(sandbox, seat, relationship="self-claimed", permission="yes", nhs_number="9000004438")
    assert result.outcome == "record", result
    assert entries(sandbox, result)[-1]["alert_id"]


@seats
async def test_a_changed_condition_opens_again_after_a_refusal(sandbox: RunningSandbox, seat: Seat) -> None:
    number = "9000004446"
    assert (await view(sandbox, seat, permission="no", nhs_number=number)).code == "permission-refused"
    refused = await view(sandbox, seat, permission="emergency", note=f"{NOTE} again", nhs_number=number)
    assert refused.code == "emergency-after-refusal"
    changed_since = {"condition_changed": True, "condition_note": "Now unconscious, was awake before"}
    opened = await view(
        sandbox, seat, permission="emergency", note=f"{NOTE} once more", nhs_number=number, **changed_since
    )
    assert opened.outcome == "record", opened


@seats
async def test_an_extended_permission_is_kept_only_where_the_organisation_keeps_it(
    sandbox: RunningSandbox, seat: Seat
) -> None:
    number = "9000004454"
    first = await view(sandbox, seat, permission="extended", nhs_number=number)
    again = [await view(sandbox, seat, nhs_number=number) for _ in range(2)]
    if seat.keeps:
        assert [one.outcome for one in (first, *again)] == ["record"] * 3
    else:
        assert (first.outcome, first.code) == ("refused", "permission-scope")
        assert [one.code for one in again] == ["permission-missing"] * 2


@seats
async def test_a_proxy_answers_and_a_known_birthday_agrees(sandbox: RunningSandbox, seat: Seat) -> None:
    patient = PATIENTS["withheld"]
    result = await view(sandbox, seat, permission="proxy", date_of_birth=date.fromisoformat(patient.dob))
    assert result.outcome == "record", result
    assert result.record is not None
    assert "withheld" in {one["kind"] for one in result.record["document_statements"]}


@seats
async def test_the_correlation_id_goes_to_spine_and_comes_back(sandbox: RunningSandbox, seat: Seat) -> None:
    result = await view(sandbox, seat, permission="yes")
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.spine}/control/received") as answer:
        received = await answer.json()
    mine = [one for one in received if result.correlation_id in json.dumps(one)]
    assert len(mine) >= 3, "PDS, event list and event"


# The wire itself


async def posted(
    sandbox: RunningSandbox, seat: Seat, body: bytes, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """POST of bytes as they are."""
    url = f"{sandbox.gateway}/viewers/{seat.name}"
    system = {"adastra": "adastra-yzz04", "cleo": "cleo-rzz03"}[seat.name]
    whole = {"X-SCR-System": system, "Content-Type": seat.viewer.media_type, **headers}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=whole) as answer:
        return answer.status, answer.headers, await answer.read()


@seats
async def test_what_is_no_message_of_this_door_is_refused_in_its_form(sandbox: RunningSandbox, seat: Seat) -> None:
    good = seat.viewer.sample("view")
    wrong_type = {"Content-Type": "application/json"}
    for body, headers, code in (
        (b"", {}, "message-not-well-formed"),
        (b"{}", wrong_type, "message-media-type"),
        (b"x" * 200_000, {}, "message-too-large"),
        (good, {}, "message-expired"),
        (good, {"X-SCR-System": "nobody"}, "system-unknown"),
        (good, {"X-SCR-System": "emis-web-azz05"}, "system-operation"),
    ):
        status, told, answer = await posted(sandbox, seat, body, **headers)
        assert told["X-SCR-Code"] == code
        assert status >= 400
        assert f"<codes:Code>{code}</codes:Code>".encode() in answer
        assert told["Content-Type"] == seat.viewer.media_type


@seats
async def test_a_forged_proof_is_refused(sandbox: RunningSandbox, seat: Seat) -> None:
    body = seat.viewer.sample("view")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
    body = re.sub(rb"2030-01-05T1[12]:\d\d:\d\dZ</wsu:Created", f"{now}:00Z</wsu:Created".encode(), body)
    end = datetime.now(UTC).replace(microsecond=0).timestamp() + 240
    later = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = changed(body, "2030-01-05T12:04:30Z", later)
    body = re.sub(
        rb"[Aa]0000001-1[Bb]2[Cc]-4[Dd]3[Ee]-8[Ff]40-5[Aa]6[Bb]7[Cc]8[Dd]9[Ee]0[Ff]", str(uuid.uuid4()).encode(), body
    )
    _, told, _ = await posted(sandbox, seat, body)
    assert told["X-SCR-Code"] == "credentials-invalid"
    without = re.sub(
        rb"<saml:Assertion .*</saml:Assertion>|<wsse:BinarySecurityToken .*</wsse:BinarySecurityToken>",
        b"",
        body,
        flags=re.DOTALL,
    )
    _, told, _ = await posted(sandbox, seat, without)
    assert told["X-SCR-Code"] == "credentials-missing"


@seats
async def test_a_raw_file_refreshed_is_answered_and_as_it_is_refused(sandbox: RunningSandbox, seat: Seat) -> None:
    sample = changed(seat.viewer.sample("find-by-number"), "9000000009", NUMBER)
    async with calling(sandbox, seat.name) as calls:
        send = product(seat.name).raw
        assert send is not None
        stale = await send(RawRequest(body=sample), calls)
        fresh = await send(RawRequest(body=sample, fresh=True, uid=seat.user), calls)
    assert (stale.outcome, stale.exit_status) == ("invalid", 5)
    assert (fresh.outcome, fresh.exit_status) == ("answered", 0), fresh.printed()
    assert NUMBER.encode() in fresh.printed()


@seats
async def test_a_message_sent_twice_is_refused(sandbox: RunningSandbox, seat: Seat) -> None:
    sent: list[bytes] = []
    async with calling(sandbox, seat.name) as calls:
        recording = type(calls)(
            **{**{name: getattr(calls, name) for name in calls.__dataclass_fields__}, "show": sent.append}
        )
        request = ViewRequest(nhs_number=NUMBER, uid=seat.user, permission="yes", relationship="referral")
        await prepare(request, calls)
        assert (await product(seat.name).view(request, recording)).outcome == "record"
    head, _, body = sent[-1].partition(b"\r\n\r\n")
    _, told, _ = await posted(sandbox, seat, body.rstrip(b"\n"))
    assert told["X-SCR-Code"] in {"message-replayed", "credentials-replayed"}
    assert f"/viewers/{seat.name}".encode() in head


@seats
async def test_a_search_tells_nothing_of_the_protected(sandbox: RunningSandbox, seat: Seat) -> None:
    sample = seat.viewer.sample("find-by-number")
    async with calling(sandbox, seat.name) as calls:
        send = product(seat.name).raw
        assert send is not None
        told = {}
        for case in ("sensitive", "very_restricted", "not_on_pds", "core"):
            number = PATIENTS[case].nhs
            body = changed(sample, "9000000009", number)
            told[case] = (await send(RawRequest(body=body, fresh=True, uid=seat.user), calls)).exchange
    sensitive = told["sensitive"].body
    assert b"LocationWithheld>true" in sensitive
    assert b"Example Street" not in sensitive
    assert b"Postcode" not in sensitive
    assert told["very_restricted"].code == told["not_on_pds"].code == "patient-not-found"
    assert b"Example Street" in told["core"].body


@seats
async def test_wsdl_and_schemas_are_served(sandbox: RunningSandbox, seat: Seat) -> None:
    address = f"{sandbox.gateway}/viewers/{seat.name}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}?wsdl") as answer:
            text = await answer.text()
            assert answer.status == 200
            assert f'location="{address}"' in text
        for name in (f"{seat.name}/{seat.name}", "viewer/messages", "viewer/codes", "record/record"):
            async with session.get(f"{address}?xsd={name}") as answer:
                assert answer.status == 200
        async with session.get(address) as answer:
            assert answer.status == 404


@seats
async def test_the_command_prints_what_the_contract_says(sandbox: RunningSandbox, seat: Seat) -> None:
    base = ("view", "--nhs-number", NUMBER, "--as", seat.user, "--relationship", "referral", "--permission", "yes")
    status, output, errors = await vendor_stub(sandbox, seat.name, *base, "--json")
    assert status == 0, errors
    told = json.loads(output)
    assert (told["outcome"], told["nhs_number"]) == ("record", NUMBER)
    status, _, errors = await vendor_stub(sandbox, seat.name, *base, "--basis", "statute")
    assert status == 2
    assert "--basis" in errors
