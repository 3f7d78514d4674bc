"""From libxml2's words about a schema error to a finding that teaches.

libxml2 quotes values; a value may be a patient's. Only names and expectations are taken from its texts, never what
the message holds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from gateway.domain.access import Purpose
from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.names import PREFIX_OF, XSI, qname
from gateway.xml.paths import elements, is_element, line_of, local_name, namespace_of
from gateway.xml.schema_order import misplaced
from gateway.xml.spoken import qualified

_ATTRIBUTE = re.compile(r"^Element '[^']*', attribute '([^']*)':")
_NAMED_ATTRIBUTE = re.compile(r"The attribute '([^']*)' is")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*?) \)\.?$", re.DOTALL)
_PATTERN = re.compile(r"is not accepted by the pattern '(.*)'\.?$", re.DOTALL)
_ENUMERATION = re.compile(r"is not an element of the set \{(.*)\}\.?$", re.DOTALL)
_FIXED = re.compile(r"does not match the fixed value constraint '(.*)'\.?$", re.DOTALL)
_TYPE = re.compile(r"is not a valid value of the (?:local |union |list )?(?:atomic |union |list )?type(?: '([^']*)')?")
_LENGTH = re.compile(r"minimum length of '(\d+)'")
_ANY_CASE_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_STEP = re.compile(r"(?:([^:\[\]]+):)?([^:\[\]]+)(?:\[(\d+)\])?")

_DIGITS = re.compile(r"[0-9]{8}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9._-]{1,40}", re.ASCII)
_AN_OID = re.compile(r"[0-2](\.[0-9]+){3,}", re.ASCII)
_STRUCTURAL = frozenset({"classCode", "moodCode", "typeCode", "determinerCode", "contextControlCode"})
"""Attributes of HL7 V3 that say what kind of thing an element is."""

_FOURTEEN_DIGITS = "[0-9]{14}"
"""The pattern of a time of HL7 V3 to the second."""

_OWN = "urn:scr-gateway:"
_NIL = qname(XSI, "nil")

_TYPES: dict[str, str] = {
    "TrueFalse": "true or false",
    "CapitalUuid": "a UUID in capitals",
    "MessageId": "a UUID in capitals",
    "Moment": "digits: YYYY, YYYYMM, YYYYMMDD, YYYYMMDDhhmm or YYYYMMDDhhmmss",
    "Oid": "an OID: numbers with dots between them",
    "UniqueId": "an OID, a UUID or a reserved name",
    "Code": "one word without blanks",
    "Words": "at least one character",
    "Number": "a number",
    "Url": "a URL with its scheme in lower case",
    "Day": "YYYY-MM-DD",
    "xs:boolean": "true or false",
    "xs:integer": "a whole number",
    "xs:ID": "a name that begins with a letter or underscore, and is used once",
    "xs:IDREF": "the id of a payload: a name that begins with a letter or underscore",
}
"""What our own types, and a few of XML Schema, mean to a person."""

_FACTS: dict[str, str] = {
    "Purpose": "one of " + ", ".join(Purpose),
    "Setting": "the code of a care setting, in small letters, digits and underscores, such as gp_out_of_hours",
}
"""Access facts whose schema fixes only the form of a word: what a reader needs is which words there are."""

_SIMPLE: dict[str, Fault] = {
    "SCHEMAV_CVC_COMPLEX_TYPE_4": Fault.ATTRIBUTE_MISSING,
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": Fault.ATTRIBUTE_UNEXPECTED,
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": Fault.ATTRIBUTE_UNEXPECTED,
    "SCHEMAV_CVC_TYPE_3_1_1": Fault.ATTRIBUTE_UNEXPECTED,
    "SCHEMAV_CVC_AU": Fault.FIXED_VALUE,
    "SCHEMAV_CVC_COMPLEX_TYPE_3_1": Fault.FIXED_VALUE,
    "SCHEMAV_CVC_ELT_5_2_2_2_1": Fault.FIXED_VALUE,
    "SCHEMAV_CVC_ELT_5_2_2_2_2": Fault.FIXED_VALUE,
    "SCHEMAV_CVC_ELT_3_1": Fault.NIL_CONTENT,
    "SCHEMAV_CVC_ELT_3_2_1": Fault.NIL_CONTENT,
    "SCHEMAV_CVC_ELT_3_2_2": Fault.NIL_CONTENT,
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": Fault.TEXT_UNEXPECTED,
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": Fault.TEXT_UNEXPECTED,
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": Fault.ELEMENT_UNEXPECTED,
    "SCHEMAV_CVC_TYPE_3_1_2": Fault.ELEMENT_UNEXPECTED,
    "SCHEMAV_CVC_ELT_1": Fault.ROOT_ELEMENT,
}


@dataclass(frozen=True, slots=True)
class Declared:
    """The words of a schema: local names of its elements, and the values it fixes or lists."""

    elements: frozenset[str]
    codes: frozenset[str]
    orders: tuple[Mapping[str, int], ...] = ()
    """For each sequence, the place of each local name in it."""


class LogEntry(Protocol):
    """The parts of one line of libxml2's error log that are read."""

    type_name: str
    message: str
    path: str | None


