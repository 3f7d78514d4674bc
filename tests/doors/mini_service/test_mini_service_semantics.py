"""What the operations do together on a running sandbox: permissions found and used, reports told, refusals by their table."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast, mini_service
from vendor_stubs import mini_service_operations as operations
from vendor_stubs.calling import itk
from vendor_stubs.calling.http import Calls, Wire, open_wire
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.cast.generated import is_nhs_number

KATE, MATE, DESK, SIMON = "910000000281", "910000000323", "910000000331", "910000000257"
ROLES = {KATE: "555000000129", MATE: "555000000167"}
TOM, ELENA, DANA = "910000000042", "910000000117", "910000000299"


@pytest.fixture
async def calls(sandbox: RunningSandbox) -> AsyncIterator[Calls]:
    """The default mini-service system of the cast."""
    async with open_wire() as wire:
        yield Calls(
            wire=wire,
            system=cast.default_system("mini-service"),
            gateway=sandbox.gateway,
            identity=sandbox.identity,
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()).upper(),
            tell=lambda _: None,
        )


@pytest.fixture
async def secured(calls: Calls, sandbox: RunningSandbox) -> AsyncIterator[Calls]:
    """The same over mutual TLS, with the certificate of the system that vouches for its users."""
    connector = aiohttp.TCPConnector(ssl=sandbox.tls("portal-rzz09-vouched"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield replace(calls, wire=Wire(session), gateway=sandbox.secure)


def patient(number: int) -> str:
    """A made-up patient of this file's own."""
    for stem in range(900002000 + number * 10, 900002000 + number * 10 + 10):
        for digit in "0123456789":
            if is_nhs_number(f"{stem}{digit}"):
                return f"{stem}{digit}"
    raise AssertionError


def at(calls: Calls, system: str) -> Calls:
    """The same at another system."""
    found = cast.system(system)
    assert found is not None
    return replace(calls, system=found)


async def view(calls: Calls, number: str, uid: str = KATE, permission: str = "not-asked", **more: Any) -> ViewResult:
    """querySCR with a referral on record."""
    request = ViewRequest(
        **({"nhs_number": number, "uid": uid, "permission": permission, "relationship": "referral"} | more)
    )
    await prepare(request, calls)
    return await mini_service.view(request, calls)


async def permit(
    calls: Calls, number: str, *people: str, uid: str = KATE, role: str | None = None, **more: Any
) -> ViewResult:
    """createPTV."""
    values: dict[str, Any] = {"nhs_number": number, "others": people, "until": None, "hours": None}
    return await operations.ptv_create(calls, uid, role, **(values | more))


async def permitted(calls: Calls, number: str, uid: str = KATE) -> bool:
    """queryPTV."""
    result = await operations.ptv_query(calls, uid, None, nhs_number=number)
    assert result.wire_code == "SMSP-0000"
    assert result.answer is not None
    return bool(result.answer["permission"])


async def test_a_permission_for_one_view_is_found_and_used_once(calls: Calls) -> None:
    number = patient(1)
    assert not await permitted(calls, number)
    assert (await view(calls, number)).wire_code == "SCR-0003"
    assert (await permit(calls, number)).wire_code == "SMSP-0000"
    assert await permitted(calls, number)
    assert (await view(calls, number)).outcome == "record"
    assert not await permitted(calls, number)
    assert (await view(calls, number)).wire_code == "SCR-0003"


async def test_a_kept_permission_is_the_named_professionals_alone(calls: Calls) -> None:
    number = patient(2)
    assert (await permit(calls, number, hours=24)).wire_code == "SMSP-0000"
    for _ in range(2):
        assert (await view(calls, number)).outcome == "record"
    assert await permitted(calls, number)
    assert not await permitted(calls, number, MATE)
    refused = await view(calls, number, MATE)
    assert (refused.wire_code, refused.code) == ("SCR-0003", "permission-scope")


async def test_a_permission_for_colleagues_is_for_all_or_none(calls: Calls) -> None:
    number = patient(3)
    own = [f"{uid}:{role}" for uid, role in ROLES.items()]
    stranger = await permit(calls, number, *own, f"{ELENA}:555000000112")
    assert (stranger.wire_code, stranger.rules) == ("SMSP-0001", ("P-14",))
    assert not await permitted(calls, number)
    assert (await permit(calls, number, *own)).wire_code == "SMSP-0000"
    assert [await permitted(calls, number, uid) for uid in ROLES] == [True, True]


