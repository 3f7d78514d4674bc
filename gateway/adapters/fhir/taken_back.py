"""The coded entries that a practice took back -> the first section of the Composition, which names them. Pure.

A client that shows narrative reads the sections alone, and theirs may still tell such an entry as current: so what was
taken back is narrative too, before all others. It must never be left out where there is such an entry.
"""

from gateway.adapters.fhir.datatypes import OWN, Json, concept, extension, time_of, without_nothing
from gateway.adapters.fhir.narrative import paragraphs_div
from gateway.adapters.rendering.pane import shown_day
from gateway.domain.record import SummaryRecord
from gateway.domain.withdrawn import HEADING, WithdrawnEntry, sentence, unnamed, withdrawn

SECTIONS = f"{OWN}:section"
"""System of the codes of sections that are this gateway's own."""
CODE = "withdrawn-entries"


def withdrawn_section(record: SummaryRecord, references: tuple[Json, ...]) -> list[Json]:
    """The section; none where nothing was taken back. `references`: to the resources of such entries, in their order."""
    entries = withdrawn(record)
    if not entries:
        return []
    named = tuple(entry.line(shown_day) for entry in entries if entry.words)
    words = (sentence(len(entries)), *named, *filter(None, (unnamed(entries),)))
    return [
        {
            "extension": [_told(entry, reference) for entry, reference in zip(entries, references, strict=True)],
            "title": HEADING,
            "code": concept(CODE, SECTIONS, HEADING),
            "text": {"status": "generated", "div": paragraphs_div(words)},
            "entry": list(references),
        }
    ]


def _told(entry: WithdrawnEntry, reference: Json) -> Json:
    """For programs: what it is, its words and days, and the resource that is entered-in-error."""
    parts = (
        {"url": "kind", "valueString": entry.kind},
        without_nothing({"url": "text", "valueString": entry.words}),
        without_nothing({"url": "time", "valueDateTime": time_of(entry.time)}),
        without_nothing({"url": "until", "valueDateTime": time_of(entry.until)}),
        {"url": "entry", "valueReference": reference},
    )
    return extension("withdrawn-entry", extension=[part for part in parts if len(part) > 1])
