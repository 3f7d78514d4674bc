"""The gateway's reader and the stubs' reader, written apart, say the same of every summary the Spine stub sends."""

from typing import Any

import pytest

from gateway.domain.record import Text
from gateway.domain.withdrawn import withdrawn
from gateway.spine.summary import read_summary as read_by_gateway
from vendor_stubs import cast
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.versions import listed_numbers, version
from vendor_stubs.summary_reader import read_summary as read_by_stub
from vendor_stubs.summary_withdrawn import withdrawn_entries
from vendor_stubs.xml import parse

NUMBERS = [patient.nhs for patient in cast.patients()] + [
    number
    for n in range(0, 99_999_999, 2_222_222)
    for check in range(10)
    if cast.is_nhs_number(number := f"9{n:08d}{check}")
]


def as_json(block: Any) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"kind": "text", "text": block.text, "caption": None, "columns": [], "rows": []}
    rows = [list(row) for row in block.rows]
    return {"kind": "table", "text": "", "caption": block.caption, "columns": list(block.columns), "rows": rows}


def gateway_says(summary: Any) -> dict[str, Any]:
    record = read_by_gateway(summary, "event")
    return {
        "sections": [
            {"id": section.id, "title": section.title, "blocks": [as_json(block) for block in section.blocks]}
            for section in record.sections
        ],
        "document_statements": [{"kind": row.kind.value, "text": row.text} for row in record.statements],
        "created": record.created.iso,
        "author": record.author_name,
        "practice": record.practice,
        "nhs_number": record.nhs_number.value,
        "additional_information": record.additional_information,
        "active_content_removed": record.active_content_removed,
    }


@pytest.mark.parametrize("number", NUMBERS)
def test_both_say_the_same(number: str) -> None:
    patient = cast.patient(number)
    assert patient is not None
    for listed in listed_numbers(patient, stale_missed=False):
        document = Documents().summary(patient, version(patient, listed))
        assert read_by_stub(parse(document)) == gateway_says(parse(document))


def test_both_name_the_same_withdrawn_entries() -> None:
    [number] = [patient.nhs for patient in cast.patients() if patient.case == "nullified"]
    patient = cast.patient(number)
    assert patient is not None
    summary = parse(Documents().summary(patient, version(patient, listed_numbers(patient, stale_missed=False)[0])))
    ours = withdrawn(read_by_gateway(summary, "event"))
    assert len(ours) == 11
    assert [(one["kind"], one["text"], one["time"], one["until"]) for one in withdrawn_entries(summary)] == [
        (one.kind, one.words, one.time and one.time.iso[:10], one.until and one.until.iso[:10]) for one in ours
    ]
    assert {one.kind for one in ours} >= {"allergy", "discontinued repeat medication"}