async def test_a_view_may_keep_its_permission_without_access_facts(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pTVDuration is read as an instant; the policy judges it, and the team it is for by the organisation's policy has it."""
    monkeypatch.setattr(mini_service, "facts_of", lambda _: {})
    number, until = patient(4), (datetime.now(UTC) + timedelta(days=2)).date()
    first = await view(calls, number, permission="extended", until=until)
    assert first.outcome == "record", first
    assert (await view(calls, number)).outcome == "record"
    assert (await view(calls, number, MATE)).outcome == "record"


async def test_where_no_permission_is_kept_a_duration_is_refused(calls: Calls) -> None:
    dentist = at(calls, "portal-vzz16")
    result = await permit(dentist, patient(5), f"{DANA}:555000000131", uid=DANA, role="555000000131", hours=2)
    assert (result.wire_code, result.code) == ("3000", "permission-scope")


async def test_a_no_closes_what_createptv_opened(calls: Calls) -> None:
    number = patient(6)
    await permit(calls, number, hours=24)
    assert (await view(calls, number, permission="no")).wire_code == "SCR-0003"
    assert not await permitted(calls, number)


async def test_a_report_tells_the_own_organisations_accesses_to_who_may_see_it(calls: Calls) -> None:
    number = patient(7)
    assert (await view(calls, number, permission="yes")).outcome == "record"
    elsewhere = at(calls, "portal-yzz04")
    assert (await view(elsewhere, number, ELENA, "yes")).outcome == "record"
    today = datetime.now(UTC).date()
    period: dict[str, Any] = {"start": today - timedelta(days=1), "end": today + timedelta(days=1), "user": None}
    told = await operations.activity(calls, SIMON, None, nhs_number=number, **period)
    assert told.answer is not None
    assert [(row["organisation"], row["user"], row["emergency"]) for row in told.answer["accesses"]] == [
        ("RZZ09", KATE, "F")
    ]
    assert told.answer["report"]["found"] == told.answer["report"]["returned"] == "1"
    refused = await operations.activity(calls, KATE, None, nhs_number=number, **period)
    assert (refused.wire_code, refused.code) == ("SMSP-0005", "role-activity")
    past = period | {"start": today - timedelta(days=9), "end": today - timedelta(days=8)}
    empty = await operations.activity(calls, SIMON, None, nhs_number=number, **past)
    assert empty.answer is not None
    assert (empty.wire_code, empty.answer["accesses"], empty.answer["report"]["found"]) == ("SMSP-0000", [], "0")


async def test_an_emergency_stands_in_the_report_with_its_reason(calls: Calls) -> None:
    number, note = patient(8), 'Found down, "no ID" to ask by'
    seen = await view(calls, number, permission="emergency", note=note)
    assert seen.outcome == "record", seen
    today = datetime.now(UTC).date()
    told = await operations.activity(
        calls, SIMON, None, start=today - timedelta(days=1), end=today + timedelta(days=1), nhs_number=number, user=KATE
    )
    assert told.answer is not None
    (row,) = told.answer["accesses"]
    assert (row["emergency"], row["reason"]) == ("T", note)


STATUSES = {
    "core": (True, "Ask"),
    "yes_legacy": (True, "Ask"),
    "superseded": (True, "Ask"),
    "no_scr": (False, "Ask"),
    "dissent": (False, "No"),
    "sensitive": (False, "No"),
    "very_restricted": (False, "No"),
    "under_review": (False, "No"),
    "not_on_pds": (False, "No"),
    "invalidated": (False, "No"),
}


@pytest.mark.parametrize("case", list(STATUSES))
async def test_status_by_patient(calls: Calls, case: str) -> None:
    person = next(one for one in cast.patients() if one.case == case)
    result = await operations.status(calls, KATE, None, nhs_number=person.nhs)
    assert result.answer is not None
    assert (result.answer["exists"], result.answer["consent"]) == STATUSES[case]


DEMOGRAPHICS = {
    "core": "SMSP-0000",
    "deceased": "SMSP-0000",
    "sensitive": "SMSP-0000",
    "very_restricted": "DEMOG-0001",
    "superseded": "DEMOG-0017",
    "not_on_pds": "DEMOG-0001",
    "invalidated": "DEMOG-0022",
}


@pytest.mark.parametrize("case", list(DEMOGRAPHICS))
async def test_demographics_by_patient(calls: Calls, case: str) -> None:
    person = next(one for one in cast.patients() if one.case == case)
    said: dict[str, Any] = {"nhs_number": person.nhs, "born": person.dob, "family": None, "given": None}
    verified = await operations.verify(calls, KATE, None, **said)
    told = await operations.details(calls, KATE, None, by=None, gender=None, postcode=None, **said)
    assert verified.wire_code == told.wire_code == DEMOGRAPHICS[case]
    if told.answer is None:
        return
    current = person.superseded_by or person.nhs
    assert verified.answer == {"valid": True, "nhs_number": current}
    assert told.answer["nhs_number"] == current
    located = case != "sensitive"
    assert (
        bool(told.answer["addresses"])
        is bool(told.answer["telecoms"])
        is (told.answer["practice"] is not None)
        is located
    )
    assert told.answer["name"]
    assert told.answer["deceased"] == (person.died.replace("-", "") if person.died else None)


async def test_two_people_alike_are_not_told_apart(calls: Calls) -> None:
    said: dict[str, Any] = {
        "born": "1944-04-24",
        "gender": "female",
        "family": "Crowther",
        "given": None,
        "postcode": None,
    }
    assert (await operations.trace(calls, KATE, None, **said)).wire_code == "DEMOG-0007"
    assert (await operations.trace(calls, KATE, None, **(said | {"family": "Nobody"}))).wire_code == "DEMOG-0001"


async def test_refusals_by_their_table(calls: Calls) -> None:
    number = patient(9)
    for system in ("portal-rzz09-suspended", "portal-rzz09-offnet"):
        other = at(calls, system)
        assert (await view(other, number, permission="yes")).wire_code == "3000"
        assert (await operations.status(other, KATE, None, nhs_number=number)).wire_code == "3000"
    assert (await view(calls, number, DESK, "yes")).wire_code == "SCR-0001"
    elsewhere = await view(calls, number, TOM, "yes", role="555000000104")
    assert (elsewhere.wire_code, elsewhere.code) == ("SCR-0002", "role-organisation")
    assert (await operations.rbac(calls, TOM, "555000000104")).wire_code == "SMSP-0005"
    assert (await operations.rbac(calls, TOM, None)).code == "role-not-chosen"
    dental = at(calls, "portal-vzz10")
    assert (await view(dental, number, DANA, "yes", role="555000000130")).wire_code == "SCR-0002"
    assert (await operations.status(dental, DANA, "555000000130", nhs_number=number)).wire_code == "3000"


async def test_a_vouched_system_names_users_only_where_that_is_enough(
    calls: Calls, secured: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, createPTV and traces, by its certificate; what shows or reports records needs a proved person."""
    vouched, number = at(secured, "portal-rzz09-vouched"), patient(12)
    real = itk.soap_headers

    def without_token(*args: Any, **more: Any) -> Any:
        return replace(real(*args, **more), security=())

    monkeypatch.setattr(itk, "soap_headers", without_token)
    assert (await operations.status(vouched, KATE, None, nhs_number=number)).wire_code == "SMSP-0000"
    assert (await permit(vouched, number, hours=24)).wire_code == "SMSP-0000"
    verified = await operations.verify(
        vouched, KATE, None, nhs_number=number, born="1900-01-01", family=None, given=None
    )
    assert verified.wire_code == "DEMOG-0040"
    today = datetime.now(UTC).date()
    refusals = (
        await operations.rbac(vouched, KATE, None),
        await operations.ptv_query(vouched, KATE, None, nhs_number=number),
        await operations.activity(vouched, SIMON, None, start=today, end=today, nhs_number=None, user=None),
        await view(vouched, number, permission="yes"),
        await operations.ptv_query(calls, KATE, None, nhs_number=number),
        await operations.status(at(calls, "portal-rzz09-vouched"), KATE, None, nhs_number=number),
        await permit(at(calls, "portal-rzz09-vouched"), number, hours=24),
    )
    assert {(one.wire_code, one.code) for one in refusals} == {("SMSP-0005", "credentials-missing")}
    monkeypatch.undo()
    assert await permitted(calls, number)


async def test_an_id_that_is_none_is_named_to_its_engineer_though_the_answer_is_a_refusal(
    sandbox: RunningSandbox,
) -> None:
    status, output, _ = await vendor_stub(
        sandbox,
        "mini-service",
        "view",
        "--nhs-number",
        "9000001013",
        "--as",
        "910000000281",
        "--role",
        "94347",
        "--json",
    )
    told = json.loads(output)
    assert (status, told["outcome"], told["wire_code"]) == (3, "refused", "SMSP-0005")
    [found] = told["findings"]
    assert (found["code"], found["path"]) == ("role-profile-id", "itk:id[2]/@uri")
