"""The running gateway between a client of Spine and Spine: another address and one header block, nothing else."""

import asyncio
import json
import random
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import zeep
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, PolicyRefused
from gateway.domain.identifiers import Asid, CorrelationId, NhsNumber, NhsNumbers, NumberRange
from gateway.domain.spine import Consent, SpineCall
from gateway.spine.client import SpineClient
from gateway.spine.interactions import SpineAddressing
from gateway.spine.outcomes import SpineFailure
from gateway.spine.transport import NoMeter, Reply, SpineLimits, open_transport
from gateway.xml.names import ACCESS_FACTS, HL7, SOAP11
from gateway.xml.parser import parse, serialize
from tests.doors.emis_web.emis_door import SAMPLES
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast

USER, SYSTEM, FEED = "910000000133", "emis-web-azz05", "pas-azz05"
ASID, SPINE = Asid("200000009053"), Asid("230811201324")
PATIENT = NhsNumber("9992000481")


class WithBlock:
    """A client's transport with the one thing it must add: the AccessFacts block, and here X-SCR-System instead of a certificate."""

    def __init__(self, inner: Any, token: str, **facts: str) -> None:
        self.inner = inner
        self.facts = {"UserToken": token, **facts}
        self.sent: list[bytes] = []
        self.replies: list[Reply] = []

    async def post(self, endpoint: str, url: str, body: bytes, headers: dict[str, str], *, deadline: float) -> Reply:
        root = parse(body)
        block = etree.SubElement(root[0], f"{{{ACCESS_FACTS}}}AccessFacts")
        for name, text in self.facts.items():
            etree.SubElement(block, f"{{{ACCESS_FACTS}}}{name}").text = text
        self.sent.append(serialize(root))
        more = {**headers, "X-SCR-System": SYSTEM}
        reply: Reply = await self.inner.post(endpoint, url, self.sent[-1], more, deadline=deadline)
        self.replies.append(reply)
        return reply


