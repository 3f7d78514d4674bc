"""Row 11: a signed message is taken when the signature is the system's own over Body and time stamp, and only then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway.adapters.mini_service_payload import SenderRefused
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.service.calls import StatusCall
from gateway.xml.names import DS, SOAP11, WSSE, WSU
from tests.doors.mini_service.offline import SYSTEM, door, wire
from tests.doors.signing import BODY, Change, Signer
from tests.xml.wire import NOW, good

STAMP = "C1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F"


@pytest.fixture(scope="module")
def signer() -> Signer:
    """One key for all tests."""
    return Signer()


def signed(signer: Signer, **how: Any) -> etree._Element:
    """A good message with its parts signed by this key."""
    return signer.signed(good("getSCRStatus"), **({"references": (BODY, STAMP)} | how))


def registered(*signers: Signer) -> System:
    """The system with these certificates."""
    return replace(SYSTEM, certificates=frozenset(one.fingerprint for one in signers))


def accepted(root: etree._Element, system: System) -> bool:
    """Whether the door takes the message."""
    try:
        call = door().read(wire(etree.tostring(root), system=system))
    except SenderRefused as refused:
        if refused.code is not Code.SYSTEM_SIGNATURE:
            raise
        return False
    assert isinstance(call, StatusCall)
    return True


def test_the_systems_own_signature_holds(signer: Signer) -> None:
    assert accepted(signed(signer), registered(signer))


def test_of_a_certificate_that_is_not_registered_it_does_not(signer: Signer) -> None:
    assert not accepted(signed(signer), SYSTEM)
    assert not accepted(signed(signer), registered(Signer()))


def test_of_an_expired_certificate_it_does_not() -> None:
    old = Signer(until=NOW - timedelta(days=1))
    assert not accepted(signed(old), registered(old))


@pytest.mark.parametrize("references", [(BODY,), (STAMP,)])
def test_body_and_time_stamp_are_both_signed(signer: Signer, references: tuple[str, ...]) -> None:
    assert not accepted(signed(signer, references=references), registered(signer))


def _number(root: etree._Element) -> None:
    for value in root.iter("{urn:hl7-org:v3}value"):
        value.set("extension", "9000000009")


def _expires(root: etree._Element) -> None:
    for element in root.iter(f"{{{WSU}}}Expires"):
        element.text = "2030-01-05T12:09:30Z"


def _other_body(root: etree._Element) -> None:
    """Wrapping: the signed Body is put aside, another one is read."""
    body = root.find(f"{{{SOAP11}}}Body")
    header = root.find(f"{{{SOAP11}}}Header")
    assert body is not None
    assert header is not None
    copy = etree.fromstring(etree.tostring(body))
    _number(copy)
    copy.attrib.pop(f"{{{WSU}}}Id")
    root.replace(body, copy)
    etree.SubElement(header, "{urn:x}Wrapper").append(body)


def _same_id(root: etree._Element) -> None:
    header = root.find(f"{{{SOAP11}}}Header")
    assert header is not None
    etree.SubElement(header, "{urn:x}Other", Id=BODY)


def _second(root: etree._Element) -> None:
    security = root.find(f".//{{{WSSE}}}Security")
    assert security is not None
    signature = security.find(f"{{{DS}}}Signature")
    assert signature is not None
    security.append(etree.fromstring(etree.tostring(signature)))


def _outside(root: etree._Element) -> None:
    header, signature = root.find(f"{{{SOAP11}}}Header"), root.find(f".//{{{DS}}}Signature")
    assert header is not None
    assert signature is not None
    header.append(signature)


def _value(root: etree._Element) -> None:
    for element in root.iter(f"{{{DS}}}SignatureValue"):
        text = element.text or ""
        element.text = ("B" if text[0] == "A" else "A") + text[1:]


def _moved(root: etree._Element) -> None:
    header, security = root.find(f"{{{SOAP11}}}Header"), root.find(f".//{{{WSSE}}}Security")
    assert header is not None
    assert security is not None
    signature = security.find(f"{{{DS}}}Signature")
    assert signature is not None
    etree.SubElement(security, "{urn:x}Wrapper").append(signature)
    security.append(etree.Element(f"{{{DS}}}Signature"))


@pytest.mark.parametrize("change", [_number, _expires, _other_body, _same_id, _second, _value, _moved, _outside])
def test_what_was_changed_after_signing_is_refused(signer: Signer, change: Change) -> None:
    root = etree.fromstring(etree.tostring(signed(signer)))
    change(root)
    assert not accepted(root, registered(signer))


def test_two_certificates_are_ambiguous(signer: Signer) -> None:
    def second_token(root: etree._Element) -> None:
        (token,) = root.iter(f"{{{WSSE}}}BinarySecurityToken")
        parent = token.getparent()
        assert parent is not None
        parent.append(etree.fromstring(etree.tostring(token)))

    assert not accepted(signed(signer, before=second_token), registered(signer))
