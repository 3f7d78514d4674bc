"""What every page goes through: place in the queue, session, form token, errors as pages, headers, one log line.

Handlers get a `Turn` and answer with a page or raise a GatewayError; they never see a request without its session proved.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from gateway.body import read_body
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InternalError
from gateway.domain.identifiers import CorrelationId, NhsNumbers
from gateway.domain.instants import LONDON
from gateway.pages.contexts import Banner, banner
from gateway.pages.forms import FORM, LARGEST_FORM, of_own_site, read_form, to_send_again
from gateway.pages.layout import Layout
from gateway.pages.refused import CHANGED_WORDS, CLOSED_WORDS, LAUNCH_WORDS, brought, read_brought
from gateway.pages.sessions import BrowserSession, Cookie, Seal, Sessions, form_token_fits
from gateway.service.calls import Context, Credentials
from gateway.service.ports import PageRegistryPort, ShelfPort, SignInPort
from gateway.service.service import Service

CORRELATION = "X-Correlation-ID"
FAULT = 500
"""HTTP status from which on a refusal is no fault of the request: the same may be sent again."""


class PatientChanged(Exception):
    """A form belongs to another patient than the session's present one. It does nothing; the page says so."""


class Located(Protocol):
    """Where a browser is."""

    @property
    def network(self) -> str:
        """Label for the audit."""

    @property
    def network_allowed(self) -> bool:
        """Whether it is one the system is used from."""

    @property
    def address(self) -> str | None:
        """Its address, for limits; never logged or kept."""


class Gate(Protocol):
    """Bounded concurrency."""

    def place(self) -> AbstractAsyncContextManager[None]:
        """Holds a place. Raises NotPossibleNow."""

    def reading(self, request: web.Request) -> AbstractAsyncContextManager[None]:
        """Lends the place to others while a body comes in. Raises NotPossibleNow."""


