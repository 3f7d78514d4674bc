"""Seeded mutations of good messages: one or two small changes each, of the kinds real senders make.

Used by the differential test; knows nothing of any schema.
"""

import copy
import random
from collections.abc import Callable

from lxml import etree

Mutation = Callable[[random.Random, list[etree._Element]], bool]

NAMESPACES = ("urn:hl7-org:v3", "urn:nhs-itk:ns:201005", "urn:example:other", "")
VALUES = (
    "",
    " ",
    "x",
    "true",
    "false",
    "1",
    "0",
    "TRUE",
    "2",
    "9",
    "-1",
    " 1 ",
    "1.5",
    "1e3",
    "INF",
    "NI",
    "NP",
    "MSK",
    "UNK",
    "QS",
    " NI ",
    "added",
    "TXT",
    "B64",
    "text/plain",
    "two words",
    "tel:01632960009",
    "HTTP://EXAMPLE.ORG",
    "H HP",
    "H  WP",
    "L PREFERRED",
    "20300101",
    "2030-01-01",
    "203001011200",
    "20300101120000.5+0100",
    "123456789012345",
    "1.2.3",
    "3.2.1",
    "1.02.3",
    "1..2",
    "ABCDEF01-2345-6789-ABCD-EF0123456789",
    "abcdef01-2345-6789-abcd-ef0123456789",
    "uuid_ABCDEF01-2345-6789-ABCD-EF0123456789",
    "ABCDEF01-2345-6789-ABCD-EF012345678",
    "2.16.840.1.113883.2.1.4.1",
    "é",
    "x" * 300,
)
ATTRIBUTES = (
    "root",
    "extension",
    "assigningAuthorityName",
    "displayable",
    "code",
    "codeSystem",
    "codeSystemName",
    "codeSystemVersion",
    "displayName",
    "value",
    "unit",
    "inclusive",
    "operator",
    "nullFlavor",
    "updateMode",
    "classCode",
    "moodCode",
    "typeCode",
    "determinerCode",
    "use",
    "partType",
    "qualifier",
    "mediaType",
    "language",
    "representation",
    "compression",
    "integrityCheck",
    "integrityCheckAlgorithm",
    "id",
    "uri",
    "type",
    "count",
    "service",
    "trackingid",
    "profileid",
    "metadata",
    "{urn:nhs-itk:ns:201005}extra",
    "{urn:example:other}extra",
    "{http://www.w3.org/2001/XMLSchema-instance}nil",
    "{http://www.w3.org/XML/1998/namespace}lang",
)
ELEMENTS = (
    "id",
    "code",
    "value",
    "text",
    "component",
    "component1",
    "subject",
    "effectiveTime",
    "low",
    "high",
    "width",
    "center",
    "translation",
    "originalText",
    "reference",
    "thumbnail",
    "useablePeriod",
    "realmCode",
    "typeId",
    "templateId",
    "semanticsText",
    "given",
    "family",
    "prefix",
    "suffix",
    "delimiter",
    "validTime",
    "postalCode",
    "streetAddressLine",
    "telecom",
    "name",
    "addr",
    "semanticsText",
)


