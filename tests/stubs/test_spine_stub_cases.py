"""Every patient case of the cast, and the generated patients, as the Spine stub plays them."""

import asyncio
import re
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from tests.stubs import spine_requests as ask
from tests.stubs.spine_answers import (
    BY_CASE,
    CORE,
    GENERATED,
    Client,
    fault_of,
    fetched,
    issues,
    listed,
    one,
    read,
    send,
)
from tests.stubs.spine_requests import NS
from vendor_stubs import cast
from vendor_stubs.spine.app import build_app
from vendor_stubs.spine.coding import check_digit, concept, uuid_of
from vendor_stubs.spine.cutting import NHS_NUMBER, PLACE, Cut
from vendor_stubs.summary_reader import read_summary

# ---- the cases of the cast ----


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
    here = Path(__file__).parent.glob("test_spine_stub*.py")
    tested = "".join(file.read_text(encoding="utf-8") for file in here)
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


# ---- generated patients ----


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


def test_nothing_but_identifiers_goes_into_a_cut_document() -> None:
    cut = Cut(f'<a n="{NHS_NUMBER}"><{PLACE}/></a>'.encode())
    assert cut.filled({NHS_NUMBER: "9992000112"}, b"<b/>") == b'<a n="9992000112"><b/></a>'
    for value in ('"><script/>', "999200011<", "", "a" * 12, "9" * 37):
        with pytest.raises(ValueError, match="only identifiers"):
            cut.filled({NHS_NUMBER: value})
    with pytest.raises(KeyError):
        cut.filled({})
