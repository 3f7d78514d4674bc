"""The one door through which XML enters the gateway, and the one serializer out of it.

It must never expand an entity, read a DTD, open a file or a connection, or build a tree larger than its limits;
nobody else calls lxml's parsers.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import islice

from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.spoken import said_encoding

ASCII = frozenset({"US-ASCII", "ASCII"})
"""Encodings that a declaration may name beside UTF-8, whose part they are."""
UTF8_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODING = (
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x00\x00\xfe\xff",
    b"+/v",
    b"\x4c\x6f\xa7\x94",
)  # UTF-16, UTF-32, UTF-7, EBCDIC "<?xm"
_BLANKS = re.compile(rb"[ \t\r\n]*+")

# Up to here a tree is small whatever is in it, so it is built first and measured then; above, the bytes are measured
# first.
_SMALL, _FEW = 512 * 1024, 20_000

# Each alternative ends at a fixed mark or at the end of the data, and quantifiers are possessive: one linear pass,
# whatever comes.
_MARKUP = re.compile(
    rb"""<(?:
        (?P<skip> !--.*?(?:-->|\Z) | !\[CDATA\[.*?(?:\]\]>|\Z) | \?.*?(?:\?>|\Z) )
      | (?P<close> /[^<>]*+> )
      | (?P<open> [^<>"'!?/](?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+ ) >
    )""",
    re.VERBOSE | re.DOTALL,
)
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n](.*?)\?>", re.DOTALL)
_PSEUDO_ATTRIBUTE = re.compile(rb"""(version|encoding|standalone)[ \t\r\n]*=[ \t\r\n]*(?:"([^"]*)"|'([^']*)')""")


_INCLUSION = "{http://www.w3.org/2001/XInclude}*"
MOST_NAMESPACES = 500
"""Namespace declarations of a whole message: what works on trees copies them, so their cost grows with their square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a message may be. Sizes in bytes; `max_attributes` is per element; `max_nodes` counts elements,
    comments, PIs and CDATA sections.
    """

    max_bytes: int = 4 * 1024 * 1024
    max_depth: int = 100
    max_attributes: int = 64
    max_nodes: int = 100_000

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_depth, self.max_attributes, self.max_nodes) < 1:
            raise ValueError("every XML limit is at least 1")
        if self.max_depth > 250:
            raise ValueError("max_depth is at most 250: libxml2 itself stops at 256")


DEFAULT_LIMITS = Limits()


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS, *, shape: bool = True) -> etree._Element:
    """UTF-8 XML bytes (a UTF-8 BOM is accepted) -> root element.

    Raises MessageInvalid: MESSAGE_TOO_LARGE; MESSAGE_FORBIDDEN_XML (DTD, entities, processing instructions, XInclude, other
    encoding, NUL, over a limit); MESSAGE_NOT_WELL_FORMED.
    `shape` False: from a peer we chose ourselves (Spine): depth is then libxml2's own limit (256), attributes and
    nodes are bounded by the size alone, and processing instructions stay in the tree.
    Comments stay in the tree and are never acted upon; xsi:schemaLocation is plain markup here. An element of
    XInclude is refused, though nothing here would follow it: who sends one expects that it is.
    """
    _refuse_size(data, limits)
    body = data[len(UTF8_BOM) :] if data.startswith(UTF8_BOM) else data
    _refuse_encoding(body)
    if shape:
        _refuse_false_ascii(body)
        _refuse_counts(body, limits)
    _refuse_doctype(body)
    if shape:
        _refuse_instructions(body)
    small = len(body) <= _SMALL and body.count(b"=") <= _FEW
    if shape and not small:
        _refuse_shape(body, limits)
    parser = etree.XMLParser(
        encoding="UTF-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        collect_ids=False,
        recover=False,
        remove_blank_text=False,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        if shape and small:  # libxml2 has limits of its own; ours has the better name
            _refuse_shape(body, limits)
        line, column = error.position
        raise MessageInvalid(
            Code.MESSAGE_NOT_WELL_FORMED, (finding(Fault.NOT_WELL_FORMED, line=line or None, column=column or None),)
        ) from error
    except ValueError as error:  # lxml refuses some texts before libxml2 sees them
        raise MessageInvalid(Code.MESSAGE_NOT_WELL_FORMED, (finding(Fault.NOT_WELL_FORMED),)) from error
    if root.getroottree().docinfo.internalDTD is not None:  # second lock: `_refuse_doctype` reads the prolog by itself
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.DOCTYPE, line=1),))
    if shape and small and _outgrown(root, limits):
        _refuse_shape(body, limits)  # says where
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.TOO_DEEP, line=1),))
    if shape and (inclusion := next(root.iter(_INCLUSION), None)) is not None:
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.INCLUSION, inclusion),))
    return root


