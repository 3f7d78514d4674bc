"""The privacy officer's pages: signing in, the role, and what all of them share. Every page is decided before it is built.

Sign-in is the viewer's own (OIDC with PKCE); the session is another one, under a cookie of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue, MessageInvalid
from gateway.domain.identifiers import NhsNumber, RoleProfileId
from gateway.domain.permission import AccessClaims
from gateway.domain.privacy import AlertPage, Entries
from gateway.pages import privacy_words as words
from gateway.pages import sign_in
from gateway.pages.frame import Handler, Turn
from gateway.pages.sessions import BrowserSession
from gateway.service.calls import Call, Credentials
from gateway.service.privacy import Desk, Privacy, PrivacyCall

HOME = "/privacy"
CALLBACK = "/privacy/callback"
QUEUE = "/privacy/alerts"
MOST_EXPORTED = 10_000
"""Rows of one export; more is refused with a word about a shorter span, never cut off unseen."""
FORMS = {
    "csv": ("text/csv", "csv"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "fhir": ("application/fhir+json", "json"),
}


class FilesPort(Protocol):
    """Writes exports."""

    def entries(self, form: str, found: Entries) -> bytes:
        """Audit entries as csv, jsonl or fhir, with the names of those that cannot be read."""

    def alerts(self, form: str, found: AlertPage) -> bytes:
        """Alerts as csv, jsonl or fhir, with the names of those that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every page of the workbench is made from."""

    privacy: Privacy
    files: FilesPort

    async def desk(self, turn: Turn, action: str, *, patient: NhsNumber | None = None, report: bool = False) -> Desk:
        """The decision on this page. Raises AccessDenied, PolicyRefused, NotPossibleNow, all on record."""
        setting = turn.signed_in.setting
        call = PrivacyCall(
            action=action,
            credentials=turn.credentials,
            claims=AccessClaims(setting=setting.code if setting is not None else None),
            patient=patient,
            report=report,
        )
        return await self.privacy.open(call, turn.context())

    def working(self, handler: Handler) -> Handler:
        """The handler for those who have chosen a role; others choose first."""

        async def handle(turn: Turn) -> web.StreamResponse:
            if turn.signed_in.role is None:
                return turn.go("/privacy/role")
            return await handler(turn)

        return handle


def shown(turn: Turn, template: str, here: str, **values: Any) -> web.Response:
    """A page of the workbench. `here`: which part of it, for the navigation."""
    return turn.page(f"privacy/{template}.jinja", here=here, words=words, **values)


def again(response: web.Response, code: Code = Code.MESSAGE_VALUE) -> web.Response:
    """A form shown again because of what was sent."""
    response.set_status(code.entry.http)
    response.headers["X-SCR-Code"] = code.slug
    return response


def exported(form: str, name: str, body: bytes) -> web.Response:
    """A file to keep. Raises MessageInvalid for a form there is not."""
    if form not in FORMS:
        raise MessageInvalid(Code.MESSAGE_VALUE)
    media_type, suffix = FORMS[form]
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}.{suffix}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(body=body, content_type=media_type, charset="utf-8", headers=headers)


def number_of(turn: Turn, form: Mapping[str, str], name: str = "nhs_number") -> NhsNumber:
    """The NHS number typed. Raises InvalidValue, whose text does not repeat it."""
    if not form.get(name, "").strip():
        raise InvalidValue("Enter the patient's NHS number")
    try:
        return turn.frame.numbers.read_typed(form[name])
    except InvalidValue as error:
        raise InvalidValue(f"Check the NHS number: {error}") from error


async def start(turn: Turn) -> web.StreamResponse:
    """GET /privacy: what this is and the way in."""
    session = await sign_in.here(turn)
    return turn.frame.layout.page("privacy/start.jinja", home=HOME) if session is None else turn.go(_next_step(session))


def _next_step(session: BrowserSession) -> str:
    return QUEUE if session.role is not None else "/privacy/role"


async def callback(turn: Turn) -> web.StreamResponse:
    """GET /privacy/callback."""
    if (known := await sign_in.standing(turn)) is not None:
        return turn.go(_next_step(known))
    session = await sign_in.returned(turn)
    response = turn.go(_next_step(session))
    turn.frame.sessions.cookie.write(response, session.secret)
    return response


async def role_page(turn: Turn) -> web.StreamResponse:
    """GET /privacy/role."""
    return turn.page("privacy/role.jinja")


async def choose_role(turn: Turn) -> web.StreamResponse:
    """POST /privacy/role: one of the person's own roles, once. Raises AccessDenied (ROLE_NOT_HELD)."""
    try:
        role = RoleProfileId(turn.form.get("role", ""))
    except InvalidValue:
        problems = [{"text": "Choose the role you are working in", "href": "#role"}]
        return again(turn.page("privacy/role.jinja", problems=problems))
    context = turn.context()
    try:
        changed = await turn.change(lambda stored: sign_in.working_as(turn, stored, role))
    except AccessDenied as error:
        await turn.frame.service.reject(error, Call(action="chooseRole", credentials=turn.credentials), context)
        raise
    call = Call(action="chooseRole", credentials=Credentials(session=changed.proof))
    await turn.frame.service.note_session("chooseRole", "signed-in", call, context)
    return turn.go(QUEUE)


def endings() -> Iterable[tuple[str, Handler]]:
    """Pages that say how a session ended."""
    for path, title, text in (
        ("/privacy/signed-out", "You are signed out", sign_in.SIGNED_OUT),
        (
            "/privacy/session-changed",
            "Somebody has signed in",
            "Somebody signed in again in this browser, so this page was closed.",
        ),
        ("/privacy/timed-out", "Your session has ended", "The page was not used for a time, so it was closed."),
    ):
        yield path, _ended(title, text)


def _ended(title: str, text: str) -> Handler:
    async def handle(turn: Turn) -> web.StreamResponse:
        return turn.frame.layout.page("message.jinja", home=HOME, title=title, text=text, link=HOME, link_text="Go on")

    return handle
