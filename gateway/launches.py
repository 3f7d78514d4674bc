"""One-click launches put together: their parts from the settings, and their addresses. What they do is in pages and service."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp import web

from gateway.adapters.rio import RioDoor
from gateway.config import ConfigInvalid, Settings
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumbers
from gateway.identity.launch_keys import LaunchKey, load_launch_key
from gateway.identity.launch_tokens import LaunchRules
from gateway.identity.launching import LaunchTokens, SmartLaunches
from gateway.identity.registry import CurrentRegistry
from gateway.identity.smart import SmartClient
from gateway.pages.frame import Frame
from gateway.pages.launch import CALLBACK, HOME, LaunchPages
from gateway.pages.launch_hosts import SMART_CALLBACK, HostPages
from gateway.pages.sessions import Cookie, Seal
from gateway.service.launching import Launching
from gateway.service.parts import Parts
from gateway.service.ports import ShelfPort
from gateway.web import Handler, Web


@dataclass(frozen=True, slots=True, kw_only=True)
class Launches:
    """What launches are made from, once for all listeners."""

    launching: Launching
    tokens: LaunchTokens
    smart: SmartLaunches
    key: LaunchKey | None
    secure: bool

    @property
    def pages(self) -> LaunchPages:
        """The handlers of browsers."""
        cookie = Cookie(name="scr-launch", secure=self.secure)
        return LaunchPages(launching=self.launching, cookie=cookie)


def launches(
    settings: Settings, parts: Parts, *, shelf: ShelfPort, registry: CurrentRegistry, session: aiohttp.ClientSession
) -> Launches:
    """The parts of this installation's launches. Raises ConfigInvalid where the key cannot be used."""
    numbers = NhsNumbers(settings.nhs_number_range)
    try:
        key = load_launch_key(settings.identity.launch_key) if settings.identity.launch_key is not None else None
    except InvalidValue as error:
        raise ConfigInvalid((f"identity.launch_key: {error}",)) from error
    client = SmartClient(session=session, redirect_uri=settings.public_url + SMART_CALLBACK, numbers=numbers)
    return Launches(
        launching=Launching(parts, shelf=shelf, seal=Seal(secrets.token_bytes)),
        tokens=LaunchTokens(
            registry=registry, rules=LaunchRules(public_url=settings.public_url, numbers=numbers), key=key
        ),
        smart=SmartLaunches(registry=registry, client=client),
        key=key,
        secure=urlsplit(settings.public_url).scheme == "https",
    )


def launch_routes(found: Launches, doors: Web, viewer: Frame) -> Iterable[web.RouteDef]:
    """Every launch address. Their pages go on to the viewer's, under the viewer's session."""
    cookie = replace(viewer.signing_in, name="scr-launch-sign-in")
    refused = replace(viewer.refused, name="scr-launch-refused")
    frame, pages = replace(viewer, door="launch", home=HOME, signing_in=cookie, refused=refused), found.pages
    hosts = HostPages(pages=pages, tokens=found.tokens, smart=found.smart)
    page = frame.page
    yield web.post("/launch/rio", doors.door(RioDoor(found.tokens.verify)))
    yield web.get("/launch/jwks", _keys(found.key), allow_head=False)
    yield web.get(HOME, page(pages.code_page, signed_in=False))
    yield web.post("/launch/open", page(pages.open_code, signed_in=False, form=True))
    yield web.post("/launch/sonar", page(hosts.sonar, signed_in=False))
    yield web.get("/launch/pharmoutcomes", page(hosts.pharmoutcomes, signed_in=False))
    yield web.post("/launch/pharmoutcomes", page(hosts.pharmoutcomes_button, signed_in=False, form=True))
    yield web.get("/launch/lorenzo", page(hosts.lorenzo, signed_in=False))
    yield web.post("/launch/lorenzo", page(hosts.lorenzo_button, signed_in=False, form=True))
    yield web.get(SMART_CALLBACK, page(hosts.lorenzo_callback, signed_in=False, returning=True), allow_head=False)
    yield web.get("/launch/sign-in", page(pages.sign_in, signed_in=False), allow_head=False)
    yield web.get(CALLBACK, page(pages.callback, signed_in=False, returning=True), allow_head=False)
    yield web.get(f"{HOME}/refused", page(frame.refused_page, signed_in=False), allow_head=False)


def _keys(key: LaunchKey | None) -> Handler:
    """GET /launch/jwks: what hosts encrypt launches to."""
    body = orjson.dumps(key.public() if key is not None else {"keys": []})

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "max-age=300"})

    return handle
