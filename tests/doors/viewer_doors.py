"""The doors of SOAP viewers ready to read and write without a network, and requests to break."""

from dataclasses import dataclass
from pathlib import Path

from multidict import CIMultiDict

from gateway.adapters.adastra import AdastraDoor
from gateway.adapters.cleo import CleoDoor
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import CorrelationId, NhsNumbers, NumberRange
from gateway.service.calls import Call
from gateway.service.doors import Door, WireRequest
from gateway.xml.catalogue import Catalogue
from tests.doors.records import NOW

CATALOGUE = Catalogue.load()
NUMBERS = NhsNumbers(NumberRange.SYNTHETIC)
CORRELATION = "C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
HERE = Path(__file__).parent


class OneId:
    """Always the same new id, so that answers can be compared."""

    def new(self) -> str:
        """The id."""
        return "D0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"


@dataclass(frozen=True)
class Viewer:
    """One door with what its tests need to know."""

    product: str
    door: Door
    media_type: str

    def sample(self, name: str) -> bytes:
        """A file of the door's wire folder."""
        return (HERE / self.product / "wire" / f"{name}.xml").read_bytes()

    def wire(self, body: bytes, **headers: str) -> WireRequest:
        """A request with this body at NOW."""
        return WireRequest(
            method="POST",
            path=f"/viewers/{self.product}",
            headers=CIMultiDict({"Content-Type": self.media_type, **headers}),
            body=body,
            system=_SYSTEM,
            correlation_id=CorrelationId(CORRELATION),
            now=NOW,
        )

    def read(self, body: bytes, **headers: str) -> Call:
        """The call in a message."""
        return self.door.read(self.wire(body, **headers))

    def refused(self, body: bytes, **headers: str) -> MessageInvalid:
        """Why a message is refused. Fails where it is not."""
        try:
            self.read(body, **headers)
        except MessageInvalid as invalid:
            return invalid
        raise AssertionError("the message was accepted")

    def fault(self, error: GatewayError, call: Call | None = None) -> bytes:
        """The answer to an error."""
        return self.door.refuse(self.wire(b""), call, error).body

    def findings(self, body: bytes) -> tuple[Finding, ...]:
        """What is wrong with a message."""
        return self.refused(body).findings


_SYSTEM = None  # these doors look at nothing of the system

ADASTRA = Viewer(
    "adastra", AdastraDoor(catalogue=CATALOGUE, numbers=NUMBERS, ids=OneId()), "application/soap+xml; charset=utf-8"
)
CLEO = Viewer("cleo", CleoDoor(catalogue=CATALOGUE, numbers=NUMBERS), "text/xml; charset=utf-8")
VIEWERS = (ADASTRA, CLEO)


def changed(message: bytes, old: str, new: str) -> bytes:
    """The message with `old` replaced once; `old` must be there."""
    assert old.encode() in message, old
    return message.replace(old.encode(), new.encode(), 1)
