"""The references: a bare aiohttp server that makes the same three calls to Spine and hands the last answer on.

`python -m tests.bench.passthrough PORT SPINE_URL NHS_NUMBER [--checked]`. Bare, it reads and checks nothing. With `--checked` it reads
the request as the mini-service door does, schemas included, and reads Spine's three answers; it proves, decides, looks for and records
nothing.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
import uvloop
from aiohttp import web

from gateway.domain.identifiers import Asid
from gateway.spine.envelope import read_answer
from gateway.spine.interactions import SpineAddressing
from gateway.xml.catalogue import Catalogue
from gateway.xml.itk import payload_findings, read_request
from gateway.xml.parser import parse
from gateway.xml.soap import read_envelope

ACTIONS = (
    ("/pds", "urn:nhs:names:services:pdsquery/QUPA_IN000008UK02"),
    ("/sync-service", "urn:nhs:names:services:psisquery/QUPC_IN180000SM04"),
    ("/sync-service", "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"),
)


def _checks(spine: str) -> tuple[Callable[[bytes], None], Callable[[int, bytes], None]]:
    """What is done with a request and with each answer where the server checks."""
    catalogue, addressing = Catalogue.load(), SpineAddressing.under(spine, Asid("230811201324"))
    interactions = (addressing.pds_retrieval, addressing.event_list, addressing.event)

    def request(body: bytes) -> None:
        asked = read_request(read_envelope(parse(body)), catalogue, now=datetime.now(UTC))
        if payload_findings(asked, catalogue):
            raise web.HTTPBadRequest

    return request, lambda index, body: (read_answer(body, interactions[index]), None)[1]


def app(spine: str, number: str, *, checked: bool) -> web.Application:
    """The pass-through application."""
    session: aiohttp.ClientSession
    check_request, check_answer = _checks(spine) if checked else (lambda _: None, lambda _, __: None)
    query = b"<query>" + number.encode() + b"</query>" + b" " * 2600

    async def handle(request: web.Request) -> web.Response:
        check_request(await request.read())
        body = b""
        for index, (path, action) in enumerate(ACTIONS):
            headers = {"Content-Type": "text/xml", "SOAPAction": action}
            async with session.post(spine + path, data=query, headers=headers) as answer:
                body = await answer.read()
            check_answer(index, body)
        return web.Response(body=body, content_type="text/xml")

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="live")

    async def lifecycle(_: web.Application):  # type: ignore[no-untyped-def]
        nonlocal session
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        yield
        await session.close()

    application = web.Application()
    application.add_routes([web.post("/itk", handle), web.get("/health/live", live)])
    application.cleanup_ctx.append(lifecycle)
    return application


if __name__ == "__main__":
    uvloop.install()
    serving = app(sys.argv[2], sys.argv[3], checked="--checked" in sys.argv)
    web.run_app(serving, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