def shown(name: str) -> str:
    """`{ns}local` as `prefix:local` with this gateway's prefixes; other namespaces in braces as they are."""
    if not name.startswith("{"):
        return name
    uri, _, local = name[1:].partition("}")
    prefix = PREFIX_OF.get(uri)
    return f"{prefix}:{local}" if prefix else name


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """One schema error, with the nodes it is about: what a finding is made of, and what a repair needs."""

    fault: Fault
    node: etree._Element
    """The node the finding names: for a missing element, its parent."""
    attribute: str | None = None
    before: etree._Element | None = None
    """For a missing element, the sibling it should stand before; None where it should stand last."""
    tags: tuple[str, ...] = ()
    """`{ns}local` names that would fit."""
    onto: etree._Element | None = None
    """For an element out of order, the sibling it must come before, where the schema tells."""
    expected: str = ""
    found: str = ""
    fragment: str = ""

    def finding(self, clause: str) -> Finding:
        """As a finding; `clause` names the schema."""
        return finding(
            self.fault,
            self.node,
            self.attribute,
            line=line_of(self.before) if self.before is not None else None,
            clause=clause,
            expected=self.expected,
            found=self.found,
            fragment=self.fragment,
        )


def diagnose(entries: Iterable[LogEntry], root: etree._Element, known: Declared) -> list[Diagnosis]:
    """Log entries of one validation of `root` -> diagnoses in the order libxml2 gives them, each node and fault once.

    `known` is what the schema declares: it tells a misplaced element from a foreign one, and a code from free text.
    """
    made: dict[tuple[etree._Element, str | None, Fault], Diagnosis] = {}
    for entry in entries:
        if entry.type_name == "SCHEMAV_CVC_TYPE_1":  # always follows a better one
            continue
        node = resolve(entry.path, root)
        one = _one(entry.type_name, entry.message, node if node is not None else root, known)
        key = (one.node, one.attribute, one.fault)
        if key not in made or one.expected in _TYPES.values():  # libxml2 tells a broken facet, then the type
            made[key] = one
    return list(made.values())


def _one(kind: str, message: str, node: etree._Element, known: Declared) -> Diagnosis:
    attribute = _ATTRIBUTE.match(message)
    named = _NAMED_ATTRIBUTE.search(message)
    name = named[1] if named else attribute[1] if attribute else None
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        return _content(message, node, known)
    expected = _expectation(message)
    if fault := _SIMPLE.get(kind):
        if fault is Fault.NIL_CONTENT and _NIL in node.attrib:
            return Diagnosis(fault, node, _NIL)
        if fault is Fault.ATTRIBUTE_MISSING and name:
            return Diagnosis(fault, node, expected=f"attribute {shown(name)}")
        found = qualified(name) if name else ""
        if fault is Fault.FIXED_VALUE:
            found = _told_value(node, name, known)
        if fault is Fault.ATTRIBUTE_UNEXPECTED:
            expected = expected or "the element without this attribute"
        return Diagnosis(fault, node, name, expected=expected, found=found, fragment=_fixed(message, name))
    if "FACET" in kind or "DATATYPE" in kind or "VALID" in kind:
        fault, fragment = _value_fault(node, name, message)
        found = _told_value(node, name, known) if fault is Fault.FIXED_VALUE else ""
        if name is None and namespace_of(node).startswith(_OWN):
            expected = _FACTS.get(local_name(node), expected)
        return Diagnosis(fault, node, name, expected=expected, found=found, fragment=fragment)
    if name == qname(XSI, "type"):
        expected = "no xsi:type, or one of the schema's types that may stand here"
    return Diagnosis(Fault.SCHEMA, node, name, expected=expected)


def _told_value(node: etree._Element, name: str | None, known: Declared) -> str:
    """What stands where a value is fixed, if it cannot be about a patient: a code of the schemas' own or an OID.

    Structural attributes may also hold another short word. Eight digits in a row may be a number or a date of birth.
    """
    value = ((node.get(name) if name else node.text) or "").strip()
    if _DIGITS.search(value):
        return ""
    structural = name in _STRUCTURAL and _WORD.fullmatch(value)
    return value if value in known.codes or structural or _AN_OID.fullmatch(value) else ""


def _fixed(message: str, name: str | None) -> str:
    """The attribute as it must be, where the schema fixes its value."""
    match = _FIXED.search(message)
    return f'{shown(name)}="{match[1]}"' if match and name else ""


