"""Signing in and out, and choosing the role and care setting to work in (P-07, P-09, P-10, P-14). Asks nothing about any patient.

A sign-in under way is bound to its browser by a cookie of its own, so that several windows may each have one; state, nonce
and PKCE verifier live sealed in the store. Who signs in is who works from then on: never whoever did before in this browser.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from gateway.domain.access import Organisation, ProvedUser, Setting, System, User
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue, MessageInvalid
from gateway.domain.identifiers import RoleProfileId, SystemId
from gateway.pages.frame import Handler, Turn
from gateway.pages.sessions import BrowserSession, Cookie, RoleChoice, signed_in
from gateway.service.calls import Call, Credentials
from gateway.service.ports import KeptPort

SIGNING_IN_LASTS = timedelta(minutes=10)
USED_LASTS = timedelta(minutes=30)
"""How long a return that was used is known again, for a browser's Back button."""
_STATE, _USED = "signing-in", "used"

ERRORS = {
    "interaction_required": Code.ROLE_NOT_CHOSEN,
    "account_selection_required": Code.ROLE_NOT_CHOSEN,
    "temporarily_unavailable": Code.IDENTITY_UNAVAILABLE,
    "server_error": Code.IDENTITY_UNAVAILABLE,
}
"""What an error of the identity service means here (OIDC Core 3.1.2.6); any other: the sign-in was not proved."""


SIGNED_OUT = (
    "You are signed out here. Your sign-in at the identity service may go on in this browser: take your smartcard with you,"
    " and close the browser."
)
"""The gateway ends its own session, and asks nothing of the identity service, which may serve other programs."""

ENDINGS = (
    ("/viewer/signed-out", "You are signed out", SIGNED_OUT),
    (
        "/viewer/timed-out",
        "Your session has ended",
        (
            "For the patient's privacy a page closes when it is not used for a time, and every session ends after 12 hours."
            " Sign in again to go on, or open the record again from your own system."
        ),
    ),
    (
        "/viewer/session-changed",
        "Somebody has signed in",
        "Somebody signed in again in this browser, so the pages of the sign-in before were closed.",
    ),
    (
        "/viewer/patient-changed",
        "The patient has changed",
        "Another patient was opened in this browser, so the page about the one before was closed.",
    ),
    (
        "/viewer/patient-closed",
        "The patient has been closed",
        "The patient was closed in another window of this browser, so this page about them was closed too. No patient is open now.",
    ),
)
"""Pages that only say how something ended: path, title, text."""


def role_words(name: str, code: str) -> str:
    """The last part of a role's name, without the quotes it comes in; its code where it has none."""
    return name.rsplit(":", 1)[-1].strip().strip('"') or code


def choices(user: User) -> tuple[RoleChoice, ...]:
    """The roles a person may choose among."""
    return tuple(
        RoleChoice(id=role.id, organisation=role.organisation, name=role_words(role.name, role.code))
        for role in user.roles
    )


async def to_identity(
    turn: Turn,
    *,
    callback: str,
    system: System | None = None,
    prompt: str | None = "login",
    extra: Mapping[str, str] | None = None,
) -> web.Response:
    """Sends the browser to the identity service, to come back to `callback` (a path of ours) once.

    `system`: on whose behalf, the standalone viewer unless said; `extra` comes back with `proved`. Raises AccessDenied, NotPossibleNow.
    """
    frame = turn.frame
    system = system or frame.system_of(None)
    secret, asked = frame.seal.secret(), {name: frame.seal.secret() for name in ("state", "nonce", "verifier")}
    kept = {**(extra or {}), **asked, "callback": callback, "system": system.id.value}
    await frame.shelf.put(
        secret,
        state=_STATE,
        data=frame.seal.close(secret, kept),
        now=turn.now,
        expires=turn.now + SIGNING_IN_LASTS,
    )
    address = frame.sign_in.address(
        client_id=system.client_id, redirect_uri=frame.public_url + callback, prompt=prompt, **asked
    )
    response = frame.layout.redirect(address)
    _cookie(turn, asked["state"]).write(response, secret, lasts=SIGNING_IN_LASTS + USED_LASTS)
    return response


def _cookie(turn: Turn, state: str) -> Cookie:
    """The cookie of the sign-in with this state; its name does not tell the state."""
    cookie = turn.frame.signing_in
    return replace(cookie, name=f"{cookie.name}-{hashlib.sha256(state.encode('utf-8', 'replace')).hexdigest()[:16]}")


async def _begun(turn: Turn) -> tuple[str, KeptPort] | tuple[None, None]:
    """(secret, what is kept) of the sign-in that this return belongs to, where this browser began it. Raises NotPossibleNow."""
    secret = _cookie(turn, turn.request.query.get("state", "")).read(turn.request)
    kept = await turn.frame.shelf.get(secret, now=turn.now) if secret is not None else None
    return (secret, kept) if secret is not None and kept is not None else (None, None)