def drop(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Remove an element."""
    node = rng.choice(nodes)
    parent = node.getparent()
    if parent is None:
        return False
    parent.remove(node)
    return True


def double(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Write an element twice."""
    node = rng.choice(nodes)
    if node.getparent() is None:
        return False
    node.addnext(copy.deepcopy(node))
    return True


def swap(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Exchange an element with its next sibling."""
    node = rng.choice(nodes)
    after = node.getnext()
    if after is None:
        return False
    after.addnext(node)
    return True


def move(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Put an element somewhere else."""
    node, target = rng.choice(nodes), rng.choice(nodes)
    if node.getparent() is None or any(ancestor is node for ancestor in (target, *target.iterancestors())):
        return False
    target.insert(rng.randint(0, len(target)), node)
    return True


def rename(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Give an element another name or other capitals."""
    node = rng.choice(nodes)
    name = etree.QName(node)
    local = rng.choice(
        [name.localname.swapcase(), name.localname.capitalize(), rng.choice(ELEMENTS), name.localname + "1"]
    )
    node.tag = f"{{{name.namespace}}}{local}" if name.namespace else local
    return True


def renamespace(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Put an element in another namespace or in none."""
    node = rng.choice(nodes)
    namespace = rng.choice(NAMESPACES)
    node.tag = f"{{{namespace}}}{etree.QName(node).localname}" if namespace else etree.QName(node).localname
    return True


def add_element(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Add an element the standard knows, with some attribute, anywhere."""
    node = rng.choice(nodes)
    namespace = etree.QName(node).namespace if rng.random() < 0.8 else rng.choice(NAMESPACES)
    made = etree.Element(f"{{{namespace}}}{rng.choice(ELEMENTS)}" if namespace else rng.choice(ELEMENTS))
    if rng.random() < 0.5:
        made.set(rng.choice(ATTRIBUTES), rng.choice(VALUES))
    node.insert(rng.randint(0, len(node)), made)
    return True


def drop_attribute(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Remove an attribute."""
    node = rng.choice(nodes)
    if not node.attrib:
        return False
    del node.attrib[rng.choice(sorted(node.attrib))]
    return True


def add_attribute(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Set any attribute to any value."""
    rng.choice(nodes).set(rng.choice(ATTRIBUTES), rng.choice(VALUES))
    return True


def rename_attribute(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Rename an attribute, keeping its value."""
    node = rng.choice(nodes)
    if not node.attrib:
        return False
    name = rng.choice(sorted(node.attrib))
    value = node.attrib.pop(name)
    node.set(rng.choice([*ATTRIBUTES, name.swapcase()]) if not name.startswith("{") else rng.choice(ATTRIBUTES), value)
    return True


def change_value(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Give an attribute another value, other capitals or blanks around it."""
    node = rng.choice(nodes)
    if not node.attrib:
        return False
    name = rng.choice(sorted(node.attrib))
    value = str(node.attrib[name])
    node.set(
        name, rng.choice([rng.choice(VALUES), value.swapcase(), value.lower(), f" {value} ", value + "0", value[:-1]])
    )
    return True


def change_text(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Write text into an element, or between its children."""
    node = rng.choice(nodes)
    if len(node) and rng.random() < 0.5:
        node[rng.randrange(len(node))].tail = rng.choice(VALUES)
    else:
        node.text = rng.choice([rng.choice(VALUES), (node.text or "") + " ", (node.text or "").upper()])
    return True


def nil(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Mark an element nil, with or without emptying it."""
    node = rng.choice(nodes)
    node.set("{http://www.w3.org/2001/XMLSchema-instance}nil", rng.choice(["true", "true", "1", "false"]))
    if rng.random() < 0.6:
        for child in list(node):
            node.remove(child)
        node.text = None
    return True


def empty(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Take all content out of an element."""
    node = rng.choice(nodes)
    for child in list(node):
        node.remove(child)
    node.text = None
    return True


def comment(rng: random.Random, nodes: list[etree._Element]) -> bool:
    """Put a comment anywhere: never changes a verdict."""
    node = rng.choice(nodes)
    node.insert(rng.randint(0, len(node)), etree.Comment(" note "))
    return True


MUTATIONS: tuple[Mutation, ...] = (
    drop,
    double,
    swap,
    move,
    rename,
    renamespace,
    add_element,
    add_element,
    drop_attribute,
    add_attribute,
    add_attribute,
    rename_attribute,
    change_value,
    change_value,
    change_text,
    nil,
    empty,
    comment,
)


def mutated(
    message: etree._Element, rng: random.Random, *, inside: Callable[[etree._Element], bool]
) -> tuple[etree._Element, str]:
    """A copy with one to three mutations at nodes for which `inside` holds, and their names. The root element keeps
    its name.
    """
    root = etree.fromstring(etree.tostring(message))
    wanted = rng.choice((1, 1, 1, 2, 3))
    names: list[str] = []
    for _ in range(1000):  # so small a message may have nothing left to mutate
        if len(names) == wanted:
            break
        nodes = [node for node in root.iter("*") if inside(node)]
        mutation = rng.choice(MUTATIONS)
        if mutation in (rename, renamespace, drop, double, swap, move):
            nodes = [node for node in nodes if node is not root]
        if nodes and mutation(rng, nodes):
            names.append(mutation.__name__)
    return etree.fromstring(etree.tostring(root)), "+".join(names)
