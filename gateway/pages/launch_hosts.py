"""Launches that a host's browser carries: Sonar's form, PharmOutcomes' link, Lorenzo's SMART launch. Each is proved, decided and opened.

The browser is answered by a redirect to a clean address. What a launch says is believed only once its host's own key proves it.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from gateway.adapters import lorenzo, pharmoutcomes, sonar
from gateway.adapters.launch_parts import followed, only_looking
from gateway.body import read_body
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InternalError, MessageInvalid
from gateway.domain.suspension import SystemSuspended
from gateway.pages.forms import FORM, read_form
from gateway.pages.frame import Turn
from gateway.pages.launch import LaunchPages, button, unproved
from gateway.pages.sign_in import SIGNING_IN_LASTS
from gateway.service.calls import Call
from gateway.service.launching import LaunchClaims, launch_call
from gateway.service.outcomes import Launched

T = TypeVar("T")

LARGEST_FORM = 8 * 1024
SMART_CALLBACK = "/launch/lorenzo/callback"
_SMART = "smart"


class TokensPort(Protocol):
    """Launch tokens that come by the browser, whose system only their signature proves."""

    def system(self, token: str, product: str) -> System:
        """The system a token says it is from, of this product. Proves nothing. Raises AccessDenied."""

    def opened(self, token: str) -> str:
        """The signed token within an encrypted one. Raises AccessDenied."""

    def verify(self, token: str, system: System, product: str, now: datetime) -> LaunchClaims:
        """Raises AccessDenied, MessageInvalid."""


class SmartPort(Protocol):
    """The gateway as a SMART app."""

    async def begin(self, issuer: str, launch: str, secrets: Callable[[], str]) -> tuple[System, str, dict[str, str]]:
        """(system, where the browser goes, what to keep until it comes back). Raises AccessDenied, NotPossibleNow."""

    async def finish(self, kept: dict[str, str], code: str, now: datetime) -> tuple[System, LaunchClaims]:
        """Raises AccessDenied, MessageInvalid, NotPossibleNow."""

    def system(self, issuer: str) -> System:
        """The system that launches from this issuer. Raises AccessDenied (LAUNCH_INVALID)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPages:
    """The handlers of the three hosts' addresses."""

    pages: LaunchPages
    tokens: TokensPort
    smart: SmartPort

    async def sonar(self, turn: Turn) -> web.StreamResponse:
        """POST /launch/sonar, from Sonar's own page in the browser."""
        token = sonar.token_of(await _posted(turn))
        return await self._launched(turn, token, sonar.PRODUCT)

    async def pharmoutcomes(self, turn: Turn) -> web.StreamResponse:
        """GET /launch/pharmoutcomes?t=…: spent at once by a browser that opens it; shown a button to whatever else asks."""
        if only_looking(turn.request.method, turn.request.headers):
            return _looked(turn)
        token = pharmoutcomes.token_of(list(turn.request.query.items()))
        if not followed(turn.request.headers):
            return button(
                turn, "/launch/pharmoutcomes", {pharmoutcomes.FIELD: token}, turn.frame.layout.identity_origin
            )
        return await self._unsealed(turn, token)

    async def pharmoutcomes_button(self, turn: Turn) -> web.StreamResponse:
        """POST /launch/pharmoutcomes: the button of the page above."""
        return await self._unsealed(turn, pharmoutcomes.token_of(list(turn.form.items())))

    @staticmethod
    async def _unknown(turn: Turn, error: AccessDenied) -> GatewayError:
        """Traces a launch whose system is not proved, under the name of one that is suspended; the error to answer with."""
        if not isinstance(error, SystemSuspended):
            return await unproved(turn, error)
        await turn.frame.service.reject(error, Call(action="launch"), turn.context(error.system))
        return error

    async def _unsealed(self, turn: Turn, token: str) -> web.Response:
        try:
            signed = self.tokens.opened(token)
        except AccessDenied as error:
            raise await unproved(turn, error) from error
        return await self._launched(turn, signed, pharmoutcomes.PRODUCT)

    async def _launched(self, turn: Turn, token: str, product: str) -> web.Response:
        """A signed token: checked, decided, spent, opened, and the browser sent to a clean address."""
        try:
            system = self.tokens.system(token, product)
        except AccessDenied as error:
            raise await self._unknown(turn, error) from error
        context = turn.context(system)
        try:
            launch = self.tokens.verify(token, system, product, turn.now)
        except GatewayError as error:
            await turn.frame.service.reject(error, Call(action="launch"), context)
            raise
        return await self._decided(turn, system, launch)

    async def _decided(self, turn: Turn, system: System, launch: LaunchClaims) -> web.Response:
        launched = await turn.frame.service.ask(launch_call(launch), turn.context(system))
        if not isinstance(launched, Launched):
            raise InternalError
        return await self.pages.opened(turn, launched.code, system)

    async def lorenzo(self, turn: Turn) -> web.StreamResponse:
        """GET /launch/lorenzo?iss=…&launch=…: on to the host, who spends its handle; so only for a browser that opens the link."""
        if only_looking(turn.request.method, turn.request.headers):
            return _looked(turn)
        issuer, launch = lorenzo.begun(turn.request.query.items())
        if not followed(turn.request.headers):
            await self._issuing(turn, issuer)
            return button(turn, "/launch/lorenzo", {"iss": issuer, "launch": launch}, _origin(issuer))
        return await self._authorising(turn, issuer, launch)

    async def lorenzo_button(self, turn: Turn) -> web.StreamResponse:
        """POST /launch/lorenzo: the button of the page above."""
        return await self._authorising(turn, *lorenzo.begun(turn.form.items()))

    async def _issuing(self, turn: Turn, issuer: str) -> System:
        """The system that launches from this issuer. Raises AccessDenied, its trace kept."""
        try:
            return self.smart.system(issuer)
        except AccessDenied as error:
            raise await self._unknown(turn, error) from error

    async def _authorising(self, turn: Turn, issuer: str, launch: str) -> web.Response:
        """On to the host's own authorisation, bound to this browser."""
        frame = turn.frame
        await self._issuing(turn, issuer)
        system, address, kept = await self._smart(turn, issuer, self.smart.begin(issuer, launch, frame.seal.secret))
        secret = frame.seal.secret()
        await frame.shelf.put(
            secret,
            state=_SMART,
            data=frame.seal.close(secret, {**kept, "issuer": issuer, "system": system.id.value}),
            now=turn.now,
            expires=turn.now + SIGNING_IN_LASTS,
        )
        response = frame.layout.redirect(address)
        self.pages.cookie.write(response, secret)
        return response

    async def _smart(self, turn: Turn, issuer: str, work: Awaitable[T]) -> T:
        """Awaits a step with the host; its refusals leave a trace under the host's name."""
        try:
            return await work
        except SystemSuspended as error:
            raise await self._unknown(turn, error) from error
        except (AccessDenied, MessageInvalid) as error:
            await turn.frame.service.reject(error, Call(action="launch"), turn.context(self.smart.system(issuer)))
            raise

    async def lorenzo_callback(self, turn: Turn) -> web.StreamResponse:
        """GET /launch/lorenzo/callback: the host's code, good once and in the browser it was asked for only."""
        frame, secret = turn.frame, self.pages.cookie.read(turn.request)
        kept = await frame.shelf.get(secret, now=turn.now) if secret is not None else None
        if secret is None or kept is None or kept.state != _SMART:
            raise await unproved(turn, AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",)))
        data = frame.seal.open(secret, kept.data)
        spent = await frame.shelf.change(
            secret, version=kept.version, state="spent", data={}, now=turn.now, expires=turn.now + SIGNING_IN_LASTS
        )
        if not spent:
            raise await unproved(turn, AccessDenied(Code.LAUNCH_SPENT, rules=("P-07",)))
        try:
            code = _returned_code(turn, data["state"])
        except AccessDenied as error:
            raise await unproved(turn, error) from error
        system, launch = await self._smart(turn, data["issuer"], self.smart.finish(data, code, turn.now))
        return await self._decided(turn, system, launch)


def _looked(turn: Turn) -> web.Response:
    """The answer to HEAD and to what fetches ahead: come back when somebody follows the link."""
    return web.Response(status=503, headers={**turn.frame.layout.headers(), "Retry-After": "0"})


def _origin(address: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _returned_code(turn: Turn, asked: str) -> str:
    """The host's code, where its state is the one this browser was sent with. Raises AccessDenied (LAUNCH_INVALID)."""
    code, state = lorenzo.returned(turn.request.query)
    if not hmac.compare_digest(state.encode(), asked.encode()):
        raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
    return code


async def _posted(turn: Turn) -> dict[str, str]:
    """A form another site's page posts: bounded, each field once. Raises MessageInvalid."""
    async with turn.frame.gate.reading(turn.request):
        body = await read_body(turn.request, media_types=(FORM,), most=LARGEST_FORM, seconds=turn.frame.body_seconds)
    return dict(read_form(body))
