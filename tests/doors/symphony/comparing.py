"""A sample beside this door's answer, value by value: every difference with its exact place, and how to spoil a value."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from lxml import etree

from tests.doors.symphony.fhir_answers import BASE

Json = dict[str, Any]
HL7 = "{urn:hl7-org:v3}"
FROM_ENTRIES = {
    "AllergyIntolerance",
    "Basic",
    "Communication",
    "Condition",
    "MedicationStatement",
    "Observation",
    "Procedure",
}
"""Types whose ids come from the wire; others are invented on both sides, and told apart by their place among their type."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between a sample and this door."""

    sample: str
    place: str
    """Such as Condition/ID.code.coding[0].display, or Practitioner#2.name[0].text: the third Practitioner."""
    theirs: Any
    ours: Any
    wire: Any = field(default=None, repr=False, compare=False)
    """The document both were made from."""

    @property
    def path(self) -> str:
        """The place without ids and numbers."""
        return re.sub(r"\[\d+\]", "[]", re.sub(r"^([A-Za-z]+)[/#][^.\[ ]*", r"\1", self.place))

    @property
    def pin(self) -> str:
        """What it is pinned under."""
        return f"{self.sample}: {self.place}"

    @property
    def digest(self) -> str:
        """Of both values: what is pinned, so that the samples' own words stay where they are."""
        both = json.dumps([self.theirs, self.ours], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(both.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A sample, this door's answer to the same document, and that document."""

    sample: str
    theirs: Json
    ours: Json
    wire: Any = field(repr=False)


def compared(pair: Pair) -> list[Difference]:
    """Every difference of a pair."""
    if pair.theirs.get("resourceType") == "Bundle":
        found = list(_bundles(pair.theirs, pair.ours))
    else:
        found = list(differences(pair.theirs, pair.ours, pair.theirs["resourceType"]))
    return [
        Difference(sample=pair.sample, place=place, theirs=theirs, ours=ours, wire=pair.wire)
        for place, theirs, ours in found
    ]


def differences(theirs: Any, ours: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, in the sample, here) of every difference between two values; a narrative's says of what kind it is."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            yield from differences(theirs.get(name), ours.get(name), f"{place}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif place.endswith("text.div") and theirs is not None and ours is not None:
        if theirs != ours:
            yield _narrative(theirs, ours, place), theirs, ours
    elif theirs != ours or type(theirs) is not type(ours):
        same_clock = isinstance(theirs, str) and isinstance(ours, str) and theirs[:19] == ours[:19]
        zone = " zone" if same_clock and re.fullmatch(r"\d{4}-.*T.*", theirs) and len(theirs) == 25 else ""
        yield place + zone, theirs, ours


def _narrative(theirs: str, ours: str, place: str) -> str:
    words, own = (" ".join(" ".join(etree.fromstring(div).itertext()).split()) for div in (theirs, ours))
    if words == own:
        return f"{place} markup"
    if words == own.replace("%", "%%"):
        return f"{place} percent"
    return f"{place} heading" if not words else f"{place} WORDS"


def _bundles(theirs: Json, ours: Json) -> Iterator[tuple[str, Any, Any]]:
    """Of two Bundles: their own members, then resource by resource, each compared once."""
    heads = [{name: value for name, value in bundle.items() if name != "entry"} for bundle in (theirs, ours)]
    yield from differences(*heads, "Bundle")
    yield from _entries(theirs, ours)
    one, other = _named(theirs), _named(ours)
    for name in sorted(one.keys() | other.keys()):
        if name in one and name in other:
            yield from differences(one[name], other[name], name)
        else:
            yield f"{name} more", one.get(name), other.get(name)


def _entries(theirs: Json, ours: Json) -> Iterator[tuple[str, Any, Any]]:
    """Of what stands around the resources: a fullUrl is a base and the resource's own address, here as there."""
    for side, bundle in (("theirs", theirs), ("ours", ours)):
        bases = {_base(row) for row in bundle["entry"]}
        if len(bases) != 1 or (side == "ours" and bases != {BASE}):
            yield f"Bundle.entry.fullUrl of {side} WRONG", sorted(map(str, bases)), None
    yield from differences(_base(theirs["entry"][0]), _base(ours["entry"][0]), "Bundle.entry[0].fullUrl")
    rows = zip_longest(theirs["entry"], ours["entry"], fillvalue={})
    for number, (one, other) in enumerate(rows):
        kind = other["resource"]["resourceType"] if other else None
        shown = other.get("search") and {"of": kind, **other["search"]}
        yield from differences(one.get("search"), shown, f"Bundle.entry[{number}].search")


def _base(row: Json) -> str | None:
    tail = f"/{row['resource']['resourceType']}/{row['resource']['id']}"
    return row["fullUrl"].removesuffix(tail) if row["fullUrl"].endswith(tail) else None


def _named(bundle: Json) -> dict[str, Json]:
    """Resources by a name that both sides give: Type/id where the wire gave the id, else Type#place. References say that name."""
    names: dict[str, str] = {}
    places: Counter[str] = Counter()
    for row in bundle["entry"]:
        resource = row["resource"]
        kind, address = resource["resourceType"], f"{resource['resourceType']}/{resource['id']}"
        empty = kind == "Organization" and not {"name", "identifier"} & resource.keys()
        shown = f"{kind}#nobody" if empty else f"{kind}#"
        names[address] = address if kind in FROM_ENTRIES else f"{shown}{places[shown]}"
        places[shown] += 1
    return {
        names[f"{row['resource']['resourceType']}/{row['resource']['id']}"]: _renamed(row["resource"], names)
        for row in bundle["entry"]
    }


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _renamed(each, names) for name, each in value.items()}
    if isinstance(found.get("reference"), str):
        found["reference"] = names.get(found["reference"], found["reference"])
    return found


# Spoiling, to see that a difference is found


def leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value in a JSON document."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*place, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, (*place, number))
    else:
        yield place


def spoilt(document: Json, place: tuple[str | int, ...]) -> Json:
    """The document with another value at this place: a letter more, another number, the other truth."""
    found = deepcopy(document)
    parent: Any = found
    for step in place[:-1]:
        parent = parent[step]
    old = parent[place[-1]]
    if isinstance(old, str) and old.startswith("<div"):
        parent[place[-1]] = re.sub(r"(</\w+>|/>)$", lambda end: end[0] if end[0] != "/>" else "></div>", old)
        parent[place[-1]] = parent[place[-1]].removesuffix("</div>") + "x</div>"
    elif isinstance(old, bool):
        parent[place[-1]] = not old
    else:
        parent[place[-1]] = old + (1 if isinstance(old, int) else "x")
    return found
