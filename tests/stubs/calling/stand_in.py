"""A stand-in for the gateway in tests of the calling side: takes what stubs send, as bytes, and answers as it is told to.

It serves the real WSDLs, so that zeep builds what it would build in earnest; it decides nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from lxml import etree

from gateway.xml.wsdl import wsdl

CORRELATION = "0F0E0D0C-0B0A-4908-8706-050403020100"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ITK = "urn:nhs-itk:ns:201005"
HL7 = "urn:hl7-org:v3"
WSA = "http://www.w3.org/2005/08/addressing"


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the door answers; a body that is a function is given the request's bytes."""

    body: "bytes | Callable[[bytes], bytes]"
    status: int = 200
    code: str | None = None
    rules: str = ""
    media_type: str = "text/xml"


@dataclass
class FakeGateway:
    """State of the stand-in: what it received and how it answers."""

    reply: Reply = field(default_factory=lambda: Reply(b""))
    relationships: int = 201
    explains: dict[str, dict[str, str]] = field(default_factory=dict)
    wsdl_of: Callable[[str, str], bytes] = wsdl
    received: list[Received] = field(default_factory=list)

    def sent_to(self, path: str) -> list[Received]:
        """Requests to one path."""
        return [one for one in self.received if one.path == path]

    async def door(self, request: web.Request) -> web.Response:
        """POST /itk."""
        body = await self._take(request)
        answer = self.reply.body if isinstance(self.reply.body, bytes) else self.reply.body(body)
        headers = {"X-Correlation-ID": CORRELATION, "Content-Type": self.reply.media_type}
        if self.reply.code is not None:
            headers |= {"X-SCR-Code": self.reply.code, "X-SCR-Rules": self.reply.rules}
        return web.Response(status=self.reply.status, body=answer, headers=headers)

    async def feed(self, request: web.Request) -> web.Response:
        """POST /relationships and /relationships/end."""
        await self._take(request)
        headers = {} if self.relationships < 300 else {"X-SCR-Code": "system-operation"}
        return web.json_response({}, status=self.relationships, headers=headers)

    async def explain(self, request: web.Request) -> web.Response:
        """GET /errors/{code}."""
        document = self.explains.get(request.match_info["code"])
        return web.json_response(document or {}, status=200 if document else 404)

    async def describe(self, request: web.Request) -> web.Response:
        """GET /itk/scr?wsdl and /itk/pds?wsdl."""
        address = f"{request.scheme}://{request.host}/itk"
        return web.Response(body=self.wsdl_of(request.match_info["name"], address), content_type="text/xml")

    async def _take(self, request: web.Request) -> bytes:
        body = await request.read()
        self.received.append(Received(request.path, dict(request.headers), body))
        return body

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/itk", self.door),
                web.get("/itk/{name}", self.describe),
                web.post("/relationships", self.feed),
                web.post("/relationships/end", self.feed),
                web.get("/errors/{code}", self.explain),
            ]
        )
        return app


def message_id_of(request: bytes) -> str:
    """wsa:MessageID of a request."""
    return str(etree.fromstring(request).findtext(f".//{{{WSA}}}MessageID"))


def response(
    root: str, code: str, *, display: str = "As displayed", content: str = "", relates_to: str | None = None
) -> Reply:
    """A normal response with `content` (HL7 elements as text) before or after the value, as the caller arranges it."""

    def build(request: bytes) -> bytes:
        related = relates_to or message_id_of(request)
        before, _, after = content.partition("|")
        return (
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:wsa="{WSA}"><s:Header><wsa:MessageID>{CORRELATION}</wsa:MessageID>'
            f"<wsa:Action>any</wsa:Action><wsa:RelatesTo>{related}</wsa:RelatesTo></s:Header><s:Body>"
            f'<DistributionEnvelope xmlns="{ITK}"><header service="any" trackingid="{CORRELATION}">'
            f'<manifest count="1"><manifestitem id="uuid_{CORRELATION}" mimetype="text/xml"/></manifest></header>'
            f'<payloads count="1"><payload id="uuid_{CORRELATION}"><r:{root} xmlns:r="{HL7}" xmlns="{HL7}">'
            f'<id root="{CORRELATION}"/>{before}<value code="{code}" displayName="{display}"/>{after}'
            f"</r:{root}></payload></payloads></DistributionEnvelope></s:Body></s:Envelope>"
        ).encode()

    return Reply(build)


def fault(code: str, *, stable: str | None, rules: str = "", text: str = "As the fault says") -> Reply:
    """A SOAP fault with ToolkitErrorInfo."""
    body = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><s:Fault><faultcode>s:Client</faultcode>'
        f'<faultstring>{text}</faultstring><detail><ToolkitErrorInfo xmlns="{ITK}"><ErrorID>{CORRELATION}</ErrorID>'
        f"<ErrorCode>{code}</ErrorCode><ErrorText>{text}</ErrorText></ToolkitErrorInfo></detail></s:Fault>"
        f"</s:Body></s:Envelope>"
    ).encode()
    return Reply(body, status=500, code=stable, rules=rules)


def summary(number: str, body: str = "<h2 id='AllergiesHeader'>Allergies</h2><p>None recorded</p>") -> str:
    """A small GPSummary in its wrapper, inside the response's text."""
    return (
        f'<text><n:GPSummary.text xmlns:n="NPFIT:HL7:Localisation"><GPSummary xmlns="{HL7}" classCode="COMPOSITION" '
        f'moodCode="EVN"><id root="{CORRELATION}"/><effectiveTime value="20260701101500"/><excerptFrom><x><component>'
        f'<presentationText><value><html xmlns="xhtml:NPfIT:PresentationText"><body>{body}</body></html></value>'
        f"</presentationText></component></x></excerptFrom>"
        f'<recordTarget><patient><id root="2.16.840.1.113883.2.1.4.1" extension="{number}"/></patient></recordTarget>'
        f"</GPSummary></n:GPSummary.text></text>|"
    )


def known(code: str, kind: str) -> dict[str, dict[str, Any]]:
    """What /errors says of one code."""
    return {code: {"code": code, "kind": kind, "sentence": f"Sentence of {code}.", "next_step": "Do this next."}}
