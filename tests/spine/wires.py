"""Wire samples of the Spine side, and changes made to them; our own messages of the shapes PSIS and PDS answer in."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from gateway.domain.identifiers import Asid, MessageId, NhsNumber, NhsNumbers, NumberRange
from gateway.spine.interactions import SpineAddressing
from gateway.spine.outcomes import SpineFailure
from gateway.xml.parser import parse

WIRE = Path(__file__).parent / "wire"
HL7 = "{urn:hl7-org:v3}"
PSIS = "{urn:npfit:psisqr}"
PATIENT, OTHER = NhsNumber("9992000481"), NhsNumber("9992000112")
NUMBERS = NhsNumbers(NumberRange.SYNTHETIC)
EVENT_ID = "A0000000-0000-4000-8000-000000000003"
MESSAGE_ID = MessageId("11111111-1111-4111-8111-111111111111")
SENDER = Asid("918999199111")
NOON = datetime(2026, 7, 1, 11, 0, 5, tzinfo=UTC)
ADDRESSING = SpineAddressing.under("https://spine.example/", Asid("230811201324"))


def wire(name: str) -> bytes:
    """The bytes of a sample."""
    return (WIRE / f"{name}.xml").read_bytes()


def changed(name: str, change: Callable[[etree._Element], None]) -> bytes:
    """A sample after `change` was applied to its root."""
    root = parse(wire(name))
    change(root)
    return etree.tostring(root, encoding="UTF-8")


def replaced(name: str, old: str, new: str, count: int = 1) -> bytes:
    """A sample with the text `old`, which must be there `count` times at least, replaced by `new` that many times."""
    text = wire(name).decode()
    assert text.count(old) >= count
    return text.replace(old, new, count).encode()


def issues(*codes: tuple[str, str]) -> bytes:
    """An AE answer with these (code, qualifier) issues in order."""

    def change(root: etree._Element) -> None:
        act = next(root.iter(f"{HL7}ControlActEvent"))
        for reason in list(act.iter(f"{HL7}reason")):
            act.remove(reason)
        for place, (code, qualifier) in enumerate(codes):
            reason = etree.Element(f"{HL7}reason")
            event = etree.SubElement(reason, f"{HL7}justifyingDetectedIssueEvent")
            element = etree.SubElement(event, f"{HL7}code", code=code)
            if qualifier:
                etree.SubElement(element, f"{HL7}qualifier", code=qualifier)
            act.insert(place, reason)

    return changed("not-fulfilled", change)


def failure(raised: Callable[[], object]) -> SpineFailure:
    """The SpineFailure that a call raises."""
    try:
        raised()
    except SpineFailure as error:
        return error
    raise AssertionError("nothing was refused")
