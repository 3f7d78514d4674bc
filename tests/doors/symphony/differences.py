"""Where the FHIR door differs from the national API's published samples, and why: the table of the documentation and of the test.

A difference that no row explains fails the test; so does a row that no sample needs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree


@dataclass(frozen=True)
class Reason:
    """Where (a pattern over paths such as Condition.code.coding[].display), what is done here, and why."""

    where: str
    here: str
    why: str


REASONS: dict[str, Reason] = {
    "ids": Reason(
        r".*\.(id|fullUrl)",
        "Ids that the wire does not give are derived from the document's id; every fullUrl is a whole address.",
        "The same document has the same ids at every reading; a bare id is no address.",
    ),
    "total": Reason(
        r"Bundle\.total",
        "total is 1 for a record.",
        "R4: total counts matches, not the resources included with them.",
    ),
    "link": Reason(
        r"Bundle\.link", "Every searchset says which search it answers.", "R4: a server tells the parameters it used."
    ),
    "search-mode": Reason(
        r"Bundle\.entry\[\]\.search",
        "Every entry says whether it is the match or included.",
        "R4 searchsets say so; without it a client cannot tell.",
    ),
    "title": Reason(r"Composition\.title", "The document type's name.", "R4: a Composition must have a title."),
    "author-display": Reason(
        r".*(author\[\]|individual)\.display", "The name stands beside the reference.", "A reader need not resolve it."
    ),
    "custodian": Reason(
        r"Composition\.custodian.*", "The practice, as the summary names it.", "The sample leaves the practice out."
    ),
    "extension": Reason(
        r"Composition\.extension.*",
        "When the summary was made, its whole-document statements, whether it holds Additional Information, and"
        " whether active content was removed.",
        "R4 has no place for them, and they change how a record is read.",
    ),
    "section-code": Reason(
        r".*section\[\]\.code\.coding.*",
        "The heading's id comes first, as in the sample; the section's SNOMED CT code beside it.",
        "An id without a system means nothing outside this document.",
    ),
    "narrative": Reason(
        r".*section\[\]\.text\.div markup",
        "The same words in the same order; markup of our own (p, b, table).",
        "Nothing of the sender's markup, attributes or addresses goes out.",
    ),
    "section-entry": Reason(
        r".*section\[\]\.entry.*",
        "Each section links every coded entry that belongs under it.",
        "The sample links two sections' entries, and only those with five codes.",
    ),
    "percent": Reason(
        r".*section\[\]\.text\.div percent", "1% as the practice wrote it.", "The sample doubles the sign: 1%%."
    ),
    "dangling": Reason(
        r"Composition\.author\[\]\.reference", "The author is in the Bundle.", "The sample refers to nobody in it."
    ),
    "mode-display": Reason(
        r".*participant\[\]\.extension.*display",
        "A display only where the wire has one.",
        "The sample adds words of its own to a code.",
    ),
    "empty-narrative": Reason(
        r".*section\[\]\.text\.div heading",
        "A section without any text repeats its heading in its narrative.",
        "R4: a narrative may not be empty (txt-2). Nothing is said about why it is.",
    ),
    "seconds": Reason(
        r".*(lastUpdated|\.date)", "An instant always has seconds.", "R4: seconds are mandatory after minutes."
    ),
    "london": Reason(
        r".* zone",
        "Times carry London's offset of that day (+01:00 in summer).",
        "The wire's wall clock is London's; the sample calls it GMT all year, an hour wrong in summer.",
    ),
    "subject": Reason(
        r".*\.(subject|patient)", "Every clinical resource names its patient.", "R4: Condition and others must."
    ),
    "profile": Reason(
        r".*\.meta", "No meta.profile.", "Conformance to UK Core is not checked here, so it is not claimed."
    ),
    "clinical-system": Reason(
        r"Condition\.clinicalStatus\.coding\[\]\.system",
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "The sample names a value set where a code system belongs.",
    ),
    "own-words": Reason(
        r".*\.code\.text",
        "The practice's own words in code.text.",
        "originalText says what was meant, above all of degraded entries; the sample drops it.",
    ),
    "notes": Reason(
        r".*\.note.*", "Supporting information as note, on every kind of resource.", "The sample keeps it on some only."
    ),
    "problem-node": Reason(
        r"Condition\.code\.coding\[\]\..*",
        "A Problem takes the code of the entry it points to, where that is in the document and not withdrawn.",
        "'Abstract problem node' tells a clinician nothing.",
    ),
    "evidence": Reason(
        r"Condition\.evidence.*",
        "References to other entries, also where those are not in the document.",
        "A link is kept even where its target is missing (as a logical reference).",
    ),
    "more-kinds": Reason(
        r"Bundle\.entry more",
        "Allergies, medication and every other coded entry have resources.",
        "The sample drops allergies, medication and most diagnoses.",
    ),
    "organisation": Reason(
        r".*(organization|\.telecom|\.address|owner).*",
        "An organisation without name and id is no Organization: its contact stands on the role and the person."
        " tel: and fax: say what a contact is.",
        "R4: an Organization has a name or an id (org-1).",
    ),
    "unknown-systems": Reason(
        r".*\.relationship\[\]\.coding\[\]\.system|Device\.type\.(coding|text)",
        "A code system that is not known keeps its OID as urn:oid:…; a device's kind is told in words.",
        "The sample gives no system, or a value set's address.",
    ),
    "devices": Reason(r"Device\..*", "A model's name is a model-name.", "The sample calls it the manufacturer's name."),
    "device-link": Reason(
        r".*individual\.reference\.extension",
        "A role that a device acted in links the Device.",
        "R4 lets no Device take part; the sample leaves the two unconnected.",
    ),
    "care-event-period": Reason(
        r"Encounter\.period.*", "start is low, end is high.", "The sample has them the wrong way round."
    ),
    "care-event-status": Reason(
        r"Encounter\.status",
        "Only a completed care event is finished; any other is unknown.",
        "The sample's own care event is a vaccination that was not attended.",
    ),
    "identifier": Reason(r".*\.identifier.*", "Every entry keeps its wire id as identifier.", "The sample drops some."),
    "category": Reason(
        r".*\.category.*",
        "Every entry says its section, by the section's own name.",
        "The sample leaves it out of some and passes on misspelt names.",
    ),
    "encounter": Reason(
        r"Observation\.encounter", "No encounter where nobody took part.", "The sample points to one that is not there."
    ),
    "leading-space": Reason(
        r"DocumentReference\..*display",
        "General Practice Summary, without the blank before it.",
        "A slip in the sample.",
    ),
    "address": Reason(
        r"DocumentReference\.content\[\]\.attachment\.url", "| is percent-encoded.", "An address may not hold it bare."
    ),
    "refusal-words": Reason(
        r"OperationOutcome\.issue\[\]\.(details\.text|details\.coding.*|diagnostics|location|expression)",
        "The gateway's own sentence, stable code, rules, place and next step.",
        "Spine's texts can hold an NHS number, and tell why a record is closed.",
    ),
}


def differences(expected: Any, ours: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, in the sample, here) of every difference; list places are []."""
    if isinstance(expected, dict) and isinstance(ours, dict):
        for name in sorted(expected.keys() | ours.keys()):
            yield from differences(expected.get(name), ours.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(ours, list) and len(expected) == len(ours):
        for one, other in zip(expected, ours, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif path.endswith("text.div") and expected is not None and ours is not None:
        if expected != ours:
            yield _narrative(expected, ours, path), expected, ours
    elif expected != ours:
        same_clock = isinstance(expected, str) and isinstance(ours, str) and expected[:19] == ours[:19]
        zone = " zone" if same_clock and re.fullmatch(r"\d{4}-.*T.*", expected) and len(expected) == 25 else ""
        yield path + zone, expected, ours


def _narrative(expected: str, ours: str, path: str) -> str:
    words, own = (" ".join(" ".join(etree.fromstring(div).itertext()).split()) for div in (expected, ours))
    if words == own:
        return f"{path} markup"
    if words == own.replace("%", "%%"):
        return f"{path} percent"
    return f"{path} heading" if not words else f"{path} WORDS"


def reason_of(path: str) -> str | None:
    """The first row that explains a difference at this path."""
    return next((name for name, reason in REASONS.items() if re.fullmatch(reason.where, path)), None)
