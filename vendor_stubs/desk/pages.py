"""The desk's pages: templates, headers, style. Every page says that it is a stub; values reach templates as text only."""

from datetime import datetime
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader("vendor_stubs.desk"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FILES = {"desk.css": "text/css", "desk.js": "text/javascript"}
_STATIC = {name: resources.files("vendor_stubs.desk").joinpath("static", name).read_bytes() for name in _FILES}


def origin(address: str) -> str:
    """Scheme and host of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def moment(text: str) -> str:
    """An ISO date or time as a clinician reads it, 14-Jul-1945 or 25-Sep-2024 17:32; anything else as it stands."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{found:%d-%b-%Y %H:%M}" if len(text) > len("YYYY-MM-DD") else f"{found:%d-%b-%Y}"


class Pages:
    """Renders pages whose forms may lead to the desk, the gateway and its identity service, and nowhere else."""

    def __init__(self, desk: str, gateway: str, identity: str) -> None:
        # browsers check every redirect after a form: a SMART launch comes back to the desk under its own address
        self._forms = " ".join(("'self'", *map(origin, (desk, gateway, identity))))

    def headers(self) -> dict[str, str]:
        """Headers of every page and redirect."""
        policy = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'none'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {self._forms}"
        )
        return {
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page from templates/."""
        text = _ENVIRONMENT.get_template(template).render(**values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=self.headers())

    def go(self, address: str) -> web.Response:
        """303."""
        return web.Response(status=303, headers={**self.headers(), "Location": address})


async def static(request: web.Request) -> web.Response:
    """GET /static/{name}."""
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(body=_STATIC[name], content_type=_FILES[name], charset="utf-8", headers=headers)


async def fields_of(request: web.Request) -> dict[str, str]:
    """A posted form of the desk's own pages. Raises HTTPForbidden where another site posts it."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise web.HTTPForbidden
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
