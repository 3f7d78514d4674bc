"""What the FHIR server says about itself, and its answer where it has nothing: CapabilityStatement, 404 and 405.

Says nothing about any patient or system; needs no sign-in. An address may hold a number, so none is repeated.
"""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from gateway.adapters.fhir.capability import capability
from gateway.adapters.fhir.datatypes import FHIR_JSON, Json
from gateway.adapters.fhir.outcome import operation_outcome
from gateway.adapters.fhir.requests import (
    REQUEST_ID,
    check_acceptable,
    check_ids,
    invalid,
    list_header,
    parameter,
    traced_headers,
)
from gateway.adapters.symphony import PATH, ROUTES
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.identifiers import CorrelationId
from gateway.pages.frame import Told
from gateway.unread import Refusal, Unread

ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
DOOR = "symphony"


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirPages:
    """The pages of a FHIR server at `address`. `told` and `correlate`: as every page has them."""

    address: str
    told: Told
    correlate: Callable[[web.Request], CorrelationId]

    def metadata(self) -> Callable[[web.Request], Awaitable[web.Response]]:
        """GET and HEAD /fhir/R4/metadata."""
        document = capability(self.address.rstrip("/") + PATH)

        async def handle(request: web.Request) -> web.Response:
            try:
                check_ids(request.headers)
                check_acceptable(list_header(request.headers, "Accept"), parameter(request.query, "_format") or None)
            except MessageInvalid as error:
                return self._refused(request, error)
            return _answer(request, 200, document)

        return handle

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Any other path or method at or under /fhir/R4: 404, or 405 with Allow."""
        allowed = ROUTES.get("/" + request.match_info.get("tail", ""))
        if allowed is None:
            return self._refused(request, GatewayError(Code.PAGE_NOT_FOUND))
        return self._refused(request, GatewayError(Code.METHOD_NOT_ALLOWED), Allow=", ".join(allowed))

    def _refused(self, request: web.Request, error: GatewayError, **headers: str) -> web.Response:
        """An OperationOutcome that says where the server tells what it has, and a line in the log."""
        started, correlation = time.perf_counter(), self.correlate(request)
        status, document = operation_outcome(error, correlation.value)
        document["issue"][0]["diagnostics"] += f"; what is here: GET {PATH}/metadata"
        headers |= {"X-SCR-Code": error.code.slug, "X-SCR-Rules": "", "X-Correlation-ID": correlation.value}
        answer = _answer(request, status, document, **headers)
        self.told(DOOR, request, correlation, status, error, time.perf_counter() - started)
        return answer


def unread(found: Unread) -> Refusal:
    """The refusal of what could not be read as a request, such as one with an over-long address or a method nobody knows."""
    code, headers = found.code, {REQUEST_ID: found.request_id or _new_id()}
    error = GatewayError(code)
    if found.doubled is not None:
        sentence = f"Header {found.doubled} is sent more than once."
        error = invalid(f"http.{found.doubled}", sentence, "one", code)
    if code is Code.METHOD_NOT_ALLOWED and (allowed := ROUTES.get(found.path.removeprefix(PATH))):
        headers["Allow"] = ", ".join(allowed)
    _, document = operation_outcome(error, found.correlation_id)
    return orjson.dumps(document), FHIR_JSON, headers


def _new_id() -> str:
    """In the case that every door makes them in."""
    return str(uuid.uuid4()).upper()


def _answer(request: web.Request, status: int, document: Json, **headers: str) -> web.Response:
    traced = {REQUEST_ID: _new_id()} | headers | traced_headers(request.headers)
    return web.Response(
        status=status, body=orjson.dumps(document), headers={**ALWAYS, **traced, "Content-Type": FHIR_JSON}
    )
