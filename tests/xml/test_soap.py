"""SOAP envelopes and their headers, read and written, in both versions."""

import pytest
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.names import SOAP11, SOAP12, WSA_FAULT
from gateway.xml.parser import parse, serialize
from gateway.xml.soap import (
    SoapFault,
    SoapVersion,
    addressing_headers,
    build_answer,
    build_envelope,
    build_fault,
    read_envelope,
)
from tests.xml.wire import changed, good

BOTH = frozenset(SoapVersion)
GOOD = good("querySCR")


def refused(data: bytes) -> MessageInvalid:
    with pytest.raises(MessageInvalid) as caught:
        read_envelope(parse(data))
    return caught.value


def test_what_the_headers_claim() -> None:
    envelope = read_envelope(parse(GOOD))
    assert envelope.version is SoapVersion.V11
    assert envelope.addressing.message_id == "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert envelope.addressing.action == "urn:nhs-itk:services:201005:sendRecvDistEnvelope"
    assert envelope.addressing.from_address == "https://client.example/"
    assert envelope.addressing.reply_to == "http://www.w3.org/2005/08/addressing/anonymous"
    assert envelope.security is not None
    assert envelope.security.username == "ward-system"
    assert envelope.security.timestamp is not None
    assert envelope.security.timestamp.expires == "2030-01-05T12:04:30Z"
    assert envelope.payload.tag == "{urn:nhs-itk:ns:201005}DistributionEnvelope"


def test_tokens_and_assertions_are_handed_on_and_never_shown() -> None:
    token = (
        '<wsse:BinarySecurityToken ValueType="urn:ietf:params:oauth:token-type:jwt" EncodingType="x#Base64Binary">'
        "c2Vj<!-- cut here -->cmV0</wsse:BinarySecurityToken>"
        '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"/><wsse:UsernameToken>'
    )
    envelope = read_envelope(parse(changed(GOOD, "<wsse:UsernameToken>", token)))
    assert envelope.security is not None
    (binary,) = envelope.security.tokens
    assert binary.value == "c2VjcmV0"
    assert binary.value_type == "urn:ietf:params:oauth:token-type:jwt"
    assert envelope.security.assertion is not None
    assert envelope.security.assertion.get("ID") == "_1"
    assert "c2Vj" not in repr(envelope)
    assert "ward-system" not in repr(envelope)


@pytest.mark.parametrize(
    ("old", "new", "code", "slug"),
    [
        (SOAP11, SOAP12, Code.MESSAGE_SOAP_VERSION, "soap-version"),
        (SOAP11, "urn:other", Code.MESSAGE_SOAP_VERSION, "soap-version"),
        ("soap:Envelope", "soap:Umschlag", Code.MESSAGE_ENVELOPE, "not-soap"),
        ("soap:Body>", "soap:Torso>", Code.MESSAGE_ENVELOPE, "soap-structure"),
        ("</soap:Envelope>", "<soap:Body/></soap:Envelope>", Code.MESSAGE_ENVELOPE, "soap-structure"),
        ("<soap:Header>", "<soap:Header/><soap:Header>", Code.MESSAGE_ENVELOPE, "soap-structure"),
        ("</soap:Body>", "<x/></soap:Body>", Code.MESSAGE_ENVELOPE, "body-content"),
        ("<wsa:To>", "<wsa:To>x</wsa:To><wsa:To>", Code.MESSAGE_HEADERS, "header-repeated"),
        ("<wsa:To>", "<wsa:MessageID>x</wsa:MessageID><wsa:To>", Code.MESSAGE_HEADERS, "header-repeated"),
        (
            "<wsa:To>",
            '<x:New xmlns:x="urn:x" soap:mustUnderstand="1"/><wsa:To>',
            Code.MESSAGE_MUST_UNDERSTAND,
            "must-understand",
        ),
    ],
)
def test_broken_envelopes(old: str, new: str, code: Code, slug: str) -> None:
    error = refused(changed(GOOD, old, new, count=2))
    assert error.code is code
    assert error.findings[0].code == slug


