"""A message signature counts at the viewers' SOAP doors as at the mini service: the system's own over Body and time stamp, or none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from lxml import etree

from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError
from gateway.service.doors import Door, WireRequest
from gateway.teaching import explained
from gateway.xml.explain import Context
from gateway.xml.names import CODES, DS, SAML, SOAP12, WSSE, WSU
from gateway.xml.parser import parse
from tests.doors.emis_web import emis_door
from tests.doors.records import NOW
from tests.doors.signing import BODY, STAMP, Change, Signer
from tests.doors.viewer_doors import ADASTRA, CLEO
from tests.policy import cases
from tests.running import RunningSandbox, vendor_stub

XENC = "http://www.w3.org/2001/04/xmlenc#"
BAD = f"""<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo/><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>"""
SECURITY = f"""<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"><wsu:Timestamp><wsu:Created>2030-01-05T11:59:30Z</wsu:Created>
<wsu:Expires>2030-01-05T12:04:30Z</wsu:Expires></wsu:Timestamp></wsse:Security>"""


@dataclass(frozen=True)
class Case:
    """One SOAP door with a good message that has a wsse:Security."""

    name: str
    door: Door
    message: bytes
    wire: Callable[[bytes], WireRequest]
    system: System

    def asked(self, body: bytes, *signers: Signer) -> WireRequest:
        """The request, of a system with these certificates."""
        system = replace(self.system, certificates=frozenset(one.fingerprint for one in signers))
        return replace(self.wire(body), system=system)

    def read(self, body: bytes, *signers: Signer) -> GatewayError | None:
        """None where the message is taken, else why not."""
        wire = self.asked(body, *signers)
        try:
            self.door.read(wire)
        except GatewayError as error:
            refusal = error
        else:
            return None
        assert refusal.code.slug.encode() in self.door.refuse(wire, None, refusal).body
        return refusal


def _with_security(message: bytes) -> bytes:
    """EMIS Web's message brings no wsse:Security of its own; a signer adds one."""
    return message.replace(b"</SOAP-ENV:Header>", SECURITY.encode() + b"</SOAP-ENV:Header>", 1)


SYSTEM = cases.system()
CASES = (
    Case("adastra", ADASTRA.door, ADASTRA.sample("view"), ADASTRA.wire, SYSTEM),
    Case("cleo", CLEO.door, CLEO.sample("view"), CLEO.wire, SYSTEM),
    Case("list", emis_door.DOOR, _with_security(emis_door.sample("event-list")), emis_door.request, emis_door.SYSTEM),
    Case("event", emis_door.DOOR, _with_security(emis_door.sample("event")), emis_door.request, emis_door.SYSTEM),
)
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def signer() -> Signer:
    """One key for all tests."""
    return Signer()


def refused(case: Case, body: etree._Element | bytes, *signers: Signer) -> bool:
    """Whether the signature condemns the message; any other refusal fails."""
    error = case.read(body if isinstance(body, bytes) else etree.tostring(body), *signers)
    assert error is None or (error.code, error.rules) == (Code.SYSTEM_SIGNATURE, ("P-84",))
    return error is not None


@each
def test_an_unsigned_message_is_taken(case: Case) -> None:
    assert not refused(case, case.message)


@each
def test_the_systems_own_signature_holds(case: Case, signer: Signer) -> None:
    assert not refused(case, signer.signed(case.message), signer)


@each
def test_a_signature_of_nobody_is_refused(case: Case, signer: Signer) -> None:
    """As a stranger would send it, in wsse:Security or beside it."""
    inside = case.message.replace(b"</wsse:Security>", BAD.encode() + b"</wsse:Security>", 1)
    assert refused(case, inside, signer)
    assert refused(case, case.message.replace(b"<wsse:Security", BAD.encode() + b"<wsse:Security", 1), signer)


@each
def test_only_a_registered_certificate_that_is_in_date_signs(case: Case, signer: Signer) -> None:
    assert refused(case, signer.signed(case.message))
    assert refused(case, signer.signed(case.message), Signer())
    old = Signer(until=NOW - timedelta(days=1))
    assert refused(case, old.signed(case.message), old)


@each
@pytest.mark.parametrize("references", [(BODY,), (STAMP,)])
def test_body_and_time_stamp_are_both_signed(case: Case, signer: Signer, references: tuple[str, ...]) -> None:
    assert refused(case, signer.signed(case.message, references=references), signer)


