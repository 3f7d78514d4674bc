"""Reads a FHIR searchset of the gateway into the JSON shape the stubs print: a second reader, which knows the wire alone.

It must never take a section's words from anywhere but its narrative, and never a record without its Composition.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vendor_stubs import xml
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.xml import Element, elements, local_name

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
OWN = "urn:scr-gateway:fhir:"
_HEADING = frozenset({"h1", "h2"})


def resources(bundle: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The resources of one type in a Bundle, in order. Raises NoAnswer: not a Bundle."""
    if bundle.get("resourceType") != "Bundle":
        raise NoAnswer("the answer is not a FHIR Bundle")
    found = [entry.get("resource", {}) for entry in bundle.get("entry", [])]
    return [resource for resource in found if resource.get("resourceType") == kind]


def numbers_of(bundle: Mapping[str, Any]) -> tuple[str, str | None]:
    """(current NHS number, the one it superseded). Raises NoAnswer: not exactly one Patient with a number."""
    patients = resources(bundle, "Patient")
    if len(patients) != 1:
        raise NoAnswer("the answer does not hold exactly one Patient")
    known = [row for row in patients[0].get("identifier", []) if row.get("system") == NHS_NUMBER]
    current = [row["value"] for row in known if row.get("use") != "old"]
    if len(current) != 1:
        raise NoAnswer("the Patient has no one current NHS number")
    return current[0], next((row["value"] for row in known if row.get("use") == "old"), None)


def read_record(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """The record in a Bundle, in the contract's JSON shape. Raises NoAnswer."""
    found = resources(bundle, "Composition")
    if len(found) != 1:
        raise NoAnswer("the answer does not hold exactly one Composition")
    composition = found[0]
    own = {row["url"]: row for row in composition.get("extension", []) if row["url"].startswith(OWN)}
    author = (composition.get("author") or [{}])[0]
    return {
        "nhs_number": numbers_of(bundle)[0],
        "created": own.get(f"{OWN}created", {}).get("valueDateTime"),
        "author": author.get("display"),
        "practice": composition.get("custodian", {}).get("display"),
        "document_statements": [_statement(row) for row in composition.get("extension", []) if _is_statement(row)],
        "additional_information": own.get(f"{OWN}additional-information", {}).get("valueBoolean", False),
        "active_content_removed": own.get(f"{OWN}active-content-removed", {}).get("valueBoolean", False),
        "sections": [_section(section) for section in composition.get("section", []) if not _is_own(section)],
    }


def withdrawn_entries(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """[{kind, text, time, until}] of what the practice took back, in the order received. Raises NoAnswer."""
    sections = [section for one in resources(bundle, "Composition") for section in one.get("section", [])]
    return [_withdrawn(row) for section in sections for row in _taken_back(section)]


def _is_own(section: Mapping[str, Any]) -> bool:
    """Whether a section is the gateway's and none of the record's: it names what the practice took back."""
    return any(row.get("system") == f"{OWN}section" for row in section.get("code", {}).get("coding", []))


def _taken_back(section: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [row for row in section.get("extension", []) if row.get("url") == f"{OWN}withdrawn-entry"]
    if _is_own(section) and not found:
        raise NoAnswer("the answer names no entry in its section of those that were withdrawn")
    return found


def _withdrawn(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part["url"]: part.get("valueString") or part.get("valueDateTime") for part in row["extension"]}
    return {
        "kind": parts["kind"],
        "text": parts.get("text") or "",
        "time": parts.get("time"),
        "until": parts.get("until"),
    }


def _is_statement(row: Mapping[str, Any]) -> bool:
    return row.get("url") == f"{OWN}document-statement"


def _statement(row: Mapping[str, Any]) -> dict[str, str]:
    parts = {part["url"]: part["valueString"] for part in row["extension"]}
    return {"kind": parts["kind"], "text": parts["text"]}


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    codings = section.get("code", {}).get("coding", [])
    try:
        div = xml.parse(section["text"]["div"].encode())
    except (KeyError, xml.NotXml) as error:
        raise NoAnswer("a section has no narrative that can be read") from error
    return {
        "id": next((row["code"] for row in codings if "system" not in row), section.get("code", {}).get("text")),
        "title": section.get("title"),
        "blocks": list(_blocks(div)),
    }


def _blocks(div: Element) -> Iterator[dict[str, Any]]:
    for child in elements(div):
        kind = local_name(child)
        if kind == "table":
            yield _table(child)
        elif kind not in _HEADING:
            text = _words(child)
            yield {"kind": "text", "text": text, "caption": None, "columns": [], "rows": []}


def _table(table: Element) -> dict[str, Any]:
    block: dict[str, Any] = {"kind": "table", "text": "", "caption": None, "columns": [], "rows": []}
    for part in elements(table):
        kind = local_name(part)
        if kind == "caption":
            block["caption"] = _words(part)
        elif kind == "thead":
            block["columns"] = [cell for row in elements(part) for cell in _cells(row)]
        else:
            block["rows"] += [_cells(row) for row in elements(part)]
    return block


def _cells(row: Element) -> list[str]:
    return [_words(cell) for cell in elements(row)]


def _words(element: Element) -> str:
    return "".join(str(text) for text in element.itertext())
