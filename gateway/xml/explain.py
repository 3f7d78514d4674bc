"""The slow pass over a message already known to be invalid: every finding, each with line, column and path.

It is for messages that were refused; it decides nothing and must never be on the way of a valid one. Untrusted and
possibly
hostile bytes come in here on purpose: servers call it through `explain_process` only.
"""

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.names import PREFIXES
from gateway.xml.parser import (
    ASCII,
    DEFAULT_LIMITS,
    UTF8_BOM,
    Limits,
    declared,
    parse,
    refuse_outsized,
    says_ascii_falsely,
)
from gateway.xml.scanner import scan
from gateway.xml.source import Problem, Source, Tag
from gateway.xml.source_paths import path_of_tag
from gateway.xml.spoken import may_be_said, said_encoding

MAX_FINDINGS = 100
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a check needs beside the message. `now` is aware; `leniences` are names as in the registry; `soap_action`
    as received.
    """

    now: datetime
    leniences: tuple[str, ...] = ()
    soap_action: str | None = None
    content_type: str | None = None
    """Media type with its parameters, as received; None where the message did not come over HTTP."""
    schemas: str | None = None
    """Folder of an official schema pack, where the site uses one."""
    numbers: str = "synthetic"
    """Range of NHS numbers that is accepted: synthetic or live."""
    warnings: bool = False
    """Whether to tell what is only worth a note, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """A finding with the nodes its place is taken from: the one it names and, for something missing, what it should
    stand before.
    """

    finding: Finding
    node: etree._Element | None = None
    attribute: str | None = None
    before: etree._Element | None = None
    inside: bool = False
    """Whether the place is inside the node: its text, or for something missing its end."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """A message whose text could be parsed, perhaps after repairs."""

    root: etree._Element
    cdata: frozenset[etree._Element] = field(default_factory=frozenset)
    """Elements whose content begins with a CDATA section: lxml itself cannot tell."""


Check = Callable[[Message, Context], Iterable[Located]]
"""What one door checks beyond XML itself."""


def explain(data: bytes, check: Check, context: Context, limits: Limits = DEFAULT_LIMITS) -> tuple[Finding, ...]:
    """Everything wrong with a message, at most MAX_FINDINGS: bytes and text first, then what `check` finds, in its
    order.

    Text that can be repaired without moving anything (typographic quotes, stray ampersands, a DTD, a wrong encoding
    label) is
    repaired and checked further. Never raises for bad data.
    """
    try:
        refuse_outsized(data, limits)
    except MessageInvalid as invalid:  # its limit is all that needs saying, and nothing larger is worked on
        return invalid.findings
    text, findings = _decode(data)
    if not text.strip():
        return (*findings, finding(Fault.EMPTY, line=1, column=1))
    source = scan(text)
    findings += [_problem(problem, source) for problem in source.problems]
    if source.broken or source.hidden:
        return tuple(findings[:MAX_FINDINGS])
    try:
        root = parse(source.repaired.encode(), limits)
    except MessageInvalid as invalid:
        return (*findings, *invalid.findings)[:MAX_FINDINGS]
    places = Places(root, source)
    message = Message(root, frozenset(node for node, tag in places.tags.items() if tag.cdata))
    told = [places.put(one) for one in check(message, context)]
    findings += map(_as_of_a_broken_text, told) if source.problems else told
    return _once(findings)[:MAX_FINDINGS]


def _as_of_a_broken_text(found: Finding) -> Finding:
    """Of a text that was not well-formed only the vocabularies' names are repeated, also behind a repair: the path ends before
    any other, and what was found is a name that may be said or left out.
    """
    kept = takewhile(_of_ours, found.path.split("/")[1:])
    ours = tuple(one for one in found.namespaces if one[0] in PREFIXES)
    told = found.found if may_be_said(found.found) else ""
    return replace(found, path="".join(f"/{step}" for step in kept), namespaces=ours, found=told)


def _of_ours(step: str) -> bool:
    name = re.sub(r"^@|\[[0-9]+\]$", "", step)
    prefix, colon, _ = name.rpartition(":")
    return name == "*" or (may_be_said(name) and (not colon or prefix in PREFIXES))


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each code and place once: rules and schema may say the same."""
    return tuple({(f.code, f.path, f.line, f.column, f.expected): f for f in reversed(findings)}.values())[::-1]


def _problem(problem: Problem, source: Source) -> Finding:
    line, column = source.position(problem.offset)
    path, namespaces = path_of_tag(source.within(problem.offset))
    told = finding(
        problem.fault,
        line=line,
        column=column,
        expected=problem.expected,
        found=problem.found,
        fragment=problem.fragment,
    )
    return replace(told, path=path, namespaces=namespaces)


