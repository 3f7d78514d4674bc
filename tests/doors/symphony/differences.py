"""Where the FHIR door differs from the national API's published samples, and why: the table of the documentation and of the test.

A row explains a difference only at its place and only where its rule holds for both values, and the two are pinned as they
are: any other difference fails the test, and so does a row that no sample needs.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lxml import etree

from tests.doors.symphony.comparing import HL7, Difference
from tests.doors.symphony.fhir_answers import BASE
from tests.doors.symphony.rules import (
    Rule,
    added,
    entry_of,
    extended,
    linked,
    own_markup,
    own_words,
    pointed_at,
    said,
    targets,
)

SNOMED = "http://snomed.info/sct"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
LONDON = ZoneInfo("Europe/London")
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}|[0-9]D[0-9-]+")


@dataclass(frozen=True)
class Reason:
    """Where (a pattern over paths such as Condition.code.coding[].display), what is done here, why, and what must hold."""

    where: str
    here: str
    why: str
    holds: Rule = lambda _: True
    """Of both values and the document; nothing more than the pinned values where it is left out."""


REASONS: dict[str, Reason] = {
    "ids": Reason(
        r"\w+\.id|Bundle\.entry\[\]\.fullUrl",
        "Ids that the wire does not give are derived from the document's id; every fullUrl is a whole address.",
        "The same document has the same ids at every reading; a bare id is no address.",
        lambda one: str(one.ours).startswith(BASE) or bool(UUID.fullmatch(str(one.ours))),
    ),
    "total": Reason(
        r"Bundle\.total",
        "total is 1 for a record.",
        "R4: total counts matches, not the resources included with them.",
        lambda one: one.theirs > 1 and one.ours == 1,
    ),
    "link": Reason(
        r"Bundle\.link",
        "Every searchset says which search it answers.",
        "R4: a server tells the parameters it used.",
        lambda one: one.theirs is None and [row["relation"] for row in one.ours] == ["self"],
    ),
    "search-mode": Reason(
        r"Bundle\.entry\[\]\.search",
        "Every entry says whether it is the match or included.",
        "R4 searchsets say so; without it a client cannot tell.",
        lambda one: (
            one.theirs is None and one.ours["mode"] == ("match" if one.ours["of"] == "Composition" else "include")
        ),
    ),
    "title": Reason(
        r"Composition\.title",
        "The document type's name.",
        "R4: a Composition must have a title.",
        lambda one: one.theirs is None and one.ours == one.wire.find(f"{HL7}code").get("displayName"),
    ),
    "author-display": Reason(
        r"Composition\.author\[\]\.display|Encounter\.participant\[\]\.individual\.display",
        "The name stands beside the reference.",
        "A reader need not resolve it.",
        lambda one: one.theirs is None and said(one.wire, one.ours),
    ),
    "custodian": Reason(
        r"Composition\.custodian",
        "The practice, as the summary names it.",
        "The sample leaves the practice out.",
        lambda one: one.theirs is None and said(one.wire, one.ours["display"]),
    ),
    "extension": Reason(
        r"Composition\.extension",
        "When the summary was made, its whole-document statements, whether it holds Additional Information, and whether active content was removed.",
        "R4 has no place for them, and they change how a record is read.",
        extended,
    ),
    "section-code": Reason(
        r"Composition\.section\[\]\.code\.coding",
        "The heading's id comes first, as in the sample; the section's SNOMED CT code beside it.",
        "An id without a system means nothing outside this document.",
        lambda one: (
            one.ours[0] == one.theirs[0]
            and len(one.theirs) == 1
            and [row.get("system") for row in one.ours] == [None, SNOMED]
        ),
    ),
    "narrative": Reason(
        r".*section\[\]\.text\.div markup",
        "The same words in the same order; markup of our own (p, b, table).",
        "Nothing of the sender's markup, attributes or addresses goes out.",
        own_markup,
    ),
    "section-entry": Reason(
        r"Composition\.section\[\]\.entry",
        "Each section links every coded entry that belongs under it.",
        "The sample links two sections' entries, and only those with five codes.",
        linked,
    ),
    "percent": Reason(
        r".*section\[\]\.text\.div percent",
        "1% as the practice wrote it.",
        "The sample doubles the sign: 1%%.",
    ),
    "dangling": Reason(
        r"Composition\.author\[\]\.reference",
        "The author is in the Bundle.",
        "The sample refers to nobody in it.",
        lambda one: one.ours == "PractitionerRole#0",
    ),
    "mode-display": Reason(
        r"Encounter\.participant\[\]\.extension\[\]\.valueCodeableConcept\.coding\[\]\.display",
        "A display only where the wire has one.",
        "The sample adds words of its own to a code.",
        lambda one: one.ours is None,
    ),
    "empty-narrative": Reason(
        r".*section\[\]\.text\.div heading",
        "A section without any text repeats its heading in its narrative.",
        "R4: a narrative may not be empty (txt-2). Nothing is said about why it is.",
    ),
    "seconds": Reason(
        r"Composition\.(meta\.lastUpdated|date)",
        "An instant always has seconds.",
        "R4: seconds are mandatory after minutes.",
        lambda one: one.ours == f"{one.theirs[:16]}:00{one.theirs[16:]}",
    ),
    "london": Reason(
        r".* zone",
        "Times carry London's offset of that day (+01:00 in summer).",
        "The wire's wall clock is London's; the sample calls it GMT all year, an hour wrong in summer.",
        lambda one: one.ours == datetime.fromisoformat(one.theirs).replace(tzinfo=LONDON).isoformat(),
    ),
    "subject": Reason(
        r"\w+\.subject",
        "Every clinical resource names its patient.",
        "R4: Condition and others must.",
        lambda one: one.theirs is None and str(one.ours["reference"]).startswith("Patient"),
    ),
    "profile": Reason(
        r"\w+\.meta",
        "No meta.profile.",
        "Conformance to UK Core is not checked here, so it is not claimed.",
        lambda one: one.ours is None and "UKCore" in one.theirs["profile"][0],
    ),
    "clinical-system": Reason(
        r"Condition\.clinicalStatus\.coding\[\]\.system",
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "The sample names a value set where a code system belongs.",
        lambda one: one.ours == CLINICAL and one.theirs == "http://hl7.org/fhir/ValueSet/condition-clinical",
    ),
    "own-words": Reason(
        r"\w+\.code\.text",
        "The practice's own words in code.text.",
        "originalText says what was meant, above all of degraded entries; the sample drops it.",
        own_words,
    ),
    "notes": Reason(
        r"\w+\.note",
        "Supporting information as note, on every kind of resource.",
        "The sample keeps it on some only.",
        lambda one: one.theirs is None and all(said(entry_of(one), row["text"]) for row in one.ours),
    ),
    "problem-node": Reason(
        r"Condition\.code\.coding\[\]\.(code|display)",
        "A Problem takes the code of the entry it points to, where that is in the document and not withdrawn.",
        "'Abstract problem node' tells a clinician nothing.",
        pointed_at,
    ),
    "evidence": Reason(
        r"Condition\.evidence",
        "References to other entries, also where those are not in the document.",
        "A link is kept even where its target is missing (as a logical reference).",
        lambda one: (
            one.theirs is None and [row["detail"][0]["reference"].split("/")[1] for row in one.ours] == targets(one)
        ),
    ),
    "more-kinds": Reason(
        r"\w+ more",
        "Allergies, medication and every other coded entry have resources.",
        "The sample drops allergies, medication and most diagnoses.",
        added,
    ),
    "organisation": Reason(
        r"Organization( more|\.telecom.*)|PractitionerRole\.(organization|telecom)|Practitioner\.address",
        "An organisation without name and id is no Organization: its contact stands on the role and the person. tel: and fax: say what a contact is.",
        "R4: an Organization has a name or an id (org-1).",
    ),
    "name-parts": Reason(
        r"Practitioner\.name\[\]\.(family|given|prefix|suffix)",
        "The parts of a name, where the summary has them.",
        "The sample keeps the whole name only.",
        lambda one: (
            one.theirs is None and said(one.wire, one.ours if isinstance(one.ours, str) else " ".join(one.ours))
        ),
    ),
    "unknown-systems": Reason(
        r"RelatedPerson\.relationship\[\]\.coding\[\]\.system|Device\.type\.(coding|text)",
        "A code system that is not known keeps its OID as urn:oid:…; a device's kind is told in words.",
        "The sample gives no system, or a value set's address.",
    ),
    "devices": Reason(
        r"Device\.deviceName\[\]\.type",
        "A model's name is a model-name.",
        "The sample calls it the manufacturer's name.",
        lambda one: (one.theirs, one.ours) == ("manufacturer-name", "model-name"),
    ),
    "device-link": Reason(
        r"PractitionerRole\.extension",
        "A role that a device acted in links the Device.",
        "R4 lets no Device take part; the sample leaves the two unconnected.",
        lambda one: one.theirs is None and [row["url"] for row in one.ours] == ["urn:scr-gateway:fhir:device"],
    ),
    "care-event-period": Reason(
        r"Encounter\.period\.(start|end)",
        "start is low, end is high.",
        "The sample has them the wrong way round.",
        lambda one: (one.theirs is None) != (one.ours is None),
    ),
    "care-event-status": Reason(
        r"Encounter\.status",
        "Only a completed care event is finished; any other is unknown.",
        "The sample's own care event is a vaccination that was not attended.",
        lambda one: (one.theirs, one.ours) == ("finished", "unknown"),
    ),
    "identifier": Reason(
        r"(Encounter|Procedure)\.identifier",
        "Every entry keeps its wire id as identifier.",
        "The sample drops some.",
        lambda one: (
            one.theirs is None and [row["value"] for row in one.ours] == [one.wire.find(f".//{HL7}id").get("root")]
        ),
    ),
    "category": Reason(
        r"Procedure\.category|Observation\.category\[\]\.coding\[\]\.display",
        "Every entry says its section, by the section's own name.",
        "The sample leaves it out of some and passes on misspelt names.",
    ),
    "encounter": Reason(
        r"Observation\.encounter",
        "No encounter where nobody took part.",
        "The sample points to one that is not there.",
        lambda one: one.ours is None,
    ),
    "leading-space": Reason(
        r"DocumentReference\..*display",
        "General Practice Summary, without the blank before it.",
        "A slip in the sample.",
        lambda one: one.theirs != one.ours == one.theirs.strip(),
    ),
    "address": Reason(
        r"DocumentReference\.content\[\]\.attachment\.url",
        "| is percent-encoded.",
        "An address may not hold it bare.",
        lambda one: one.ours == one.theirs.replace("|", "%7C"),
    ),
    "refusal-words": Reason(
        r"OperationOutcome\.issue\[\]\.(details\.text|details\.coding.*|diagnostics|location|expression)",
        "The gateway's own sentence, stable code, rules, place and next step.",
        "Spine's texts can hold an NHS number, and tell why a record is closed.",
    ),
}


def reason_of(one: Difference) -> str | None:
    """The first row that explains a difference: by its place, and by both values."""
    return next((name for name, row in REASONS.items() if re.fullmatch(row.where, one.path) and _holds(row, one)), None)


def _holds(row: Reason, one: Difference) -> bool:
    """A value so odd that a rule cannot look at it is not explained."""
    try:
        return row.holds(one)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, etree.XMLSyntaxError):
        return False
