"""The door for EMIS Web ready to read and write without a network, its samples, and what Spine would have answered."""

from pathlib import Path

from multidict import CIMultiDict

from gateway.adapters.emis_web import EmisWebDoor
from gateway.domain.access import Purpose, Setting, System, SystemKind
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.identifiers import Asid, CorrelationId, NhsNumber, NhsNumbers, NumberRange, OdsCode, SystemId
from gateway.domain.spine import Confidentiality, Demographics
from gateway.service.calls import Call
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Status, Viewed
from gateway.spine.psis import read_event, read_event_list
from gateway.xml.catalogue import Catalogue
from tests.doors.records import NOW
from tests.spine.wires import EVENT_ID, wire

CATALOGUE = Catalogue.load()
NUMBERS = NhsNumbers(NumberRange.SYNTHETIC)
CORRELATION = "C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
PATIENT = NhsNumber("9992000481")
LIST, EVENT = "urn:nhs:names:services:psisquery/QUPC_IN180000SM04", "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"
SAMPLES = Path(__file__).parent / "wire"
SYSTEM = System(
    id=SystemId("emis-web-azz05"),
    product="emis-web",
    supplier="EMIS",
    kind=SystemKind.INTEGRATED_VIEWER,
    asid=Asid("200000009053"),
    client_id="emis-web-azz05",
    username="emis-web-azz05",
    purpose=Purpose.DIRECT_CARE,
    organisation=OdsCode("AZZ05"),
    setting=Setting("gp_temporary_or_non_registered"),
    site=None,
    networks=(),
)


class OneId:
    """Always the same new id, so that answers can be compared."""

    def new(self) -> str:
        """The id."""
        return "D0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"


DOOR = EmisWebDoor(
    catalogue=CATALOGUE, numbers=NUMBERS, ids=OneId(), address="https://gateway.example/viewers/emis-web"
)


def sample(name: str) -> bytes:
    """A file of the wire folder."""
    return (SAMPLES / f"{name}.xml").read_bytes()


def request(body: bytes, action: str | None = None) -> WireRequest:
    """A request with this body at NOW; SOAPAction as the body's own interaction needs it, unless said."""
    usual = EVENT if b"QUPC_IN190000UK04" in body else LIST
    usual = usual.replace("SM04", "UK04") if b"QUPC_IN180000UK04" in body else usual
    return WireRequest(
        method="POST",
        path="/viewers/emis-web",
        headers=CIMultiDict({"Content-Type": "text/xml", "SOAPAction": usual if action is None else action}),
        body=body,
        system=SYSTEM,
        correlation_id=CorrelationId(CORRELATION),
        now=NOW,
    )


def read(body: bytes, action: str | None = None) -> Call:
    """The call in a message."""
    return DOOR.read(request(body, action))


def refused(body: bytes, action: str | None = None) -> GatewayError:
    """Why a message is refused. Fails where it is not."""
    try:
        read(body, action)
    except GatewayError as error:
        return error
    raise AssertionError("the message was accepted")


def findings(body: bytes, action: str | None = None) -> tuple[tuple[str, str], ...]:
    """(code, path) of what is wrong with a message."""
    error = refused(body, action)
    assert isinstance(error, MessageInvalid), error
    return tuple((one.code, one.path) for one in error.findings)


def answered(error: GatewayError, body: bytes | None = None) -> WireResponse:
    """The answer to an error of a message: `body` readable as a call, or None for one that could not be read."""
    if body is None:
        return DOOR.refuse(request(b""), None, error)
    return DOOR.refuse(request(body), read(body), error)


def person() -> Demographics:
    """The patient of the Spine samples."""
    return Demographics(
        nhs_number=PATIENT,
        requested=None,
        family="Bannister",
        given=("Joseph",),
        prefix=None,
        birth=None,
        gender=None,
        deceased=None,
        practice=None,
        confidentiality=Confidentiality.UNRESTRICTED,
    )


def viewed(spine_answer: bytes | None = None) -> Viewed:
    """What the service hands over when Spine answered an event query so."""
    document = read_event(spine_answer or wire("event"), PATIENT, EVENT_ID)
    assert document is not None
    # doors never look at the decision
    return Viewed(patient=person(), document=document, record=None, decision=None)  # type: ignore[arg-type]


def status(spine_answer: bytes | None = None) -> Status:
    """What the service hands over when Spine answered an event list query so."""
    events = read_event_list(spine_answer or wire("event-list"), PATIENT)
    return Status(exists=bool(events.events), consent=events.consent, events=events, patient=person())
