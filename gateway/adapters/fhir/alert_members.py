"""Which members of an R4 AuditEvent an alert may have here: those that are kept or judged, and no other. Pure.

Nothing that is sent may be taken and thrown away: a member that would not be kept is refused with its name.
"""

from collections.abc import Mapping
from typing import Any

from gateway.adapters.fhir.requests import invalid
from gateway.domain.errors import MessageInvalid

Members = Mapping[str, "Members | None"]
"""Member -> the members of the object, or of each object of the list, that it holds; None: a value."""

_IDENTIFIER: Members = {"system": None, "value": None}
_REFERENCE: Members = {"identifier": _IDENTIFIER}
_CODING: Members = {"system": None, "code": None, "display": None}
MEMBERS: Members = {
    "resourceType": None,
    "id": None,
    "extension": {"url": None, "valueString": None},
    "type": _CODING,
    "subtype": _CODING,
    "action": None,
    "recorded": None,
    "outcome": None,
    "outcomeDesc": None,
    "agent": {"role": {"text": None, "coding": _CODING}, "who": _REFERENCE, "requestor": None},
    "source": {"observer": _REFERENCE},
    "entity": {"what": _REFERENCE},
}
"""What is taken."""

_R4 = frozenset({
    "action", "address", "agent", "altId", "assigner", "code", "coding", "contained", "description", "detail",
    "display", "entity", "extension", "id", "identifier", "implicitRules", "language", "lifecycle", "location",
    "media", "meta", "modifierExtension", "name", "network", "observer", "outcome", "outcomeDesc", "period", "policy",
    "purposeOfEvent", "purposeOfUse", "query", "recorded", "reference", "requestor", "resourceType", "role",
    "securityLabel", "site", "source", "subtype", "system", "text", "type", "url", "use", "userSelected", "value",
    "valueString", "version", "what", "who",
})  # fmt: skip
"""Members that R4 has somewhere in an AuditEvent: these may be named, any other word is the sender's own."""


def check_members(event: Mapping[str, Any]) -> None:
    """Raises MessageInvalid for the first member that is not taken."""
    _check(event, MEMBERS, "")


def _check(found: Mapping[str, Any], known: Members, place: str) -> None:
    for name in found:
        if name not in known:
            raise _refused(name, known, place)
    for name, inner in known.items():
        if inner is None or name not in found:
            continue
        value = found[name]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                _check(one, inner, f"{place}{name}.")


def _refused(name: str, known: Members, place: str) -> MessageInvalid:
    if name.removeprefix("_") in _R4:
        return invalid(
            f"AuditEvent.{place}{name}",
            f"Member '{place}{name}' is not taken here: it would not be kept.",
            "an alert without it",
        )
    parent = f"AuditEvent.{place}".rstrip(".")
    return invalid(parent, f"A member of {parent} is not known.", "nothing but " + ", ".join(sorted(known)))
