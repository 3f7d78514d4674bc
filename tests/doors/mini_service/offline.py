"""The mini-service door ready to read and write without a network, and good requests to break."""

from dataclasses import replace
from itertools import count
from typing import Any

from lxml import etree
from multidict import CIMultiDict

from gateway.adapters.mini_service import MiniServiceDoor
from gateway.adapters.mini_service_payload import PayloadInvalid
from gateway.adapters.mini_service_pds import EXCHANGES as PDS
from gateway.adapters.mini_service_scr import EXCHANGES as SCR
from gateway.domain.access import SystemKind
from gateway.domain.errors import GatewayError
from gateway.domain.identifiers import Asid, CorrelationId, NhsNumbers, NumberRange, OdsCode
from gateway.service.calls import Call
from gateway.service.doors import WireRequest, WireResponse
from gateway.xml.catalogue import Catalogue
from gateway.xml.names import HL7, PREFIXES
from gateway.xml.parser import parse
from tests.policy import cases
from tests.xml.wire import NOW, good

CATALOGUE = Catalogue.load()
NUMBERS = NhsNumbers(NumberRange.SYNTHETIC)
CORRELATION = "C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
NUMBER = "9990000018"
USER, ROLE = "100000000001", "200000000001"
SYSTEM = cases.system(
    kind=SystemKind.MINI_SERVICE,
    product="mini-service",
    username="ward-system",
    organisation=OdsCode("Z1B"),
    asid=Asid("200000009991"),
)


class Counting:
    """New ids that count."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        """The next one."""
        return f"D0000001-1B2C-4D3E-8F40-{next(self._numbers):012X}"


def door(**settings: Any) -> MiniServiceDoor:
    """The door, its ids beginning anew."""
    values: dict[str, Any] = {
        "catalogue": CATALOGUE,
        "numbers": NUMBERS,
        "ids": Counting(),
        "exchanges": SCR | PDS,
        "provider": "YZZ99",
    }
    return MiniServiceDoor(**(values | settings))


def wire(body: bytes = b"", *, system: Any = SYSTEM, **headers: str) -> WireRequest:
    """A request with this body at NOW."""
    return WireRequest(
        method="POST",
        path="/itk",
        headers=CIMultiDict({"Content-Type": "text/xml", **headers}),
        body=body,
        system=system,
        correlation_id=CorrelationId(CORRELATION),
        now=NOW,
    )


def read(body: bytes, **leniences: bool) -> Call:
    """The call in a message."""
    granted = frozenset(name.replace("_", "-") for name, on in leniences.items() if on)
    return door().read(wire(body, system=replace(SYSTEM, leniences=granted)))


def refused(body: bytes) -> GatewayError:
    """Why a message is refused. Fails where it is not."""
    try:
        read(body)
    except GatewayError as error:
        return error
    raise AssertionError("the message was accepted")


def answered(body: bytes) -> "Answer":
    """What the caller of a message that cannot be read is told."""
    return Answer(door().refuse(wire(body), None, refused(body)))


class Answer:
    """An answer's bytes, read by names."""

    def __init__(self, response: WireResponse) -> None:
        self.response = response
        self.root = parse(response.body)

    @classmethod
    def of(cls, body: bytes) -> "Answer":
        """From bytes alone."""
        return cls(WireResponse(status=200, media_type="text/xml", body=body))

    def xpath(self, path: str) -> list[Any]:
        """Nodes by the usual prefixes."""
        return list(self.root.xpath(path, namespaces={**PREFIXES, "hl7": HL7}))  # type: ignore[call-overload]

    @property
    def payload(self) -> etree._Element:
        """The HL7 payload."""
        (payload,) = self.xpath("//itk:payload/*")
        assert isinstance(payload, etree._Element)
        return payload

    @property
    def code(self) -> str:
        """The response code, or the Toolkit's error code."""
        (code,) = self.xpath("//itk:payload/*/hl7:value/@code | //itk:ErrorCode/text()")
        return str(code)

    @property
    def is_fault(self) -> bool:
        """Whether it is a SOAP fault."""
        return bool(self.xpath("//soap:Fault"))


def payload_invalid(body: bytes) -> PayloadInvalid:
    """The refusal of a message whose envelope is in order."""
    error = refused(body)
    assert isinstance(error, PayloadInvalid), error
    return error


__all__ = ["NOW", "good"]