def refuse_outsized(data: bytes, limits: Limits) -> None:
    """What `parse` refuses by size, nodes, namespaces, depth or attributes, told from the bytes alone, well-formed or not.

    Raises MessageInvalid. Linear in the size; for the explain pass, which works on much more than bytes.
    """
    _refuse_size(data, limits)
    _refuse_counts(data, limits)
    _refuse_shape(data, limits)


def serialize(element: etree._Element, *, declaration: bool = True) -> bytes:
    """Element -> UTF-8 bytes, by default with an XML declaration; without the element's tail."""
    return etree.tostring(element, encoding="UTF-8", xml_declaration=declaration, with_tail=False)


def position(data: bytes, offset: int) -> tuple[int, int]:
    """Byte offset -> (line, column), both from 1; columns count characters of UTF-8, not bytes."""
    start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode("utf-8", "replace")) + 1


def prolog_doctype(data: bytes) -> int | None:
    """Offset of the DOCTYPE in the prolog (the only place where one may stand), or None. Linear in the prolog's size."""
    at = 0
    while True:
        blanks = _BLANKS.match(data, at)
        at = blanks.end() if blanks else at
        for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if data.startswith(opening, at):
                end = data.find(closing, at + len(opening))
                if end < 0:
                    return None
                at = end + len(closing)
                break
        else:
            return at if data.startswith(b"<!", at) else None


def declared(data: bytes) -> dict[str, str]:
    """The pseudo-attributes of the XML declaration (version, encoding, standalone); empty where there is no
    declaration.
    """
    match = _DECLARATION.match(data[:1024])
    if not match:
        return {}
    return {
        m[1].decode("ascii"): (m[2] if m[2] is not None else m[3]).decode("ascii", "replace")
        for m in _PSEUDO_ATTRIBUTE.finditer(match[1])
    }


def _refuse_encoding(body: bytes) -> None:
    """UTF-8 only: by its bytes and by what the declaration says (an HTTP charset label is never believed)."""
    if body.startswith(_OTHER_ENCODING) or b"\x00" in body:
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.ENCODING, line=1, column=1, expected="UTF-8"),))
    label = declared(body)
    encoding = label.get("encoding", "UTF-8").upper()
    if encoding not in {"UTF-8", "UTF8", *ASCII}:
        raise MessageInvalid(
            Code.MESSAGE_FORBIDDEN_XML,
            (finding(Fault.ENCODING_LABEL, line=1, column=1, expected="UTF-8", found=said_encoding(encoding)),),
        )
    if label.get("version", "1.0") != "1.0":
        raise MessageInvalid(
            Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.XML_VERSION, line=1, column=1, expected="1.0"),)
        )
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = position(body, error.start)
        # `from None`: the codec's error holds the whole message
        raise MessageInvalid(
            Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.ENCODING, line=line, column=column, expected="UTF-8"),)
        ) from None


def _refuse_false_ascii(body: bytes) -> None:
    """A declaration of ASCII is true of a message in UTF-8 only while every byte is ASCII: then both mean the same."""
    if says_ascii_falsely(body):
        raise MessageInvalid(
            Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.ENCODING_LABEL, line=1, column=1, expected="UTF-8"),)
        )


