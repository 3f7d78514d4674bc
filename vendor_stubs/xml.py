"""The stubs' one hardened XML parser, their namespaces and the few helpers that build trees.

Nothing else in the stubs may call lxml's own parsing functions; XML is always built as a tree, never as text.
"""

from lxml import etree

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
WSA_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
HL7 = "urn:hl7-org:v3"
PSIS = "urn:npfit:psisqr"
CRS = "http://national.carerecords.nhs.uk/schema/crs/"
NASP = "http://national.carerecords.nhs.uk/schema/"
PRESENTATION = "xhtml:NPfIT:PresentationText"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

Element = etree._Element  # noqa: SLF001 - the only name lxml gives its element type

MAX_BYTES = 16 * 1024 * 1024


class NotXml(ValueError):
    """The bytes are not XML this house accepts: too large, not well-formed, or with a document type declaration."""


def parse(data: bytes, max_bytes: int = MAX_BYTES) -> Element:
    """Root element of a document given as bytes. No DTD, no entity but the five of XML, no network.

    Raises NotXml, whose text never quotes the document.
    """
    if len(data) > max_bytes:
        raise NotXml(f"more than {max_bytes} bytes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise NotXml(f"not well-formed at line {line}, column {column}") from None  # its own text quotes the document
    except ValueError as error:
        raise NotXml("not well-formed") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotXml("a document type declaration is not accepted")
    return root


def serialise(root: Element) -> bytes:
    """UTF-8 bytes of a tree, with an XML declaration."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def fragment(root: Element) -> bytes:
    """UTF-8 bytes of a tree, without an XML declaration."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def qname(namespace: str, local: str) -> str:
    """The Clark name lxml uses."""
    return f"{{{namespace}}}{local}"


def local_name(element: Element) -> str:
    """Local name of an element, in lower or upper case as sent; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace_of(element: Element) -> str:
    """Namespace of an element, empty when it has none."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def elements(parent: Element) -> list[Element]:
    """Child elements in order, without comments and processing instructions."""
    return [child for child in parent if isinstance(child.tag, str)]


def add(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    """A new last child of parent with text and attributes; tag is a Clark name or a local name in parent's namespace."""
    if tag[0] != "{":
        namespace, _, _ = parent.tag.rpartition("}")
        tag = f"{namespace}}}{tag}" if namespace else tag
    child = etree.SubElement(parent, tag, attributes)
    if text is not None:
        child.text = text
    return child