def _decode(data: bytes) -> tuple[str, list[Finding]]:
    """Bytes of any encoding -> text without marks and encoding label, and what was wrong with them."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            found = finding(Fault.BYTE_ORDER_MARK, line=1, column=1, expected="UTF-8", found=encoding.upper())
            return _unlabelled(data.decode(encoding, "replace")), [found]
    if unmarked := _unmarked(data):
        found = finding(Fault.ENCODING, line=1, column=1, expected="UTF-8", found=unmarked.upper())
        return _unlabelled(data.decode(unmarked, "replace")), [found]
    body = data.removeprefix(UTF8_BOM)
    findings: list[Finding] = []
    label = declared(body).get("encoding", "UTF-8").upper()
    lies = label not in {"UTF-8", "UTF8", *ASCII} or says_ascii_falsely(body)
    if lies:
        at = body.decode("utf-8", "replace").find("encoding") + 1
        words = {"expected": "UTF-8", "found": said_encoding(label), "fragment": 'encoding="UTF-8"'}
        findings.append(finding(Fault.ENCODING_LABEL, line=1, column=at or 1, **words))  # type: ignore[arg-type]
    if declared(body).get("version", "1.0") != "1.0":
        findings.append(finding(Fault.XML_VERSION, line=1, column=1, expected="1.0", fragment='version="1.0"'))
    try:
        return _unlabelled(body.decode("utf-8")), findings
    except UnicodeDecodeError as error:
        if not lies:
            before = body[: error.start].decode("utf-8")
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            findings.append(finding(Fault.ENCODING, line=line, column=column, expected="UTF-8"))
    return _unlabelled(body.decode("latin-1")), findings


def _unmarked(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the zeros of the first `<` stand."""
    patterns = (("utf-32-be", b"\0\0\0<"), ("utf-32-le", b"<\0\0\0"), ("utf-16-be", b"\0<"), ("utf-16-le", b"<\0"))
    return next((encoding for encoding, start in patterns if data.startswith(start)), None)


def _unlabelled(text: str) -> str:
    """The text with blanks for its XML declaration's content, so that no label can mislead the parser."""
    text = text.removeprefix("\ufeff")
    if not text.startswith("<?xml"):
        return text
    end = text.find("?>")
    return text if end < 0 else "".join(c if c == "\n" else " " for c in text[: end + 2]) + text[end + 2 :]


class Places:
    """Where the nodes of a parsed message stand in its text."""

    def __init__(self, root: etree._Element, source: Source) -> None:
        self._source = source
        self._root = root
        elements = list(root.iter("*"))
        self.tags: dict[etree._Element, Tag] = (
            dict(zip(elements, source.tags, strict=True)) if len(elements) == len(source.tags) else {}
        )

    def put(self, located: Located) -> Finding:
        """The finding with line and column of its node, attribute, or the place where something is missing."""
        node, attribute = located.node, located.attribute
        if node is None:
            node, attribute = self._resolve(located.finding)
        tag = self.tags.get(located.before if located.before is not None else node) if node is not None else None
        if tag is None:
            return located.finding
        offset = tag.start
        if located.before is None and attribute is not None and node is not None:
            offset = self._attribute(node, tag, attribute)
        elif located.inside and located.before is None:
            offset = next((place for place in (tag.text, tag.close) if place is not None), tag.start)
            if located.finding.code == Fault.ELEMENT_MISSING.slug and tag.close is not None:
                offset = tag.close
        line, column = self._source.position(offset)
        return replace(located.finding, line=line, column=column)

    def _resolve(self, found: Finding) -> tuple[etree._Element | None, str | None]:
        """The node a finding's own path names, and the attribute behind it."""
        path, _, attribute = found.path.partition("/@")
        if not path:
            return None, None
        nodes = self._root.xpath(path, namespaces=dict(found.namespaces))
        if not (isinstance(nodes, list) and nodes and isinstance(nodes[0], etree._Element)):  # noqa: SLF001
            return None, None
        prefix, colon, local = attribute.partition(":")
        if attribute == "*":
            attribute = ""
        if colon:
            attribute = f"{{{dict(found.namespaces)[prefix]}}}{local}"
        return nodes[0], attribute or None

    @staticmethod
    def _attribute(node: etree._Element, tag: Tag, attribute: str) -> int:
        name = etree.QName(attribute)
        for written, offset in tag.attributes.items():
            prefix, colon, local = written.rpartition(":")
            namespace = node.nsmap.get(prefix) if colon else None
            if local == name.localname and namespace == name.namespace:
                return offset
        return tag.start
