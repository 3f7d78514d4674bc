"""When a message was made, as each door reads it: the forms of xs:dateTime, and Spine's wall clock over the changes of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters import emis_web_reading as reading
from gateway.adapters import systmone
from gateway.xml.header_rules import read_time
from gateway.xml.parser import parse
from tests.doors.emis_web import emis_door
from tests.doors.records import NOW
from tests.doors.systmone import systmone_door

NOON = datetime(2030, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-05T12:00:00Z", NOON),
        ("2030-01-05T12:00:00", NOON),
        ("2030-01-05T13:00:00+01:00", NOON),
        ("2030-01-06T02:00:00+14:00", NOON),
        ("2030-01-05T12:00:00.000000000000Z", NOON),
        ("2030-01-05T12:00:00.123456789012Z", NOON + timedelta(microseconds=123456)),
        ("2030-01-04T24:00:00Z", NOON - timedelta(hours=12)),
        ("2030-01-04T24:00:00.00Z", NOON - timedelta(hours=12)),
        ("2030-01-04T24:00:01Z", None),
        ("2030-01-05T12:00:00.Z", None),
        ("2030-01-05T12:00:60Z", None),
        ("2030-02-30T12:00:00Z", None),
        ("2030-01-05T12:00:00+14:01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T24:00:00Z", None),
        ("12030-01-05T12:00:00Z", None),
        ("2030-01-05", None),
        (None, None),
    ],
)
def test_a_date_and_time_is_read_as_xml_schema_writes_it(text: str | None, moment: datetime | None) -> None:
    assert read_time(text) == moment


@pytest.mark.parametrize("created", ["2030-01-05T11:59:30.123456789012Z", "2030-01-05T12:59:30+01:00"])
def test_systmone_takes_every_form_that_its_schema_takes(created: str) -> None:
    body = systmone_door.sample("view").replace(b"2030-01-05T11:59:30Z", created.encode())
    assert systmone_door.read(body).action == "VIEW"


def test_systmone_takes_midnight_as_the_end_of_a_day() -> None:
    body = systmone_door.sample("view").replace(b"2030-01-05T11:59:30Z", b"2030-01-04T24:00:00Z")
    assert systmone_door.CATALOGUE.validate("systmone:ScrRequest", parse(body)) == ()
    root = parse(body)
    midnight = datetime(2030, 1, 5, tzinfo=UTC)
    assert not list(systmone.time_findings(root, midnight + timedelta(minutes=5)))
    assert [one.code for one in systmone.time_findings(root, midnight + timedelta(minutes=7))] == ["timestamp-expired"]


def told(value: str, now: datetime) -> list[str]:
    """What EMIS Web's door says of a creationTime."""
    root = parse(emis_door.sample("event").replace(b"20300105120000", value.encode()))
    (message,) = root.iter("{urn:hl7-org:v3}QUPC_IN190000UK04")
    return [one.code for one in reading.time_findings(message, now)]


@pytest.mark.parametrize(
    ("value", "now", "code"),
    [
        ("20300105114400", NOON, None),
        ("20300105114359", NOON, "timestamp-expired"),
        ("20300105120100", NOON, None),
        ("20300105120101", NOON, "timestamp-future"),
        # summer time: the wall clock is an hour ahead of UTC
        ("20300701130000", datetime(2030, 7, 1, 12, tzinfo=UTC), None),
        ("20300701120000", datetime(2030, 7, 1, 12, tzinfo=UTC), "timestamp-expired"),
        # the hour that there is twice (27 October 2030, 01:00 to 02:00): either reading counts
        ("20301027013000", datetime(2030, 10, 27, 0, 30, tzinfo=UTC), None),
        ("20301027013000", datetime(2030, 10, 27, 1, 30, tzinfo=UTC), None),
        ("20301027013000", datetime(2030, 10, 27, 1, 47, tzinfo=UTC), "timestamp-expired"),
        # the hour that there is not (31 March 2030, 01:00 to 02:00)
        ("20300331013000", datetime(2030, 3, 31, 1, 30, tzinfo=UTC), "timestamp-form"),
        ("20300105246000", NOON, "timestamp-form"),
        ("00000101000000", NOON, "timestamp-form"),
    ],
)  # fmt: skip
def test_emis_web_judges_creation_time_by_the_clock_on_the_wall(value: str, now: datetime, code: str | None) -> None:
    assert told(value, now) == ([] if code is None else [code])


def test_the_id_of_a_query_is_remembered_for_longer_than_its_age_allows() -> None:
    call = emis_door.read(emis_door.sample("event"))
    assert call.message is not None
    assert told("20300105120000", call.message.expires - timedelta(seconds=1)) == ["timestamp-expired"]
    assert call.message.expires > NOW
