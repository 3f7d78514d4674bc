"""What the FHIR door makes of a GP Summary, and how its Bundles are taken apart, for tests of the door."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree
from multidict import CIMultiDict, MultiDict

from gateway.adapters.fhir.composition import Frame, record_bundle
from gateway.adapters.symphony import AuditEventDoor, BundleDoor, DocumentReferenceDoor
from gateway.domain.access import Purpose, Setting, System, SystemKind
from gateway.domain.identifiers import Asid, CorrelationId, NhsNumber, NhsNumbers, NumberRange, OdsCode, SystemId
from gateway.domain.record import SummaryRecord
from gateway.service.doors import WireRequest
from gateway.spine.summary import read_summary

WIRE = Path(__file__).parent / "wire"
EVENT = "E1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
BASE = "https://gateway.test/fhir/R4"
NOW = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)
CORRELATION = "0C0C0C0C-1B2C-4D3E-8F40-5A6B7C8D9E0F"
ANSWER = ("A1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "2030-01-05T12:00:00+00:00")
NUMBERS = NhsNumbers(NumberRange.SYNTHETIC)
SYSTEM = System(
    id=SystemId("symphony-rzz01"),
    product="symphony",
    supplier="A supplier",
    kind=SystemKind.INTEGRATED_VIEWER,
    asid=Asid("200000009014"),
    client_id="symphony-rzz01",
    username="symphony-rzz01",
    purpose=Purpose.DIRECT_CARE,
    organisation=OdsCode("RZZ01"),
    site=OdsCode("RZZ01A"),
    setting=Setting("accident_and_emergency"),
)


class SameIds:
    """Ids counted from one, so that golden answers stay the same."""

    def __init__(self) -> None:
        self._count = 0

    def new(self) -> str:
        """The next one."""
        self._count += 1
        return f"1D000000-0000-4000-8000-{self._count:012d}"


def doors() -> tuple[DocumentReferenceDoor, BundleDoor, AuditEventDoor]:
    """The three doors, with ids of their own."""
    common: dict[str, Any] = {"numbers": NUMBERS, "ids": SameIds(), "address": "https://gateway.test"}
    return DocumentReferenceDoor(**common), BundleDoor(**common), AuditEventDoor(**common)


def request(
    path: str = "/fhir/R4/Bundle",
    query: list[tuple[str, str]] | None = None,
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    method: str = "GET",
    body: bytes = b"",
) -> WireRequest:
    """A wire request of the sample system."""
    return WireRequest(
        method=method,
        path=path,
        query=MultiDict(query or []),
        headers=CIMultiDict(headers or {}),
        body=body,
        system=SYSTEM,
        correlation_id=CorrelationId(CORRELATION),
        now=NOW,
    )


def summary_record(name: str = "summary.xml") -> SummaryRecord:
    """The record in one of our sample summaries."""
    return read_summary(etree.fromstring((WIRE / name).read_bytes()), EVENT)


def bundle_of(
    record: SummaryRecord, requested: NhsNumber | None = None, answer: tuple[str, str] = ANSWER
) -> dict[str, Any]:
    """The Bundle of a record, as it stands on the wire. `answer`: id and time of Spine's answer."""
    frame = Frame(
        base=BASE,
        bundle_id="1D000000-0000-4000-8000-000000000001",
        answer_id=answer[0],
        answered=answer[1],
        requested=requested,
    )
    found: dict[str, Any] = json.loads(json.dumps(record_bundle(record, frame)))
    return found


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Resources of one type."""
    return [row["resource"] for row in bundle["entry"] if row["resource"]["resourceType"] == kind]


def by_identifier(bundle: dict[str, Any], value: str) -> dict[str, Any]:
    """The one resource made from the coded entry with this id."""
    [found] = [
        row["resource"]
        for row in bundle["entry"]
        if row["resource"]["resourceType"] not in {"Device", "Composition"}
        and {"value": value} in row["resource"].get("identifier", [])
    ]
    return dict(found)


def references(value: Any) -> Iterator[str]:
    """Every literal reference in a JSON value."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