def _code(turn: Turn) -> str:
    """What tells one return of a sign-in from another: each proof of a person comes with a code of its own."""
    return hashlib.sha256(turn.request.query.get("code", "").encode("utf-8", "replace")).hexdigest()


def begin(callback: str) -> Handler:
    """GET …/sign-in of a page whose users come by themselves; each signs in anew."""

    async def handle(turn: Turn) -> web.StreamResponse:
        return await to_identity(turn, callback=callback)

    return handle


async def _spent(turn: Turn) -> dict[str, str]:
    """What this browser's sign-in began with; it is good for one return only. Raises AccessDenied."""
    frame = turn.frame
    secret, kept = await _begun(turn)
    if secret is None or kept is None or kept.state != _STATE:
        raise AccessDenied(Code.SESSION_EXPIRED, rules=("P-07",))
    data = frame.seal.open(secret, kept.data)
    used = {"code": _code(turn)}
    expires = turn.now + USED_LASTS
    spent = await frame.shelf.change(
        secret, version=kept.version, state=_USED, data=used, now=turn.now, expires=expires
    )
    if not spent or not hmac.compare_digest(data["state"].encode(), turn.request.query.get("state", "").encode()):
        raise AccessDenied(Code.CREDENTIALS_INVALID, rules=("P-07",))
    return data


async def standing(turn: Turn) -> BrowserSession | None:
    """The session of a browser that comes back to a return it has used, as its Back button does; None for any other return.

    The very same return proves nobody anew: who is signed in goes on where they were, and nothing was refused that anybody
    need look into. Another code for a sign-in that was used means that somebody has signed in on its page once more: that
    is refused, and whoever was signed in before is signed out, lest the one go on as the other. Raises NotPossibleNow.
    """
    _, kept = await _begun(turn)
    if kept is None or kept.state != _USED:
        return None
    session = await here(turn)
    if session is None or kept.data.get("code") == _code(turn):
        return session
    await ended(turn, session)
    return None


async def here(turn: Turn) -> BrowserSession | None:
    """Whoever is signed in in this browser. Raises NotPossibleNow."""
    try:
        return await turn.frame.sessions.read(turn.request, turn.now)
    except AccessDenied:
        return None


async def ended(turn: Turn, session: BrowserSession) -> None:
    """Signs out whom another sign-in follows, on record as any sign-out. Raises NotPossibleNow."""
    if session.role is not None:
        call = Call(action="signOut", credentials=Credentials(session=session.proof))
        await turn.frame.service.note_session("signOut", "replaced", call, turn.context(turn.frame.system_of(session)))
    await turn.frame.sessions.end(session)


async def begun(turn: Turn, session: BrowserSession) -> BrowserSession:
    """A new session, in place of the one this browser had: what was open in it is closed. Raises NotPossibleNow."""
    before = await here(turn)
    if before is not None:
        await ended(turn, before)
    return await turn.frame.sessions.begin(session)


async def proved(turn: Turn) -> tuple[ProvedUser, User, System, Mapping[str, str]]:
    """A return from the identity service: who signed in, with roles, for which system, and the `extra` of `to_identity`.

    Raises AccessDenied (CREDENTIALS_…, SESSION_EXPIRED, ROLE_NONE, ROLE_NOT_CHOSEN), audited as rejected; NotPossibleNow.
    """
    context = turn.context(turn.frame.system_of(None))
    try:
        asked = await _spent(turn)
        system = turn.frame.registry.system(SystemId(asked["system"])) or context.system
        context = turn.context(system)
        proof, user = await _finished(turn, asked, system)
    except AccessDenied as error:
        await turn.frame.service.reject(error, Call(action="signIn"), context)
        raise
    return proof, user, system, asked


async def _finished(turn: Turn, asked: Mapping[str, str], system: System) -> tuple[ProvedUser, User]:
    query = turn.request.query
    if "error" in query:
        code = ERRORS.get(query["error"], Code.CREDENTIALS_MISSING)
        raise AccessDenied(code, rules=("P-09",) if code is Code.ROLE_NOT_CHOSEN else ("P-07",))
    proof, user = await turn.frame.sign_in.finish(
        code=query.get("code", ""),
        client_id=system.client_id,
        redirect_uri=turn.frame.public_url + asked["callback"],
        nonce=asked["nonce"],
        verifier=asked["verifier"],
        now=turn.now,
    )
    if not user.roles:
        raise AccessDenied(Code.ROLE_NONE, rules=("P-10",))
    return proof, user


async def returned(turn: Turn) -> BrowserSession:
    """GET …/callback: a session begun in the one role there is, or the one chosen at sign-in. Raises as `proved`."""
    proof, user, system, _ = await proved(turn)
    roles = choices(user)
    session = signed_in(proof, name=user.name, system=system.id, roles=roles, now=turn.now)
    role = proof.selected_role or (roles[0].id if len(roles) == 1 else None)
    if role is not None:
        session = working_as(turn, session, role)
        call = Call(action="signIn", credentials=Credentials(session=session.proof))
        await turn.frame.service.note_session("signIn", "signed-in", call, turn.context(system))
    return await begun(turn, session)


