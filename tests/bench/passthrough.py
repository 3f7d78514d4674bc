"""The reference: a bare aiohttp server that makes the same three calls to Spine and hands the last answer on. No check at all.

`python -m tests.bench.passthrough PORT SPINE_URL`.
"""

import sys

import aiohttp
import uvloop
from aiohttp import web

ACTIONS = (
    ("/pds", "urn:nhs:names:services:pdsquery/QUPA_IN000008UK02"),
    ("/sync-service", "urn:nhs:names:services:psisquery/QUPC_IN180000SM04"),
    ("/sync-service", "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"),
)
BODY = b"<query/>" + b" " * 2600


def app(spine: str) -> web.Application:
    """The pass-through application."""
    session: aiohttp.ClientSession

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        body = b""
        for path, action in ACTIONS:
            headers = {"Content-Type": "text/xml", "SOAPAction": action}
            async with session.post(spine + path, data=BODY, headers=headers) as answer:
                body = await answer.read()
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
    web.run_app(app(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
