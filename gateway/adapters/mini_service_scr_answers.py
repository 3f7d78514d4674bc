"""The frame of every SCR mini-service response payload: id, then what belongs to the operation, with its coded value."""

from lxml import etree

from gateway.adapters.mini_service_codes import DISPLAY, SUCCESS
from gateway.xml.itk_answers import hl7_element
from gateway.xml.names import HL7, OID_SCR_RESPONSE, qname
from gateway.xml.operations import Operation


def succeed(operation: Operation, payload_id: str, text: etree._Element | None = None) -> etree._Element:
    """A success, with `text` before its value; components are added behind."""
    return _framed(operation, payload_id, SUCCESS, text)


def fail(operation: Operation, payload_id: str, code: str) -> etree._Element:
    """A failure is id and value, nothing else."""
    return _framed(operation, payload_id, code, None)


def _framed(operation: Operation, payload_id: str, code: str, text: etree._Element | None) -> etree._Element:
    root = hl7_element(operation.response_root)
    etree.SubElement(root, qname(HL7, "id"), root=payload_id)
    if text is not None:
        root.append(text)
    etree.SubElement(root, qname(HL7, "value"), code=code, codeSystem=OID_SCR_RESPONSE, displayName=DISPLAY[code])
    return root
