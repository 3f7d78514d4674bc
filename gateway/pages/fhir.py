"""What the FHIR server says about itself, and its answer where it has nothing: CapabilityStatement, OpenAPI, 404 and 405.

Says nothing about any patient or system; needs no sign-in.
"""

from collections.abc import Awaitable, Callable
from importlib.resources import files

import orjson
from aiohttp import web

from gateway.adapters.fhir.capability import capability
from gateway.adapters.fhir.datatypes import FHIR_JSON
from gateway.adapters.fhir.outcome import operation_outcome
from gateway.adapters.fhir.requests import check_acceptable
from gateway.adapters.symphony import PATH, ROUTES
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid

Page = Callable[[web.Request], Awaitable[web.Response]]

DOORS = (
    ("ITK SOAP 1.1 mini services", ("/itk", "/itk/scr?wsdl", "/itk/pds?wsdl")),
    ("FHIR R4", (PATH, f"{PATH}/metadata", "/docs/openapi.json")),
    ("Permission and relationships (JSON)", ("/permissions", "/relationships", "/relationships/end")),
    ("Stable codes", ("/errors",)),
)
"""What stands at which address, for GET /docs."""


def _refusal(error: GatewayError, **headers: str) -> web.Response:
    status, document = operation_outcome(error)
    headers |= {"Content-Type": FHIR_JSON, "X-SCR-Code": error.code.slug, "X-SCR-Rules": ""}
    return web.Response(status=status, body=orjson.dumps(document), headers=headers)


def metadata(address: str) -> Page:
    """GET /fhir/R4/metadata."""
    body = orjson.dumps(capability(address.rstrip("/") + PATH))

    async def handle(request: web.Request) -> web.Response:
        try:
            check_acceptable(request.headers.get("Accept"), request.query.get("_format"))
        except MessageInvalid as error:
            return _refusal(error)
        return web.Response(body=body, headers={"Content-Type": FHIR_JSON})

    return handle


async def elsewhere(request: web.Request) -> web.Response:
    """Any other path or method under /fhir/R4: 404, or 405 with Allow."""
    allowed = ROUTES.get("/" + request.match_info["tail"])
    if allowed is None:
        return _refusal(GatewayError(Code.PAGE_NOT_FOUND))
    return _refusal(GatewayError(Code.METHOD_NOT_ALLOWED), Allow=", ".join(allowed))


async def openapi(_: web.Request) -> web.Response:
    """GET /docs/openapi.json."""
    body = files("gateway.schemas").joinpath("fhir", "openapi.json").read_bytes()
    return web.Response(body=body, content_type="application/json")


async def docs(_: web.Request) -> web.Response:
    """GET /docs: the doors and their addresses."""
    listed = [{"door": name, "addresses": list(addresses)} for name, addresses in DOORS]
    return web.Response(body=orjson.dumps({"doors": listed}), content_type="application/json")
