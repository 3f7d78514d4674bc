"""All schema errors of an element, not the first: each is repaired on a copy, and the copy is checked again.

It works on copies only, a bounded number of rounds, and never changes a value.
"""

import copy
from dataclasses import replace

from lxml import etree

from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.paths import is_element
from gateway.xml.schema_findings import Diagnosis

MAX_ROUNDS = 60
MAX_DIAGNOSES = 100

_RENAMED = {Fault.WRONG_NAMESPACE, Fault.NO_NAMESPACE, Fault.ELEMENT_NAME_CASE}
_REMOVED = {Fault.ELEMENT_UNEXPECTED, Fault.ELEMENT_REPEATED}


def diagnose_all(catalogue: Catalogue, name: str, element: etree._Element) -> list[Diagnosis]:
    """Every schema error of `element` against the schema called `name`, about the nodes of `element` itself."""
    twin = copy.deepcopy(element)
    origin = dict(zip(twin.iter(), element.iter(), strict=True))
    found: dict[tuple[etree._Element, str | None, Fault, str], Diagnosis] = {}
    for _ in range(MAX_ROUNDS):
        repaired = False
        for one in catalogue.diagnose(name, twin):
            node = origin.get(one.node)
            if node is None:  # about something a repair put there
                continue
            order = one.fault is Fault.ELEMENT_ORDER  # one misplaced element may need several moves: one finding
            key = (node, one.attribute, one.fault, "" if order else one.expected)
            if key not in found:
                before = origin.get(one.before) if one.before is not None else None
                found[key] = replace(one, node=node, before=before, onto=None)
            elif not order:
                continue
            repaired = _repair(one, twin) or repaired
        if not repaired or len(found) >= MAX_DIAGNOSES:
            break
    return sorted(found.values(), key=lambda one: _order(one, element))


def _order(one: Diagnosis, element: etree._Element) -> int:
    """Document order; what is missing at the end of an element comes behind all that it holds."""
    place = one.before if one.before is not None else one.node
    if one.fault is Fault.ELEMENT_MISSING and one.before is None:
        *_, place = one.node.iter()
    return next((number for number, node in enumerate(element.iter()) if node is place), 0)


def _repair(one: Diagnosis, twin: etree._Element) -> bool:  # noqa: PLR0911 - one return for each kind of repair
    """Mend the copy so that what lies behind this error shows. Returns whether anything was done."""
    node, fault = one.node, one.fault
    if fault in _RENAMED and one.tags:
        return _rename(node, one.tags, twin)
    if fault in _REMOVED and node is not twin:
        _remove(node)
        return True
    if fault is Fault.ELEMENT_ORDER:
        if one.onto is not None:
            one.onto.addprevious(node)
            return True
        return _bring_forward(node, one.tags)
    if fault is Fault.ELEMENT_MISSING:
        return _fill_in(one)
    if fault is Fault.TEXT_UNEXPECTED:
        node.text = None
        for child in node:
            child.tail = None
        return True
    if fault is Fault.ATTRIBUTE_UNEXPECTED and one.attribute is not None and one.attribute in node.attrib:
        del node.attrib[one.attribute]
        return True
    return False


def _fill_in(one: Diagnosis) -> bool:
    """Put an empty element where one is missing."""
    if not one.tags or not one.tags[-1].startswith("{"):
        return False
    made = etree.Element(one.tags[-1])  # optional ones are named first
    if one.before is not None:
        one.before.addprevious(made)
    else:
        one.node.append(made)
    return True


def _remove(node: etree._Element) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def _rename(node: etree._Element, tags: tuple[str, ...], twin: etree._Element) -> bool:
    """Give the node the name that fits, and to everything below it in the same wrong namespace the right one."""
    local = etree.QName(node).localname.lower()
    fitting = next((tag for tag in tags if tag.startswith("{") and tag.rpartition("}")[2].lower() == local), None)
    if fitting is None or node is twin:
        return False
    wrong, right = etree.QName(node).namespace, etree.QName(fitting).namespace
    node.tag = fitting
    if wrong != right:
        for below in node.iterdescendants():
            if is_element(below) and etree.QName(below).namespace == wrong:
                below.tag = f"{{{right}}}{etree.QName(below).localname}"
    return True


def _bring_forward(node: etree._Element, tags: tuple[str, ...]) -> bool:
    """Put the sibling that was expected here before the node."""
    for sibling in node.itersiblings():
        if sibling.tag in tags:
            node.addprevious(sibling)
            return True
    return False
