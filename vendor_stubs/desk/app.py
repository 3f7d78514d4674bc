"""The vendor desk as a web application, and how to serve it on loopback."""

import asyncio
import secrets
from datetime import UTC, datetime

from aiohttp import web

from vendor_stubs.desk.smart_host import SmartHost


def _now() -> datetime:
    return datetime.now(UTC)


def _random() -> str:
    return secrets.token_urlsafe(24)


def build_app(*, gateway: str, identity: str | None, public_url: str) -> web.Application:
    """The desk beside one gateway. `public_url`: its own address."""
    del identity
    app = web.Application(client_max_size=64 * 1024)
    app.add_routes(SmartHost(address=public_url, gateway=gateway, now=_now, random=_random).routes())
    return app


async def serve(host: str, port: int, *, gateway: str, identity: str | None, public_url: str) -> None:
    """Serve until cancelled."""
    app = build_app(gateway=gateway.rstrip("/"), identity=identity, public_url=public_url)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=15, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
