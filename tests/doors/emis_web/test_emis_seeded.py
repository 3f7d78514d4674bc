"""Faults seeded into good queries: each is found at the node where it is, and answered as Spine would answer it."""

import re
from dataclasses import dataclass

import pytest
from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.xml.names import HL7, NASP, SOAP11
from gateway.xml.parser import parse
from tests.doors.emis_web.emis_door import DOOR, findings, refused, request, sample

HEAD, BODY = "/soap:Envelope/soap:Header", "/soap:Envelope/soap:Body"
EVENT = f"{BODY}/hl7:QUPC_IN190000UK04"
ACT = f"{EVENT}/hl7:ControlActEvent"
FACTS = f"{HEAD}/af:AccessFacts"
RCV = r'  <communicationFunctionRcv typeCode="RCV">.*?</communicationFunctionRcv>\s*'
SND_DEVICE = "hl7:communicationFunctionSnd/hl7:device/hl7:id"


@dataclass(frozen=True)
class Seed:
    """One fault: what is replaced (a regular expression, first match unless `last`), and where it must be found."""

    old: str
    new: str
    code: str
    path: str
    answer: str
    """`fault 201`, or the reasons of an AE answer."""
    last: bool = False


SEEDS: dict[str, Seed] = {
    # the SOAP envelope
    "not an envelope": Seed("SOAP-ENV:Envelope", "SOAP-ENV:Letter", "not-soap", "/soap:Letter", "fault 300"),
    "SOAP 1.2": Seed(
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
        "soap-version",
        "/soap12:Envelope",
        "fault 300",
    ),
    "an empty body": Seed(r"<QUPC.*</QUPC_IN190000UK04>", "", "body-content", BODY, "fault 300"),
    "a stranger must be understood": Seed(
        "<wsa:MessageID>",
        '<x:y xmlns:x="urn:x" SOAP-ENV:mustUnderstand="1"/><wsa:MessageID>',
        "must-understand",
        f"{HEAD}/n1:y",
        "fault 300",
    ),
    "not well-formed": Seed("</wsa:To>", "", "not-well-formed", "", "fault 201"),
    "a document type": Seed("<SOAP-ENV:Envelope", "<!DOCTYPE a><SOAP-ENV:Envelope", "doctype", "", "fault 201"),
    "another interaction": Seed(
        "QUPC_IN190000UK04", "QUPC_IN160101UK05", "operation-unknown", f"{BODY}/hl7:QUPC_IN160101UK05", "fault 300"
    ),
    "no namespace": Seed(
        "<QUPC_IN190000UK04", '<QUPC_IN190000UK04 xmlns=""', "operation-unknown", f"{BODY}/QUPC_IN190000UK04", "fault 300"
    ),
    # its headers
    "no message id": Seed(r"<wsa:MessageID>.*?</wsa:MessageID>", "", "header-missing", HEAD, "fault 300"),
    "a message id without scheme": Seed("uuid:A0000003", "A0000003", "message-id", f"{HEAD}/wsa04:MessageID", "fault 300"),
    "a message id in small letters": Seed(
        "uuid:A0000003", "uuid:a0000003", "message-id", f"{HEAD}/wsa04:MessageID", "fault 300"
    ),
    "two message ids": Seed(
        r"(<wsa:MessageID>.*?</wsa:MessageID>)", r"\1\1", "header-repeated", f"{HEAD}/wsa04:MessageID[2]", "fault 300"
    ),
    "no action": Seed(r"<wsa:Action>.*?</wsa:Action>", "", "header-missing", HEAD, "fault 300"),
    "the action of the list": Seed(
        "psisquery/QUPC_IN190000UK04", "psisquery/QUPC_IN180000SM04", "operation-action", f"{HEAD}/wsa04:Action", "fault 300"
    ),
    "no To": Seed(r"<wsa:To>.*?</wsa:To>", "", "header-missing", HEAD, "fault 300"),
    "no From": Seed(r"<wsa:From>.*?</wsa:From>", "", "header-missing", HEAD, "fault 300"),
    "no ReplyTo": Seed(r"<wsa:ReplyTo>.*?</wsa:ReplyTo>", "", "header-missing", HEAD, "fault 300"),
    "no receiver in the header": Seed(RCV, "", "header-missing", HEAD, "fault 300"),
    "a receiver that is no ASID": Seed(
        "230811201324", "2308112013", "value-form", f"{HEAD}/hl7:communicationFunctionRcv/hl7:device/hl7:id", "fault 300"
    ),
    # the HL7 wrapper
    "another id": Seed(
        'id root="A0000003', 'id root="A0000009', "disagreement", f"{EVENT}/hl7:id/@root", "400/message-combination"
    ),
    "an id in small letters": Seed(
        'id root="A0000003-1B2C', 'id root="A0000003-1b2c', "lower-case-uuid", f"{EVENT}/hl7:id/@root", "400/message-envelope"
    ),
    "no creation time": Seed(
        r'<creationTime value="\d*"/>', "", "element-missing", EVENT, "400/message-schema"
    ),
    "a creation time with a zone": Seed(
        "20300105120000", "20300105120000+0000", "value-form", f"{EVENT}/hl7:creationTime/@value", "400/message-schema"
    ),
    "another version": Seed(
        "V3NPfIT4.2.00",
        "V3NPfIT5.0.00",
        "version-unknown",
        f"{EVENT}/hl7:versionCode/@code",
        "400/message-unknown-service",
    ),
    "another interaction id": Seed(
        'extension="QUPC_IN190000UK04"',
        'extension="QUPC_IN180000SM04"',
        "disagreement",
        f"{EVENT}/hl7:interactionId/@extension",
        "400/message-combination",
    ),
    "another code system of interactions": Seed(
        "2.16.840.1.113883.2.1.3.2.4.12", "1.2.3", "fixed-value", f"{EVENT}/hl7:interactionId/@root", "400/message-schema"
    ),
    "a test message": Seed(
        'processingCode code="P"', 'processingCode code="T"', "fixed-value", f"{EVENT}/hl7:processingCode/@code", "400/message-schema"
    ),
    "an acknowledgement wanted": Seed(
        'acceptAckCode code="NE"', 'acceptAckCode code="AL"', "fixed-value", f"{EVENT}/hl7:acceptAckCode/@code", "400/message-schema"
    ),
    "codes out of order": Seed(
        r"(<processingCode[^>]*>)\s*(<processingModeCode[^>]*>)",
        r"\2\1",
        "element-order",
        f"{EVENT}/hl7:processingModeCode",
        "400/message-schema",
    ),
    "another sender in the wrapper": Seed(
        r'<communicationFunctionSnd typeCode="SND">(.*?)200000009053',
        r'<communicationFunctionSnd typeCode="SND">\g<1>200000009065',
        "disagreement",
        f"{EVENT}/{SND_DEVICE}/@extension",
        "400/message-combination",
        last=True,
    ),
    "the functions' types changed about": Seed(
        'communicationFunctionSnd typeCode="SND"',
        'communicationFunctionSnd typeCode="RCV"',
        "fixed-value",
        f"{EVENT}/hl7:communicationFunctionSnd/@typeCode",
        "400/message-schema",
        last=True,
    ),
    # the control act and its query
    "another mood": Seed('moodCode="EVN"', 'moodCode="RQO"', "fixed-value", f"{ACT}/@moodCode", "400/message-schema"),
    "no author": Seed(r"<author1.*</author1>", "", "element-missing", ACT, "400/message-schema"),
    "another author": Seed(
        "200000009053",
        "200000009065",
        "disagreement",
        f"{ACT}/hl7:author1/hl7:AgentSystemSDS/hl7:agentSystemSDS/hl7:id/@extension",
        "400/message-combination",
        last=True,
    ),
    "no query": Seed(r"<query>.*</query>", "", "element-missing", ACT, "400/message-schema"),
    "dissent overridden": Seed(
        '<value code="0"', '<value code="1"', "fixed-value", f"{ACT}/hl7:query/hl7:dissentOverride/hl7:value/@code", "400/message-schema"
    ),
    "no dissent override": Seed(
        r"<dissentOverride>.*</dissentOverride>", "", "element-missing", f"{ACT}/hl7:query", "400/message-schema"
    ),
    "another code system of dissent": Seed(
        "17.60", "17.61", "fixed-value", f"{ACT}/hl7:query/hl7:dissentOverride/hl7:value/@codeSystem", "400/message-schema"
    ),
    "no event": Seed(r"<eventRecord>.*</eventRecord>", "", "element-missing", f"{ACT}/hl7:query", "400/message-schema"),
    "an event that is no UUID": Seed(
        "A0000000-0000-4000-8000-000000000003", "latest", "value-form", f"{ACT}/hl7:query/hl7:eventRecord/hl7:value/@root", "400/message-schema"
    ),
    "no semantics": Seed(
        "<semanticsText>EventRecord</semanticsText>", "", "element-missing", f"{ACT}/hl7:query/hl7:eventRecord", "400/message-schema"
    ),
    "other semantics": Seed(
        "<semanticsText>NHSNumber<",
        "<semanticsText>Number<",
        "fixed-value",
        f"{ACT}/hl7:query/hl7:nHSNumber/hl7:semanticsText",
        "400/35160/message-schema",
    ),
    "no NHS number": Seed(
        r"<nHSNumber>.*</nHSNumber>", "", "element-missing", f"{ACT}/hl7:query", "400/35160/message-schema"
    ),
    "a wrong check digit": Seed(
        "9992000481", "9992000482", "nhs-number", f"{ACT}/hl7:query/hl7:nHSNumber/hl7:value/@extension", "400/35160/message-value"
    ),
    "a live NHS number": Seed(
        "9992000481", "4010232137", "nhs-number", f"{ACT}/hl7:query/hl7:nHSNumber/hl7:value/@extension", "400/35160/message-value"
    ),
    "another root of the number": Seed(
        "2.16.840.1.113883.2.1.4.1", "1.2.3", "fixed-value", f"{ACT}/hl7:query/hl7:nHSNumber/hl7:value/@root", "400/35160/message-schema"
    ),
    # the AccessFacts block
    "a permission nobody can give": Seed(">yes<", ">maybe<", "value-form", f"{FACTS}/af:Permission", "400/message-schema"),
    "a fact twice": Seed(
        "(<af:Permission>yes</af:Permission>)", r"\1\1", "element-repeated", f"{FACTS}/af:Permission[2]", "400/message-schema"
    ),
    "a fact nobody knows": Seed(
        "<af:Permission>yes</af:Permission>", "<af:Mood>well</af:Mood>", "element-unexpected", f"{FACTS}/af:Mood", "400/message-schema"
    ),
    "a day that is none": Seed(
        "<af:Permission>yes</af:Permission>",
        "<af:Permission>yes</af:Permission><af:DateOfBirth>1938-02-30</af:DateOfBirth>",
        "value-form",
        f"{FACTS}/af:DateOfBirth",
        "400/message-schema",
    ),
    "a purpose of no list": Seed(
        "<af:Permission>", "<af:Purpose>treatment</af:Purpose><af:Permission>", "access-fact", f"{FACTS}/af:Purpose", "400/message-value"
    ),
    "a setting of one letter": Seed(
        "<af:Permission>", "<af:Setting>g</af:Setting><af:Permission>", "access-fact", f"{FACTS}/af:Setting", "400/message-value"
    ),
    # what may stand once in a header
    "two addresses to answer to": Seed(
        r"(<wsa:ReplyTo>\s*<wsa:Address/>)", r"\1<wsa:Address/>", "header-repeated", f"{HEAD}/wsa04:ReplyTo/wsa04:Address[2]", "fault 300"
    ),
    "two addresses it comes from": Seed(
        r"(<wsa:From>\s*<wsa:Address/>)", r"\1<wsa:Address/>", "header-repeated", f"{HEAD}/wsa04:From/wsa04:Address[2]", "fault 300"
    ),
    "two devices": Seed(
        "(<device.*?</device>)", r"\1\1", "header-repeated", f"{HEAD}/hl7:communicationFunctionRcv/hl7:device[2]", "fault 300"
    ),
    "two ids of a device": Seed(
        r'(<id root="1.2.826[^>]*>)', r"\1\1", "header-repeated", f"{HEAD}/hl7:communicationFunctionRcv/hl7:device/hl7:id[2]", "fault 300"
    ),
    "another name for a device": Seed(
        r'(<id root="1.2.826[^>]*>)', r"\1<name/>", "element-unexpected", f"{HEAD}/hl7:communicationFunctionRcv/hl7:device/hl7:name", "fault 300"
    ),
    "a device of another class": Seed(
        'classCode="DEV"', 'classCode="PSN"', "fixed-value", f"{HEAD}/hl7:communicationFunctionRcv/hl7:device/@classCode", "fault 300"
    ),
    "a receiver typed as sender": Seed(
        'typeCode="RCV"', 'typeCode="SND"', "fixed-value", f"{HEAD}/hl7:communicationFunctionRcv/@typeCode", "fault 300"
    ),
    "an attribute nobody knows": Seed(
        'typeCode="RCV"', 'typeCode="RCV" urgent="yes"', "attribute-unexpected", f"{HEAD}/hl7:communicationFunctionRcv/@urgent", "fault 300"
    ),
    # the time
    "a day that there is not": Seed(
        "20300105120000", "20300230120000", "timestamp-form", f"{EVENT}/hl7:creationTime/@value", "400/message-headers"
    ),
    "long ago": Seed(
        "20300105120000", "19990105120000", "timestamp-expired", f"{EVENT}/hl7:creationTime/@value", "400/message-expired"
    ),
    "in the future": Seed(
        "20300105120000", "20300105120101", "timestamp-future", f"{EVENT}/hl7:creationTime/@value", "400/message-expired"
    ),
    "two blocks": Seed(
        "(<af:AccessFacts.*</af:AccessFacts>)", r"\1\1", "header-repeated", f"{HEAD}/af:AccessFacts[2]", "fault 300"
    ),
}  # fmt: skip


