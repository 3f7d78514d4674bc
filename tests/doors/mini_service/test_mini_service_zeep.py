"""A SOAP client nobody here wrote (zeep), against the served descriptions: each operation, each code it can answer."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from lxml import etree

from gateway.adapters.mini_service_payload import Exchange
from gateway.domain.codes import Code
from gateway.domain.decision import AuditEntry
from gateway.domain.errors import NoRecord, NotPossibleNow, SpineUnavailable
from gateway.domain.identifiers import NhsNumber
from gateway.domain.spine import Consent
from tests.doors.mini_service.scripted import Scripted, calling
from tests.policy import cases
from vendor_stubs import mini_service, mini_service_operations
from vendor_stubs.calling import itk
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.result import ViewResult

NUMBER, UID, ROLE = cases.PATIENT.value, cases.USER.value, cases.ROLE.value
BORN = "1980-02-29"
Ask = Callable[[Calls, dict[str, Any]], Awaitable[ViewResult]]
Trouble = Callable[[Scripted], dict[str, Any]]


def view_request(said: dict[str, Any]) -> ViewRequest:
    """A view with permission, unless said otherwise."""
    values: dict[str, Any] = {"nhs_number": NUMBER, "uid": UID, "permission": "yes", "relationship": "referral"}
    return ViewRequest(**(values | said))


def person(name: str, **more: str | None) -> Ask:
    """A PDS operation with the details that find the patient."""
    work = getattr(mini_service_operations, name)
    fields: dict[str, Any] = {"verify": {"nhs_number": NUMBER}, "trace": {"gender": "female", "family": "Canary"}}.get(
        name, {"nhs_number": None, "gender": "female", "family": "Canary", "given": "Patient", "postcode": None}
    )
    return lambda calls, said: work(calls, UID, None, **({"born": BORN} | fields | more | said))


OPERATIONS: dict[str, Ask] = {
    "getSCRStatus": lambda calls, said: mini_service_operations.status(
        calls, UID, None, **({"nhs_number": NUMBER} | said)
    ),
    "getRBACStatus": lambda calls, _: mini_service_operations.rbac(calls, UID, None),
    "queryPTV": lambda calls, said: mini_service_operations.ptv_query(
        calls, UID, None, **({"nhs_number": NUMBER} | said)
    ),
    "createPTV": lambda calls, said: mini_service_operations.ptv_create(
        calls, UID, None, **({"nhs_number": NUMBER, "others": (f"{UID}:{ROLE}",), "until": None, "hours": None} | said)
    ),
    "querySCR": lambda calls, said: mini_service.view(view_request(said), calls),
    "querySCRActivity": lambda calls, said: mini_service_operations.activity(
        calls,
        UID,
        None,
        **({"start": date(2026, 3, 1), "end": date(2026, 3, 10), "nhs_number": None, "user": None} | said),
    ),
    "verifyNHSNumber": person("verify"),
    "getNHSNumber": person("trace"),
    "getPatientDetailsByNHSNumber": person("details", by="number", nhs_number=NUMBER, gender=None),
    "getPatientDetailsBySearch": person("details", by="search"),
    "getPatientDetails": person("details", by="either"),
}


def raising(step: str, error: Exception) -> Trouble:
    """A step of the world that fails."""

    def script(world: Scripted) -> dict[str, Any]:
        world.failures[step] = error
        return {}

    return script


def setting(name: str, value: Any) -> Trouble:
    """An attribute of the world."""

    def script(world: Scripted) -> dict[str, Any]:
        setattr(world, name, value)
        return {}

    return script


def saying(**values: Any) -> Trouble:
    """Something else in the request."""
    return lambda _: values


def own_fault(name: str) -> Trouble:
    """An answer of our own that cannot be valid."""

    def script(world: Scripted) -> dict[str, Any]:
        exchange = world.exchanges[name]
        broken = etree.Element("{urn:hl7-org:v3}Broken")
        world.exchanges[name] = Exchange(read=exchange.read, write=lambda *_: broken, fail=exchange.fail)
        return {}

    return script


def with_number(trouble: Trouble) -> Trouble:
    """The same, asked by number."""
    return lambda world: {"nhs_number": NUMBER, **trouble(world)}


NONE, NO_TOKEN = saying(), setting("token_given", "bad")
NO_AUDIT = raising("commit", NotPossibleNow(Code.AUDIT_UNAVAILABLE))
BAD_NUMBER = saying(nhs_number="9000000008")
UNREACHABLE, UNUSABLE = SpineUnavailable(Code.SPINE_UNREACHABLE), SpineUnavailable(Code.SPINE_UNUSABLE)
SPINE_TROUBLE = {"SMSP-0002": raising("pds", UNUSABLE), "SMSP-0004": raising("pds", UNREACHABLE)}
EVERYWHERE = {"SMSP-0000": NONE, "SMSP-0005": NO_TOKEN, "SMSP-9999": NO_AUDIT}
NO_DIRECTORY = {"SMSP-0004": raising("directory", NotPossibleNow(Code.DIRECTORY_UNAVAILABLE))}
"""The operations that ask Spine nothing about a patient still ask who the user is."""
SUPERSEDED = setting("demographics_of", {"nhs_number": cases.OTHER_PATIENT, "requested": cases.PATIENT})
PDS_TROUBLE = {
    **EVERYWHERE,
    **SPINE_TROUBLE,
    "SMSP-0001": saying(born="2999-01-01"),
    "DEMOG-0001": raising("pds", NoRecord(Code.PATIENT_NOT_FOUND)),
    "DEMOG-9999": raising("pds", SpineUnavailable(Code.SPINE_FAULT, answered=True)),
}
BY_NUMBER = {
    **PDS_TROUBLE,
    "DEMOG-0017": SUPERSEDED,
    "DEMOG-0022": raising("pds", NoRecord(Code.NUMBER_INVALIDATED)),
    "DEMOG-0040": saying(born="1980-02-28"),
    "DEMOG-0042": BAD_NUMBER,
}
BY_SEARCH = {**PDS_TROUBLE, "DEMOG-0007": raising("pds", NoRecord(Code.PATIENT_NOT_UNIQUE))}

CODES: dict[str, dict[str, Trouble]] = {
    "getSCRStatus": {**EVERYWHERE, **SPINE_TROUBLE, "SMSP-0001": BAD_NUMBER},
    "getRBACStatus": {**EVERYWHERE, **NO_DIRECTORY, "SMSP-0002": own_fault("getRBACStatus"), "SMSP-0001": NONE},
    "queryPTV": {**EVERYWHERE, **NO_DIRECTORY, "SMSP-0002": own_fault("queryPTV"), "SMSP-0001": BAD_NUMBER},
    "createPTV": {**EVERYWHERE, **NO_DIRECTORY, "SMSP-0002": own_fault("createPTV"), "SMSP-0001": BAD_NUMBER},
    "querySCR": {
        **EVERYWHERE,
        **SPINE_TROUBLE,
        "SMSP-0001": BAD_NUMBER,
        "SCR-0001": setting("activities", ("B0264",)),
        "SCR-0002": setting("consent", Consent.NO),
        "SCR-0003": saying(permission="not-asked"),
        "SCR-0004": setting("events", [()]),
    },
    "querySCRActivity": {
        **EVERYWHERE,
        **NO_DIRECTORY,
        "SMSP-0002": own_fault("querySCRActivity"),
        "SMSP-0001": saying(end=date(2026, 2, 1)),
    },
    "verifyNHSNumber": BY_NUMBER,
    "getNHSNumber": BY_SEARCH,
    "getPatientDetailsByNHSNumber": BY_NUMBER,
    "getPatientDetailsBySearch": BY_SEARCH,
    "getPatientDetails": {
        **BY_SEARCH,
        **{
            code: with_number(trouble)
            for code, trouble in BY_NUMBER.items()
            if code not in BY_SEARCH and code != "DEMOG-0042"
        },
        "DEMOG-0042": BAD_NUMBER,
    },
}
"""Operation -> each response code that exists for it, and what brings it about."""


@pytest.mark.parametrize("name", list(OPERATIONS))
async def test_each_operation_answers_each_of_its_codes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for code, trouble in CODES[name].items():
        world = Scripted()
        said = trouble(world)
        with monkeypatch.context() as patch:
            if (name, code) == ("getRBACStatus", "SMSP-0001"):  # its payload has nothing but an id
                lower = lambda message_id: itk.payload_root("GetRBACStatusRequest", message_id.lower())  # noqa: E731
                patch.setattr(mini_service_operations, "get_rbac_status", lower)
            async with calling(world) as calls:
                result = await OPERATIONS[name](calls, said)
        assert result.wire_code == code, (name, code, result)
        assert (result.code == "ok") is (code in {"SMSP-0000", "DEMOG-0017"})


async def test_a_permission_for_colleagues_is_for_all_named_or_for_none() -> None:
    world = Scripted()
    stranger = f"{cases.OTHER_USER.value}:{cases.OTHER_ROLE.value}"
    async with calling(world) as calls:
        said = {"others": (f"{UID}:{ROLE}", stranger)}
        result = await OPERATIONS["createPTV"](calls, said)
    assert (result.wire_code, result.code) == ("SMSP-0001", "message-value")
    assert not any(write.permissions for write in world.writes)


async def test_a_permission_is_recorded_for_each_professional_in_one_role() -> None:
    world = Scripted()
    async with calling(world) as calls:
        await OPERATIONS["createPTV"](calls, {"others": (f"{UID}:{ROLE}", f"{cases.OTHER_USER.value}:{ROLE}")})
    (recorded,) = (write.permissions for write in world.writes if write.permissions)
    assert [(one.user, one.role, one.team) for one in recorded] == [
        (cases.USER, cases.ROLE, None),
        (cases.OTHER_USER, cases.ROLE, None),
    ]
    assert {one.recorded_by for one in recorded} == {cases.USER}


async def test_a_kept_permission_where_none_are_kept_is_refused_and_audited() -> None:
    world = Scripted()
    async with calling(world) as calls:
        result = await OPERATIONS["createPTV"](calls, {"hours": 24})
    assert (result.wire_code, result.code, result.rules) == ("3000", "permission-scope", ("P-20",))
    assert [entry.event for entry in world.entries] == ["refused"]


async def test_a_cross_check_that_fails_tells_nothing_and_leaves_a_trace() -> None:
    world = Scripted()
    async with calling(world) as calls:
        result = await OPERATIONS["verifyNHSNumber"](calls, {"family": "Other"})
    assert (result.wire_code, result.answer) == ("DEMOG-0040", None)
    assert [entry.event for entry in world.entries] == ["asked", "no-record"]
    assert world.entries[-1].code == "patient-not-verified"


async def test_a_report_tells_accesses_as_they_are_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Scripted()
    seen: dict[str, Any] = {}

    async def activity(**asked: Any) -> tuple[int, tuple[AuditEntry, ...]]:
        seen.update(asked)
        row = AuditEntry(
            id="1", at=cases.NOW, event="viewed", door="d", correlation_id="c", operation="querySCR", outcome="record",
            organisation=cases.ODS, user=cases.USER, user_name='O"NEIL, Ann', role=ROLE, patient=cases.PATIENT,
        )  # fmt: skip
        return 5, (row,)

    monkeypatch.setattr(world, "activity", activity)
    async with calling(world) as calls:
        result = await OPERATIONS["querySCRActivity"](calls, {"nhs_number": NUMBER, "user": UID})
    assert result.answer is not None
    assert result.answer["report"]["returned"] == "1"
    assert result.answer["report"]["found"] == "5"
    assert result.answer["accesses"][0]["name"] == 'O"NEIL, Ann'
    assert seen["organisation"] == cases.ODS
    assert (seen["patient"], seen["user"]) == (NhsNumber(NUMBER), cases.USER)
    assert [entry.event for entry in world.entries] == ["report"]
