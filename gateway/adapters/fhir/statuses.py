"""What a coded entry says of its own state -> the statuses of R4. Pure.

It must never make an entry that was withdrawn, or that is stated not to be so, look like a live and positive one.
"""

from gateway.adapters.fhir.datatypes import TERMINOLOGY, Json, concept, extension
from gateway.domain.record import CodedEntry

_CLINICAL = {
    "Condition": f"{TERMINOLOGY}/condition-clinical",
    "AllergyIntolerance": f"{TERMINOLOGY}/allergyintolerance-clinical",
}
_VERIFICATION = {
    "Condition": f"{TERMINOLOGY}/condition-ver-status",
    "AllergyIntolerance": f"{TERMINOLOGY}/allergyintolerance-verification",
}
_KNOWN_STATES = frozenset({None, "active", "completed", "normal", "final", "nullified"})


def odd_state(entry: CodedEntry) -> tuple[str, ...]:
    """A state no summary has been seen to give, in words: none of FHIR's may stand for it unseen."""
    return () if entry.status in _KNOWN_STATES else (f"State on the record: {entry.status}",)


_SAYS_NOT = frozenset({"AllergyIntolerance", "Communication", "Condition", "MedicationStatement", "Procedure"})
"""Types with a status of their own for what is not so (refuted, not-done, not-taken)."""


def modifiers(kind: str, entry: CodedEntry) -> list[Json]:
    """Modifier extensions, which nobody may overlook (R4 section 2.4.2), for what no status of the type says."""
    found = []
    if kind == "Basic" and entry.nullified:
        found.append(extension("entered-in-error", valueBoolean=True))
    if entry.negated and (kind not in _SAYS_NOT or entry.nullified):
        found.append(extension("negated", valueBoolean=True))
    if entry.partly_negated:
        found.append(extension("partly-negated", valueBoolean=True))
    return found


def event_status(entry: CodedEntry) -> str:
    """Of a Procedure or a Communication."""
    if entry.nullified:
        return "entered-in-error"
    return "not-done" if entry.negated else "completed"


def encounter_status(entry: CodedEntry) -> str:
    """Of a care event. Only `completed` says that it took place: one that did not is told by its code alone."""
    if entry.nullified:
        return "entered-in-error"
    return "finished" if entry.status == "completed" and not entry.negated else "unknown"


def condition_status(entry: CodedEntry, *, ended: bool) -> str | None:
    """The clinical status of a Condition, where the wire states it. A completed Problem is one its practice has closed."""
    if entry.negated:
        return None
    if ended:
        return "inactive"
    if entry.element == "Problem" and entry.status == "completed":
        return "inactive"
    return "active" if entry.status in {"active", "normal"} else None


def statuses(kind: str, entry: CodedEntry, clinical: str | None) -> Json:
    """clinicalStatus, or for a nullified entry verificationStatus entered-in-error and no clinical status (con-5, ait-2).

    A negated one is refuted, and confirmed by nobody.
    """
    if entry.nullified:
        return {"verificationStatus": concept("entered-in-error", _VERIFICATION[kind], "Entered in Error")}
    found: Json = {}
    if clinical is not None:
        found["clinicalStatus"] = concept(clinical, _CLINICAL[kind], clinical.capitalize())
    if entry.negated:
        found["verificationStatus"] = concept("refuted", _VERIFICATION[kind], "Refuted")
    elif kind == "Condition" and entry.element == "Diagnosis" and entry.status == "completed":
        found["verificationStatus"] = concept("confirmed", _VERIFICATION[kind], "Confirmed")
    return found


_MEDICATION_STATUS = {"CurrentRepeatMedication": "active", "DiscontinuedRepeatMedication": "stopped"}


def medication_status(entry: CodedEntry) -> str:
    """The list a medicine stands on says it; an acute one may still be taken, whatever the state of its order.

    Where the entry itself gives a state that none is known to give, nobody can tell whether it is taken.
    """
    if entry.nullified:
        return "entered-in-error"
    if entry.negated:
        return "not-taken"
    if entry.status not in _KNOWN_STATES:
        return "unknown"
    if entry.element == "MedicationAdministration" and entry.status in {"completed", "normal", "final"}:
        return "completed"
    if entry.element == "AcuteMedication" and entry.status == "active":
        return "active"
    return _MEDICATION_STATUS.get(entry.element, "unknown")