async def posted(url: str, document: dict[str, object], **headers: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.post(url, json=document, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        return dict(await answer.json())


async def token(sandbox: RunningSandbox) -> str:
    told = await posted(f"{sandbox.identity}/sandbox/token", {"uid": USER, "client_id": SYSTEM})
    return str(told["id_token"])


async def referred(sandbox: RunningSandbox, number: str) -> None:
    document: dict[str, object] = {"nhs_number": number, "user": USER, "kind": "referral", "scope": "individual"}
    end = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    await posted(f"{sandbox.gateway}/relationships", {**document, "end": end}, **{"X-SCR-System": FEED})


@pytest.fixture
async def wire() -> AsyncIterator[Any]:
    async with open_transport(SpineLimits(), NoMeter()) as transport:
        yield transport


def client(transport: Any, address: str) -> SpineClient:
    """A stock client of Spine, this project's own, at another address."""
    addressing = SpineAddressing(
        psis_url=address, pds_url=address, alert_url=address, spine_asid=SPINE, from_address="http://emis.example"
    )
    return SpineClient(
        transport,
        addressing,
        NhsNumbers(NumberRange.SYNTHETIC),
        new_id=uuid.uuid4,
        now=lambda: datetime.now(UTC),
        jitter=random.random,
    )


def call() -> SpineCall:
    return SpineCall(
        asid=ASID,
        correlation_id=CorrelationId(str(uuid.uuid4()).upper()),
        deadline=asyncio.get_running_loop().time() + 20,
    )


def canonical_summary(body: bytes) -> bytes:
    summary = next(parse(body).iter(f"{{{HL7}}}GPSummary"))
    return etree.tostring(summary, method="c14n", exclusive=True)


async def test_a_client_of_spine_reads_through_the_gateway_what_it_reads_from_spine(
    sandbox: RunningSandbox, wire: Any
) -> None:
    await referred(sandbox, PATIENT.value)
    through = WithBlock(wire, await token(sandbox), Permission="yes")
    gateway = client(through, f"{sandbox.gateway}/viewers/emis-web/sync-service")
    direct = WithBlock(wire, "unused")
    direct.facts = {}
    spine = client(direct, f"{sandbox.spine}/sync-service")
    events, own = await gateway.event_list(PATIENT, call()), await spine.event_list(PATIENT, call())
    assert events == own
    assert events.consent is Consent.ASK
    document = await gateway.event(PATIENT, events.events[0].id, call())
    original = await spine.event(PATIENT, own.events[0].id, call())
    assert document is not None
    assert original is not None
    assert canonical_summary(through.replies[-1].body) == canonical_summary(direct.replies[-1].body)
    assert etree.tostring(document.summary, method="c14n") == etree.tostring(original.summary, method="c14n")


async def test_the_ids_are_those_of_this_exchange(sandbox: RunningSandbox, wire: Any) -> None:
    through = WithBlock(wire, await token(sandbox))
    await client(through, f"{sandbox.gateway}/viewers/emis-web").event_list(PATIENT, call())
    sent, reply = parse(through.sent[-1]), parse(through.replies[-1].body)
    namespaces = {"w": "http://schemas.xmlsoap.org/ws/2004/08/addressing", "h": HL7, "s": SOAP11}

    def one(root: etree._Element, path: str) -> str:
        found = root.xpath(path, namespaces=namespaces)
        assert isinstance(found, list)
        assert len(found) == 1, path
        return str(found[0])

    asked = one(sent, "//w:MessageID/text()")
    assert one(reply, "/s:Envelope/s:Header/w:RelatesTo/text()") == asked
    assert f"uuid:{one(reply, '//h:messageRef/h:id/@root')}" == asked
    answer = one(reply, "/s:Envelope/s:Header/w:MessageID/text()")
    assert answer == f"uuid:{one(reply, '//h:QUPC_IN200000SM04/h:id/@root')}" != asked
    assert one(reply, "/s:Envelope/s:Header/w:Action/text()").endswith("/QUPC_IN200000SM04")
    assert one(reply, "/s:Envelope/s:Header/w:To/text()") == "http://emis.example"
    for path, asid in (("Rcv", ASID), ("Snd", SPINE)):
        assert one(reply, f"//h:QUPC_IN200000SM04/h:communicationFunction{path}//h:id/@extension") == asid.value
    received = await received_of(sandbox, PATIENT.value)
    assert answer.removeprefix("uuid:") not in received
    assert asked.removeprefix("uuid:") not in received, "Spine is asked under ids of the gateway's own"


async def received_of(sandbox: RunningSandbox, number: str) -> list[str]:
    """Message ids Spine received about a patient."""
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.spine}/control/received?since=0") as answer:
        listed = await answer.json()
    return [one["message_id"] for one in listed if number in json.dumps(one)]


async def test_without_permission_the_client_sees_spines_own_refusal(sandbox: RunningSandbox, wire: Any) -> None:
    number = NhsNumber("9992001593")
    await referred(sandbox, number.value)
    through = WithBlock(wire, await token(sandbox))
    gateway = client(through, f"{sandbox.gateway}/viewers/emis-web/sync-service")
    events = await gateway.event_list(number, call())
    with pytest.raises(PolicyRefused) as caught:
        await gateway.event(number, events.events[0].id, call())
    assert caught.value.code is Code.SCR_NOT_AVAILABLE
    codes = [one.get("code") for one in parse(through.replies[-1].body).iter(f"{{{HL7}}}code")]
    assert codes == ["420", "30418", "permission-missing"]


async def test_an_event_that_is_not_on_the_list_is_no_record(sandbox: RunningSandbox, wire: Any) -> None:
    await referred(sandbox, PATIENT.value)
    through = WithBlock(wire, await token(sandbox), Permission="yes")
    gateway = client(through, f"{sandbox.gateway}/viewers/emis-web")
    assert await gateway.event(PATIENT, str(uuid.uuid4()).upper(), call()) is None


async def test_a_client_without_the_block_is_told_so_and_spine_is_not_asked(sandbox: RunningSandbox, wire: Any) -> None:
    number = NhsNumber("9992001968")
    through = WithBlock(wire, "unused")
    through.facts = {}
    before = len(await received_of(sandbox, number.value))
    events = await client(through, f"{sandbox.gateway}/viewers/emis-web").event_list(number, call())
    assert (events.consent, events.events) == (Consent.NO, ())
    assert b"The AccessFacts header block" in through.replies[-1].body
    assert len(await received_of(sandbox, number.value)) == before


async def test_a_replay_is_spines_duplicate_message(sandbox: RunningSandbox, wire: Any) -> None:
    through = WithBlock(wire, await token(sandbox))
    gateway = client(through, f"{sandbox.gateway}/viewers/emis-web")
    await gateway.event_list(PATIENT, call())
    headers = {
        "Content-Type": "text/xml",
        "SOAPAction": "urn:nhs:names:services:psisquery/QUPC_IN180000SM04",
        "X-SCR-System": SYSTEM,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{sandbox.gateway}/viewers/emis-web/sync-service", data=through.sent[-1], headers=headers
        ) as answer,
    ):
        body = await answer.read()
    assert (answer.status, answer.headers["X-SCR-Code"]) == (200, "message-replayed")
    assert [one.get("code") for one in parse(body).iter(f"{{{HL7}}}code")] == ["401", "message-replayed"]


