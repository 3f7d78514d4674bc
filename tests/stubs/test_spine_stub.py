"""The Spine stub's messages: the shape of its answers, and every check of a request."""

import re
from collections.abc import Callable

import pytest
from lxml import etree

from tests.stubs import spine_requests as ask
from tests.stubs.spine_answers import (
    BY_CASE,
    CORE,
    PAYLOAD,
    Client,
    acknowledged,
    drop,
    fault_of,
    issues,
    listed,
    one,
    qualifiers,
    send,
    set_attribute,
    set_header,
    set_text,
)
from tests.stubs.spine_requests import NS, Request

# ---- the shape of answers ----


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


# ---- what is wrong with a request ----


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
