"""Any error as an XML problem document (RFC 9457, appendix B; namespace urn:ietf:rfc:7807): the SystmOne door's refusals.

It says what the catalogue says and where the message is wrong; it never holds anything of the patient.
"""

from lxml import etree

from gateway.adapters.viewer_clauses import cited
from gateway.adapters.viewer_messages import MOST_FINDINGS
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.service.doors import WireRequest, WireResponse
from gateway.xml.faults import Fault
from gateway.xml.names import PROBLEM, qname
from gateway.xml.parser import serialize

MEDIA_TYPE = "application/problem+xml"
# None is lxml's name for the default namespace
_NAMESPACES: dict[str | None, str] = {None: PROBLEM}


def problem(wire: WireRequest, error: GatewayError) -> WireResponse:
    """The problem document, its HTTP status as the catalogue says."""
    status = error.code.entry.http
    headers = {"WWW-Authenticate": 'Bearer realm="scr-gateway"'} if status == 401 else {}
    body = serialize(problem_element(wire, error))
    return WireResponse(status=status, media_type=MEDIA_TYPE, body=body, headers=headers)


def problem_element(wire: WireRequest, error: GatewayError) -> etree._Element:
    """An error as `problem`, valid by its schema."""
    entry = error.code.entry
    root = etree.Element(qname(PROBLEM, "problem"), nsmap=_NAMESPACES)  # type: ignore[arg-type]  # None as a key
    findings = cited("systmone", error.findings[:MOST_FINDINGS]) if isinstance(error, MessageInvalid) else ()
    _add(root, "type", f"/errors/{error.code.slug}")
    _add(root, "title", entry.sentence)
    _add(root, "status", str(entry.http))
    if findings and findings[0].code == Fault.VERSION_UNKNOWN.slug:
        _add(root, "detail", f"Versions spoken here: {findings[0].expected}.")
    _add(root, "instance", f"urn:uuid:{wire.correlation_id.value}")
    _add(root, "code", error.code.slug)
    _add(root, "kind", entry.kind.value)
    if error.next_step:
        _add(root, "next_step", error.next_step)
    _add(root, "correlation_id", wire.correlation_id.value)
    if error.rules:
        rules = _add(root, "rules")
        for rule in error.rules:
            _add(rules, "i", rule)
    if findings:
        listed = _add(root, "findings")
        for one in findings:
            _finding(_add(listed, "i"), one)
    return root


def _add(parent: etree._Element, local: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, qname(PROBLEM, local))
    child.text = text
    return child


def _finding(element: etree._Element, one: Finding) -> None:
    _add(element, "code", one.code)
    _add(element, "sentence", one.sentence)
    if one.line is not None:
        _add(element, "line", str(one.line))
    if one.column is not None:
        _add(element, "column", str(one.column))
    if one.path:
        path = etree.SubElement(element, qname(PROBLEM, "path"), nsmap=dict(one.namespaces))
        path.text = one.path
    if one.clause:
        _add(element, "clause", one.clause)
    if one.expected:
        _add(element, "expected", one.expected)
    if one.fragment:
        _add(element, "write", one.fragment)
