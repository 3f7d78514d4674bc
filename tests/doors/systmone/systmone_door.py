"""The door for SystmOne ready to read and write without a network, and its samples."""

from pathlib import Path

from lxml import etree
from multidict import CIMultiDict

from gateway.adapters.systmone import SystmOneDoor
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.identifiers import CorrelationId, NhsNumbers, NumberRange
from gateway.service.calls import Call
from gateway.service.doors import WireRequest
from gateway.xml.catalogue import Catalogue
from gateway.xml.parser import parse
from tests.doors.records import NOW

CATALOGUE = Catalogue.load()
CORRELATION = "C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
SAMPLES = Path(__file__).parent / "wire"
DOOR = SystmOneDoor(catalogue=CATALOGUE, numbers=NhsNumbers(NumberRange.SYNTHETIC))


def sample(name: str) -> bytes:
    """A file of the wire folder."""
    return (SAMPLES / f"{name}.xml").read_bytes()


def request(body: bytes, **headers: str) -> WireRequest:
    """A request with this body and a bearer token at NOW."""
    told = {"Content-Type": "application/xml", "Authorization": "Bearer head.body.sign", **headers}
    return WireRequest(
        method="POST",
        path="/viewers/systmone",
        headers=CIMultiDict(told),
        body=body,
        system=None,  # this door looks at nothing of the system
        correlation_id=CorrelationId(CORRELATION),
        now=NOW,
    )


def read(body: bytes, **headers: str) -> Call:
    """The call in a message."""
    return DOOR.read(request(body, **headers))


def refused(body: bytes) -> MessageInvalid:
    """Why a message is refused. Fails where it is not."""
    try:
        read(body)
    except MessageInvalid as error:
        return error
    raise AssertionError("the message was accepted")


def told(error: GatewayError) -> etree._Element:
    """The problem document of an error."""
    return parse(DOOR.refuse(request(b""), None, error).body)
