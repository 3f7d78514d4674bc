"""Every door's refusal of an invalid message, told by the stubs finding by finding: code and place as the gateway has them."""

import json
from collections.abc import Callable

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.adapters.fhir.outcome import operation_outcome
from gateway.adapters.fhir.requests import claims_of
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.service.doors import WireResponse
from tests.doors.emis_web import emis_door
from tests.doors.mini_service import offline
from tests.doors.systmone import systmone_door
from tests.doors.viewer_doors import ADASTRA, CLEO, Viewer, changed
from tests.xml.wire import good
from vendor_stubs.calling.findings import findings_of
from vendor_stubs.calling.http import Exchange
from vendor_stubs.calling.result import ViewResult

Refusal = tuple[GatewayError, WireResponse]


def viewer(one: Viewer) -> Refusal:
    """A SOAP viewer's message with three faults."""
    body = changed(one.sample("view-with-everything"), ">direct-care<", ">treatment<")
    error = one.refused(changed(body, ">gp_out_of_hours<", ">g<"))
    return error, one.door.refuse(one.wire(b""), None, error)


def systmone() -> Refusal:
    """Two facts that cannot be used."""
    body = systmone_door.sample("view-with-everything").replace(b"direct-care", b"treatment")
    error = systmone_door.refused(body.replace(b"<Setting>community_care", b"<Setting>c"))
    return error, systmone_door.DOOR.refuse(systmone_door.request(b""), None, error)


def emis_answer() -> Refusal:
    """Refused AE: the headers are in order."""
    body = emis_door.sample("event").replace(b"20300105120000", b"19990105120000")
    error = emis_door.refused(body.replace(b'interactionId root="2', b'interactionId root="3'))
    return error, emis_door.DOOR.refuse(emis_door.request(body), None, error)


def emis_fault() -> Refusal:
    """A fault: the headers are not."""
    body = emis_door.sample("event").replace(b"uuid:A0000003", b"A0000003", 1)
    error = emis_door.refused(body.replace(b'typeCode="RCV"', b'typeCode="SND"', 1))
    return error, emis_door.DOOR.refuse(emis_door.request(body), None, error)


def toolkit_fault() -> Refusal:
    """The mini service's fault 1000."""
    error = offline.refused(changed(good("getSCRStatus"), 'count="1"', 'count="2"'))
    return error, offline.door().refuse(offline.wire(), None, error)


def response_code() -> Refusal:
    """A response code, its places in a header."""
    error = offline.refused(changed(good("getSCRStatus"), 'extension="9990000018"', 'extension="9990000019"'))
    return error, offline.door().refuse(offline.wire(), None, error)


def fhir() -> Refusal:
    """An OperationOutcome."""
    with pytest.raises(MessageInvalid) as refused:
        claims_of({"purpose": "treatment", "setting": "-"})
    status, outcome = operation_outcome(refused.value)
    return refused.value, WireResponse(
        status=status, media_type="application/fhir+json", body=json.dumps(outcome).encode()
    )


REFUSALS: dict[str, Callable[[], Refusal]] = {
    "adastra": lambda: viewer(ADASTRA),
    "cleo": lambda: viewer(CLEO),
    "systmone": systmone,
    "emis-web, AE": emis_answer,
    "emis-web, fault": emis_fault,
    "mini-service, fault": toolkit_fault,
    "mini-service, response code": response_code,
    "symphony": fhir,
}


def exchange(response: WireResponse) -> Exchange:
    """The answer as a stub has it."""
    headers = CIMultiDictProxy(CIMultiDict(response.headers))
    return Exchange(
        method="POST", url="/", sent_headers={}, sent=b"", status=response.status, headers=headers, body=response.body
    )


@pytest.mark.parametrize("name", REFUSALS)
def test_each_finding_is_told(name: str) -> None:
    error, response = REFUSALS[name]()
    assert isinstance(error, MessageInvalid)
    assert error.findings
    told = findings_of(exchange(response))
    assert len(told) == len(error.findings)
    for one, found in zip(told, error.findings, strict=True):
        if name != "symphony":
            assert one["code"] == found.code
        if name == "mini-service, response code":
            assert one["line"] == found.line
            assert found.path.endswith(f"/{one['path']}")
            assert one["path"] == "hl7:value/@extension", "the element, and its attribute"
            continue
        assert one["path"] == found.path
        assert found.sentence in str(one["sentence"])
        if "line" in one:
            assert one["line"] == found.line


def test_an_invalid_message_is_told_to_people_and_programs_with_its_faults() -> None:
    _, response = REFUSALS["systmone"]()
    told = findings_of(exchange(response))
    result = ViewResult(outcome="invalid", code="message-value", wire_code=None, sentence="No.", findings=told)
    assert [one["code"] for one in json.loads(result.as_json())["findings"]] == ["access-fact", "access-fact"]
    lines = [line for line in result.as_text().splitlines() if line.startswith("Fault: ")]
    assert len(lines) == 2
    assert "/s1:ScrRequest/s1:View/s1:Access/s1:Purpose [access-fact]" in lines[0]
    assert "Expected: one of direct-care," in lines[0]


@pytest.mark.parametrize(
    "body", [b"", b"<a/>", b"no", b"[]", b'{"issue": 3}', b'{"issue": []}', b'{"issue": ["x", null]}']
)
def test_an_answer_in_another_form_has_none(body: bytes) -> None:
    assert findings_of(exchange(WireResponse(status=400, media_type="text/plain", body=body))) == ()
