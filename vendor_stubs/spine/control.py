"""The sandbox's own interface to the stub: what it is, what it received, how it shall misbehave, webhooks it catches.

Nothing here exists on a real Spine; NHS numbers may appear, as every patient is invented.
"""

import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from vendor_stubs.spine.settings import SpineSettings
from vendor_stubs.spine.state import Control, State

WARNING = "STUB SPINE: invented patients, no security, never for real use."
_LARGEST_WEBHOOK = 100_000


def add_routes(app: web.Application, state: State, settings: SpineSettings) -> None:
    """Adds the control routes, the health check and the page at / to the stub."""
    routes = _Control(state, settings)
    app.router.add_get("/", routes.about)
    app.router.add_get("/health/live", routes.live)
    app.router.add_get("/control", routes.read)
    app.router.add_post("/control", routes.change)
    app.router.add_get("/control/received", routes.received)
    app.router.add_get("/control/alerts", routes.alerts)
    if settings.webhook:
        app.router.add_post("/webhook", routes.catch_webhook)
        app.router.add_get("/control/webhooks", routes.webhooks)


class _Control:
    def __init__(self, state: State, settings: SpineSettings) -> None:
        self._state = state
        self._settings = settings

    async def about(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{WARNING}\nWhat it does and was sent: /control and /control/received\n")

    async def live(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "up", "what": WARNING})

    async def read(self, _: web.Request) -> web.Response:
        return web.json_response(self._told())

    def _told(self) -> dict[str, Any]:
        return {
            "what": WARNING,
            "asid": self._settings.own_asid,
            "received": self._state.received_count,
            "alerts": len(self._state.alerts),
            **asdict(self._state.control),
        }

    async def change(self, request: web.Request) -> web.Response:
        """Any of latency_ms, error_rate, fault_code; reset (true) goes first."""
        try:
            asked = json.loads(await request.read())
            control = self._changed(asked)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        if asked.get("reset"):
            self._state.reset()
        self._state.control = control
        return web.json_response(self._told())

    def _changed(self, asked: Any) -> Control:
        if not isinstance(asked, dict) or set(asked) - {"latency_ms", "error_rate", "fault_code", "reset"}:
            raise TypeError("an object with latency_ms, error_rate, fault_code or reset is needed")
        before = Control() if asked.get("reset") else self._state.control
        changed = Control(
            latency_ms=int(asked.get("latency_ms", before.latency_ms)),
            error_rate=float(asked.get("error_rate", before.error_rate)),
            fault_code=int(asked.get("fault_code", before.fault_code)),
        )
        if not 0 <= changed.latency_ms <= 60_000 or not 0 <= changed.error_rate <= 1:
            raise ValueError("latency_ms is 0 to 60000, error_rate 0 to 1")
        return changed

    async def received(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdigit():
            return web.json_response({"error": "since is a whole number"}, status=400)
        rows = self._state.received_since(int(since))
        return web.json_response([{"n": number} | asdict(row) for number, row in rows])

    async def alerts(self, _: web.Request) -> web.Response:
        return web.json_response(list(self._state.alerts.values()))

    async def catch_webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        if len(body) > _LARGEST_WEBHOOK:
            return web.json_response({"error": "too large"}, status=413)
        try:
            told: Any = json.loads(body)
        except ValueError:
            told = body.decode("utf-8", "replace")
        self._state.webhooks.append(
            {
                "time": self._settings.clock().isoformat(),
                "content_type": request.content_type,
                "headers": {name: value for name, value in request.headers.items() if name.lower().startswith("x-")},
                "body": told,
            }
        )
        return web.Response(status=204)

    async def webhooks(self, _: web.Request) -> web.Response:
        return web.json_response(list(self._state.webhooks))