def _content(message: str, node: etree._Element, known: Declared) -> Diagnosis:
    """Why a child does not fit: missing before it, out of order, repeated, foreign, wrong namespace or wrong
    capitals.
    """
    tags = tuple(expected_tags(message))
    words = _expected_names(message)
    if "Missing child element" in message:
        return Diagnosis(Fault.ELEMENT_MISSING, node, tags=tags, expected=words or "a child element")
    if "Character content" in message:
        return Diagnosis(Fault.TEXT_UNEXPECTED, node, expected="elements only")
    if (late := _late(node, tags, known)) is not None:
        return late
    fault = classify(node, tags, known.elements)
    parent = node.getparent()
    if fault is Fault.ELEMENT_MISSING and parent is not None:
        return Diagnosis(fault, parent, before=node, tags=tags, expected=words)
    return Diagnosis(fault, node, tags=tags, expected=words or "no further element", found=qualified(str(node.tag)))


def _late(node: etree._Element, tags: tuple[str, ...], known: Declared) -> Diagnosis | None:
    """An element that stands behind one it must come before: where it belongs among those that are there."""
    if str(node.tag) in tags or (place := misplaced(node, known.orders)) is None:
        return None
    after = f"after {shown(str(place.after.tag))}, " if place.after is not None else ""
    tag = shown(str(node.tag))
    expected = f"{tag} {after}before {shown(str(place.before.tag))}"
    return Diagnosis(Fault.ELEMENT_ORDER, node, tags=tags, onto=place.before, expected=expected, found=tag)


def _value_fault(node: etree._Element, name: str | None, message: str) -> tuple[Fault, str]:
    """A UUID that only fails by its case has a finding of its own, and a certain correction."""
    value = node.get(name) if name else node.text
    if name and value and _ANY_CASE_UUID.fullmatch(value) and value != value.upper():
        return Fault.LOWER_CASE_UUID, f'{shown(name)}="{value.upper()}"'
    return (Fault.FIXED_VALUE if _FIXED.search(message) else Fault.VALUE_FORM), ""


def _expectation(message: str) -> str:
    for pattern, words in (
        (_PATTERN, "a value of the form {}"),
        (_FIXED, "{}"),
        (_LENGTH, "at least {} character(s)"),
        (_TYPE, "a value of type {}"),
    ):
        if (match := pattern.search(message)) and match[1]:
            if match[1] == _FOURTEEN_DIGITS:
                return "yyyyMMddHHmmss, fourteen digits without a zone"
            local = match[1].rpartition("}")[2]
            return _TYPES[local] if pattern is _TYPE and local in _TYPES else words.format(shown(match[1]))
    if match := _ENUMERATION.search(message):
        return "one of: " + match[1].replace("'", "")
    return _expected_names(message)


def _expected_names(message: str) -> str:
    names = expected_tags(message)
    return ("one of: " if len(names) > 1 else "") + ", ".join(shown(name) for name in names) if names else ""


def expected_tags(message: str) -> list[str]:
    """The `{ns}local` names libxml2 says it expected; wildcards stay as it writes them."""
    match = _EXPECTED.search(message)
    return [name.strip() for name in match[1].split(", ")] if match else []


def classify(node: etree._Element, expected: Sequence[str], known: frozenset[str]) -> Fault:
    """Which fault an element is that does not fit where `expected` names would."""
    local, tag = local_name(node), str(node.tag)
    locals_ = [name.rpartition("}")[2] for name in expected]
    if local in locals_ and tag not in expected:
        return Fault.WRONG_NAMESPACE if tag.startswith("{") else Fault.NO_NAMESPACE
    if local.lower() in [name.lower() for name in locals_]:
        return Fault.ELEMENT_NAME_CASE
    if local not in known:
        return Fault.ELEMENT_UNEXPECTED
    parent = node.getparent()
    before = [str(child.tag) for child in node.itersiblings(preceding=True) if is_element(child)]
    after = [str(child.tag) for child in node.itersiblings() if is_element(child)] if parent is not None else []
    if tag in before:
        return Fault.ELEMENT_REPEATED
    if any(name in after for name in expected):
        return Fault.ELEMENT_ORDER
    return Fault.ELEMENT_MISSING if expected else Fault.ELEMENT_UNEXPECTED


def resolve(path: str | None, root: etree._Element) -> etree._Element | None:
    """The node a libxml2 node path means, read from `root` as its first step. Steps are `*` (default namespace) or
    `prefix:name`, with positions.
    """
    if not path or not path.startswith("/"):
        return None
    node = root
    for step in path.split("/")[2:]:
        match = _STEP.fullmatch(step)
        if not match:
            return None
        prefix, name, place = match[1], match[2], int(match[3] or 1)
        children = [
            child
            for child in elements(node)
            if (name == "*" or local_name(child) == name) and (name == "*" or child.prefix == prefix)
        ]
        if place > len(children):
            return None
        node = children[place - 1]
    return node
