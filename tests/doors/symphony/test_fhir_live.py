"""The FHIR door in a running sandbox: a client's whole way, the alert of a view, posted alerts, and schemathesis over the OpenAPI."""

import asyncio
import base64
import json
import re
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.operationoutcome import OperationOutcome
from multidict import CIMultiDict

from gateway.adapters.fhir.alert_members import MEMBERS
from gateway.adapters.fhir.outcome import ISSUES
from gateway.adapters.records import EndRelationshipsDoor, PermissionsDoor, RelationshipsDoor
from gateway.adapters.symphony import ROUTES
from gateway.domain.codes import Code
from gateway.domain.withdrawn import HEADING
from gateway.pages.docs import BEFORE, COMMANDS, DOORS, addressed
from tests.doors.symphony.conditions import CONDITIONS
from tests.doors.symphony.document import PAGE, render
from tests.doors.symphony.fhir_answers import WIRE, references
from tests.fuzz_fhir import OPENAPI, fuzz, id_token
from tests.pages.privacy.officers import at_work
from tests.pages.walking import walking
from tests.running import ROOT, RunningSandbox, vendor_stub
from vendor_stubs import cast
from vendor_stubs.fhir_reader import read_record
from vendor_stubs.spine.versions import listed_numbers, version

FHIR = "application/fhir+json"
UID = "910000000018"
SYSTEM = "symphony-rzz01"
BOTH, ELSEWHERE = "910000000042", "555000000105"
"""A user with roles at two organisations, and the role that is not here."""
BY_CASE = {patient.case: patient.nhs for patient in reversed(list(cast.patients()))}
YES = {"permission": "yes", "relationship": "self-claimed"}
EMERGENCY = {
    "permission": "emergency",
    "emergencyReason": "unconscious",
    "relationship": "self-claimed",
    "note": "Found unconscious in the street",
}


class Client:
    """A FHIR client that knows the national API and the one header that is this gateway's."""

    def __init__(self, sandbox: RunningSandbox, session: aiohttp.ClientSession, token: str) -> None:
        self.base = f"{sandbox.gateway}/fhir/R4"
        self.session = session
        self.headers = {"X-SCR-System": SYSTEM, "Authorization": f"Bearer {token}", "Accept": FHIR}

    async def send(
        self, path: str, method: str = "GET", facts: dict[str, Any] | None = None, **more: Any
    ) -> tuple[int, Any, Any]:
        """(status, headers, JSON body or None)."""
        headers = self.headers | more.pop("headers", {})
        if facts is not None:
            headers["X-SCR-Access"] = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
        async with self.session.request(method, self.base + path, headers=headers, **more) as answer:
            body = await answer.read()
            if body:
                assert answer.content_type == FHIR
            return answer.status, answer.headers, json.loads(body) if body else None

    async def document(self, number: str) -> tuple[str, str]:
        """(event id, address to read it from)."""
        status, _, found = await self.send(f"/DocumentReference?patient={patient(number)}")
        assert status == 200
        [reference] = [row["resource"] for row in found["entry"] if row["search"]["mode"] == "match"]
        address = reference["content"][0]["attachment"]["url"]
        return reference["masterIdentifier"]["value"], address.removeprefix(self.base)


def patient(number: str) -> str:
    return quote(f"https://fhir.nhs.uk/Id/nhs-number|{number}")


@pytest.fixture
async def client(sandbox: RunningSandbox) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(sandbox, session, id_token(sandbox.identity, UID, SYSTEM))


