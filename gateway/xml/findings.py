"""Findings of faults: built only from names, positions and expected values.

What the caller wrote is passed in on purpose, and only where it cannot be about a patient.
"""

from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.findings import Finding
from gateway.xml.faults import BY_SLUG, Fault
from gateway.xml.paths import line_of, path_of


def finding(
    fault: Fault,
    element: etree._Element | None = None,
    attribute: str | None = None,
    *,
    http: str = "",
    line: int | None = None,
    column: int | None = None,
    clause: str = "",
    expected: str = "",
    found: str = "",
    fragment: str = "",
) -> Finding:
    """A finding of this fault, placed at an element (or its attribute) where one is given, or at a header of HTTP.

    `found` must not be about a patient.
    """
    path, namespaces = path_of(element, attribute) if element is not None else (f"http.{http}" if http else "", ())
    if line is None and element is not None:
        line = line_of(element)
    return Finding(
        code=fault.slug,
        sentence=fault.entry.sentence,
        line=line,
        column=column,
        path=path,
        namespaces=namespaces,
        clause=clause or fault.entry.clause,
        expected=expected,
        found=found,
        fragment=fragment,
    )


def gateway_code(findings: tuple[Finding, ...]) -> Code:
    """The gateway code a message with these findings is answered with: that of the first."""
    return BY_SLUG[findings[0].code].entry.code
