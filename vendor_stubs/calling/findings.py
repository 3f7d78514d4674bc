"""What a refused message's answer says is wrong with it, and where: one list of plain members from every door's own form.

It repeats what the gateway said and judges nothing; an answer in another form has no findings.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from vendor_stubs import xml
from vendor_stubs.calling.http import Exchange
from vendor_stubs.xml import HL7, NASP, Element, elements, local_name, qname

Told = dict[str, str | int]
CODES = "urn:scr-gateway:codes:1"
PROBLEM = "urn:ietf:rfc:7807"
ITK = "urn:nhs-itk:ns:201005"
MOST = 100
_DIAGNOSTIC = re.compile(
    r"(?:line (?P<line>\d+)(?:, column (?P<column>\d+))?|message): (?P<path>\S+): (?P<sentence>.*?) \[(?P<code>[a-z0-9-]+); (?P<clause>.*?)\]"
    r"(?: Expected: (?P<expected>.*)\.)?"
)
_DESCRIPTION = re.compile(r".*? (?P<code>[a-z0-9-]+): (?P<sentence>.*)", re.DOTALL)
_NUMBERS = frozenset({"line", "column"})


def findings_of(exchange: Exchange) -> tuple[Told, ...]:
    """Each fault that an answer names: code, sentence, line, column, path, clause, expected, write; what is not said is absent."""
    try:
        root = xml.parse(exchange.body)
    except xml.NotXml:
        return tuple(_of_outcome(exchange.body))[:MOST]
    told = [one for read in _READERS for one in read(root)]
    return tuple(told or _of_header(exchange))[:MOST]


def _members(element: Element) -> Told:
    """Children as members: the same names in the faults' detail and in problem documents, but for their capitals."""
    told: Told = {}
    for child in elements(element):
        name, text = local_name(child).lower(), child.text or ""
        told[name] = int(text) if name in _NUMBERS and text.isdigit() else text
    return told


def _of_refusal(root: Element) -> Iterator[Told]:
    yield from map(_members, root.iter(qname(CODES, "Finding")))


def _of_problem(root: Element) -> Iterator[Told]:
    for listed in root.iterchildren(qname(PROBLEM, "findings")):
        yield from map(_members, elements(listed))


def _of_acknowledgement(root: Element) -> Iterator[Told]:
    for detail in root.iter(qname(HL7, "acknowledgementDetail")):
        code, place = detail.find(qname(HL7, "code")), detail.findtext(qname(HL7, "location"))
        if code is not None:
            yield {
                "code": code.get("code", ""),
                "sentence": code.get("displayName", ""),
                **({"path": place} if place else {}),
            }


def _of_spine_fault(root: Element) -> Iterator[Told]:
    for error in root.iter(qname(NASP, "error")):
        said = _DESCRIPTION.fullmatch(error.findtext(qname(NASP, "description")) or "")
        place = error.findtext(qname(NASP, "location")) or ""
        if said is not None and said["sentence"]:
            path: Told = {"path": place} if place.startswith(("/", "http.")) else {}
            yield {"code": said["code"], "sentence": said["sentence"], **path}


def _of_toolkit_fault(root: Element) -> Iterator[Told]:
    for text in root.iter(qname(ITK, "ErrorDiagnosticText")):
        for line in (text.text or "").splitlines():
            said = _DIAGNOSTIC.fullmatch(line)
            if said is not None:
                yield {name: int(one) if name in _NUMBERS else one for name, one in said.groupdict().items() if one}


_READERS: tuple[Callable[[Element], Iterator[Told]], ...] = (
    _of_refusal,
    _of_problem,
    _of_acknowledgement,
    _of_spine_fault,
    _of_toolkit_fault,
)


def _of_header(exchange: Exchange) -> Iterator[Told]:
    """`code;line=N;at=NAME, …`: where the mini service's response codes have no room for more."""
    for one in filter(None, (part.strip() for part in exchange.headers.get("X-SCR-Findings", "").split(","))):
        code, *more = one.split(";")
        said = dict(part.split("=", 1) for part in more if "=" in part)
        told: Told = {"code": code}
        if said.get("line", "").isdigit():
            told["line"] = int(said["line"])
        if "at" in said:
            told["path"] = said["at"]
        yield told


def _of_outcome(body: bytes) -> Iterator[Told]:
    """The issues of an OperationOutcome."""
    try:
        outcome: Any = json.loads(body)
    except ValueError:
        return
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    for issue in issues if isinstance(issues, list) else ():
        if not isinstance(issue, dict):
            continue
        places = [one for name in ("expression", "location") for one in issue.get(name) or ()]
        details = issue.get("details")
        text = details.get("text", "") if isinstance(details, dict) else ""
        told: Told = {"code": str(issue.get("code", "")), "sentence": str(text)}
        yield {**told, **({"path": str(places[0])} if places else {})}