def says_ascii_falsely(body: bytes) -> bool:
    """Whether the XML declaration says ASCII and other bytes follow."""
    return not body.isascii() and declared(body).get("encoding", "").upper() in ASCII


def _refuse_size(data: bytes, limits: Limits) -> None:
    if len(data) > limits.max_bytes:
        raise MessageInvalid(
            Code.MESSAGE_TOO_LARGE, (finding(Fault.TOO_LARGE, expected=f"at most {limits.max_bytes} bytes"),)
        )


def _refuse_counts(body: bytes, limits: Limits) -> None:
    """Nodes and namespace declarations of the whole message; the finding stands at the first one too many."""
    if body.count(b"<") - body.count(b"</") > limits.max_nodes:
        at = next(islice(re.finditer(rb"<(?!/)", body), limits.max_nodes, None)).start()
        line, column = position(body, at)
        found = finding(Fault.TOO_MANY_NODES, line=line, column=column, expected=f"at most {limits.max_nodes} nodes")
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (found,))
    if body.count(b"xmlns") > MOST_NAMESPACES:
        at = next(islice(re.finditer(rb"xmlns", body), MOST_NAMESPACES, None)).start()
        line, column = position(body, at)
        expected = f"at most {MOST_NAMESPACES} namespace declarations"
        found = finding(Fault.TOO_MANY_NAMESPACES, line=line, column=column, expected=expected)
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (found,))


def _refuse_doctype(body: bytes) -> None:
    at = prolog_doctype(body)
    if at is not None:
        line, column = position(body, at)
        raise MessageInvalid(Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.DOCTYPE, line=line, column=column),))


def _refuse_instructions(body: bytes) -> None:
    """No processing instruction, wherever it stands; one inside a comment or a CDATA section is none.

    A misplaced XML declaration is left to the parser, which calls it what it is.
    """
    if body.find(b"<?", 1 if _DECLARATION.match(body) else 0) < 0:
        return
    for match in _MARKUP.finditer(body):
        if (match["skip"] or b"").startswith(b"?") and not _DECLARATION.match(body, match.start()):
            line, column = position(body, match.start())
            raise MessageInvalid(
                Code.MESSAGE_FORBIDDEN_XML, (finding(Fault.PROCESSING_INSTRUCTION, line=line, column=column),)
            )


def _outgrown(root: etree._Element, limits: Limits) -> bool:
    """Whether the tree is deeper, or an element has more attributes, than allowed: asked of libxml2, which is quick."""
    return bool(_outgrown_path(limits.max_depth, limits.max_attributes)(root))


@cache
def _outgrown_path(depth: int, attributes: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)}) or boolean(//*[@*[{attributes + 1}]])")


def _refuse_shape(body: bytes, limits: Limits) -> None:
    """Depth and attributes per element, counted on the bytes before any tree is built."""
    depth, deepest, most = 0, limits.max_depth, limits.max_attributes
    for match in _MARKUP.finditer(body):
        kind = match.lastgroup
        if kind == "open":
            tag = match["open"]
            if tag.count(b"=") > most and len(re.findall(rb"\"[^\"]*+\"|'[^']*+'", tag)) > most:
                line, column = position(body, match.start())
                raise MessageInvalid(
                    Code.MESSAGE_FORBIDDEN_XML,
                    (
                        finding(
                            Fault.TOO_MANY_ATTRIBUTES, line=line, column=column, expected=f"at most {most} attributes"
                        ),
                    ),
                )
            if not tag.endswith(b"/"):
                depth += 1
                if depth > deepest:
                    line, column = position(body, match.start())
                    raise MessageInvalid(
                        Code.MESSAGE_FORBIDDEN_XML,
                        (finding(Fault.TOO_DEEP, line=line, column=column, expected=f"at most {deepest} levels"),),
                    )
        elif kind == "close":
            depth -= 1