async def test_spine_that_cannot_be_used_is_a_fault(sandbox: RunningSandbox, wire: Any) -> None:
    number = NhsNumber("9992000112")
    async with aiohttp.ClientSession() as session:

        async def tell(**settings: object) -> None:
            async with session.post(f"{sandbox.spine}/control", json=settings) as answer:
                assert answer.status < 300

        through = WithBlock(wire, await token(sandbox))
        gateway = client(through, f"{sandbox.gateway}/viewers/emis-web")
        await tell(error_rate=1.0, fault_code=300)
        try:
            with pytest.raises(SpineFailure):
                await gateway.event_list(number, call())
        finally:
            await tell(error_rate=0.0, fault_code=200)
    assert through.replies[-1].status == 500
    assert b"nasp:errorList" in through.replies[-1].body


async def test_the_first_step_raises_no_alert_and_an_emergency_view_raises_one(
    sandbox: RunningSandbox, wire: Any
) -> None:
    number = NhsNumber("9992001968")
    alerts = count(sandbox)
    facts = {
        "Permission": "emergency",
        "EmergencyReason": "unconscious",
        "Note": f"Found collapsed {uuid.uuid4()}"[:60],
    }
    through = WithBlock(wire, await token(sandbox), **facts)
    gateway = client(through, f"{sandbox.gateway}/viewers/emis-web")
    events = await gateway.event_list(number, call())
    assert count(sandbox) == alerts
    assert await gateway.event(number, events.events[0].id, call()) is not None
    assert count(sandbox) == alerts + 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"Permission": "no"}, b"permission-refused"),
        ({"Permission": "yes", "DateOfBirth": "1901-01-01"}, b"birth-date-mismatch"),
    ],
)
async def test_what_the_first_step_says_binds(
    sandbox: RunningSandbox, wire: Any, facts: dict[str, str], code: bytes
) -> None:
    number = NhsNumber("9992004924")
    await referred(sandbox, number.value)
    before = refusals(sandbox, number)
    through = WithBlock(wire, await token(sandbox), **facts)
    with suppress(GatewayError):  # a stock client of Spine takes some refusals for a patient's consent No
        await client(through, f"{sandbox.gateway}/viewers/emis-web").event_list(number, call())
    assert code in through.replies[-1].body
    assert refusals(sandbox, number) - before == (1 if facts["Permission"] == "no" else 0)


