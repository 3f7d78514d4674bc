"""XML documents as they are compared with the golden samples."""

from lxml import etree

from gateway.xml.parser import parse


def canonical(data: bytes) -> bytes:
    """Bytes that differ only where documents do: white space between elements aside."""
    root = parse(data)
    for element in root.iter("*"):
        if len(element) and not (element.text or "").strip():
            element.text = None
        if element is root or (element.getparent() is not None and not (element.tail or "").strip()):
            element.tail = None
    return etree.tostring(root, method="c14n", exclusive=True)