def _number(root: etree._Element) -> None:
    for one in root[-1].iter("*"):
        one.text = "9990000018" if etree.QName(one).localname == "NhsNumber" else one.text
        if etree.QName(one).localname == "value" and one.get("root") == "2.16.840.1.113883.2.1.4.1":
            one.set("extension", "9990000018")


def _expires(root: etree._Element) -> None:
    for one in root.iter(f"{{{WSU}}}Expires"):
        one.text = "2030-01-05T12:09:30Z"


def _other_body(root: etree._Element) -> None:
    """Wrapping: the signed Body is put aside, another one is read."""
    body = root[-1]
    copy = etree.fromstring(etree.tostring(body))
    _number(copy.getroottree().getroot())
    copy.attrib.pop(f"{{{WSU}}}Id")
    root.replace(body, copy)
    etree.SubElement(root[0], "{urn:x}Wrapper").append(body)


def _second(root: etree._Element) -> None:
    security = next(root.iter(f"{{{WSSE}}}Security"))
    security.append(etree.fromstring(etree.tostring(next(security.iterchildren(f"{{{DS}}}Signature")))))


def _outside(root: etree._Element) -> None:
    security = next(root.iter(f"{{{WSSE}}}Security"))
    root[0].append(next(security.iterchildren(f"{{{DS}}}Signature")))


@each
@pytest.mark.parametrize("change", [_number, _expires, _other_body, _second, _outside])
def test_what_was_changed_after_signing_is_refused(case: Case, signer: Signer, change: Change) -> None:
    root = etree.fromstring(etree.tostring(signer.signed(case.message)))
    change(root)
    assert refused(case, root, signer)


def test_an_assertions_own_signature_is_another_thing(signer: Signer) -> None:
    """It signs nothing of the message, and does not stand in the message signature's way, wherever it stands."""

    def sign(message: bytes) -> bytes:
        return message.replace(b"</saml:Issuer>", b"</saml:Issuer>" + BAD.encode(), 1)

    adastra = CASES[0]
    assert not refused(adastra, sign(adastra.message))
    assert not refused(adastra, signer.signed(sign(adastra.message)), signer)
    changed = etree.fromstring(etree.tostring(signer.signed(sign(adastra.message))))
    _number(changed)
    assert refused(adastra, changed, signer)
    assert next(changed.iter(f"{{{SAML}}}Assertion")) is not None


def test_adastras_refusal_relates_to_its_message() -> None:
    adastra = CASES[0]
    wire = adastra.asked(adastra.message.replace(b"</wsse:Security>", BAD.encode() + b"</wsse:Security>", 1))
    with pytest.raises(GatewayError) as caught:
        adastra.door.read(wire)
    root = parse(adastra.door.refuse(wire, None, caught.value).body)
    assert root.findtext(".//{http://www.w3.org/2005/08/addressing}RelatesTo", "").startswith("urn:uuid:A0000001")
    assert root.findtext(f".//{{{CODES}}}Rule") == "P-84"


@each
def test_a_signed_messages_time_stamp_is_judged(case: Case, signer: Signer) -> None:
    late = case.message.replace(b"2030-01-05T11:59:30Z</wsu", b"2030-01-05T11:40:30Z</wsu")
    late = late.replace(b"2030-01-05T12:04:30Z</wsu", b"2030-01-05T11:45:30Z</wsu")
    assert late != case.message
    error = case.read(etree.tostring(signer.signed(late)), signer)
    assert error is not None
    assert error.code is Code.MESSAGE_EXPIRED


def _unsigned(message: bytes) -> bytes:
    """Without its signature, and stamped now: a template of EMIS Web's has no Timestamp that the stub would renew."""
    root, now = etree.fromstring(message), datetime.now(UTC)
    security = next(root.iter(f"{{{WSSE}}}Security"))
    security.remove(next(security.iterchildren(f"{{{DS}}}Signature")))
    for local, minutes in (("Created", 0), ("Expires", 5)):
        next(security.iter(f"{{{WSU}}}{local}")).text = (now + timedelta(minutes=minutes)).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    return etree.tostring(root)


