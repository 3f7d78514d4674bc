"""Takes an element out of one message, to be put into another: moved and not copied, and the same after canonicalisation.

It must never change a name, a value or a word of what it takes.
"""

from typing import cast

from lxml import etree

from gateway.xml.names import XSI

_TYPED = etree.XPath("descendant-or-self::*/@xsi:type[contains(., ':')]", namespaces={"xsi": XSI})


def taken(element: etree._Element) -> etree._Element:
    """The element, ready to be appended elsewhere; the tree it stood in is without it from then on.

    lxml carries over the prefixes that names use. Those that only a type name uses (xsi:type, a value to lxml) are
    bound on the element itself, where they were bound above it.
    """
    element.tail = None
    parent = element.getparent()
    prefixes = {name.split(":", 1)[0].strip() for name in cast("list[str]", _TYPED(element))}
    above = parent.nsmap if parent is not None else {}
    bindings = cast("dict[str, str]", dict(element.nsmap))
    if not any(prefix in above and bindings.get(prefix) == above[prefix] for prefix in prefixes):
        return element
    rebound = etree.Element(
        element.tag, {str(name): str(value) for name, value in element.attrib.items()}, nsmap=bindings
    )
    rebound.text = element.text
    rebound.extend(list(element))
    if parent is not None:
        parent.remove(element)
    return rebound
