"""What leaves the store: canonical entries, Spine's alert message, CSV and FHIR exports. Pure; no database."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.cells import safe_cell
from gateway.domain.codes import Code
from gateway.domain.decision import AlertReason, AlertType, AuditEntry
from gateway.domain.errors import InvalidValue
from gateway.domain.privacy import AlertCase, AlertState
from gateway.domain.reading import role
from gateway.store.alert_export import alerts_file
from gateway.store.alert_message import alert_event, notification, spine_delivery
from gateway.store.chain import decode, encode, instant_text
from gateway.store.export import CSV_COLUMNS, audit_event, csv_text, entries_csv
from tests.store.values import NOW, ORGANISATION, OTHER, PATIENT, SENT, USER
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry

_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    note=st.none() | st.text(min_size=1),
    facts=st.lists(st.tuples(st.text(), _plain), max_size=4).map(tuple),
    rules=st.lists(st.text(min_size=1), max_size=3).map(tuple),
    count=st.integers(1, 10**6),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_an_entry_is_the_same_after_its_bytes(
    note: str | None, facts: object, rules: object, count: int, at: datetime
) -> None:
    made = an_entry(note=note, facts=facts, rules=rules, count=count, at=at, requested_patient=OTHER)
    body = encode(made)
    assert decode(body) == made
    assert encode(decode(body)) == body
    assert orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) == body


def test_bytes_do_not_depend_on_the_zone_an_instant_is_told_in() -> None:
    summer = NOW.astimezone(timezone(timedelta(hours=1)))
    assert encode(an_entry(id="A", correlation_id="C", at=summer)) == encode(an_entry(id="A", correlation_id="C"))
    assert instant_text(datetime(33, 1, 2, tzinfo=UTC)) == "0033-01-02T00:00:00.000000Z"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":"A"}', encode(an_entry())[:-1] + b',"more":1}'])
def test_what_is_no_entry_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue):
        decode(body)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("1", "1"), ("1", "2"), ("1", "3"), ("1", "4"), ("1", "6"), ("2", "1"), ("2", "2"), ("2", "3"), ("2", "5")],
)
def test_the_alert_message_has_what_spine_asks_for(kind: str, reason: str) -> None:
    raised = an_alert(type=AlertType(kind), reason=AlertReason(reason))
    event = alert_event(raised)
    AuditEvent.model_validate(event)
    assert (event["id"], event["type"]["code"], [subtype["code"] for subtype in event["subtype"]]) == (
        raised.id,
        kind,
        [reason],
    )
    assert all((event["type"]["display"], event["subtype"][0]["display"], event["recorded"]))
    assert [extension["url"] for extension in event["extension"]] == [
        "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage"
    ]
    assert event["extension"][0]["valueString"]
    agents = {agent["who"]["identifier"]["system"].rsplit("/", 1)[-1]: agent for agent in event["agent"]}
    assert {name: agent["who"]["identifier"]["value"] for name, agent in agents.items()} == {
        "nhs-number": PATIENT.value,
        "ods-organization-code": ORGANISATION.value,
        "sds-user-id": USER.value,
    }
    assert len(event["agent"]) == 3
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, False]
    assert agents["sds-user-id"]["role"] == [{"text": "S8000:G8000:R8001"}]
    assert event["source"]["observer"]["identifier"] == {
        "system": "https://fhir.nhs.uk/Id/nhsSpineASID",
        "value": raised.asid,
    }
    assert [entity["what"]["identifier"]["value"] for entity in event["entity"]] == [raised.document_id]
    assert event["outcomeDesc"] == raised.note


def test_a_posted_alert_says_what_its_system_said() -> None:
    raised = an_alert(sent=SENT)
    event = alert_event(raised)
    AuditEvent.model_validate(event)
    assert (event["extension"][0]["valueString"], event["action"]) == (SENT.message, "R")
    assert datetime.fromisoformat(event["recorded"]) == SENT.recorded != raised.at
    case = AlertCase(alert=raised, state=AlertState.NEW, version=0, acted=None, acted_by=None)
    [told] = csv.DictReader(io.StringIO(alerts_file("csv", [case]).decode("utf-8-sig"), newline=""))
    assert [told[name] for name in ("system's id", "system's message", "system's action")] == ["x-1", SENT.message, "R"]
    assert datetime.fromisoformat(told["access as the system says"]) == SENT.recorded
    assert datetime.fromisoformat(told["time"]) == raised.at


def test_what_an_alert_lacks_is_left_out_of_its_message() -> None:
    raised = an_alert(note=None, document_id=None, user_name="", role_code="")
    event = alert_event(raised)
    AuditEvent.model_validate(event)
    assert "outcomeDesc" not in event  # an empty one would be refused
    assert event["entity"][0]["what"]["identifier"]["value"] == raised.audit_id
    assert spine_delivery(raised)["request_id"] == raised.id
    assert set(notification(raised)) == {"alert", "organisation"}


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+44", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"],
)
def test_no_cell_is_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(entries_csv([an_entry(note=text)]), newline="")))
    assert rows[1][CSV_COLUMNS.index("note")] == f"'{text}"
    assert safe_cell(text)[0] == "'"


def test_csv_keeps_every_word() -> None:
    made = an_entry(note='comma, "quote"\r\nline £ 😀', user_name="Ö'Brien", requested_patient=OTHER)
    text = entries_csv([made, an_entry()])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(CSV_COLUMNS)
    assert len(rows) == 3
    told = dict(zip(CSV_COLUMNS, rows[1], strict=True))
    assert (told["note"], told["user name"], told["patient"], told["requested patient"], told["time"]) == (
        made.note,
        made.user_name,
        PATIENT.value,
        OTHER.value,
        "2026-03-04T10:11:12.131415Z",
    )
    assert csv_text(("a",), [(None,), (1,)]) == '"a"\r\n""\r\n"1"\r\n'


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (an_entry(), "0"),
        (an_entry(event="refused", outcome="refused", code="permission-missing"), "4"),
        (an_entry(event="unavailable", outcome="unavailable"), "8"),
        (an_entry(event="rejected", outcome="invalid", user=None, system=None, organisation=None, patient=None), "4"),
    ],
)
def test_an_entry_is_a_valid_fhir_audit_event(made: AuditEntry, outcome: str) -> None:
    event = audit_event(made)
    AuditEvent.model_validate(event)
    assert event["outcome"] == outcome
    text = orjson.dumps(event).decode()
    assert (PATIENT.value in text) is (made.patient is not None)
    assert (USER.value in text) is (made.user is not None)
    assert made.correlation_id in text


@pytest.mark.parametrize("pair", [("1", "5"), ("2", "4"), ("2", "6")])
def test_a_pair_that_is_never_sent_is_no_alert(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="never sent"):
        an_alert(type=AlertType(pair[0]), reason=AlertReason(pair[1]))


def test_codes_have_their_words_beside_them() -> None:
    refused = an_entry(event="refused", outcome="refused", code="role-activity", role_code="S8002:G8003:R0001")
    [told] = csv.DictReader(io.StringIO(entries_csv([refused]), newline=""))
    assert (told["role in words"], told["code"]) == ("Privacy Officer", "role-activity")
    assert told["outcome in words"] == Code.ROLE_ACTIVITY.sentence
    case = AlertCase(alert=an_alert(), state=AlertState.NEW, version=0, acted=None, acted_by=None)
    [told] = csv.DictReader(io.StringIO(alerts_file("csv", [case]).decode("utf-8-sig"), newline=""))
    assert [told[name] for name in ("type", "type in words", "reason", "reason in words")] == [
        "2",
        "Access",
        "5",
        "Emergency",
    ]
    assert (told["role in words"], told["permission in words"]) == ("Nurse", "Emergency")
    assert (role("S0030:G0100:R0570"), role(None)) == ("", "")  # a role whose name is not known stands under its code