def working_as(turn: Turn, session: BrowserSession, role: RoleProfileId) -> BrowserSession:
    """The session in one of the person's own roles, at that role's organisation. Raises AccessDenied (ROLE_NOT_HELD)."""
    chosen = next((one for one in session.roles if one.id == role), None)
    if chosen is None or (session.role is not None and session.role != role):
        raise AccessDenied(Code.ROLE_NOT_HELD, rules=("P-09",))
    organisation = turn.frame.registry.organisation(chosen.organisation)
    setting = organisation.settings[0] if organisation is not None and len(organisation.settings) == 1 else None
    return replace(
        session,
        role=role,
        organisation=chosen.organisation,
        organisation_name=organisation.name if organisation is not None else chosen.organisation.value,
        setting=setting,
    )


def next_step(session: BrowserSession) -> str:
    """Where a signed-in browser goes on: the first thing not yet chosen."""
    if session.role is None:
        return "/viewer/role"
    if session.setting is None:
        return "/viewer/setting"
    return "/viewer/find" if session.context is None else "/viewer/patient"


async def callback(turn: Turn) -> web.StreamResponse:
    """GET /viewer/callback."""
    if (session := await standing(turn)) is not None:
        return turn.go(next_step(session))
    session = await returned(turn)
    response = turn.go(next_step(session))
    turn.frame.sessions.cookie.write(response, session.secret)
    return response


async def start(turn: Turn) -> web.StreamResponse:
    """GET /viewer: what this is and the way in; on to the next step where somebody is signed in."""
    session = await here(turn)
    return turn.frame.layout.page("start.jinja") if session is None else turn.go(next_step(session))


def _organisation(turn: Turn) -> Organisation | None:
    ods = turn.signed_in.organisation
    return turn.frame.registry.organisation(ods) if ods is not None else None


async def role_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/role."""
    return _role_form(turn)


def _role_form(turn: Turn, error: str | None = None) -> web.Response:
    registry = turn.frame.registry
    rows = []
    for one in turn.signed_in.roles:
        organisation = registry.organisation(one.organisation)
        rows.append({"role": one, "organisation": organisation.name if organisation else one.organisation.value})
    problems = [{"text": error, "href": "#role"}] if error else None
    return turn.page("role.jinja", rows=rows, problems=problems, error=error)


async def choose_role(turn: Turn) -> web.StreamResponse:
    """POST /viewer/role: one of the person's own roles, for this whole session."""
    named = turn.form.get("role", "")
    if not named:
        return _role_form(turn, "Choose the role you are working in")
    try:
        role = RoleProfileId(named)
    except InvalidValue as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error
    context = turn.context()
    try:
        changed = await turn.change(lambda session: working_as(turn, session, role))
    except AccessDenied as error:
        await turn.frame.service.reject(error, Call(action="chooseRole", credentials=turn.credentials), context)
        raise
    call = Call(action="chooseRole", credentials=Credentials(session=changed.proof))
    await turn.frame.service.note_session("chooseRole", "signed-in", call, context)
    return turn.go(next_step(changed))


async def setting_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/setting."""
    return _setting_form(turn)


def _setting_form(turn: Turn, error: str | None = None) -> web.Response:
    organisation = _organisation(turn)
    settings = organisation.settings if organisation is not None else ()
    problems = [{"text": error, "href": "#setting"}] if error else None
    return turn.page("setting.jinja", settings=settings, problems=problems, error=error)


async def choose_setting(turn: Turn) -> web.StreamResponse:
    """POST /viewer/setting. Whether the organisation may view in it is decided with the first thing asked there."""
    named = turn.form.get("setting", "")
    if not named:
        return _setting_form(turn, "Choose the care setting you are working in")
    if turn.signed_in.launched:
        raise AccessDenied(Code.SETTING_NOT_REGISTERED, rules=("P-15",))
    try:
        setting = Setting(named)
    except InvalidValue as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error
    changed = await turn.change(lambda session: replace(session, setting=setting, context=None))
    return turn.go(next_step(changed))


async def sign_out(turn: Turn) -> web.StreamResponse:
    """POST /viewer/sign-out: the session ends here and now."""
    session = turn.signed_in
    if session.role is not None:
        call = Call(action="signOut", credentials=turn.credentials)
        await turn.frame.service.note_session("signOut", "signed-out", call, turn.context())
    await turn.frame.sessions.end(session)
    response = turn.go(f"{turn.frame.home}/signed-out")
    turn.frame.sessions.cookie.clear(response)
    return response


async def stay(turn: Turn) -> web.StreamResponse:
    """POST /viewer/stay: marks the session as used; the script's answer to "stay signed in"."""
    del turn
    return web.Response(status=204, headers={"Cache-Control": "no-store"})


def told(title: str, text: str, *, link: str, link_text: str) -> Handler:
    """A page that only says something: signed out, timed out, patient changed."""

    async def handle(turn: Turn) -> web.StreamResponse:
        return turn.frame.layout.page("message.jinja", title=title, text=text, link=link, link_text=link_text)

    return handle
