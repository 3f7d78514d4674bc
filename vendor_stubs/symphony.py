"""The stub of Symphony: the two steps of the national SCR FHIR API, DocumentReference and then Bundle, over REST.

The access facts go in one header. Where the document has been replaced between the steps, it asks for the list once more.
"""

import base64
import json
from typing import Any
from urllib.parse import quote

from vendor_stubs.calling import access_facts, answers, preparation
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult, send_file
from vendor_stubs.calling.result import REMOVED, ViewResult, taken_back
from vendor_stubs.fhir_reader import NHS_NUMBER, numbers_of, read_record, resources, withdrawn_entries

BASE = "/fhir/R4"
FHIR = "application/fhir+json"
_OUTCOMES = {400: "invalid", 401: "refused", 403: "refused", 502: "unavailable", 503: "unavailable", 500: "unavailable"}
"""What a status says where the server is not this gateway and gives no code of its own."""
_TRIES = 2


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """DocumentReference, then Bundle. Raises NoAnswer, WrongUsage."""
    headers = await _headers(request, calls)
    done: Exchange | None = None
    for _ in range(_TRIES):
        done = await _get(calls, f"/DocumentReference?patient={_token(request.nhs_number)}", headers)
        listed = _searchset(done)
        if listed is None:
            return await _not_shown(calls, done)
        event_id, subject = _document(listed), numbers_of(listed)
        address = f"/Bundle?composition.identifier={event_id}&composition.subject:Patient.identifier="
        done = await _get(calls, address + _token(request.nhs_number), headers)
        bundle = _searchset(done)
        if bundle is not None:
            return _shown(done, bundle, request.nhs_number, subject[0])
        if done.status != 200:
            break
    assert done is not None
    return await _not_shown(calls, done)


async def _headers(request: ViewRequest, calls: Calls) -> dict[str, str]:
    """The user's token and role, and the access facts as base64url JSON where there are any to tell."""
    role = preparation.role_of(request.uid, request.role)
    headers = {
        "Accept": FHIR,
        "Authorization": f"Bearer {await preparation.id_token(calls, request.uid, request.role)}",
        "X-Request-ID": calls.new_id().lower(),
    }
    if role is not None:
        headers["NHSD-Session-URID"] = role
    facts: dict[str, Any] = {_camel(name): _json(text) for name, text in access_facts.said(request).items()}
    facts.pop("roleProfile", None)
    if facts:
        whole = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
        headers["X-SCR-Access"] = whole.rstrip("=")
    return headers


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


def _json(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text, text)


def _token(number: str) -> str:
    return quote(f"{NHS_NUMBER}|{number}", safe="")


async def _get(calls: Calls, address: str, headers: dict[str, str]) -> Exchange:
    return await calls.send_to_door("GET", BASE + address, headers=headers)


def _searchset(done: Exchange) -> dict[str, Any] | None:
    """The Bundle of an answer that found something. Raises NoAnswer: 200 without a searchset."""
    if done.status != 200:
        return None
    bundle = preparation.json_object(done)
    if bundle.get("type") != "searchset" or not isinstance(bundle.get("total"), int):
        raise NoAnswer("the answer is not a searchset")
    return bundle if bundle["total"] > 0 else None


def _document(bundle: dict[str, Any]) -> str:
    found = resources(bundle, "DocumentReference")
    if len(found) != 1:
        raise NoAnswer("the answer does not name exactly one document")
    return str(found[0]["masterIdentifier"]["value"])


def _shown(done: Exchange, bundle: dict[str, Any], asked: str, expected: str) -> ViewResult:
    read = read_record(bundle)
    if read["nhs_number"] != expected:
        raise NoAnswer("the record is of another patient than the document listed")
    notices: tuple[str, ...] = ()
    if read["active_content_removed"]:
        notices = (REMOVED,)
    notices = (*notices, *map(taken_back, withdrawn_entries(bundle)))
    return answers.record_from(done, read, asked=asked, wire_code="200", notices=notices)


async def _not_shown(calls: Calls, done: Exchange) -> ViewResult:
    outcome = "no_record" if done.status == 200 else None
    if outcome is None and done.code is None:
        outcome = _OUTCOMES.get(done.status)
    return await answers.not_shown(calls, done, wire_code=_wire_code(done), outcome=outcome, fallback=_words(done))


def _issue(done: Exchange) -> dict[str, Any]:
    issues = preparation.json_object(done).get("issue")
    found = issues[0] if isinstance(issues, list) and issues else {}
    return found if isinstance(found, dict) else {}


def _wire_code(done: Exchange) -> str:
    code = _issue(done).get("code")
    return f"{done.status} {code}" if isinstance(code, str) else str(done.status)


def _words(done: Exchange) -> str:
    details = _issue(done).get("details")
    text = details.get("text") if isinstance(details, dict) else None
    return text if isinstance(text, str) else f"The gateway answered with HTTP {done.status}."


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """An AuditEvent as it is, under the token of --as where that is said. Raises NoAnswer, WrongUsage."""
    headers = {"Accept": FHIR}
    if request.uid is not None:
        headers["Authorization"] = f"Bearer {await preparation.id_token(calls, request.uid, request.role)}"
    done = await send_file(calls, f"{BASE}/AuditEvent", request.body, request.content_type or FHIR, **headers)
    if done.status < 300:
        return RawResult(exchange=done, outcome="answered")
    kind = (await answers.explain(calls, done.code)).kind
    return RawResult(exchange=done, outcome=kind or _OUTCOMES.get(done.status, "failed"))


PRODUCT = Product(name="symphony", view=view, raw=send_raw)
