"""What a fault of Adastra's door says in its headers: which message it is about, what was not understood, what is spoken."""

import re

import pytest
from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.xml.names import SOAP11, SOAP12, WSA, WSA_ANONYMOUS
from gateway.xml.parser import parse
from tests.doors.viewer_doors import ADASTRA, changed

END = "</soap:Header>"
ID = "urn:uuid:A0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
BROKEN = {
    "must understand": (END, f'<x:T xmlns:x="urn:x" soap:mustUnderstand="true"/>{END}'),
    "two in the body": ("</soap:Body>", "<x/></soap:Body>"),
    "two of one header": (END, f'<w:To xmlns:w="{WSA}">a</w:To>{END}'),
    "another version": (SOAP12, SOAP11),
    "another operation": ("ViewSummaryRequest", "ViewNothing"),
    "schema": (">9000000009<", ">9<"),
}


def fault(body: bytes) -> etree._Element:
    """The envelope of the fault that a message gets."""
    return parse(ADASTRA.fault(ADASTRA.refused(body)))


def spoilt(old: str, new: str) -> bytes:
    message = ADASTRA.sample("view").decode()
    assert old in message
    return message.replace(old, new).encode()


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_relates_to_the_message_whose_id_could_be_read(name: str) -> None:
    told = fault(spoilt(*BROKEN[name]))
    assert told.findtext(f"{{{SOAP12}}}Header/{{{WSA}}}RelatesTo") == ID


def test_an_empty_body_has_an_id_too() -> None:
    body = re.sub(rb"(<soap:Body[^>]*>).*(</soap:Body>)", rb"\1\2", ADASTRA.sample("view"), flags=re.DOTALL)
    assert fault(body).findtext(f"{{{SOAP12}}}Header/{{{WSA}}}RelatesTo") == ID


def test_an_id_that_is_none_is_not_repeated() -> None:
    told = fault(spoilt(ID, "9000000009"))
    assert told.find(f".//{{{WSA}}}RelatesTo") is None


def test_each_header_that_was_not_understood_is_named() -> None:
    strange = '<x:T xmlns:x="urn:x" soap:mustUnderstand="1"/><y:U xmlns:y="urn:y" soap:mustUnderstand="true"/>'
    told = fault(spoilt(END, strange + '<Z xmlns="" soap:mustUnderstand="true"/>' + END))
    blocks = list(told.iterfind(f"{{{SOAP12}}}Header/{{{SOAP12}}}NotUnderstood"))
    names = [block.get("qname", "").rpartition(":") for block in blocks]
    assert [
        (block.nsmap.get(prefix or None), local) for block, (prefix, _, local) in zip(blocks, names, strict=True)
    ] == [
        ("urn:x", "T"),
        ("urn:y", "U"),
        (None, "Z"),
    ]
    assert fault(spoilt(*BROKEN["schema"])).find(f".//{{{SOAP12}}}NotUnderstood") is None


def test_another_version_is_told_the_one_that_is_spoken() -> None:
    told = fault(spoilt(*BROKEN["another version"]))
    (spoken,) = told.iterfind(f"{{{SOAP12}}}Header/{{{SOAP12}}}Upgrade/{{{SOAP12}}}SupportedEnvelope")
    prefix, _, local = spoken.get("qname", "").partition(":")
    assert (spoken.nsmap[prefix], local) == (SOAP12, "Envelope")
    assert fault(spoilt(*BROKEN["schema"])).find(f".//{{{SOAP12}}}Upgrade") is None


@pytest.mark.parametrize("local", ["ReplyTo", "FaultTo"])
def test_an_answer_to_another_address_is_refused(local: str) -> None:
    def endpoint(address: str) -> bytes:
        block = f'<w:{local} xmlns:w="{WSA}"><w:Address>{address}</w:Address></w:{local}>'
        message = re.sub(rb"<wsa:ReplyTo>.*?</wsa:ReplyTo>", b"", ADASTRA.sample("view"), flags=re.DOTALL)
        return changed(message, END, block + END)

    ADASTRA.read(endpoint(WSA_ANONYMOUS))
    with pytest.raises(MessageInvalid) as caught:
        ADASTRA.read(endpoint("http://elsewhere.example/faults"))
    (found,) = caught.value.findings
    assert (found.code, found.expected) == ("reply-to", WSA_ANONYMOUS)
    assert found.path.endswith(f"/wsa:{local}")