def test_must_understand_for_known_headers_and_other_actors() -> None:
    known = changed(GOOD, "<wsa:To>", '<wsa:To soap:mustUnderstand="1">')
    other = changed(
        known,
        "<wsa:From>",
        '<x:New xmlns:x="urn:x" soap:mustUnderstand="1" soap:actor="urn:somebody"/>'
        '<x:Old xmlns:x="urn:x" soap:mustUnderstand="0"/><wsa:From>',
    )
    assert read_envelope(parse(other)).addressing.to == "https://gateway.example/itk"


def test_a_message_without_header_is_read_where_the_door_allows() -> None:
    envelope = read_envelope(
        parse(f'<e:Envelope xmlns:e="{SOAP12}"><e:Body><a/></e:Body></e:Envelope>'.encode()), accept=BOTH
    )
    assert envelope.version is SoapVersion.V12
    assert envelope.security is None
    assert envelope.addressing.message_id is None


@pytest.mark.parametrize("version", sorted(SoapVersion, key=str), ids=lambda v: v.name)
def test_what_is_written_is_read_again(version: SoapVersion) -> None:
    headers = addressing_headers(
        message_id="M", action="A", to="T", relates_to="R", from_address="F", reply_to="http://x.example"
    )
    written = serialize(build_envelope(version, headers=headers, body=etree.Element("{urn:x}payload")))
    envelope = read_envelope(parse(written), accept=BOTH)
    assert envelope.version is version
    assert envelope.payload.tag == "{urn:x}payload"
    a = envelope.addressing
    assert (a.message_id, a.action, a.to, a.relates_to, a.from_address, a.reply_to, a.fault_to) == (
        "M",
        "A",
        "T",
        "R",
        "F",
        "http://x.example",
        None,
    )


def test_an_answer_has_three_headers_and_no_security() -> None:
    root = build_answer(SoapVersion.V11, message_id="M", action="A", relates_to="R", body=etree.Element("x"))
    header = root[0]
    assert [etree.QName(block).localname for block in header] == ["MessageID", "Action", "RelatesTo"]


def test_a_soap_11_fault() -> None:
    fault = SoapFault(code="Client", reason="No & never", actor="http://x.example/", detail=etree.Element("{urn:x}why"))
    root = parse(serialize(build_fault(SoapVersion.V11, fault, message_id="M", action=WSA_FAULT, relates_to=None)))
    element = root.find(f"{{{SOAP11}}}Body/{{{SOAP11}}}Fault")
    assert element is not None
    assert [child.tag for child in element] == ["faultcode", "faultstring", "faultactor", "detail"]
    prefix, _, name = (element.findtext("faultcode") or "").partition(":")
    assert (element.nsmap[prefix], name) == (SOAP11, "Client")
    assert element.findtext("faultstring") == "No & never"
    assert element.find("detail/{urn:x}why") is not None
    assert read_envelope(root).is_fault


def test_a_soap_12_fault() -> None:
    fault = SoapFault(code="Server", reason="Later", subcodes=(("urn:x", "Busy"), ("urn:y", "VeryBusy")))
    root = parse(serialize(build_fault(SoapVersion.V12, fault, message_id="M", action=WSA_FAULT, relates_to="R")))
    element = root.find(f"{{{SOAP12}}}Body/{{{SOAP12}}}Fault")
    assert element is not None
    values = list(element.iter(f"{{{SOAP12}}}Value"))
    resolved = [(value.nsmap[(value.text or "").split(":")[0]], (value.text or "").split(":")[1]) for value in values]
    assert resolved == [(SOAP12, "Receiver"), ("urn:x", "Busy"), ("urn:y", "VeryBusy")]
    text = element.find(f"{{{SOAP12}}}Reason/{{{SOAP12}}}Text")
    assert text is not None
    assert text.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


@pytest.mark.parametrize("values", [{"code": "Nonsense", "reason": "x"}, {"code": "Client", "reason": ""}])
def test_a_fault_that_says_nothing_cannot_be_built(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="fault"):
        SoapFault(**values)
