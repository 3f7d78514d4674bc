"""The identity stub as a web application, and how to serve it on loopback.

It proves nobody: anyone may be anyone here. It says so at start, on every page and in its discovery document.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from vendor_stubs.identity import authorize, pages, provider, sandbox
from vendor_stubs.identity.authorize import STATE
from vendor_stubs.identity.state import State

_LARGEST_REQUEST = 64 * 1024
_WHAT_IT_IS = (
    "This is the sandbox's identity service, a stub. It signs anybody in as anybody, its keys are made at each start, "
    "and nothing it says may be trusted outside a sandbox."
)
_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


def _random() -> str:
    return secrets.token_urlsafe(24)


async def _home(_request: web.Request) -> web.Response:
    return pages.message("Identity service stub", _WHAT_IT_IS)


async def _style(_request: web.Request) -> web.Response:
    return web.Response(
        body=pages.STYLE, content_type="text/css", charset="utf-8", headers={"X-Content-Type-Options": "nosniff"}
    )


async def _alive(_request: web.Request) -> web.Response:
    return web.json_response({"status": "up", "stub": True})


def build_app(
    issuer: str, *, clock: Callable[[], datetime] = _now, random: Callable[[], str] = _random
) -> web.Application:
    """The stub for one issuer address (its own base URL, no trailing slash), with fresh keys."""
    app = web.Application(client_max_size=_LARGEST_REQUEST)
    app[STATE] = State(issuer=issuer.rstrip("/"), clock=clock, random=random)
    app.add_routes(
        [
            web.get("/", _home),
            web.get("/health/live", _alive),
            web.get("/static/identity.css", _style),
            web.get("/.well-known/openid-configuration", provider.discovery),
            web.get("/jwks", provider.jwks),
            web.get("/authorize", authorize.authorize),
            web.post("/authorize", authorize.authorize),
            web.post("/authorize/card", authorize.card),
            web.post("/authorize/role", authorize.role),
            web.post("/token", provider.token),
            web.get("/userinfo", provider.userinfo),
            web.post("/userinfo", provider.userinfo),
            web.get("/end_session", provider.end_session),
            web.post("/end_session", provider.end_session),
            web.get("/saml/metadata", provider.saml_metadata),
            web.post("/sandbox/token", sandbox.sandbox_token),
            web.post("/sandbox/saml", sandbox.sandbox_saml),
            web.get("/control", sandbox.control),
            web.post("/control", sandbox.control),
        ]
    )
    return app


async def serve(host: str, port: int, *, issuer: str | None = None) -> None:
    """Serve until cancelled. `issuer` is needed where others reach the stub under another address than they are bound to."""
    address = f"http://{host}:{port}"
    runner = web.AppRunner(build_app(issuer or address), access_log=None, keepalive_timeout=15, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        _log.warning(
            "STUB identity service at %s (issuer %s): it proves nobody, never use it outside a sandbox",
            address,
            issuer or address,
        )
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
