"""The distribution envelope checked against its schema without the payloads' content.

A payload has a schema of its own; unknown types deep inside it must not fail the envelope, and a large one must not
slow it down.
"""

import copy
from dataclasses import replace

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.catalogue import DISTRIBUTION_ENVELOPE, Catalogue
from gateway.xml.names import ITK, qname
from gateway.xml.paths import elements, is_element, line_of, namespace_of, path_of

_PAYLOADS, _PAYLOAD = qname(ITK, "payloads"), qname(ITK, "payload")


def envelope_findings(catalogue: Catalogue, distribution: etree._Element) -> tuple[Finding, ...]:
    """Schema findings of the envelope alone, with paths and lines of the tree it stands in."""
    found = catalogue.validate(DISTRIBUTION_ENVELOPE, outline(distribution))
    parent = distribution.getparent()
    if not found or parent is None:
        return found
    base, bindings = path_of(parent)
    return tuple(replace(f, path=base + f.path, namespaces=tuple(sorted({*bindings, *f.namespaces}))) for f in found)


def outline(distribution: etree._Element) -> etree._Element:
    """A copy whose payloads hold at most the bare names of what they carry. Line numbers are kept."""
    root = _bare(distribution)
    root.text = _own_text(distribution)
    for part in elements(distribution):
        if part.tag != _PAYLOADS:
            copied = copy.deepcopy(part)
            copied.tail = _tail(part)
            root.append(copied)
            continue
        payloads = _bare(part)
        payloads.text, payloads.tail = _own_text(part), _tail(part)
        root.append(payloads)
        for inner in elements(part):
            payload = _bare(inner)
            payload.tail = _tail(inner)
            payloads.append(payload)
            if inner.tag == _PAYLOAD:
                payload.extend(etree.Element(child.tag) for child in elements(inner) if namespace_of(child) != ITK)
    return root


def _own_text(element: etree._Element) -> str:
    """The text before the first child element: comments, which the outline leaves out, do not cut it."""
    return (element.text or "") + _behind_comments(next(iter(element), None))


def _tail(element: etree._Element) -> str:
    """The text behind an element up to the next one, across comments."""
    return (element.tail or "") + _behind_comments(element.getnext())


def _behind_comments(node: etree._Element | None) -> str:
    """The texts behind a run of comments that begins with `node`."""
    text = ""
    while node is not None and not is_element(node):
        text += node.tail or ""
        node = node.getnext()
    return text


def _bare(element: etree._Element) -> etree._Element:
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    prefixes = {prefix: uri for prefix, uri in element.nsmap.items() if prefix}
    made = etree.Element(element.tag, attributes, nsmap=prefixes)
    if (line := line_of(element)) is not None:
        made.sourceline = line  # type: ignore[assignment]  # the stubs know no setter
    return made
