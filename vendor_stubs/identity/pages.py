"""The stub's pages: rendered on the server, no script, strict content security policy, usable with keyboard and screen reader.

Every page says that it belongs to a stub. Values reach the templates as text only; autoescape is always on.
"""

from importlib import resources
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(loader=PackageLoader("vendor_stubs.identity"), autoescape=True, undefined=StrictUndefined)
STYLE = resources.files("vendor_stubs.identity").joinpath("static/identity.css").read_bytes()


def policy(form_target: str = "") -> str:
    """The content security policy; `form_target` is where the answer to a form may redirect (browsers check that too)."""
    origin = ""
    if form_target:
        parts = urlsplit(form_target)
        origin = f" {parts.scheme}://{parts.netloc}"
    return f"default-src 'none'; style-src 'self'; form-action 'self'{origin}; base-uri 'none'; frame-ancestors 'none'"


def secured(response: web.StreamResponse, form_target: str = "") -> web.StreamResponse:
    """Add the headers every page and redirect of the sign-in carries."""
    response.headers["Content-Security-Policy"] = policy(form_target)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def page(template: str, *, status: int = 200, form_target: str = "", **values: object) -> web.Response:
    """A page from templates/`template`."""
    text = _ENVIRONMENT.get_template(template).render(**values)
    response = web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
    secured(response, form_target)
    return response


def message(title: str, text: str, *, status: int = 200) -> web.Response:
    """A page that only says something."""
    return page("message.jinja", status=status, title=title, text=text)