RUNNING = {
    "adastra": ("adastra-yzz04", "application/soap+xml; charset=utf-8", "adastra/wire/view-to-open.xml"),
    "cleo": ("cleo-rzz03", "text/xml; charset=utf-8", "cleo/wire/view-to-open.xml"),
    "emis-web": ("emis-web-azz05", "text/xml", "emis_web/wire/event-list.xml"),
}


@pytest.mark.parametrize("product", RUNNING)
async def test_on_both_listeners_only_the_systems_own_signature_opens(
    sandbox: RunningSandbox, tmp_path: Path, product: str
) -> None:
    """A bad one is refused on the plain and on the mutual TLS listener; then the same message, signed well, is answered."""
    system, media_type, name = RUNNING[product]
    message = (Path(__file__).parent / name).read_bytes()
    with_security = message if b"<wsse:Security" in message else _with_security(message)
    bad = tmp_path / "bad.xml"
    bad.write_bytes(with_security.replace(b"</wsse:Security>", BAD.encode() + b"</wsse:Security>", 1))
    user = [] if product == "adastra" else ["--as", {"cleo": "910000000125", "emis-web": "910000000133"}[product]]
    _, output, sent = await vendor_stub(sandbox, product, "raw", str(bad), "--fresh", "--print-request", *user)
    assert "X-SCR-Code: system-signature" in output, output
    start, end = (sent.index("<" + sent.split("Envelope")[0].rpartition("<")[2]), sent.rindex(">") + 1)
    refused_message = sent[start:end].encode()
    own = Signer(files=sandbox.certificate(system))
    good = own.signed(_unsigned(refused_message), method="ECDSA_SHA256")
    action = {} if product == "adastra" else {"SOAPAction": emis_door.LIST if product == "emis-web" else ""}
    async with aiohttp.ClientSession(sandbox.secure, headers={"Content-Type": media_type, **action}) as session:
        for body, code in ((refused_message, "system-signature"), (etree.tostring(good), None)):
            async with session.post(f"/viewers/{product}", data=body, ssl=sandbox.tls(system)) as answer:
                assert answer.headers.get("X-SCR-Code") == code, await answer.text()


# Parts of wsse:Security that nobody reads

UNREAD = {
    "a key": f'<xenc:EncryptedKey xmlns:xenc="{XENC}"/>',
    "encrypted data": f'<xenc:EncryptedData xmlns:xenc="{XENC}"/>',
    "a token of a kind not known": '<x:KerberosToken xmlns:x="urn:x"/>',
}


def _must(case: Case, part: str, said: str) -> bytes:
    prefix = "SOAP-ENV" if b"SOAP-ENV:Header" in case.message else "soap"
    message = case.message.replace(b"<wsse:Security", f'<wsse:Security {prefix}:mustUnderstand="{said}"'.encode(), 1)
    return message.replace(b"</wsse:Security>", part.encode() + b"</wsse:Security>", 1)


@each
@pytest.mark.parametrize("part", UNREAD)
def test_what_must_be_understood_and_is_not_read_is_refused(case: Case, part: str) -> None:
    assert case.read(_must(case, "", "1")) is None
    error: Any = case.read(_must(case, UNREAD[part], "1"))
    assert error is not None
    assert error.code is Code.MESSAGE_MUST_UNDERSTAND
    assert [one.code for one in error.findings] == ["security-part"]
    assert error.findings[0].path.rpartition("/")[0].endswith("/wsse:Security")
    assert case.read(_must(case, UNREAD[part], "0")) is None
    content_type = case.wire(b"").headers["Content-Type"]
    action = case.wire(case.message).headers.get("SOAPAction")
    context = Context(now=NOW, content_type=content_type, soap_action=action)
    told = explained(case.door.name, _must(case, UNREAD[part], "1"), context)
    assert [one.code for one in told] == ["security-part"]


def test_soap_1_2_names_the_header_that_was_not_understood() -> None:
    adastra = CASES[0]
    wire = adastra.asked(_must(adastra, UNREAD["a key"] * 2, "true"))
    with pytest.raises(GatewayError) as caught:
        adastra.door.read(wire)
    (named,) = parse(adastra.door.refuse(wire, None, caught.value).body).iter(f"{{{SOAP12}}}NotUnderstood")
    prefix, _, local = named.get("qname", "").partition(":")
    assert (named.nsmap[prefix], local) == (WSSE, "Security")
