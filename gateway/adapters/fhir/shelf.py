"""The resources of one answer in the order they are added, each under an id of its own. Pure: ids follow from what is told.

It must never give two resources one id, and never put a patient's number into an id.
"""

import re
import uuid
from collections.abc import Iterator

from gateway.adapters.fhir.datatypes import Json

_NAMESPACE = uuid.UUID("6b0f7a52-9d1e-5b0c-8a54-51f0f2a7c9d3")
_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
"""What is unique wherever it was made. Any other id of the wire may stand in another patient's document too."""


class Shelf:
    """Collects resources; `seed` (the event id) makes derived ids the same at every reading of the same document."""

    def __init__(self, base: str, seed: str) -> None:
        self._base = base
        self._seed = seed
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}
        self.entries: list[Json] = []

    def name(self, kind: str, wanted: str = "") -> str:
        """An id for a resource of this type: the one wanted where it is a UUID and free, else a derived UUID."""
        found = wanted
        while not _ID.fullmatch(found) or found.upper() in self._used:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            found = str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{kind}/{self._counts[kind]}")).upper()
        self._used.add(found.upper())
        return found

    def put(self, resource: Json, *, mode: str = "include") -> Json:
        """Adds a resource that has its id (or gets one now); returns a reference to it."""
        kind = resource["resourceType"]
        if "id" not in resource:
            resource = {"resourceType": kind, "id": self.name(kind), **resource}
        reference = f"{kind}/{resource['id']}"
        self.entries.append({"fullUrl": f"{self._base}/{reference}", "resource": resource, "search": {"mode": mode}})
        return {"reference": reference}


def unresolved(bundle: Json) -> list[str]:
    """Literal references of a Bundle that name nothing in it, and addresses that stand twice; none where it is whole."""
    names = [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in bundle.get("entry", [])]
    found = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    known = set(names)
    return found + [reference for reference in _references(bundle.get("entry", [])) if reference not in known]


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield reference
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
