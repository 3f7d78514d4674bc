"""A stored viewer message made sendable again: new ids and times of now. The proof of the user is the product's to renew."""

from vendor_stubs import xml
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.soap import LIFETIME, WSA, WSU, wire_time
from vendor_stubs.xml import Element, qname


def parsed(body: bytes) -> Element:
    """The template's root. Raises WrongUsage."""
    try:
        return xml.parse(body)
    except xml.NotXml as error:
        raise WrongUsage(f"--fresh needs a well-formed message, and this one is {error}") from error


def renew(root: Element, calls: Calls) -> None:
    """New message and request ids; Created now and Expires LIFETIME later."""
    now = calls.now()
    for element in root.iter(qname(WSA, "MessageID")):
        element.text = f"urn:uuid:{calls.new_id()}"
    for element in root.iter("*"):
        if "requestId" in element.attrib:
            element.set("requestId", calls.new_id())
    for stamp in root.iter(qname(WSU, "Timestamp")):
        for name, moment in (("Created", now), ("Expires", now + LIFETIME)):
            for element in stamp.iter(qname(WSU, name)):
                element.text = wire_time(moment)
