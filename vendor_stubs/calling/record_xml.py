"""Reads the gateway's structured record (urn:scr-gateway:record:1) into the shape the stubs print.

Written from its schema alone. An answer that breaks it is no record: nothing is guessed.
"""

from collections.abc import Mapping
from typing import Any

from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.result import REMOVED, taken_back
from vendor_stubs.xml import Element, elements, local_name, qname

RECORD = "urn:scr-gateway:record:1"


def _tag(local: str) -> str:
    return qname(RECORD, local)


def find_record(answer: Element) -> Element | None:
    """The one Record inside an answer, or None."""
    return next(answer.iter(_tag("Record")), None)


def read_record(record: Element) -> dict[str, Any]:
    """`Record` -> the contract's members, with requested_nhs_number and what `notices` reads. Raises NoAnswer."""
    header, statements, sections = (_child(record, name) for name in ("Header", "Statements", "Sections"))
    number = header.findtext(_tag("NhsNumber"))
    if not number:
        raise NoAnswer("the record shown does not say whose it is")
    return {
        "nhs_number": number,
        "requested_nhs_number": header.findtext(_tag("RequestedNhsNumber")),
        "created": header.findtext(_tag("Created")),
        "author": header.findtext(_tag("Author")),
        "practice": header.findtext(_tag("Practice")),
        "additional_information": _flag(header, "AdditionalInformation"),
        "active_content_removed": _flag(header, "ActiveContentRemoved"),
        "document_statements": [{"kind": one.get("kind"), "text": one.text or ""} for one in elements(statements)],
        "withdrawn_entries": [_withdrawn(one) for one in record.iter(_tag("WithdrawnEntry"))],
        "sections": [_section(one) for one in elements(sections)],
    }


def notices(read: Mapping[str, Any]) -> tuple[str, ...]:
    """What people must know beside a record read: that something was left out of it, or taken back by the practice."""
    removed = (REMOVED,) if read["active_content_removed"] else ()
    return (*removed, *(taken_back(one) for one in read["withdrawn_entries"]))


def _withdrawn(entry: Element) -> dict[str, Any]:
    return {
        "text": entry.text or "",
        "kind": entry.get("kind") or "entry",
        "section": entry.get("section"),
        "time": entry.get("time"),
        "until": entry.get("until"),
    }


def _child(parent: Element, local: str) -> Element:
    found = parent.find(_tag(local))
    if found is None:
        raise NoAnswer(f"the record has no {local}")
    return found


def _flag(header: Element, local: str) -> bool:
    text = header.findtext(_tag(local))
    if text not in {"true", "false"}:
        raise NoAnswer(f"the record's {local} is neither true nor false")
    return text == "true"


def _section(section: Element) -> dict[str, Any]:
    title = section.find(_tag("Title"))
    blocks = [_block(one) for one in elements(section) if one is not title]
    return {"id": section.get("id"), "title": None if title is None else title.text or "", "blocks": blocks}


def _block(block: Element) -> dict[str, Any]:
    if local_name(block) == "Text":
        return {"kind": "text", "text": block.text or "", "caption": None, "columns": [], "rows": []}
    if local_name(block) != "Table":
        raise NoAnswer("a section holds neither text nor table")
    caption, columns = block.find(_tag("Caption")), block.find(_tag("Columns"))
    return {
        "kind": "table",
        "text": "",
        "caption": None if caption is None else caption.text or "",
        "columns": [] if columns is None else [one.text or "" for one in elements(columns)],
        "rows": [[cell.text or "" for cell in elements(row)] for row in block.iterfind(_tag("Row"))],
    }