def refusals(sandbox: RunningSandbox, number: NhsNumber) -> int:
    """How often the patient's no is on record at this practice."""
    asked = "SELECT count(*) FROM permission WHERE patient = ? AND answer = 'no' AND organisation = 'AZZ05'"
    with sqlite3.connect(sandbox.database) as connection:
        (found,) = connection.execute(asked, (number.value,)).fetchone()
    return int(found)


def count(sandbox: RunningSandbox) -> int:
    """How many alerts the store holds."""
    with sqlite3.connect(sandbox.database) as connection:
        (found,) = connection.execute("SELECT count(*) FROM alert").fetchone()
    return int(found)


async def test_description_and_schemas_are_served_and_load_elsewhere(sandbox: RunningSandbox) -> None:
    for path in ("", "/sync-service"):
        description = zeep.Client(f"{sandbox.gateway}/viewers/emis-web{path}?wsdl")
        (service,) = description.wsdl.services.values()
        (port,) = service.ports.values()
        assert port.binding_options["address"] == f"{sandbox.gateway}/viewers/emis-web"
        assert set(port.binding.all()) == {"QUPC_IN180000SM04", "QUPC_IN180000UK04", "QUPC_IN190000UK04"}
    async with aiohttp.ClientSession() as session:
        for name in ("xsd", "xsd=emis-web/psis", "xsd=emis-web/addressing", "xsd=emis-web/faults"):
            async with session.get(f"{sandbox.gateway}/viewers/emis-web?{name}") as answer:
                assert answer.status == 200
                assert b"schema" in await answer.read()


async def stub(sandbox: RunningSandbox, number: str, *options: str) -> tuple[int, dict[str, Any]]:
    """`vendor-stub emis-web view` of Dr Green."""
    told = ("emis-web", "view", "--nhs-number", number, "--as", USER, "--json", *options)
    status, output, errors = await vendor_stub(sandbox, *told)
    assert output, errors
    return status, json.loads(output)


async def test_a_patient_registered_here_needs_no_permission(sandbox: RunningSandbox) -> None:
    here = next(patient for patient in cast.patients() if patient.case == "registered_here" and patient.gp == "AZZ05")
    status, answer = await stub(sandbox, here.nhs)
    assert (status, answer["outcome"]) == (0, "record")
    status, answer = await stub(sandbox, "9992001593")
    assert (status, answer["code"]) == (3, "relationship-missing")


async def test_a_permission_is_not_kept_where_the_practice_keeps_none(sandbox: RunningSandbox) -> None:
    status, answer = await stub(sandbox, PATIENT.value, "--permission", "extended", "--relationship", "referral")
    assert (status, answer["code"], answer["wire_code"]) == (3, "permission-scope", "420/30418")
    assert "P-20" in answer["rules"]


async def test_raw_sends_a_file_as_it_is_or_made_new(sandbox: RunningSandbox) -> None:
    file = str(SAMPLES / "event-list.xml")
    status, output, _ = await vendor_stub(sandbox, "emis-web", "raw", file)
    assert (status, "X-SCR-Code: message-expired" in output) == (5, True), output
    status, output, _ = await vendor_stub(sandbox, "emis-web", "raw", file, "--fresh", "--as", USER)
    assert (status, "queryResponseEventList" in output) == (0, True), output


@pytest.mark.parametrize("path", ["", "/sync-service"])
async def test_a_system_of_another_product_may_not_call(sandbox: RunningSandbox, path: str) -> None:
    """As at the other viewers' doors: what it sends is not even read (P-84)."""
    headers = {"Content-Type": "text/xml", "X-SCR-System": "adastra-yzz04"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.gateway}/viewers/emis-web{path}", data=b"<not", headers=headers) as answer,
    ):
        assert (answer.status, answer.headers["X-SCR-Code"]) == (500, "system-operation")
        assert "P-84" in answer.headers["X-SCR-Rules"]
        assert b"system-operation" in await answer.read()