def seeded(seed: Seed) -> bytes:
    text = sample("event").decode()
    found = list(re.finditer(seed.old, text, re.DOTALL))
    assert found, "the seed has no place"
    one = found[-1] if seed.last else found[0]
    broken = text[: one.start()] + one.expand(seed.new) + text[one.end() :]
    if seed.old == "SOAP-ENV:Envelope":  # an element's name stands twice
        broken = broken.replace("</SOAP-ENV:Envelope>", "</SOAP-ENV:Letter>")
    if seed.old == "QUPC_IN190000UK04":
        return (
            text.replace("<QUPC_IN190000UK04", "<QUPC_IN160101UK05")
            .replace("</QUPC_IN190000UK04", "</QUPC_IN160101UK05")
            .encode()
        )
    if seed.last and "communicationFunctionSnd" in seed.old and seed.old.startswith("<"):
        start = text.rindex("<communicationFunctionSnd")
        return (text[:start] + text[start:].replace("200000009053", "200000009065", 1)).encode()
    return broken.encode()


def told(body: bytes) -> str:
    """`fault CODE`, or the reasons of an AE answer."""
    root = parse(body)
    faults = [one.text for one in root.iter(f"{{{NASP}}}errorCode")]
    if faults:
        assert len(set(faults)) == 1
        return f"fault {faults[0]}"
    acknowledgement = next(root.iter(f"{{{HL7}}}acknowledgement"))
    assert acknowledgement.get("typeCode") == "AE"
    reasons = [str(one.get("code")) for one in root.iter(f"{{{HL7}}}code") if one.get("codeSystem", "").startswith("2")]
    details = len(list(root.iter(f"{{{HL7}}}acknowledgementDetail")))
    return "/".join(reasons[details:])


