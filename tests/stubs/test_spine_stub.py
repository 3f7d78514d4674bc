"""The Spine stub answers as Spine would: every check, every case of the cast, and its own controls."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from tests.stubs import spine_requests as ask
from tests.stubs.spine_requests import NS, Request
from vendor_stubs import cast
from vendor_stubs.spine.app import build_app
from vendor_stubs.spine.coding import check_digit, concept, uuid_of
from vendor_stubs.spine.settings import SpineSettings
from vendor_stubs.summary_reader import read_summary

BY_CASE = {patient.case: patient.nhs for patient in reversed(cast.patients())}
CORE = BY_CASE["core"]
GENERATED = "9000000009"

Client = TestClient[Any, Any]


@pytest_asyncio.fixture
async def spine() -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_app(SpineSettings(slow_seconds=0.2, hang_seconds=5.0)))) as client:
        yield client


async def send(spine: Client, request: Request, path: str = "/sync-service") -> tuple[int, Any]:
    async with spine.post(path, data=request.body, headers=request.headers) as response:
        body = await response.read()
        assert response.content_type == "text/xml"
        return response.status, etree.fromstring(body)


def issues(root: Any) -> list[str]:
    return [str(code) for code in root.xpath("//h:justifyingDetectedIssueEvent/h:code/@code", namespaces=NS)]


def qualifiers(root: Any) -> list[str]:
    return [
        str(code) for code in root.xpath("//h:justifyingDetectedIssueEvent/h:code/h:qualifier/@code", namespaces=NS)
    ]


def one(root: Any, path: str) -> str:
    [found] = root.xpath(path, namespaces=NS)
    return str(found)


def acknowledged(root: Any) -> str:
    return one(root, "//h:acknowledgement/@typeCode")


async def listed(spine: Client, nhs: str) -> list[str]:
    _, root = await send(spine, ask.event_list(nhs))
    return [str(event_id) for event_id in root.xpath("//p:event/p:eventID/@root", namespaces=NS)]


async def fetched(spine: Client, nhs: str) -> Any:
    [first, *_] = await listed(spine, nhs)
    return await send(spine, ask.event(nhs, first))


async def read(spine: Client, nhs: str) -> dict[str, Any]:
    status, root = await fetched(spine, nhs)
    assert status == 200
    [summary] = root.xpath("//h:GPSummary", namespaces=NS)
    return read_summary(summary)


# ---- the shape of answers -------------------------------------------------------------------------------------------


async def test_event_list_answer(spine: Client) -> None:
    request = ask.event_list(CORE)
    status, root = await send(spine, request)
    assert status == 200
    assert one(root, "//w:Action/text()") == "urn:nhs:names:services:psisquery/QUPC_IN200000SM04"
    assert one(root, "//w:RelatesTo/text()") == f"uuid:{request.message_id}"
    assert one(root, "//h:messageRef/h:id/@root") == request.message_id
    assert acknowledged(root) == "AA"
    assert one(root, "s:Body/h:eventListQueryResponse/h:QUPC_IN200000SM04/h:versionCode/@code") == "V3NPfIT4.2.00"
    assert one(root, "//h:queryResponseCode/@code") == "OK"
    assert one(root, "//p:patient/p:id/@extension") == CORE
    assert one(root, "//p:eventType/@code") == "196981000000101"
    assert one(root, "//p:eventStatus/@code") == "1"
    assert re.fullmatch(r"\d{14}", one(root, "//p:persistenceDate/@value"))
    assertions = {
        assertion.findtext(f"{{{ask.HL7}}}function/{{{ask.HL7}}}code"): assertion.findtext(f"{{{ask.HL7}}}permission")
        for assertion in root.iter(f"{{{ask.HL7}}}accessControlAssertion")
    }
    assert assertions == {"Store": "Yes", "View": "Ask"}


async def test_older_name_of_the_list_query(spine: Client) -> None:
    _, root = await send(spine, ask.event_list(CORE, "QUPC_IN180000UK04"))
    assert root.xpath("//h:QUPC_IN200000UK04", namespaces=NS)


async def test_event_answer(spine: Client) -> None:
    [event_id] = await listed(spine, CORE)
    status, root = await send(spine, ask.event(CORE, event_id))
    assert status == 200
    assert root.xpath("s:Body/h:eventQueryResponse/h:QUPC_IN210000UK04", namespaces=NS)
    assert one(root, "//p:eventID/@root") == event_id
    assert one(root, "//p:hl7Data/h:GPSummary/h:recordTarget/h:patient/h:id/@extension") == CORE
    entries = root.xpath("//h:pertinentCREType/h:component/*[starts-with(local-name(), 'UKCT_')]", namespaces=NS)
    rows = root.xpath("//x:tbody/x:tr", namespaces=NS)
    assert len(entries) == len(rows) > 10, "each row of the text has its coded entry"
    shown = {cell.text for cell in root.xpath("//x:td", namespaces=NS)}
    for name in root.xpath("//h:manufacturedManufacturedMaterial/h:code/@displayName", namespaces=NS):
        assert name in shown


async def test_a_list_without_a_case_is_a_warning(spine: Client) -> None:
    status, root = await send(spine, ask.event_list(BY_CASE["no_scr"]))
    assert (status, acknowledged(root), issues(root), qualifiers(root)) == (200, "AE", ["210", "30312"], ["WG", "WG"])
    assert root.xpath("//h:eventListQueryResponse/h:QUQI_IN010000UK14", namespaces=NS)
    assert one(root, "//h:queryResponseCode/@code") == "ID"


@pytest.mark.parametrize(("case", "codes"), [("dissent", ["420", "30418"]), ("not_on_pds", ["210", "30312"])])
async def test_refused_and_absent_lists(spine: Client, case: str, codes: list[str]) -> None:
    _, root = await send(spine, ask.event_list(BY_CASE[case]))
    assert issues(root) == codes


async def test_an_unknown_event_is_nothing_found(spine: Client) -> None:
    _, root = await send(spine, ask.event(CORE, ask.new_id()))
    assert issues(root) == ["210", "30312"]


@pytest.mark.parametrize("number", ["9992000113", "999200011", "", "5900002233X"])
async def test_a_bad_number_is_35160(spine: Client, number: str) -> None:
    _, root = await send(spine, ask.event_list(number))
    assert issues(root) == ["400", "35160"]


# ---- what is wrong with a request -----------------------------------------------------------------------------------


def fault_of(root: Any) -> str:
    return one(root, "//*[local-name()='errorCode']/text()")


def set_header(name: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.headers[name] = value

    return change


def set_text(path: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.one(path).text = value

    return change


def set_attribute(path: str, name: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.one(path).set(name, value)

    return change


def drop(path: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        element = request.one(path)
        element.getparent().remove(element)

    return change


PAYLOAD = "s:Body/*"
SENDER = "s:Header/h:communicationFunctionSnd/h:device/h:id"


@pytest.mark.parametrize(
    "change",
    [
        set_header("SOAPAction", "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"),
        set_header("SOAPAction", ""),
        set_header("Content-Type", "application/soap+xml"),
        set_header("Content-Type", "text/xml; charset=iso-8859-1"),
        set_header("nhsd-asid", "12345"),
        set_text("//w:Action", "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"),
        set_text("//w:MessageID", "uuid:1a0d504c-1f35-11eb-ab84-000c29a364eb"),
        set_text("//w:MessageID", "1A0D504C-1F35-11EB-AB84-000C29A364EB"),
        set_attribute(f"{PAYLOAD}/h:id", "root", "1A0D504C-1F35-11EB-AB84-000C29A364EB"),
        set_attribute(SENDER, "extension", "91899919911"),
        set_attribute(SENDER, "extension", "230811201324"),
        set_attribute("s:Header/h:communicationFunctionRcv/h:device/h:id", "extension", "200000000001"),
        set_attribute(f"{PAYLOAD}/h:communicationFunctionRcv/h:device/h:id", "extension", "200000000001"),
        set_attribute(f"{PAYLOAD}/h:communicationFunctionSnd/h:device/h:id", "extension", "200000000001"),
        set_attribute(f"{PAYLOAD}/h:interactionId", "extension", "QUPC_IN190000UK04"),
        drop("s:Header"),
        drop("//w:ReplyTo"),
        drop("s:Body/*"),
    ],
)
async def test_an_envelope_that_contradicts_itself_gets_a_fault(
    spine: Client, change: Callable[[Request], None]
) -> None:
    status, root = await send(spine, ask.event_list(CORE).spoil(change))
    assert (status, fault_of(root)) == (500, "300")


QUERY = f"{PAYLOAD}/h:ControlActEvent/h:query"


@pytest.mark.parametrize(
    "change",
    [
        set_attribute(f"{PAYLOAD}/h:versionCode", "code", "V3NPfIT3.0"),
        set_attribute(f"{PAYLOAD}/h:creationTime", "value", "2026-03-01"),
        set_attribute(f"{PAYLOAD}/h:processingCode", "code", "D"),
        drop(f"{PAYLOAD}/h:acceptAckCode"),
        drop(f"{PAYLOAD}/h:ControlActEvent/h:author1"),
        set_attribute(f"{PAYLOAD}/h:ControlActEvent//h:agentSystemSDS/h:id", "extension", ""),
        drop(QUERY),
        drop(f"{QUERY}/h:dissentOverride"),
        drop(f"{QUERY}/h:dissentOverride/h:semanticsText"),
        set_attribute(f"{QUERY}/h:dissentOverride/h:value", "code", "1"),
        set_attribute(f"{QUERY}/h:dissentOverride/h:value", "codeSystem", "2.16.840.1.113883.2.1.3.2.4.17.59"),
        drop(f"{QUERY}/h:nHSNumber/h:semanticsText"),
    ],
)
async def test_a_broken_rule_of_the_query_is_a_400(spine: Client, change: Callable[[Request], None]) -> None:
    status, root = await send(spine, ask.event_list(CORE).spoil(change))
    assert (status, acknowledged(root)) == (200, "AE")
    assert issues(root)[0] == "400"


async def test_two_queries_are_one_too_many(spine: Client) -> None:
    request = ask.event_list(CORE)
    ask.h(ask.h(request.act, "query"), "nHSNumber")
    _, root = await send(spine, request)
    assert issues(root) == ["400"]


async def test_value_and_semantics_in_either_order(spine: Client) -> None:
    request = ask.event_list(CORE)
    for parameter in request.one(QUERY):
        parameter.append(parameter[0])
    _, root = await send(spine, request)
    assert acknowledged(root) == "AA"


async def test_a_message_id_is_used_once(spine: Client) -> None:
    request = ask.event_list(CORE)
    assert acknowledged((await send(spine, request))[1]) == "AA"
    status, root = await send(spine, request)
    assert (status, acknowledged(root), issues(root), qualifiers(root)) == (200, "AE", ["401"], ["ER"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<not closed", "201"),
        (b"", "201"),
        (b'<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>', "201"),
        (b"<x/>", "300"),
    ],
)
async def test_bytes_that_are_no_message(spine: Client, body: bytes, code: str) -> None:
    headers = ask.event_list(CORE).headers
    async with spine.post("/sync-service", data=body, headers=headers) as response:
        assert response.status == 500
        assert fault_of(etree.fromstring(await response.read())) == code


async def test_psis_is_not_served_at_the_demographics_address(spine: Client) -> None:
    status, root = await send(spine, ask.event_list(CORE), "/pds")
    assert (status, fault_of(root)) == (500, "300")


# ---- the cases of the cast ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        "core",
        "additional_information",
        "ask",
        "yes_legacy",
        "withheld",
        "recently_registered",
        "very_large",
        "awkward_text",
        "several_versions",
        "nullified",
        "empty_allergies",
        "registered_here",
        "blank_optout",
        "no_data",
        "captions_only",
        "hostile_markup",
        "under_review",
        "sensitive",
        "very_restricted",
        "deceased",
        "superseded",
    ],
)
async def test_records_that_can_be_fetched(spine: Client, case: str) -> None:
    told = await read(spine, BY_CASE[case])
    assert told["nhs_number"] == BY_CASE[case]
    assert told["sections"][0]["id"] == "Title"


def test_every_case_of_the_cast_is_known_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [case for case in BY_CASE if f'"{case}"' not in tested] == []


async def test_legacy_yes_is_still_told_as_yes(spine: Client) -> None:
    _, root = await send(spine, ask.event_list(BY_CASE["yes_legacy"]))
    view = "//h:accessControlAssertion[h:function/h:code='View']/h:permission/text()"
    assert one(root, view) == "Yes"


async def test_newest_of_several_versions_is_not_listed_first(spine: Client) -> None:
    _, root = await send(spine, ask.event_list(BY_CASE["several_versions"]))
    stored = [str(value) for value in root.xpath("//p:persistenceDate/@value", namespaces=NS)]
    assert len(stored) == 3
    assert max(stored) == stored[1]
    told = []
    for event_id in root.xpath("//p:eventID/@root", namespaces=NS):
        _, answer = await send(spine, ask.event(BY_CASE["several_versions"], str(event_id)))
        told.append(read_summary(answer.xpath("//h:GPSummary", namespaces=NS)[0])["created"])
    assert len(set(told)) == 3
    assert max(told) == told[1]


async def test_stale_document_is_gone_once_and_replaced(spine: Client) -> None:
    nhs = BY_CASE["stale_document"]
    before = await listed(spine, nhs)
    assert before == await listed(spine, nhs), "listing alone changes nothing"
    _, root = await send(spine, ask.event(nhs, before[0]))
    assert issues(root) == ["210", "30312"]
    after = await listed(spine, nhs)
    assert after != before
    assert (await read(spine, nhs))["nhs_number"] == nhs


async def test_consent_changed_between_list_and_fetch(spine: Client) -> None:
    _, root = await fetched(spine, BY_CASE["consent_changed"])
    assert issues(root) == ["420", "30418"]


async def test_wrong_patients_record(spine: Client) -> None:
    nhs = BY_CASE["wrong_patient"]
    _, root = await fetched(spine, nhs)
    assert one(root, "//p:patient/p:id/@extension") == nhs
    assert one(root, "//h:recordTarget/h:patient/h:id/@extension") == CORE


async def test_nullified_entries(spine: Client) -> None:
    _, root = await fetched(spine, BY_CASE["nullified"])
    states = root.xpath("//h:component/*[starts-with(local-name(), 'UKCT_')]/h:statusCode/@code", namespaces=NS)
    assert states.count("nullified") > 5
    assert set(states) > {"nullified"}


async def test_very_large_record(spine: Client) -> None:
    _, root = await fetched(spine, BY_CASE["very_large"])
    assert 350_000 < len(etree.tostring(root)) < 500_000


async def test_all_sections_of_additional_information(spine: Client) -> None:
    _, root = await fetched(spine, BY_CASE["additional_information"])
    codes = root.xpath("//h:pertinentInformation2/h:pertinentCREType/h:code/@code", namespaces=NS)
    assert len(set(codes)) == 22, "every section the wire knows, the marker among them"
    assert codes[0] == "163191000000109"
    marker = one(root, "//h:UKCT_MT144035UK01.ThirdPartyCorrespondence//h:pertinentSupportingInfo/h:value/text()")
    assert marker.startswith("Additional information records have been found under the following types:\n")
    agents = {etree.QName(agent).localname for agent in root.iter() if ".Agent" in str(agent.tag)}
    assert {"UKCT_MT160018UK01.AgentPerson", "UKCT_MT120601UK02.AgentDevice"} <= agents


async def test_slow(spine: Client) -> None:
    [first, *_] = await listed(spine, BY_CASE["slow"])
    started = time.monotonic()
    status, _ = await send(spine, ask.event(BY_CASE["slow"], first))
    assert status == 200
    assert time.monotonic() - started >= 0.2


async def test_hangs(spine: Client) -> None:
    [first, *_] = await listed(spine, BY_CASE["hangs"])
    request = ask.event(BY_CASE["hangs"], first)
    with pytest.raises(asyncio.TimeoutError):
        async with spine.post(
            "/sync-service", data=request.body, headers=request.headers, timeout=aiohttp.ClientTimeout(total=0.5)
        ):
            pass


async def test_reset(spine: Client) -> None:
    [first, *_] = await listed(spine, BY_CASE["reset"])
    request = ask.event(BY_CASE["reset"], first)

    async def whole() -> bytes:
        async with spine.post("/sync-service", data=request.body, headers=request.headers) as response:
            return await response.read()

    with pytest.raises((ClientPayloadError, ConnectionResetError, aiohttp.ClientConnectionError)):
        await whole()


async def test_one_retriable_fault_and_then_the_record(spine: Client) -> None:
    status, root = await fetched(spine, BY_CASE["fault_then_answers"])
    assert (status, fault_of(root)) == (500, "200")
    assert (await read(spine, BY_CASE["fault_then_answers"]))["nhs_number"] == BY_CASE["fault_then_answers"]


@pytest.mark.parametrize(("case", "http"), [("fault", 500), ("fault_in_200", 200)])
async def test_lasting_faults(spine: Client, case: str, http: int) -> None:
    for _ in range(2):
        status, root = await fetched(spine, BY_CASE[case])
        assert (status, fault_of(root)) == (http, "300")


@pytest.mark.parametrize("case", ["truncated", "malformed"])
async def test_answers_that_are_not_xml(spine: Client, case: str) -> None:
    [first, *_] = await listed(spine, BY_CASE[case])
    request = ask.event(BY_CASE[case], first)
    async with spine.post("/sync-service", data=request.body, headers=request.headers) as response:
        assert response.status == 200
        body = await response.read()
    assert len(body) > 10_000
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(body)


async def test_http_500_with_a_page(spine: Client) -> None:
    [first, *_] = await listed(spine, BY_CASE["http_500"])
    request = ask.event(BY_CASE["http_500"], first)
    async with spine.post("/sync-service", data=request.body, headers=request.headers) as response:
        assert (response.status, response.content_type) == (500, "text/html")


# ---- generated patients ---------------------------------------------------------------------------------------------


def some_generated(count: int) -> list[str]:
    numbers = (f"9{n:08d}{check}" for n in range(10_000_000, 99_999_999, 98_765) for check in range(10))
    return [number for number in numbers if cast.is_nhs_number(number)][:count]


async def test_generated_patients_have_records_of_their_own(spine: Client) -> None:
    forms, initial, additional, documents = set(), set(), set(), set()
    for number in some_generated(120):
        _, root = await fetched(spine, number)
        [summary] = root.xpath("//h:GPSummary", namespaces=NS)
        told = read_summary(summary)
        assert told["nhs_number"] == number
        assert b"9999999998" not in etree.tostring(root), "no stand-in is left"
        documents.add(one(root, "//h:GPSummary/h:id/@root"))
        forms.add(etree.QName(summary.find(f"{{{ask.HL7}}}author")[1]).localname)
        initial.add(one(root, "//h:GPSummary/h:code/@code"))
        additional.add(told["additional_information"])
        assert told["author"]
        assert told["practice"].startswith("Northbrook Village Surgery")
    assert len(documents) == 120
    assert len(forms) == 4
    assert len(initial) == 2
    assert additional == {True, False}


async def test_answers_are_the_same_in_another_stub() -> None:
    async def summary_of(number: str) -> bytes:
        async with TestClient(TestServer(build_app())) as client:
            _, root = await fetched(client, number)
            return etree.tostring(root.xpath("//h:GPSummary", namespaces=NS)[0])

    for number in (CORE, GENERATED):
        assert await summary_of(number) == await summary_of(number)


def test_invented_codes_have_a_valid_check_digit() -> None:
    assert check_digit("7321100") == "9"  # a published SCTID: 73211009
    code = concept("Amlodipine 5mg tablets")
    assert code.endswith(check_digit(code[:-1]))
    assert "9999999" in code
    assert re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}", uuid_of("x"))


# ---- demographics ---------------------------------------------------------------------------------------------------


async def retrieved(spine: Client, nhs: str) -> Any:
    status, root = await send(spine, ask.retrieval(nhs), "/pds")
    assert status == 200
    return root


async def test_retrieval(spine: Client) -> None:
    root = await retrieved(spine, CORE)
    role = "s:Body/h:retrievalQueryResponse/h:QUPA_IN000009UK03//h:PDSResponse/h:subject/h:patientRole"
    assert one(root, f"{role}/h:id/@extension") == CORE
    assert one(root, "//h:birthTime/@value") == "19450714"
    assert one(root, "//h:administrativeGenderCode/@code") == "2"
    assert one(root, "//h:COCT_MT000203UK02.PartOfWhole//h:family/text()") == "Ashworth"
    assert one(root, "//h:addr/h:postalCode/text()") == "ZZ1 1ZZ"
    assert one(root, "//h:patientCareProvisionEvent[h:code/@code='1']//h:assignedEntity/h:id/@extension") == "AZZ99"
    assert root.xpath("//h:pertinentSerialChangeNumber/h:value/@value", namespaces=NS)
    assert root.xpath("//h:confidentialityCode", namespaces=NS) == []


@pytest.mark.parametrize(("case", "code"), [("sensitive", "S"), ("very_restricted", "V"), ("under_review", "B")])
async def test_confidentiality(spine: Client, case: str, code: str) -> None:
    root = await retrieved(spine, BY_CASE[case])
    assert one(root, "//h:patientRole/h:confidentialityCode/@code") == code
    located = root.xpath("//h:addr | //h:telecom | //h:playedOtherProviderPatient", namespaces=NS)
    assert bool(located) is (case == "under_review")


async def test_death_and_successor(spine: Client) -> None:
    assert one(await retrieved(spine, BY_CASE["deceased"]), "//h:patientPerson/h:deceasedTime/@value") == "20260301"
    root = await retrieved(spine, BY_CASE["superseded"])
    assert one(root, "//h:patientRole/h:id/@extension") == "9992003812"
    assert one(root, "//h:patientRole/h:replacementOf/h:priorRole/h:id/@extension") == BY_CASE["superseded"]


@pytest.mark.parametrize(("case", "code"), [("not_on_pds", "1"), ("invalidated", "22")])
async def test_numbers_pds_does_not_answer(spine: Client, case: str, code: str) -> None:
    root = await retrieved(spine, BY_CASE[case])
    assert (acknowledged(root), issues(root)[0], qualifiers(root)[0]) == ("AE", code, "ER")
    assert one(root, "(//h:justifyingDetectedIssueEvent/h:code/@codeSystem)[1]") == "2.16.840.1.113883.2.1.3.2.4.17.42"


async def test_retrieval_of_a_number_that_does_not_begin_with_9(spine: Client) -> None:
    assert issues(await retrieved(spine, "5900002233"))[0] == "1"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ask.trace("Ashworth", "19450714"), "9992000112"),
        (ask.trace("ASHWORTH", "1945", given="evelyn", gender="2", postcode="zz11zz"), "9992000112"),
        (ask.trace("Ó Murchú", "19690228", given="Seán"), "9992005297"),
        (ask.trace("Jessop", "19500606"), "9992003812"),
        (ask.trace("Holroyd", "19840418"), "9992002700"),
    ],
)
async def test_trace_finds_one(spine: Client, request_: Request, expected: str) -> None:
    _, root = await send(spine, request_, "/pds")
    assert one(root, "//h:traceQueryResponse//h:patientRole/h:id/@extension") == expected


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ask.trace("Crowther", "19440424"), "7"),
        (ask.trace("Ashworth", "19450715"), "1"),
        (ask.trace("Ashworth", "19450714", gender="1"), "1"),
        (ask.trace("Ashworth", "19450714", postcode="ZZ1 1ZY"), "1"),
        (ask.trace("Holroyd", "19840418", postcode="ZZ8 8ZZ"), "1"),
        (ask.trace("Mallinson", "19860806"), "1"),
        (ask.trace("Kaye", "19600101"), "1"),
        (ask.trace("Ashworth", "1945-07-14"), "400"),
        (ask.trace("", "19450714"), "400"),
    ],
)
async def test_trace_that_finds_none_or_several(spine: Client, request_: Request, code: str) -> None:
    _, root = await send(spine, request_, "/pds")
    assert (acknowledged(root), issues(root)[0]) == ("AE", code)


async def test_generated_patients_are_never_traced(spine: Client) -> None:
    person = cast.patient(GENERATED)
    assert person is not None
    _, root = await send(spine, ask.trace(person.name.family, person.dob.replace("-", "")), "/pds")
    assert issues(root)[0] == "1"
    assert one(await retrieved(spine, GENERATED), "//h:patientRole/h:id/@extension") == GENERATED


# ---- permission, directory, alerts ----------------------------------------------------------------------------------


async def test_permission_is_kept(spine: Client) -> None:
    view = "//h:accessControlAssertion[h:function/h:code='View']/h:permission/text()"
    for permission, told in (("Yes", "Yes"), ("Clear", "Ask")):
        status, root = await send(spine, ask.set_permission(CORE, permission))
        assert (status, acknowledged(root)) == (200, "AA")
        assert root.xpath("//h:setResourcePermissionsResponse/h:MCCI_IN010000UK13", namespaces=NS)
        assert one((await send(spine, ask.event_list(CORE)))[1], view) == told
    await send(spine, ask.set_permission(CORE, "No"))
    assert issues((await send(spine, ask.event_list(CORE)))[1]) == ["420", "30418"]


@pytest.mark.parametrize(
    "change",
    [
        set_text("//*[local-name()='permission']", "Maybe"),
        set_text("//*[local-name()='accessControlAssertion']//*[local-name()='code']", "Store"),
        set_text("//*[local-name()='resource']/*[local-name()='Id']", "9992000481"),
        drop(f"{PAYLOAD}/h:ControlActEvent/h:author"),
        drop("//h:partSDSRole/h:id"),
    ],
)
async def test_permission_that_is_refused(spine: Client, change: Callable[[Request], None]) -> None:
    _, root = await send(spine, ask.set_permission(CORE, "No").spoil(change))
    assert (acknowledged(root), issues(root)[0]) == ("AE", "400")
    assert root.xpath("//h:setResourcePermissionsResponse/h:MCCI_IN010000UK13", namespaces=NS)
    assert await listed(spine, CORE)


async def test_directory(spine: Client) -> None:
    async with spine.get("/directory/users/910000000018", headers={"nhsd-asid": ask.OWN_ASID}) as response:
        assert response.status == 200
        assert (await response.json())["nhsid_nrbac_roles"][0]["person_roleid"] == "555000000101"
    async with spine.get("/directory/users/910000009999") as response:
        assert response.status == 404
    system = "https://fhir.nhs.uk/Id/nhsJobRoleCode"
    for asked, total in ((f"{system}|555000000101", 1), (f"{system}|555000009999", 0)):
        async with spine.get("/directory/PractitionerRole", params={"user-role-id": asked}) as response:
            bundle = await response.json()
            assert (response.status, bundle["total"]) == (200, total)
            if total:
                assert bundle["entry"][0]["resource"]["code"][0]["coding"][0]["code"] == "S8000:G8000:R8000"
    async with spine.get("/directory/PractitionerRole", params={"user-role-id": "555000000101"}) as response:
        assert response.status == 400


ALERT_HEADERS = {"Content-Type": "application/fhir+json", "nhsd-asid": ask.OWN_ASID}


async def raise_alert(spine: Client, alert: Any, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with spine.post("/clinical/alert", data=json.dumps(alert), headers=headers or ALERT_HEADERS) as response:
        return response.status, await response.text()


async def test_alerts_are_kept_once(spine: Client) -> None:
    for _ in range(2):
        assert (await raise_alert(spine, ask.alert("twice")))[0] == 201
    async with spine.get("/control/alerts") as response:
        [kept] = await response.json()
    assert kept["id"] == "twice"
    assert kept["source"]["observer"]["identifier"]["value"] == ask.OWN_ASID


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [(k, r, 201 if r in allowed else 400) for k, allowed in (("1", "12346"), ("2", "1235")) for r in "1234567"]
    + [("3", "1", 400)],
)
async def test_alert_types(spine: Client, kind: str, reason: str, status: int) -> None:
    assert (await raise_alert(spine, ask.alert(kind=kind, reason=reason)))[0] == status


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ask.alert().items() if key != name}


def with_agents(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    alert = ask.alert()
    change(alert["agent"])
    return alert


@pytest.mark.parametrize(
    "alert",
    [
        *(
            without(name)
            for name in ("resourceType", "id", "extension", "type", "subtype", "recorded", "agent", "entity")
        ),
        ask.alert() | {"outcomeDesc": ""},
        with_agents(lambda agents: agents.append(agents[0])),
        with_agents(lambda agents: agents[0]["who"]["identifier"].pop("value")),
        with_agents(lambda agents: agents[1].update(requestor=True)),
        with_agents(lambda agents: agents[2].pop("role")),
        with_agents(lambda agents: agents[2].pop("requestor")),
        ["not an object"],
    ],
)
async def test_alerts_that_break_a_rule(spine: Client, alert: Any) -> None:
    status, body = await raise_alert(spine, alert)
    assert status == 400
    assert json.loads(body)["issue"][0]["details"]["coding"][0]["code"] == "INVALID_VALUE"
    assert "9992000112" not in body
    async with spine.get("/control/alerts") as response:
        assert await response.json() == []


async def test_alert_headers(spine: Client) -> None:
    assert (await raise_alert(spine, ask.alert(), ALERT_HEADERS | {"Content-Type": "application/json"}))[0] == 400
    assert (await raise_alert(spine, ask.alert(), ALERT_HEADERS | {"nhsd-asid": ""}))[0] == 400


# ---- control --------------------------------------------------------------------------------------------------------


async def control(spine: Client, **settings: Any) -> tuple[int, Any]:
    async with spine.post("/control", json=settings) as response:
        return response.status, await response.json()


async def test_received_tells_what_came(spine: Client) -> None:
    request = ask.event_list(CORE)
    request.headers["Correlation-Id"] = "11111111-2222-4333-8444-555555555555"
    await send(spine, request)
    await send(spine, ask.event_list("123"))
    async with spine.get("/control/received") as response:
        first, second = await response.json()
    assert first["n"] == 1
    assert first["interaction"] == "QUPC_IN180000SM04"
    assert first["message_id"] == request.message_id
    assert (first["path"], first["status"], first["from_asid"]) == ("/sync-service", 200, ask.OWN_ASID)
    assert first["correlation_id"] == "11111111-2222-4333-8444-555555555555"
    assert first["nhs_number"] == CORE
    assert second["outcome"] == "AE 400/35160"
    async with spine.get("/control/received", params={"since": "1"}) as response:
        assert [row["n"] for row in await response.json()] == [2]


async def test_failing_to_order(spine: Client) -> None:
    assert (await control(spine, error_rate=0.5, fault_code=206, latency_ms=10))[0] == 200
    statuses = [(await send(spine, ask.event_list(CORE)))[0] for _ in range(10)]
    assert statuses.count(500) == 5
    _, told = await control(spine, reset=True)
    assert (told["error_rate"], told["latency_ms"], told["fault_code"]) == (0.0, 0, 200)
    assert [(await send(spine, ask.event_list(CORE)))[0] for _ in range(4)] == [200] * 4


async def test_reset_forgets(spine: Client) -> None:
    await send(spine, ask.set_permission(CORE, "No"))
    await fetched(spine, BY_CASE["stale_document"])
    before = await listed(spine, BY_CASE["stale_document"])
    await raise_alert(spine, ask.alert())
    await control(spine, reset=True)
    assert await listed(spine, CORE)
    assert await listed(spine, BY_CASE["stale_document"]) != before
    async with spine.get("/control/alerts") as response:
        assert await response.json() == []


@pytest.mark.parametrize("settings", [{"error_rate": 2}, {"latency_ms": -1}, {"unknown": 1}, {"latency_ms": "much"}])
async def test_control_refuses_nonsense(spine: Client, settings: dict[str, Any]) -> None:
    assert (await control(spine, **settings))[0] == 400


async def test_webhooks_are_caught(spine: Client) -> None:
    async with spine.post("/webhook", json={"alert": 1}, headers={"X-Signature": "s"}) as response:
        assert response.status == 204
    async with spine.get("/control/webhooks") as response:
        [caught] = await response.json()
    assert caught["body"] == {"alert": 1}
    assert caught["headers"] == {"X-Signature": "s"}
    async with TestClient(TestServer(build_app(SpineSettings(webhook=False)))) as client:
        assert (await client.post("/webhook", json={})).status == 404


async def test_says_what_it_is(spine: Client) -> None:
    for path in ("/", "/control", "/health/live"):
        async with spine.get(path) as response:
            assert "STUB SPINE" in await response.text()


def test_command_line_serves() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from vendor_stubs.cli import main; main()",
        "serve",
        "spine",
        "--port",
        str(port),
        "--webhook",
        "none",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("STUB SPINE")
            assert line.endswith(f"ready on http://127.0.0.1:{port}\n")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            process.wait(10)