Told = Callable[[str, web.Request, CorrelationId, int, GatewayError | None, float], None]
"""(door, request, correlation id, status, error, seconds) -> one log line and the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The parts every page needs. `sessions`: of this kind of page."""

    service: Service
    layout: Layout
    sessions: Sessions
    signing_in: Cookie
    """The cookie of a sign-in under way."""
    refused: Cookie
    """What brings a refusal along to its clean address."""
    shelf: ShelfPort
    seal: Seal
    sign_in: SignInPort
    registry: PageRegistryPort
    numbers: NhsNumbers
    locate: Callable[[web.Request, System], Located]
    gate: Gate
    told: Told
    correlate: Callable[[web.Request], CorrelationId]
    clock: Callable[[], datetime]
    answer_seconds: float
    body_seconds: float
    public_url: str
    door: str = "viewer"
    """As in the audit, the metrics and the logs."""
    home: str = "/viewer"

    def system_of(self, session: BrowserSession | None) -> System:
        """The calling system of a session: the standalone viewer, or the host of a launch. Raises AccessDenied."""
        system = self.registry.system(session.system) if session is not None else self.registry.standalone()
        if system is None:
            raise AccessDenied(Code.SYSTEM_UNKNOWN)
        return system

    def page(
        self, handler: "Handler", *, signed_in: bool = True, form: bool = False, returning: bool = False
    ) -> Callable[..., Any]:
        """The aiohttp handler of one page. `form`: it reads a posted form, whose token is checked.

        `returning`: its address carries what a sign-in came back with, so that a refusal is shown at another one.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            started = time.perf_counter()
            turn = Turn(frame=self, request=request, correlation_id=self.correlate(request), now=self.clock())
            error: GatewayError | None = None
            try:
                async with self.gate.place():
                    if form:
                        turn = replace(turn, form=await self._form(request))
                    turn = await self._opened(turn, signed_in=signed_in, form=form)
                    response = await handler(turn)
            except GatewayError as refusal:
                turn = await self._known(turn)
                error, response = refusal, self._told(turn, refusal, returning=returning)
            except PatientChanged:
                error, response = AccessDenied(Code.FORM_TOKEN), self._patient_changed(turn)
            except (web.HTTPException, asyncio.CancelledError):
                raise
            except Exception as bug:  # noqa: BLE001 - whatever it is, the answer is a refusal with a code (I6)
                error = InternalError()
                error.__cause__ = bug
                response = self._told(turn, error, returning=returning)
            if CORRELATION not in response.headers:
                response.headers[CORRELATION] = turn.correlation_id.value
            self.told(self.door, request, turn.correlation_id, response.status, error, time.perf_counter() - started)
            return response

        return handle

    async def _opened(self, turn: "Turn", *, signed_in: bool, form: bool) -> "Turn":
        session = await self.sessions.read(turn.request, turn.now) if signed_in else None
        if form and session is not None and not form_token_fits(session.secret, turn.form.get("csrf", "")):
            raise AccessDenied(Code.FORM_TOKEN)
        return replace(turn, session=session)

    async def _known(self, turn: "Turn") -> "Turn":
        """The turn with the session its browser has, where it has one: who is still signed in is told so, and can sign out."""
        if turn.session is not None or self.sessions.cookie.read(turn.request) is None:
            return turn
        try:
            return replace(turn, session=await self.sessions.read(turn.request, turn.now))
        except GatewayError:
            return turn

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        """The fields of a posted form, each once. Raises MessageInvalid; AccessDenied where another site sent it."""
        if not of_own_site(request):
            raise AccessDenied(Code.FORM_TOKEN)
        async with self.gate.reading(request):
            body = await read_body(request, media_types=(FORM,), most=LARGEST_FORM, seconds=self.body_seconds)
        return read_form(body)

    def _told(self, turn: "Turn", error: GatewayError, *, returning: bool) -> web.Response:
        """The page of an error, or the way to it where this address must not stay in the bar."""
        if not returning:
            return self._refused(turn, error)
        response = self.layout.redirect(f"{self.home}/refused")
        response.headers["X-SCR-Code"] = error.code.slug
        response.headers["X-SCR-Rules"] = " ".join(error.rules)
        self.refused.write(response, brought(error, turn.correlation_id))
        return response

    async def refused_page(self, turn: "Turn") -> web.StreamResponse:
        """GET …/refused: the refusal this browser brings along, as it was; the start where it brings none."""
        told = read_brought(self.refused.read(turn.request))
        if told is None:
            return turn.go(self.home)
        code, rules, correlation_id = told
        return self._page_of(await self._known(turn), code, rules, correlation_id)

    def _page_of(self, turn: "Turn", code: Code, rules: tuple[str, ...], correlation_id: CorrelationId) -> web.Response:
        launched = self.door == "launch"
        response = self.layout.refusal(
            code,
            rules=rules,
            said=LAUNCH_WORDS.get(code) if launched else None,
            session=turn.session,
            patient=None if launched else turn.banner,  # what a launch was refused about is not the patient still open
            home=self.home,
            correlation_id=correlation_id.value,
            links=self._ways_on(turn),
            again=to_send_again(turn.request.path, turn.form) if code.entry.http >= FAULT and not launched else None,
        )
        response.headers[CORRELATION] = correlation_id.value
        return response

    def _refused(self, turn: "Turn", error: GatewayError) -> web.Response:
        """The page of an error, with ways on that fit it."""
        response = self._page_of(turn, error.code, error.rules, turn.correlation_id)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        if error.code in {Code.SESSION_EXPIRED, Code.SESSION_MISSING}:
            self.sessions.cookie.clear(response)
        return response

    def _patient_changed(self, turn: "Turn") -> web.Response:
        closed = turn.session is None or turn.session.context is None
        return self.layout.page(
            "message.jinja",
            status=409,
            headers={"X-SCR-Code": Code.FORM_TOKEN.slug, "X-SCR-Rules": ""},
            session=turn.session,
            home=self.home,
            title="The patient has been closed" if closed else "The patient has changed",
            text=CLOSED_WORDS if closed else CHANGED_WORDS,
            link=self.home,
            link_text="Find a patient" if closed else "Go to the patient now open",
        )

    def _ways_on(self, turn: "Turn") -> list[dict[str, str]]:
        session = turn.session
        if self.door == "launch":
            return []  # the way on is in the host's own window
        if session is None:
            return [{"href": self.home, "text": "Sign in"}]
        if session.context is not None and self.door == "viewer":
            again = {"href": "/viewer/patient", "text": "Back to this patient"}
            other = [] if session.launched else [{"href": "/viewer/find", "text": "Find another patient"}]
            return [again, *other]
        return [{"href": self.home, "text": "Start again"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request to a page, as far as it is proved."""

    frame: Frame
    request: web.Request = field(repr=False)
    correlation_id: CorrelationId
    now: datetime
    session: BrowserSession | None = None
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    arrived: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    """Of the loop's time: before the wait for a place."""

    @property
    def signed_in(self) -> BrowserSession:
        """The session, for handlers that are never called without one."""
        if self.session is None:
            raise AccessDenied(Code.SESSION_MISSING, rules=("P-07",))
        return self.session

    @property
    def banner(self) -> Banner | None:
        """The banner of the session's patient, where it has one."""
        context = self.session.context if self.session is not None else None
        if context is None:
            return None
        return banner(context.id, context.patient, self.now.astimezone(LONDON).date())

    def context(self, system: System | None = None) -> Context:
        """Where this request came from and by when it must be answered. Raises AccessDenied."""
        system = system or self.frame.system_of(self.session)
        located = self.frame.locate(self.request, system)
        return Context(
            door=self.frame.door,
            system=system,
            network=located.network,
            network_allowed=located.network_allowed,
            correlation_id=self.correlation_id,
            now=self.now,
            deadline=self.arrived + self.frame.answer_seconds,
        )

    @property
    def address(self) -> str | None:
        """Where the browser is; behind the proxy, the address the proxy itself named. Raises AccessDenied."""
        return self.frame.locate(self.request, self.frame.system_of(self.session)).address

    @property
    def own_site(self) -> bool:
        """Whether a page of ours, or the person at the browser, sent this request (Fetch Metadata)."""
        return of_own_site(self.request)

    @property
    def credentials(self) -> Credentials:
        """The session's user, as the service takes them."""
        return Credentials(session=self.signed_in.proof)

    def page(self, template: str, **values: Any) -> web.Response:
        """A page with this session's header and patient."""
        shared: dict[str, Any] = {"session": self.session, "home": self.frame.home, "patient": self.banner}
        return self.frame.layout.page(template, **(shared | values))

    def go(self, path: str) -> web.Response:
        """303 to a page of ours."""
        return self.frame.layout.redirect(path)

    async def change(self, changed: Callable[[BrowserSession], BrowserSession]) -> BrowserSession:
        """Changes the session. Raises AccessDenied, NotPossibleNow."""
        return await self.frame.sessions.change(self.signed_in, self.now, changed)


Handler = Callable[[Turn], Awaitable[web.StreamResponse]]