def test_there_are_enough_of_them() -> None:
    assert len(SEEDS) >= 45


@pytest.mark.parametrize("name", SEEDS)
def test_each_fault_is_found_where_it_is(name: str) -> None:
    seed = SEEDS[name]
    body = seeded(seed)
    assert (seed.code, seed.path) in findings(body, "urn:nhs:names:services:psisquery/QUPC_IN190000UK04")


@pytest.mark.parametrize("name", SEEDS)
def test_each_fault_is_answered_as_spine_would(name: str) -> None:
    body = seeded(SEEDS[name])
    error = refused(body, "urn:nhs:names:services:psisquery/QUPC_IN190000UK04")
    answer = DOOR.refuse(request(body), None, error)
    assert told(answer.body) == SEEDS[name].answer
    assert answer.status == (500 if SEEDS[name].answer.startswith("fault") else 200)
    assert b"9992000481" not in answer.body


@pytest.mark.parametrize("name", SEEDS)
def test_each_place_told_is_a_node_of_the_message(name: str) -> None:
    """The XPath of the answer, with the prefixes its element binds, finds exactly one node of what was sent."""
    body = seeded(SEEDS[name])
    error = refused(body, "urn:nhs:names:services:psisquery/QUPC_IN190000UK04")
    assert isinstance(error, MessageInvalid)
    answer = parse(DOOR.refuse(request(body), None, error).body)
    places = [one for one in answer.iter(f"{{{HL7}}}location", f"{{{NASP}}}location") if (one.text or "")[:1] == "/"]
    assert len(places) == sum(1 for one in error.findings if one.path)
    for place in places:
        bound = {prefix: uri for prefix, uri in place.nsmap.items() if prefix}
        found = parse(body).xpath(place.text or "", namespaces=bound)
        assert isinstance(found, list)
        assert len(found) == 1


