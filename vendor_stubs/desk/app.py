"""The vendor desk as a web application: nine screens, the launch lab and a SMART host; and how to serve it on loopback.

A stub: it signs nobody in, and everybody on it is invented. Must never be reached from outside a sandbox.
"""

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from vendor_stubs.calling.http import identity_address
from vendor_stubs.desk.lab import LaunchLab
from vendor_stubs.desk.pages import Pages, static
from vendor_stubs.desk.screens import Screens
from vendor_stubs.desk.smart_host import SmartHost


def _now() -> datetime:
    return datetime.now(UTC)


def _random() -> str:
    return secrets.token_urlsafe(24)


def build_app(
    *,
    gateway: str,
    identity: str | None,
    public_url: str,
    identity_seen: str | None = None,
    certificates: Path | None = None,
) -> web.Application:
    """The desk beside one gateway. `public_url`: its own address; `identity_seen`: the identity stub's for browsers, where that
    is another; `certificates`: a folder that `scr-gateway dev-certs` made, for a gateway with mutual TLS.
    """
    identity = (identity or identity_address(gateway)).rstrip("/")
    pages = Pages(public_url, gateway, (identity_seen or identity).rstrip("/"))
    smart = SmartHost(address=public_url, gateway=gateway, now=_now, random=_random)
    screens = Screens(gateway=gateway, identity=identity, pages=pages, smart=smart, certificates=certificates)
    app = web.Application(client_max_size=64 * 1024)
    app.add_routes([web.get("/static/{name}", static), web.get("/health/live", _alive)])
    for part in (smart, screens, LaunchLab(pages=pages, screens=screens)):
        app.add_routes(part.routes())
    return app


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "up", "stub": True})


async def serve(
    host: str,
    port: int,
    *,
    gateway: str,
    identity: str | None,
    public_url: str,
    identity_seen: str | None = None,
    certificates: Path | None = None,
) -> None:
    """Serve until cancelled."""
    app = build_app(
        gateway=gateway.rstrip("/"),
        identity=identity,
        public_url=public_url,
        identity_seen=identity_seen,
        certificates=certificates,
    )
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=15, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
