"""What must hold of a difference from a sample for its reason to explain it: read straight from the document's XML."""

import re
from collections.abc import Callable
from typing import Any

from lxml import etree

from tests.doors.symphony.comparing import HL7, Difference

XHTML = "{http://www.w3.org/1999/xhtml}"
Rule = Callable[[Difference], bool]


def collapsed(text: str) -> str:
    return " ".join(text.split())


def said(element: Any, text: str) -> bool:
    """Whether these words stand in the document, or are a code's name or an id of it."""
    words = collapsed(" ".join(element.itertext()))
    values = {collapsed(str(value)) for each in element.iter(etree.Element) for value in each.attrib.values()}
    return bool(text.strip()) and (collapsed(text) in words or collapsed(text) in values)


def entry_of(one: Difference, wanted: str | None = None) -> Any:
    """The coded entry that a resource was made from, or the one with an id."""
    named = re.match(r"\w+/([^.\s]+)", one.place)
    wanted = wanted or (named and named[1])
    entries = [
        each
        for component in one.wire.iterfind(f".//{HL7}pertinentCREType/{HL7}component")
        for each in component
        if "UKCT_MT1440" in each.tag
    ]
    if wanted is None:
        return entries[0]
    [found] = [each for each in entries if each.find(f"{HL7}id").get("root") == wanted]
    return found


def targets(one: Difference) -> list[str]:
    """Ids of the entries an entry points to."""
    links = [link for link in entry_of(one) if etree.QName(link).localname.startswith("pertinentInformation")]
    found = [each.find(f"{HL7}id") for link in links for each in link]
    return [each.get("root") for each in found if each is not None]


def pointed_at(one: Difference) -> bool:
    """The abstract node gave way to the code of exactly the entry that the Problem points to."""
    [target] = targets(one)
    code = entry_of(one, target).find(f"{HL7}code")
    if one.place.endswith(".code"):
        return (one.theirs, one.ours) == ("181301000000103", code.get("code"))
    return (one.theirs, one.ours) == ("Abstract problem node", code.get("displayName"))


def own_words(one: Difference) -> bool:
    """The originalText of the entry, or of the one that a Problem points to."""
    entry = entry_of(one)
    if etree.QName(entry).localname.endswith(".Problem"):
        entry = entry_of(one, targets(one)[0])
    return one.theirs is None and one.ours == collapsed(entry.findtext(f"{HL7}code/{HL7}originalText"))


def linked(one: Difference) -> bool:
    """Only entries of the document, each once, all of one section."""
    ids = [row["reference"].split("/")[1] for row in one.ours]
    sections = {entry_of(one, each).getparent().getparent() for each in ids}
    return one.theirs is None and len(set(ids)) == len(ids) and len(sections) == 1


def added(one: Difference) -> bool:
    """A resource the sample leaves out: the id, the codes, and every word of notes and dosage are of the entry with that id."""
    if one.theirs is not None:
        return False
    entry = entry_of(one, one.ours["id"])
    codes = [code.get("code") for code in entry.iter(f"{HL7}code")]
    made = [one.ours.get("code"), one.ours.get("category"), one.ours.get("medicationCodeableConcept")]
    found = [row["code"] for concept in made if concept is not None for row in concept["coding"]]
    texts = [row["text"] for row in (*one.ours.get("dosage", []), *one.ours.get("note", []))]
    return set(found) <= set(codes) and all(
        said(entry, text.removeprefix("Quantity: ").split(" ")[0]) for text in texts
    )


def extended(one: Difference) -> bool:
    """Extensions of our own; every statement is the document's own words."""
    urls = {row["url"].removeprefix("urn:scr-gateway:fhir:") for row in one.ours}
    texts = [row["extension"][1]["valueString"] for row in one.ours if "extension" in row]
    known = {"created", "additional-information", "active-content-removed", "document-statement", "entry"}
    return one.theirs is None and urls <= known and all(said(one.wire, text) for text in texts)


def own_markup(one: Difference) -> bool:
    """The words are the same (the path says so); no attribute, and no other element than these."""
    names = {"div", "p", "b", "h2", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    parts = list(etree.fromstring(one.ours).iter())
    return all(part.tag.removeprefix(XHTML) in names and not part.attrib for part in parts) and cells(
        one.theirs
    ) == cells(one.ours)


def cells(div: str) -> list[str]:
    """Every cell's words, so that none moves to another column."""
    return [collapsed("".join(part.itertext())) for part in etree.fromstring(div).iter(f"{XHTML}td", f"{XHTML}th")]