def test_soap_action_is_needed_and_agrees() -> None:
    for action in ("", "urn:nhs:names:services:psisquery/QUPC_IN180000SM04"):
        assert findings(sample("event"), action) == (("soap-action", f"{HEAD}/wsa04:Action"),)
    assert DOOR.read(request(sample("event"), '"urn:nhs:names:services:psisquery/QUPC_IN190000UK04"'))


def test_a_fault_is_soap_of_the_version_it_is_told_in() -> None:
    body = seeded(SEEDS["SOAP 1.2"])
    answer = parse(DOOR.refuse(request(body), None, refused(body)).body)
    assert answer.tag == f"{{{SOAP11}}}Envelope"
    assert answer.findtext(f".//{{{SOAP11}}}Fault/faultcode") == "SOAP:VersionMismatch"
    assert etree.QName(answer).namespace == SOAP11


def test_another_systems_asid_is_told_at_its_place() -> None:
    """Each place that names the sender says the same other ASID: the message is in order, but not this system's."""
    body = sample("event").replace(b"200000009053", b"200000009099")
    error = refused(body)
    assert (error.code.slug, error.rules) == ("system-unknown", ("P-84",))
    answer = parse(DOOR.refuse(request(body), None, error).body)
    (detail,) = answer.iter(f"{{{HL7}}}acknowledgementDetail")
    code = detail.find(f"{{{HL7}}}code")
    assert code is not None
    assert code.get("code") == "disagreement"
    assert "the ASID registered for the system that calls" in code.get("displayName", "")
    assert detail.findtext(f"{{{HL7}}}location") == f"{HEAD}/{SND_DEVICE}/@extension"
    assert b"200000009053" not in etree.tostring(detail), "whose ASID would be right is not told"


@pytest.mark.parametrize("written", [b"20300105120000+0000", b"2030-01-05T12:00:00", b"2030010512"])
def test_a_creation_time_of_another_form_is_told_hl7s(written: bytes) -> None:
    error = refused(sample("event").replace(b"20300105120000", written))
    assert isinstance(error, MessageInvalid)
    assert [(one.code, one.expected) for one in error.findings] == [
        ("value-form", "yyyyMMddHHmmss, fourteen digits without a zone")
    ]