def rows(sandbox: RunningSandbox, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(sandbox.database) as connection:
        return connection.execute(statement, values).fetchall()


async def test_a_client_of_the_national_api_finds_and_reads(client: Client) -> None:
    _, address = await client.document(BY_CASE["additional_information"])
    status, headers, bundle = await client.send(address, facts=YES)
    assert (status, bundle["total"]) == (200, 1)
    assert {f"{row['resource']['resourceType']}/{row['resource']['id']}" for row in bundle["entry"]} >= set(
        references(bundle)
    )
    assert read_record(bundle)["nhs_number"] == BY_CASE["additional_information"]
    assert bundle["identifier"]["value"]
    assert bundle["timestamp"][10] == "T"
    assert uuid.UUID(headers["X-Request-ID"])
    assert headers["Cache-Control"] == "no-store"


async def test_the_same_over_post_with_no_number_in_the_address(client: Client) -> None:
    number = BY_CASE["ask"]
    token = f"https://fhir.nhs.uk/Id/nhs-number|{number}"
    status, _, found = await client.send("/DocumentReference/_search", "POST", data={"patient": token})
    assert (status, found["total"]) == (200, 1)
    event_id, _ = await client.document(number)
    form = {"composition.identifier": event_id, "composition.subject:Patient.identifier": token}
    status, _, bundle = await client.send("/Bundle/_search", "POST", facts=YES, data=form)
    assert (status, read_record(bundle)["nhs_number"]) == (200, number)


async def test_without_permission_the_outcome_names_the_rule(client: Client) -> None:
    _, address = await client.document(BY_CASE["recently_registered"])
    status, headers, outcome = await client.send(address, facts={"relationship": "self-claimed"})
    assert (status, headers["X-SCR-Code"]) == (403, "permission-missing")
    [issue] = outcome["issue"]
    assert issue["code"] == "forbidden"
    assert headers["X-SCR-Rules"].split()[0] in issue["diagnostics"]


async def test_permission_recorded_before_opens_one_view(client: Client, sandbox: RunningSandbox) -> None:
    number = BY_CASE["withheld"]
    _, address = await client.document(number)
    answer = {"nhs_number": number, "answer": "yes", "kind": "single", "question_version": "1"}
    headers = client.headers | {"Accept": "application/json"}
    async with client.session.post(f"{sandbox.gateway}/permissions", json=answer, headers=headers) as recorded:
        assert recorded.status == 201, await recorded.text()
    facts = {"relationship": "self-claimed"}
    assert [(await client.send(address, facts=facts))[0] for _ in range(2)] == [200, 403]


async def test_an_answer_kept_until_a_day_that_is_past_is_refused_by_its_member(
    client: Client, sandbox: RunningSandbox
) -> None:
    answer = {"nhs_number": BY_CASE["withheld"], "answer": "yes", "kind": "single", "until": "2020-02-03"}
    headers = client.headers | {"Accept": "application/json"}
    async with client.session.post(f"{sandbox.gateway}/permissions", json=answer, headers=headers) as refused:
        document = await refused.json(content_type=None)
        assert (refused.status, refused.headers["X-SCR-Rules"]) == (400, "P-22")
    [finding] = document["findings"]
    assert (finding["path"], finding["expected"]) == ("/until", "a day that is not past")
    assert "2020" not in json.dumps(document)


async def test_an_emergency_read_has_raised_its_alert_whether_or_not_the_client_posts_one(
    client: Client, sandbox: RunningSandbox
) -> None:
    """A client cannot read and forget (I4): the alert is on disk when the first byte arrives."""
    number = BY_CASE["yes_legacy"]
    _, address = await client.document(number)
    correlation = str(uuid.uuid4()).upper()
    facts = EMERGENCY | {"note": f"Found unconscious {correlation[:8]}"}
    status, _, _ = await client.send(address, facts=facts, headers={"X-Correlation-ID": correlation})
    assert status == 200
    [found] = rows(sandbox, "SELECT type, reason, user_id, marks FROM alert WHERE correlation_id = ?", correlation)
    assert found[:3] == ("1", "4", UID)
    assert found[3] in ("", "threshold")  # the sandbox is shared: other tests' overrides by this user count too


async def test_an_id_that_is_not_the_newest_finds_nothing_and_says_why_in_its_header(client: Client) -> None:
    path = f"/Bundle?composition.identifier={uuid.uuid4()}&composition.subject:Patient.identifier="
    status, headers, bundle = await client.send(path + patient(BY_CASE["ask"]), facts=YES)
    assert (status, bundle["total"], headers["X-SCR-Code"]) == (200, 0, "scr-not-found")
    assert "entry" not in bundle


async def test_dissent_and_protection_are_told_alike(client: Client) -> None:
    told = set()
    for case in ("dissent", "sensitive", "very_restricted"):
        status, headers, outcome = await client.send(f"/DocumentReference?patient={patient(BY_CASE[case])}")
        [issue] = outcome["issue"]
        told.add((status, headers["X-SCR-Code"], headers["X-SCR-Rules"], issue["details"]["text"]))
    assert told == {
        (403, "scr-not-available", "SCR-AVAILABLE", "No Summary Care Record is available for this patient.")
    }


async def test_without_a_token_nobody_is_told_anything_of_a_record(client: Client) -> None:
    del client.headers["Authorization"]
    path = f"/Bundle?composition.identifier={uuid.uuid4()}&composition.subject:Patient.identifier="
    status, headers, _ = await client.send(path + patient(BY_CASE["core"]), facts=YES)
    assert (status, headers["X-SCR-Code"]) == (401, "credentials-missing")
    assert headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_role_that_is_not_the_users_own_is_refused(client: Client) -> None:
    _, address = await client.document(BY_CASE["ask"])
    status, headers, outcome = await client.send(address, facts=YES, headers={"NHSD-Session-URID": "555000000999"})
    assert (status, headers["X-SCR-Code"]) == (403, "role-not-held")
    assert {"INVALID_VALUE"} <= {row["code"] for row in outcome["issue"][0]["details"]["coding"]}


@pytest.mark.parametrize("path", [*ROUTES, "/Patient", "/Bundle/1", "/Bundle/", "/$setPermission", "/", "", "?x=1"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"])
async def test_other_paths_and_methods_are_told_as_fhir_tells_them(client: Client, path: str, method: str) -> None:
    if method in ROUTES.get(path, ()):
        return
    mine = str(uuid.uuid4())
    traced = {"X-Request-ID": mine, "X-Correlation-ID": mine.upper()}
    status, headers, outcome = await client.send(path, method, headers=traced)
    allowed = ROUTES.get(path)
    assert status == (405 if allowed else 404)
    assert headers.get("Allow") == (", ".join(allowed) if allowed else None)
    assert headers["X-SCR-Code"] == ("method-not-allowed" if allowed else "page-not-found")
    assert (headers["X-Request-ID"], headers["X-Correlation-ID"]) == (mine, mine.upper())
    assert headers["Cache-Control"] == "no-store"
    if method != "HEAD":
        OperationOutcome.model_validate(outcome)
        [issue] = outcome["issue"]
        assert issue["code"] == ("not-supported" if allowed else "not-found")
        assert "GET /fhir/R4/metadata" in issue["diagnostics"]
        assert mine.upper() in issue["diagnostics"]


async def test_what_was_not_found_has_its_line_in_the_log_and_no_word_of_the_caller(
    client: Client, sandbox: RunningSandbox
) -> None:
    mine, number = str(uuid.uuid4()).upper(), BY_CASE["core"]
    await client.send(f"/Patient/{number}?x={number}", headers={"X-Correlation-ID": mine})
    [line] = [row for row in sandbox.log.read_text(encoding="utf-8").splitlines() if mine in row]
    assert "page-not-found" in line
    assert number not in line


async def test_accept_in_two_lines_is_one_list(client: Client) -> None:
    del client.headers["Accept"]
    _, address = await client.document(BY_CASE["ask"])
    for last, expected in ((FHIR, 200), (f"{FHIR};q=0", 406)):
        lines = CIMultiDict([*client.headers.items(), ("Accept", "text/html"), ("Accept", last)])
        for path in ("/metadata", "/DocumentReference?patient=" + patient(BY_CASE["ask"]), address):
            lines["X-SCR-Access"] = base64.urlsafe_b64encode(json.dumps(YES).encode()).decode()
            async with client.session.get(client.base + path, headers=lines) as answer:
                assert answer.status == expected, path


async def test_another_media_type_and_too_large_a_body_are_told(client: Client) -> None:
    status, _, outcome = await client.send("/AuditEvent", "POST", data=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (status, outcome["issue"][0]["code"]) == (415, "not-supported")
    status, _, outcome = await client.send("/AuditEvent", "POST", data=b"x" * 70_000, headers={"Content-Type": FHIR})
    assert (status, outcome["issue"][0]["code"]) == (413, "too-long")


async def test_too_long_an_address_and_too_long_a_header_are_operation_outcomes(client: Client) -> None:
    """HTTP itself refuses them, before any door: still in the door's form, and without what was sent."""
    long = BY_CASE["core"] * 900
    for path, headers, expected in (
        (f"/Bundle?x={long}", {}, 414),
        ("/metadata", {"X-SCR-Access": long}, 431),
    ):
        status, told, outcome = await client.send(path, headers=headers)
        OperationOutcome.model_validate(outcome)
        assert (status, outcome["issue"][0]["code"]) == (expected, "too-long")
        assert told["X-SCR-Code"] == "message-too-large"
        assert told["X-Correlation-ID"] in outcome["issue"][0]["diagnostics"]
        assert BY_CASE["core"] not in json.dumps(outcome)


async def test_head_at_metadata_says_what_get_says_without_a_body(client: Client) -> None:
    got, headers, statement = await client.send("/metadata")
    assert (got, statement["resourceType"]) == (200, "CapabilityStatement")
    status, told, body = await client.send("/metadata", "HEAD")
    assert (status, body) == (200, None)
    assert {name: told[name] for name in ("Content-Type", "Content-Length")} == {
        name: headers[name] for name in ("Content-Type", "Content-Length")
    }
    status, told, _ = await client.send("/Bundle", "HEAD")  # it would be a view, with nothing shown of it
    assert (status, told["Allow"]) == (405, "GET")


async def test_a_method_that_nobody_knows_is_405_with_what_is_answered(client: Client) -> None:
    mine = str(uuid.uuid4())
    for path, allowed in (("/metadata", "GET, HEAD"), ("/Bundle/_search?x=1", "POST")):
        status, told, outcome = await client.send(path, "FROB", headers={"X-Request-ID": mine})
        OperationOutcome.model_validate(outcome)
        assert (status, outcome["issue"][0]["code"]) == (405, "not-supported")
        assert (told["Allow"], told["X-Request-ID"]) == (allowed, mine)


async def test_a_header_that_may_stand_once_is_named_where_it_stands_twice(client: Client) -> None:
    mine = str(uuid.uuid4())
    lines = CIMultiDict([*client.headers.items(), ("Content-Type", FHIR), ("Content-Type", "application/json")])
    lines["X-Request-ID"] = mine
    async with client.session.post(client.base + "/AuditEvent", headers=lines, data=b"{}") as answer:
        outcome = await answer.json(content_type=FHIR)
        OperationOutcome.model_validate(outcome)
        assert (answer.status, answer.headers["X-Request-ID"]) == (400, mine)
    [issue] = outcome["issue"]
    assert issue["location"] == ["http.Content-Type"]
    assert issue["details"]["text"] == "Header Content-Type is sent more than once."


async def test_ids_that_are_made_are_of_one_case_everywhere(client: Client) -> None:
    for path, method in (("/metadata", "GET"), ("/nowhere", "GET"), ("/Bundle", "GET"), ("/metadata", "FROB")):
        _, told, _ = await client.send(path, method)
        for name in ("X-Request-ID", "X-Correlation-ID"):
            assert told[name] == told[name].upper() == str(uuid.UUID(told[name])).upper(), (path, name)


async def test_a_token_that_is_not_taken_is_told_apart_from_none(client: Client) -> None:
    path = f"/DocumentReference?patient={patient(BY_CASE['core'])}"
    _, told, _ = await client.send(path, headers={"Authorization": "Bearer a.b.c"})
    assert 'error="invalid_token"' in told["WWW-Authenticate"]
    del client.headers["Authorization"]
    status, told, _ = await client.send(path)
    assert (status, told["WWW-Authenticate"]) == (401, 'Bearer realm="scr-gateway"')


async def test_an_answer_over_tls_names_no_address_without_it(sandbox: RunningSandbox) -> None:
    token = id_token(sandbox.identity, UID, SYSTEM)
    connector = aiohttp.TCPConnector(ssl=sandbox.tls(SYSTEM))
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{sandbox.secure}/fhir/R4/DocumentReference?patient={patient(BY_CASE['ask'])}"
        async with session.get(address, headers=headers) as answer:
            assert answer.status == 200
            found = await answer.json(content_type=FHIR)
        async with session.get(f"{sandbox.secure}/fhir/R4/metadata") as answer:
            stated = await answer.json(content_type=FHIR)
        read = found["entry"][0]["resource"]["content"][0]["attachment"]["url"]
        own = [
            found["link"][0]["url"],
            stated["implementation"]["url"],
            read,
            *(row["fullUrl"] for row in found["entry"]),
        ]
        assert [each for each in own if not each.startswith(f"{sandbox.secure}/fhir/R4")] == []
        facts = base64.urlsafe_b64encode(json.dumps(YES).encode()).decode()
        async with session.get(read, headers=headers | {"X-SCR-Access": facts}) as answer:
            assert answer.status == 200, "the address that was given does not work"
            record = await answer.json(content_type=FHIR)
    assert sandbox.gateway not in json.dumps(record)


@pytest.mark.parametrize("name", [name for name, row in CONDITIONS.items() if row.door < 0])
async def test_each_condition_of_http_is_answered_as_the_table_says(client: Client, name: str) -> None:
    row = CONDITIONS[name]
    method, path = row.live
    data = b"<x/>" if method == "POST" else None
    status, _, outcome = await client.send(path, method, data=data, headers={"Content-Type": "text/xml"})
    [issue] = outcome["issue"]
    assert (status, issue["code"], issue["details"]["text"]) == row.here


FIRST_STEP = "9123456728"
"""Nobody else asks for this one: a relationship on record would answer otherwise."""
WRONG_DAY = YES | {"dateOfBirth": "1901-01-01"}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (WRONG_DAY, "birth-date-mismatch"),
        ({"relationship": "self-claimed", "dateOfBirth": "1901-01-01"}, "permission-missing"),
        ({"permission": "yes", "dateOfBirth": "1901-01-01"}, "relationship-missing"),
        ({"relationship": "self-claimed", "permission": "no"}, "permission-refused"),
    ],
)
async def test_what_the_access_facts_say_binds_at_the_first_step_as_at_the_view(
    client: Client, facts: dict[str, str], code: str
) -> None:
    number = FIRST_STEP
    _, address = await client.document(number)
    for path in (f"/DocumentReference?patient={patient(number)}", address):
        status, headers, _ = await client.send(path, facts=facts)
        assert (status, headers["X-SCR-Code"]) == (403, code), path
    core = cast.patient(number)
    assert core is not None
    right = await client.send(f"/DocumentReference?patient={patient(number)}", facts=YES | {"dateOfBirth": core.dob})
    assert right[0] == 200


async def test_a_no_told_at_the_first_step_is_on_record(client: Client, sandbox: RunningSandbox) -> None:
    number = BY_CASE["yes_legacy"]
    _, address = await client.document(number)
    facts = {"relationship": "self-claimed", "permission": "no"}
    status, headers, _ = await client.send(f"/DocumentReference?patient={patient(number)}", facts=facts)
    assert (status, headers["X-SCR-Code"]) == (403, "permission-refused")
    assert rows(
        sandbox, "SELECT answer, recorded_by, ended IS NULL FROM permission WHERE patient = ? ORDER BY starts", number
    )[-1] == ("no", UID, 1)
    status, headers, _ = await client.send(address, facts={"relationship": "self-claimed"})
    assert (status, headers["X-SCR-Code"]) == (403, "permission-refused")


async def test_a_role_of_another_organisation_finds_nothing_either(client: Client, sandbox: RunningSandbox) -> None:
    """P-14: a user with a role here and one elsewhere chose the one elsewhere."""
    client.headers["Authorization"] = f"Bearer {id_token(sandbox.identity, BOTH, SYSTEM)}"
    client.headers["NHSD-Session-URID"] = ELSEWHERE
    number = BY_CASE["core"]
    for path in (
        f"/DocumentReference?patient={patient(number)}",
        f"/Bundle?composition.identifier={uuid.uuid4()}&composition.subject:Patient.identifier={patient(number)}",
    ):
        status, headers, _ = await client.send(path, facts=YES)
        assert (status, headers["X-SCR-Code"]) == (403, "role-organisation"), path


async def test_a_note_used_before_is_said_to_be(client: Client) -> None:
    _, address = await client.document(BY_CASE["awkward_text"])
    facts = EMERGENCY | {"note": "Collapsed at the bus station, no answer to questions"}
    assert (await client.send(address, facts=facts))[0] == 200
    status, headers, outcome = await client.send(address, facts=facts)
    assert (status, headers["X-SCR-Code"]) == (403, "emergency-note")
    assert "the note: used lately" in outcome["issue"][0]["diagnostics"]


async def test_the_stub_says_first_what_the_practice_took_back(sandbox: RunningSandbox) -> None:
    asked = ("--nhs-number", BY_CASE["nullified"], "--as", UID, "--permission", "yes", "--relationship", "self-claimed")
    status, told, _ = await vendor_stub(sandbox, "symphony", "view", *asked)
    assert status == 0, told
    assert 0 <= told.find("The practice marked this entry as withdrawn (allergy)") < told.index("SUMMARY CARE RECORD")
    _, told, _ = await vendor_stub(sandbox, "symphony", "view", *asked, "--json")
    whole = json.loads(told)
    assert HEADING not in [section["title"] for section in whole["sections"]]


# Posted alerts


def alert(number: str, **changes: str) -> dict[str, Any]:
    """The sample alert under an id of its own, about this patient."""
    document: dict[str, Any] = json.loads((WIRE / "audit-event.json").read_text(encoding="utf-8"))
    values = {"nhs-number": number, "ods-organization-code": "RZZ01", "sds-user-id": UID} | changes
    for agent in document["agent"]:
        agent["who"]["identifier"]["value"] = values[agent["who"]["identifier"]["system"].rsplit("/", 1)[-1]]
    recorded = datetime.now(UTC).isoformat(timespec="seconds")
    return document | {"id": str(uuid.uuid4()), "recorded": recorded}


async def test_a_posted_alert_is_on_record_once(client: Client, sandbox: RunningSandbox) -> None:
    number = BY_CASE["several_versions"]
    document = alert(number)
    for body in (document, document, document | {"outcomeDesc": "Another note, so another alert"}):
        status, _, answer = await client.send(
            "/AuditEvent", "POST", data=json.dumps(body), headers={"Content-Type": FHIR}
        )
        assert (status, answer) == (201, None)
    found = rows(
        sandbox, "SELECT user_id, organisation, system, marks, note FROM alert WHERE patient = ? ORDER BY at", number
    )
    assert [row for row in found if row[3] == "posted"] == [
        (UID, "RZZ01", SYSTEM, "posted", "Patient was brought in unconscious"),
        (UID, "RZZ01", SYSTEM, "posted", "Another note, so another alert"),
    ]
    events = [json.loads(body) for (body,) in rows(sandbox, "SELECT body FROM audit")]
    posted = [row["outcome"] for row in events if row["event"] == "alert" and row.get("patient") == number]
    assert posted == ["recorded", "known", "recorded"]


async def test_a_posted_alert_keeps_and_passes_on_what_it_says(client: Client, sandbox: RunningSandbox) -> None:
    number = BY_CASE["recently_registered"]
    document = alert(number) | {"recorded": "2026-01-05T11:58:30+01:00", "action": "R", "outcome": "0"}
    del document["outcomeDesc"]
    again = document | {"agent": document["agent"][::-1], "recorded": "2026-01-05T10:58:30.0Z"}
    for body in (document, again):
        sent = await client.send("/AuditEvent", "POST", data=json.dumps(body), headers={"Content-Type": FHIR})
        assert sent[0] == 201
    [(alert_id, at, note, sent, audit_id)] = rows(
        sandbox, "SELECT id, at, note, sent, audit_id FROM alert WHERE patient = ? AND marks = 'posted'", number
    )
    said = {
        "id": document["id"],
        "recorded": "2026-01-05T10:58:30+00:00",
        "message": document["extension"][0]["valueString"],
        "action": "R",
    }
    assert (json.loads(sent), note) == (said, None)
    assert abs(datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() < 600
    [(entry,)] = rows(sandbox, "SELECT body FROM audit WHERE id = ?", audit_id)
    assert dict(json.loads(entry)["facts"])["alert"]["sent"] == said
    [(delivery,)] = rows(sandbox, "SELECT body FROM outbox WHERE alert_id = ? AND kind = 'spine'", alert_id)
    event = json.loads(delivery)["event"]
    AuditEvent.model_validate(event)
    assert (event["extension"], event["action"]) == (document["extension"], "R")
    assert datetime.fromisoformat(event["recorded"]) == datetime.fromisoformat(document["recorded"])
    states: list[tuple[Any, ...]] = []
    async with asyncio.timeout(30):
        while states != [("delivered",)]:
            await asyncio.sleep(0.2)
            states = rows(sandbox, "SELECT state FROM outbox WHERE alert_id = ? AND kind = 'spine'", alert_id)
            assert states != [("refused",)], "Spine's own stub does not take it"
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get(f"/privacy/alerts/{alert_id}")
        told = " ".join(page.find("//main")[0].text_content().split())
    assert all(text in told for text in (said["message"], said["id"], "05-Jan-2026 10:58")), told


async def test_an_alert_of_another_organisation_names_the_field(client: Client) -> None:
    document = alert(BY_CASE["captions_only"], **{"ods-organization-code": "RZZ02"})
    _, _, outcome = await client.send("/AuditEvent", "POST", data=json.dumps(document), headers={"Content-Type": FHIR})
    [issue] = outcome["issue"]
    assert issue["expression"] == ["AuditEvent.agent.who.identifier.value"]
    assert "ods-organization-code" in issue["details"]["text"]
    assert "expected: the ODS code of the organisation" in issue["diagnostics"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sds-user-id": "910000000026"}, 403, "user-mismatch"),
        ({"ods-organization-code": "RZZ02"}, 400, "message-value"),
    ],
)
async def test_an_alert_in_anothers_name_is_refused(
    client: Client, sandbox: RunningSandbox, changes: dict[str, str], status: int, code: str
) -> None:
    document = alert(BY_CASE["captions_only"], **changes)
    before = rows(sandbox, "SELECT count(*) FROM alert WHERE marks = 'posted'")
    found, headers, _ = await client.send(
        "/AuditEvent", "POST", data=json.dumps(document), headers={"Content-Type": FHIR}
    )
    assert (found, headers["X-SCR-Code"]) == (status, code)
    assert rows(sandbox, "SELECT count(*) FROM alert WHERE marks = 'posted'") == before


async def test_an_alert_needs_a_proved_user(client: Client) -> None:
    del client.headers["Authorization"]
    body = json.dumps(alert(BY_CASE["captions_only"]))
    status, _, _ = await client.send("/AuditEvent", "POST", data=body, headers={"Content-Type": FHIR})
    assert status == 401


# Descriptions


def test_the_guides_alert_is_an_r4_audit_event_of_this_system() -> None:
    [command] = [text for title, text in COMMANDS if "privacy alert" in title]
    body = command.partition(" -d '")[2].rpartition("'")[0]
    body = body.replace("'${PATIENT#*|}'", BY_CASE["core"]).replace("'$ID'", "1")
    AuditEvent.model_validate(json.loads(body))
    assert json.loads(body)["source"] == alert(BY_CASE["core"])["source"]


def test_the_openapi_has_the_members_that_are_taken() -> None:
    found = json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]["AuditEvent"]
    assert found["properties"].keys() == MEMBERS.keys()
    assert found["additionalProperties"] is False


async def test_metadata_docs_and_openapi_are_served(client: Client, sandbox: RunningSandbox) -> None:
    del client.headers["Authorization"], client.headers["X-SCR-System"]
    status, headers, statement = await client.send("/metadata")
    assert (status, statement["resourceType"]) == (200, "CapabilityStatement")
    assert uuid.UUID(headers["X-Request-ID"])
    assert (await client.send("/metadata?_format=xml"))[0] == 406
    for path, headers, expected in (
        ("/metadata?_format=json&_format=xml", {}, "http._format"),
        ("/metadata?_format=&_format=json", {}, "http._format"),
        ("/metadata", {"X-Request-ID": "1-2-3"}, "http.X-Request-ID"),
        ("/metadata", {"X-Correlation-ID": "1-2-3"}, "http.X-Correlation-ID"),
    ):
        status, told, outcome = await client.send(path, headers=headers)
        assert (status, outcome["issue"][0]["location"]) == (400, [expected]), path
        assert told["X-SCR-Code"] in {"message-value", "message-headers"}
    twice = CIMultiDict([("X-Request-ID", str(uuid.uuid4())), ("X-Request-ID", str(uuid.uuid4()))])
    async with client.session.get(f"{client.base}/metadata", headers=twice) as answer:
        assert (answer.status, answer.headers["X-SCR-Code"]) == (400, "message-headers")
    async with client.session.get(f"{sandbox.gateway}/docs/openapi.json") as answer:
        assert await answer.json() == json.loads(OPENAPI.read_text(encoding="utf-8"))
    async with client.session.get(f"{sandbox.gateway}/docs") as answer:
        listed = await answer.json()
    assert "/docs/openapi.json" in json.dumps(listed)


async def test_every_address_of_the_docs_leads_somewhere(client: Client, sandbox: RunningSandbox) -> None:
    async with client.session.get(f"{sandbox.gateway}/docs") as answer:
        listed = (await answer.json())["doors"]
    for link in [link for door in listed for link in door["addresses"]]:
        async with client.session.get(sandbox.gateway + link) as answer:
            assert answer.status == 200, link
    for sent_to in [one for door in listed for one in door["sent_to"].split(", ")]:
        method, path = sent_to.split()
        path = path.replace("…", "metadata")
        async with client.session.request(method, sandbox.gateway + path) as answer:
            assert answer.status not in {404, 405}, sent_to
    guides = {door.guide for door in DOORS if door.guide}
    pages = {path.stem for path in (ROOT / "docs/doors").glob("*.md")} - {"README"}  # the table over all of them
    assert guides == pages


def test_the_openapi_names_every_route_and_no_other() -> None:
    found = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    fhir = {f"/fhir/R4{path}": methods for path, methods in ROUTES.items()}
    before = dict.fromkeys(("/permissions", "/relationships", "/relationships/end"), ("POST",))
    assert {path: tuple(name.upper() for name in row) for path, row in found.items()} == fhir | before


def test_the_openapi_knows_every_member_of_what_is_put_on_record() -> None:
    found = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    for path, door in (
        ("/permissions", PermissionsDoor),
        ("/relationships", RelationshipsDoor),
        ("/relationships/end", EndRelationshipsDoor),
    ):
        schema = found[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"].keys() == door.members
        assert schema["additionalProperties"] is False


def test_the_examples_of_the_openapi_are_the_sandboxs_own() -> None:
    """An engineer may send them as they stand: the patient's newest document, the user, the system, an alert in their names."""
    found = json.loads(OPENAPI.read_text(encoding="utf-8"))
    core = cast.patient(BY_CASE["core"])
    assert core is not None
    event = version(core, listed_numbers(core, stale_missed=False)[0]).event_id
    text = json.dumps(found["paths"]) + json.dumps(found["components"]["schemas"]["AuditEvent"]["example"])
    assert text.count(event) >= 4
    assert found["components"]["parameters"]["System"]["example"] == SYSTEM
    AuditEvent.model_validate(found["components"]["schemas"]["AuditEvent"]["example"])
    for name, response in found["components"]["responses"].items():
        if name.startswith("Problem"):
            example = response["content"]["application/problem+json"]["example"]
            [code] = [code for code in Code if code.slug == example["code"]]
            assert (example["title"], example["type"]) == (code.sentence, f"/errors/{code.slug}")
            assert name == f"Problem{example['status']}"
        else:
            OperationOutcome.model_validate(response["content"][FHIR]["example"])


@pytest.mark.parametrize("status", sorted({row.status for row in ISSUES.values()}))
def test_every_status_the_door_gives_is_documented(status: int) -> None:
    for path, methods in json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"].items():
        for operation in methods.values():
            if path.endswith("/metadata"):
                assert operation["responses"].keys() == {"200", "400", "404", "405", "406", "414", "431"}
            elif not path.startswith("/fhir"):
                assert status in {406, 409} or str(status) in operation["responses"], path
                continue
            elif status not in {409, 415} or (status == 415 and "requestBody" in operation):
                assert str(status) in operation["responses"], path
            if operation["security"]:
                names = {row.get("$ref", "").rsplit("/")[-1] for row in operation["parameters"]}
                assert {"System", "SessionUrid", "CorrelationId", "RequestId", "Accept"} <= names


async def test_the_collection_that_is_served_is_that_of_the_docs_folder(
    client: Client, sandbox: RunningSandbox
) -> None:
    collection = (ROOT / "docs/postman/symphony.json").read_bytes()
    assert (ROOT / "gateway/schemas/fhir/postman.json").read_bytes() == collection
    async with client.session.get(f"{sandbox.gateway}/docs/postman.json") as answer:
        served = await answer.json()
    variables = {row["key"]: row["value"] for row in served["variable"]}
    assert (variables["gateway"], variables["identity"]) == (sandbox.gateway, sandbox.identity)
    assert served["item"] == json.loads(collection)["item"]


async def test_the_postman_collection_works_as_it_stands(client: Client, sandbox: RunningSandbox) -> None:
    """Its requests in order, variables filled in as its scripts would."""
    collection = json.loads((ROOT / "docs/postman/symphony.json").read_text(encoding="utf-8"))
    variables = {row["key"]: row["value"] for row in collection["variable"]}
    variables |= {"gateway": sandbox.gateway, "identity": sandbox.identity, "nhs_number": BY_CASE["several_versions"]}

    def filled(text: str) -> str:
        for name, value in variables.items():
            text = text.replace("{{" + name + "}}", value)
        return text

    for item in collection["item"]:
        asked = item["request"]
        body = asked.get("body", {})
        data: Any = filled(body.get("raw", "")) or {
            row["key"]: filled(row["value"]) for row in body.get("urlencoded", [])
        }
        headers = {row["key"]: filled(row["value"]) for row in asked["header"]}
        url = filled(asked["url"]["raw"]).replace("|", "%7C")
        async with client.session.request(asked["method"], url, headers=headers, data=data or None) as answer:
            assert answer.status in {200, 201}, (item["name"], await answer.text())
            found = await answer.json(content_type=None) if answer.status == 200 else {}
        variables["id_token"] = found.get("id_token", variables["id_token"])
        for row in found.get("entry", []):
            variables["document"] = row["resource"].get("masterIdentifier", {}).get("value", variables["document"])
    assert variables["document"]


def test_schemathesis_finds_no_fault_and_no_undocumented_answer(sandbox: RunningSandbox) -> None:
    """A small run; `python -m tests.fuzz_fhir` makes the long one."""
    found = fuzz(sandbox.gateway, sandbox.identity, examples=12, seed=7)
    assert found.failures == []
    assert found.requests > 500
    assert found.never_answered() == []


def test_the_commands_of_the_page_work_as_they_stand(sandbox: RunningSandbox) -> None:
    """One shell, every command in its order, as an engineer pastes them."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the page's commands are not run")
    between = "\nprintf '\\036'\n"
    commands = addressed(between.join((BEFORE, *(text for _, text in COMMANDS))), sandbox.gateway, sandbox.identity)
    done = subprocess.run(["sh", "-c", commands], capture_output=True, timeout=60, check=True)
    said = [text.decode().strip() for text in done.stdout.split(b"\036")]
    assert said[0] == ""
    assert re.fullmatch(r"[0-9A-F-]{36}", said[1])
    for record in said[2:4]:
        assert json.loads(record)["entry"][0]["resource"]["id"] == said[1]
    assert said[4].startswith("HTTP/1.1 403")
    assert "permission-missing" in said[4]
    assert said[5].startswith("HTTP/1.1 201")
    assert json.loads(said[6])["permission_id"]
    assert json.loads(said[7])["entry"][0]["resource"]["id"] == said[1]


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m tests.doors.symphony.document"
