"""FHIR R4 data types from the domain's: codings, concepts, identifiers, times. Pure.

It must never give a code a system it did not come with: a code system not known here keeps its OID.
"""

import re
from typing import Any

from gateway.domain.instants import WireTime
from gateway.domain.record import Coding, EffectiveTime

Json = dict[str, Any]

FHIR_JSON = "application/fhir+json"
SNOMED = "http://snomed.info/sct"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
SDS_USER = "https://fhir.nhs.uk/Id/sds-user-id"
SDS_ROLE_PROFILE = "http://fhir.nhs.net/Id/sds-role-profile-id"
SCR_UUID = "https://fhir.nhs.uk/Id/nhsSCRUUID"
RFC4122 = "https://tools.ietf.org/html/rfc4122"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
OWN = "urn:scr-gateway:fhir"
"""Where this project's own extensions and codes are named."""

ODS_ROOT = "1.2.826.0.1285.0.1.10"
_SNOMED_OID = "2.16.840.1.113883.2.1.3.2.4.15"
_SYSTEMS = {
    _SNOMED_OID: SNOMED,
    "2.16.840.1.113883.2.1.3.2.4.17.124": "https://fhir.nhs.uk/CodeSystem/HL7v3-SDSJobRoleName",
    "2.16.840.1.113883.5.1064": f"{TERMINOLOGY}/v3-ParticipationMode",
}
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
CODE = re.compile(r"[^\s]+( [^\s]+)*")
"""What R4 takes for a code."""


def coding(code: str, system: str | None = None, display: str | None = None) -> Json:
    """A Coding; parts that are None are left out."""
    parts = {"system": system, "code": code, "display": display}
    return {name: value for name, value in parts.items() if value and value.strip()}


def concept(code: str, system: str, display: str | None = None) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [coding(code, system, display)]}


def identifier(value: str, system: str | None = None) -> Json:
    """An Identifier."""
    return {"system": system, "value": value} if system else {"value": value}


def system_of(oid: str) -> str | None:
    """The URI of a code system given by OID; `urn:oid:` for one not known here; None where there is no OID."""
    oid = oid.strip()
    return _SYSTEMS.get(oid) or (f"urn:oid:{oid}" if _OID.fullmatch(oid) else None)


def plain_concept(value: Coding) -> Json:
    """A code as received: its coding, and in `text` the source's own words where it has them."""
    found: Json = {}
    if CODE.fullmatch(value.code):
        found["coding"] = [coding(value.code, system_of(value.system), value.display)]
    if value.original_text or ("coding" not in found and value.display):
        found["text"] = value.original_text or value.display
    return found or unknown_concept()


def unknown_concept() -> Json:
    """What stands where R4 demands a code and the wire has none."""
    return concept("unknown", f"{TERMINOLOGY}/data-absent-reason", "Unknown")


def qualified_concept(value: Coding, qualifiers: tuple[tuple[Coding, Coding], ...]) -> Json:
    """A code with its qualifiers, which may change what it means: never the bare code alone.

    All SNOMED CT: one postcoordinated expression (focus:name=value,…). Else the words only.
    """
    if not qualifiers:
        return plain_concept(value)
    words = value.original_text or value.display or value.code
    refined = "; ".join(f"{_words(name)}: {_words(meaning)}".strip(": ") for name, meaning in qualifiers)
    found: Json = {"text": f"{words} ({refined})"}
    codes = [value, *(part for pair in qualifiers for part in pair)]
    if all(part.system == _SNOMED_OID and part.code.isascii() and part.code.isdigit() for part in codes):
        expression = ",".join(f"{name.code}={meaning.code}" for name, meaning in qualifiers)
        found["coding"] = [coding(f"{value.code}:{expression}", SNOMED)]
    return found


def _words(value: Coding) -> str:
    return value.original_text or value.display or value.code


def has_words(value: Coding) -> bool:
    """Whether a code says anything at all."""
    return bool(value.code or value.display or value.original_text)


def time_of(moment: WireTime | None) -> str | None:
    """dateTime at the precision it came with; times in the London offset of that day."""
    return None if moment is None else moment.iso


def instant_of(moment: WireTime | None) -> str | None:
    """An instant, which needs a time of day; None where there is none."""
    return moment.iso if moment is not None and moment.has_time else None


def period(start: WireTime | None, end: WireTime | None) -> Json | None:
    """A Period, or None where it would be empty. One that ended before it began has its start alone (per-1)."""
    parts = {"start": time_of(start), "end": None if backwards(start, end) else time_of(end)}
    return {name: value for name, value in parts.items() if value} or None


def backwards(start: WireTime | None, end: WireTime | None) -> bool:
    """Whether an interval ends before it begins, as far as both are told and precise."""
    if start is None or end is None:
        return False
    shared = min(len(start.iso), len(end.iso), len("2030-01-05T12:00:00"))
    return end.iso[:shared] < start.iso[:shared]


def point_of(effective: EffectiveTime) -> WireTime | None:
    """The one moment an effective time names, in whichever of its forms; None for an interval or none."""
    return effective.value or effective.center


def start_of(effective: EffectiveTime) -> WireTime | None:
    """When it began, as far as it is said."""
    return effective.low or point_of(effective)


def extension(name: str, **value: Any) -> Json:
    """One of this project's own extensions."""
    return {"url": f"{OWN}:{name}", **value}


def without_nothing(resource: Json) -> Json:
    """The same without members that are None, empty or blank: R4 has no empty values."""
    return {name: value for name, value in resource.items() if value not in (None, [], {}) and not _blank(value)}


def _blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()
