"""Where the parts of a distribution envelope stand: manifest items, payloads, handling specifications.

Works on trees that may be broken: a part that is absent is an empty list.
"""

from lxml import etree

from gateway.xml.names import ITK, qname
from gateway.xml.paths import elements, first

ITEM_PATH = (qname(ITK, "header"), qname(ITK, "manifest"))


def manifest_items(distribution: etree._Element) -> list[etree._Element]:
    """The manifestitem elements, in order."""
    manifest = first(distribution, *ITEM_PATH)
    return list(elements(manifest, qname(ITK, "manifestitem"))) if manifest is not None else []


def payload_wrappers(distribution: etree._Element) -> list[etree._Element]:
    """The itk:payload elements, in order."""
    payloads = first(distribution, qname(ITK, "payloads"))
    return list(elements(payloads, qname(ITK, "payload"))) if payloads is not None else []


def specs(distribution: etree._Element) -> tuple[tuple[str, str], ...]:
    """Key and value of every handling specification, in order."""
    handling = first(distribution, qname(ITK, "header"), qname(ITK, "handlingSpecification"))
    found = elements(handling, qname(ITK, "spec")) if handling is not None else iter(())
    return tuple((spec.get("key", ""), spec.get("value", "")) for spec in found)
