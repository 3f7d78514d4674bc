"""What anybody may read: what a code means, and whether this gateway is alive. Says nothing about any patient or system."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin

import orjson
from aiohttp import web

from gateway.domain.codes import BY_SLUG, Code
from gateway.domain.identifiers import CorrelationId
from gateway.pages.layout import Layout
from gateway.xml import wsdl as descriptions
from gateway.xml.faults import BY_SLUG as FINDINGS_BY_SLUG
from gateway.xml.wsdl import DESCRIPTIONS, SCHEMAS

Ready = Callable[[], Awaitable[dict[str, object]]]
"""Facts of readiness; `ready` says whether this process can answer."""


def _json(document: dict[str, object], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


def explained(slug: str) -> dict[str, object] | None:
    """What a stable code or a finding code means; None where there is no such code."""
    code = BY_SLUG.get(slug)
    if code is not None:
        entry = code.entry
        return {
            "code": code.slug,
            "kind": code.kind.value,
            "sentence": entry.sentence,
            "next_step": entry.next_step,
            "http": entry.http,
        }
    fault = FINDINGS_BY_SLUG.get(slug)
    if fault is None:
        return None
    return {
        "code": fault.slug,
        "kind": "invalid",
        "sentence": fault.entry.sentence,
        "next_step": f"The rule comes from: {fault.entry.clause}.",
        "answered_as": fault.entry.code.slug,
    }


KINDS = {
    "refused": "Refused: the caller may not",
    "no_record": "Nothing to show",
    "invalid": "The message is wrong",
    "unavailable": "Not possible now",
}
"""Kinds of codes in words."""


_JSON_TYPES = ("application/json", "application/problem+json")
_RANGE = re.compile(r"\s*([\w*+.-]+/[\w*+.-]+)\s*((?:;[^;]*)*)", re.ASCII)
_WEIGHT = re.compile(r";\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def reads_html(request: web.Request) -> bool:
    """Whether whoever asks reads pages: a browser names text/html before any JSON, a program names nothing or JSON (RFC 9110 12.5.1)."""
    weights: dict[str, float] = {}
    for part in request.headers.get("Accept", "").lower().split(","):
        if (found := _RANGE.fullmatch(part)) is not None:
            weight = _WEIGHT.search(found[2])
            weights[found[1]] = float(weight[1]) if weight is not None else 1.0
    pages = weights.get("text/html", 0.0)
    return pages > 0 and pages >= max(weights.get(name, 0.0) for name in _JSON_TYPES)


def elsewhere(layout: Layout) -> Callable[[web.Request, Code, CorrelationId], web.Response | None]:
    """What a browser is shown where no page answers, such as an address that takes forms only; None for programs."""

    def shown(request: web.Request, code: Code, correlation_id: CorrelationId) -> web.Response | None:
        if not reads_html(request):
            return None
        home = next((area for area in ("/privacy", "/launch") if request.path.startswith(f"{area}/")), "/viewer")
        # the way on from a launch is in the host's own window
        links = [] if home == "/launch" else [{"href": home, "text": "Go on"}]
        return layout.refusal(code, home=home, correlation_id=correlation_id.value, links=links)

    return shown


def code_page(layout: Layout) -> Callable[[web.Request], Awaitable[web.Response]]:
    """GET /errors/{code}: a page for browsers, JSON for programs."""

    async def handle(request: web.Request) -> web.Response:
        document = explained(request.match_info["code"])
        if reads_html(request):
            if document is None:
                return layout.refusal(Code.PAGE_NOT_FOUND)
            return layout.page("code.jinja", code=document, kinds=KINDS)
        if document is None:
            return _json({"code": Code.PAGE_NOT_FOUND.slug, "sentence": Code.PAGE_NOT_FOUND.sentence}, 404)
        return _json(document)

    return handle


def codes_page(layout: Layout) -> Callable[[web.Request], Awaitable[web.Response]]:
    """GET /errors: every code."""

    async def handle(request: web.Request) -> web.Response:
        codes = [explained(slug) for slug in (*BY_SLUG, *FINDINGS_BY_SLUG)]
        if reads_html(request):
            return layout.page("codes.jinja", codes=codes)
        return _json({"codes": codes})

    return handle


async def live(_: web.Request) -> web.Response:
    """GET /health/live: the process answers."""
    return _json({"live": True})


def ready(facts: Ready) -> Callable[[web.Request], Awaitable[web.Response]]:
    """GET /health/ready: database writable, keys and schemas loaded. Spine's state is told, not judged."""

    async def handle(_: web.Request) -> web.Response:
        document = await facts()
        return _json(document, 200 if document["ready"] else 503)

    return handle


def wsdl(name: str, address: str, *, schema: str | None = None) -> Callable[[web.Request], Awaitable[web.Response]]:
    """GET …?wsdl and …?xsd=NAME: one description, its ports at `address`, enough for a stock client to call from.

    `schema`: what ?xsd without a name serves. A name without a description has schemas only. Schemas name each other by
    absolute URL at the host of `address`: some clients take a path alone for a file of their own disk.
    """

    async def handle(request: web.Request) -> web.Response:
        query = {name.lower(): value for name, value in request.query.items()}  # clients write ?WSDL too
        asked = query.get("xsd")
        asked = schema if asked == "" else asked
        if asked is not None and asked in SCHEMAS:
            beside = urljoin(address, request.path)
            return web.Response(body=descriptions.xsd(asked, beside), content_type="text/xml", charset="utf-8")
        if "wsdl" in query and name in DESCRIPTIONS:
            return web.Response(body=descriptions.wsdl(name, address), content_type="text/xml", charset="utf-8")
        served = ["?wsdl"] if name in DESCRIPTIONS else []
        served += ["?xsd"] if schema is not None else []
        return _refused(Code.PAGE_NOT_FOUND, f"Ask for {', '.join(served)} or ?xsd=NAME.")

    return handle


def described_elsewhere(*places: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """GET of an address that only takes messages: where its descriptions stand."""

    async def handle(_: web.Request) -> web.Response:
        response = _refused(Code.METHOD_NOT_ALLOWED, f"Messages are posted here. Ask for {' or '.join(places)}.")
        response.headers["Allow"] = "POST"
        return response

    return handle


def _refused(code: Code, sentence: str) -> web.Response:
    """A problem (RFC 9457), as where no address answers; `sentence` says what does."""
    status = code.entry.http
    document = {
        "type": f"/errors/{code.slug}",
        "title": code.sentence,
        "status": status,
        "detail": sentence,
        "code": code.slug,
    }
    return web.Response(
        body=orjson.dumps(document),
        status=status,
        content_type="application/problem+json",
        headers={"X-SCR-Code": code.slug},
    )
