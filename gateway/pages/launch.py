"""One-click launches in the browser: a code or token is spent, bound to this browser, its user signs in, the patient is confirmed.

Every address after the first is clean and every redirect leads to a fixed place. Permission step and record page are the
viewer's own. Never shows anything of the patient before the launch's own user has signed in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from gateway.domain.access import ProvedUser, System, User
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InternalError
from gateway.domain.instants import from_iso
from gateway.pages.contexts import PatientContext
from gateway.pages.frame import Turn
from gateway.pages.sessions import BrowserSession, Cookie, signed_in
from gateway.pages.sign_in import begun, choices, ended, here, next_step, proved, standing, to_identity
from gateway.service.calls import Call, Credentials
from gateway.service.doors import WireRequest
from gateway.service.identify import Caller
from gateway.service.launching import ArrivalCall, LaunchClaims, Launching, launch_call
from gateway.service.outcomes import Traced

HOME = "/launch"
CALLBACK = "/launch/callback"
_CODE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def _plain(turn: Turn, *, title: str, text: str, status: int = 200) -> web.Response:
    return turn.frame.layout.page("message.jinja", status=status, title=title, text=text, home=HOME)


def button(turn: Turn, action: str, fields: Mapping[str, str], leads_to: str) -> web.Response:
    """A page with one button, which a person presses and nothing else does. `leads_to`: the origin its redirects go on to."""
    origins = " ".join(dict.fromkeys((leads_to, turn.frame.layout.identity_origin)))
    return turn.frame.layout.page("launch.jinja", form_target=origins, action=action, fields=fields, home=HOME)


async def unproved(turn: Turn, error: GatewayError) -> GatewayError:
    """Traces a launch of which not even the system is known; the error to answer with."""
    request = turn.request
    wire = WireRequest(
        method=request.method,
        path=request.path,
        headers={},
        body=b"",
        system=None,
        correlation_id=turn.correlation_id,
        now=turn.now,
    )
    return await turn.frame.service.reject_unproved(error, wire, turn.frame.door, request.remote or "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPages:
    """The steps every launch takes in the browser."""

    launching: Launching
    cookie: Cookie
    """Binds an opened launch to the browser that brought it."""

    async def code_page(self, turn: Turn) -> web.StreamResponse:
        """GET /launch?code=…: one button. Looking spends nothing, whoever looks."""
        code = turn.request.query.get("code")
        if code is None:
            text = "Open the record from your clinical system. There is nothing to see at this address by itself."
            return _plain(turn, title="Open a Summary Care Record", text=text)
        _checked(code)
        await self.launching.issued(code, turn.now)
        return button(turn, "/launch/open", {"code": code}, turn.frame.layout.identity_origin)

    async def open_code(self, turn: Turn) -> web.StreamResponse:
        """POST /launch/open: spends the code; of two that bring it one wins."""
        code = turn.form.get("code", "")
        _checked(code)
        try:
            launch = await self.launching.issued(code, turn.now)
        except AccessDenied as error:
            raise await unproved(turn, error) from error
        return await self.opened(turn, code, self._system(turn, launch))

    @staticmethod
    def _system(turn: Turn, launch: LaunchClaims) -> System:
        """The launch's system as registered now."""
        system = turn.frame.registry.system(launch.system)
        if system is None:
            raise AccessDenied(Code.SYSTEM_UNKNOWN)
        return system

    async def opened(self, turn: Turn, code: str, system: System) -> web.Response:
        context = turn.context(system)
        organisation = turn.frame.registry.organisation(system.organisation) if system.organisation else None
        try:
            secret = await self.launching.open(code, context, Caller(organisation=organisation))
        except AccessDenied as error:
            await turn.frame.service.reject(error, Call(action="openLaunch"), context)
            raise
        response = turn.go("/launch/sign-in")
        self.cookie.write(response, secret)
        return response

    async def sign_in(self, turn: Turn) -> web.StreamResponse:
        """GET /launch/sign-in: to the identity service; nobody signs in twice for a next patient of the same host and role."""
        secret, launch = await self._arrival(turn)
        before = await here(turn)
        if before is not None and _belongs(before, launch):
            return await self._next_patient(turn, before, secret, launch)
        if before is not None:
            await ended(turn, before)
        somebody_else = before is not None and before.user != launch.user
        return await self._to_identity(turn, secret, launch, prompt="login" if somebody_else else None)

    async def _to_identity(self, turn: Turn, secret: str, launch: LaunchClaims, *, prompt: str | None) -> web.Response:
        extra = {"launch": secret, "begun": turn.now.replace(microsecond=0).isoformat()}
        return await to_identity(turn, callback=CALLBACK, system=self._system(turn, launch), prompt=prompt, extra=extra)

    async def _arrival(self, turn: Turn) -> tuple[str, LaunchClaims]:
        secret = self.cookie.read(turn.request)
        if secret is None:
            raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
        return secret, await self.launching.opened(secret, turn.now)

    async def _next_patient(
        self, turn: Turn, session: BrowserSession, secret: str, launch: LaunchClaims
    ) -> web.Response:
        """The same user, another patient: the context before is closed first, whatever happens then."""
        turn = replace(turn, session=session)
        turn = replace(turn, session=await turn.change(lambda stored: replace(stored, context=None)))
        await self.launching.close(secret)
        try:
            context = await self._arrived(turn, launch, Credentials(session=session.proof))
        except GatewayError:
            await turn.frame.sessions.end(session)
            raise
        await turn.change(lambda stored: replace(stored, context=context))
        response = turn.go("/viewer/patient")
        self.cookie.clear(response)
        return response

    async def _arrived(self, turn: Turn, launch: LaunchClaims, credentials: Credentials) -> PatientContext:
        """The patient, for the user who signed in. Raises as `Launching.arrive`."""
        call = ArrivalCall(action="launch", credentials=credentials, launch=launch, claims=launch_call(launch).claims)
        traced = await turn.frame.service.ask(call, turn.context(self._system(turn, launch)))
        if not isinstance(traced, Traced):
            raise InternalError
        return PatientContext(id=turn.frame.seal.secret()[:22], asked=launch.patient, patient=traced.patient)

    async def callback(self, turn: Turn) -> web.StreamResponse:
        """GET /launch/callback: who signed in must be whom the launch names, in its role; then the patient is shown to confirm."""
        if (session := await standing(turn)) is not None:
            return turn.go(next_step(session))
        proof, user, system, extra = await proved(turn)
        # of this very sign-in, whichever other launches this browser has open
        secret = extra.get("launch", "")
        launch = await self.launching.opened(secret, turn.now)
        if system.id != launch.system:
            raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
        if user.id != launch.user and proof.authenticated < from_iso(extra["begun"]):
            # nobody signed in just now: the identity service told of whoever used this browser before
            return await self._to_identity(turn, secret, launch, prompt="login")
        await self.launching.close(secret)
        credentials = Credentials(session=_in_role(proof, user))
        context = await self._arrived(turn, launch, credentials)
        await turn.frame.service.note_session(
            "signIn", "signed-in", Call(action="signIn", credentials=credentials), turn.context(system)
        )
        assert credentials.session is not None
        session = await begun(turn, _session(turn, credentials.session, user, system, context))
        response = turn.go("/viewer/patient")
        turn.frame.sessions.cookie.write(response, session.secret)
        if self.cookie.read(turn.request) == secret:
            self.cookie.clear(response)
        return response


def _belongs(session: BrowserSession, launch: LaunchClaims) -> bool:
    """Whether a session is the launch's own user, role and host."""
    same = (session.user, session.role, session.system) == (launch.user, launch.role, launch.system)
    return session.launched and same


def _checked(code: str) -> None:
    if not _CODE.fullmatch(code):
        raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))


def _in_role(proof: ProvedUser, user: User) -> ProvedUser:
    """The proof in the one role there is, where the sign-in named none; who they are and in which role is judged with the arrival."""
    if proof.selected_role is None and len(user.roles) == 1:
        return replace(proof, selected_role=user.roles[0].id)
    return proof


def _session(turn: Turn, proof: ProvedUser, user: User, system: System, context: PatientContext) -> BrowserSession:
    """A session bound to the launching system's place."""
    organisation = turn.frame.registry.organisation(system.organisation) if system.organisation else None
    return signed_in(
        proof,
        name=user.name,
        system=system.id,
        roles=choices(user),
        now=turn.now,
        role=proof.selected_role,
        organisation=system.organisation,
        organisation_name=organisation.name if organisation is not None else "",
        setting=system.setting,
        launched=True,
        context=context,
    )
