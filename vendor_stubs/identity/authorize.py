"""The sign-in itself: /authorize, the smartcard and PIN page, the role page, and the redirect with a single-use code.

OIDC Core 3.1 with PKCE S256 (RFC 7636) for every client. A request that names no registered client and address is answered with
a page and never redirected.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web

from vendor_stubs import cast
from vendor_stubs.cast import User
from vendor_stubs.identity import clients, pages
from vendor_stubs.identity.state import Asked, Grant, Pending, Session, State
from vendor_stubs.identity.tokens import SignIn, only_role

STATE = web.AppKey("state", State)
BROWSER_COOKIE = "identity_stub_browser"
SCOPES = ("openid", "profile", "nhsperson", "nationalrbacaccess", "associatedorgs", "selectedrole")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LONGEST = 2048
_WRONG_PIN = "The PIN does not fit the smartcard"


class AskedWrongly(Exception):
    """An authorization request with a fault that the client may be told (RFC 6749 4.1.2.1)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def _unregistered(why: str) -> web.Response:
    return pages.message("This sign-in request cannot be answered", why, status=400)


def _read(fields: Mapping[str, str], *, once: bool) -> Asked:
    """The request as a value; `once`: no parameter came twice. Raises AskedWrongly."""
    if not once:
        raise AskedWrongly("invalid_request", "a parameter is given twice")
    scope = tuple(fields.get("scope", "").split())
    challenge, prompt = fields.get("code_challenge", ""), tuple(fields.get("prompt", "").split())
    max_age = fields.get("max_age")
    if fields.get("response_type") != "code":
        raise AskedWrongly("unsupported_response_type", "only the code flow is offered")
    if "openid" not in scope:
        raise AskedWrongly("invalid_scope", "scope must contain openid")
    if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise AskedWrongly("invalid_request", "PKCE with S256 is mandatory")
    if any(len(value) > _LONGEST for value in fields.values()):
        raise AskedWrongly("invalid_request", "a parameter is too long")
    if max_age is not None and not re.fullmatch(r"\d{1,9}", max_age, re.ASCII):
        raise AskedWrongly("invalid_request", "max_age is a number of seconds")
    if "none" in prompt and len(prompt) > 1:
        raise AskedWrongly("invalid_request", "prompt none stands alone")
    return Asked(
        client_id=fields["client_id"],
        redirect_uri=fields["redirect_uri"],
        scope=tuple(name for name in scope if name in SCOPES),
        state=fields.get("state"),
        nonce=fields.get("nonce"),
        code_challenge=challenge,
        login_hint=fields.get("login_hint"),
        prompt=prompt,
        max_age=None if max_age is None else int(max_age),
    )


def _back(state: State, redirect_uri: str, answer: Mapping[str, str | None]) -> web.Response:
    """303 to the client with the answer in the query, `iss` among it (RFC 9207)."""
    query = urlencode({name: value for name, value in {**answer, "iss": state.issuer}.items() if value is not None})
    response = web.Response(status=303, headers={"Location": f"{redirect_uri}?{query}"})
    pages.secured(response, redirect_uri)
    return response


async def authorize(request: web.Request) -> web.StreamResponse:
    """GET or POST /authorize."""
    state = request.app[STATE]
    given = request.query if request.method == "GET" else await request.post()
    pairs = [(name, value) for name, value in given.items() if isinstance(value, str)]
    fields = dict(pairs)
    client = clients.find(fields.get("client_id", ""))
    if client is None:
        return _unregistered("No such client is registered here.")
    if not client.accepts(fields.get("redirect_uri", "")):
        return _unregistered("The address to return to is not registered for this client.")
    try:
        asked = _read(fields, once=len(pairs) == len(fields) == len(given))
    except AskedWrongly as wrong:
        answer = {"error": wrong.error, "error_description": wrong.description, "state": fields.get("state")}
        return _back(state, fields["redirect_uri"], answer)
    return _begin(request, state, asked, client.name)


def _begin(request: web.Request, state: State, asked: Asked, client_name: str) -> web.StreamResponse:
    """Carry on with a standing session, or show the smartcard page."""
    now = state.clock()
    browser = request.cookies.get(BROWSER_COOKIE) or state.random()
    session = state.sessions.get(browser, now)
    if session and (
        "login" in asked.prompt
        or (asked.max_age is not None and (now - session.auth_time).total_seconds() > asked.max_age)
    ):
        session = None
    name = state.random()
    pending = Pending(asked=asked, browser=browser)
    if session:
        pending = replace(pending, user=session.user, auth_time=session.auth_time, sid=session.sid)
    elif "none" in asked.prompt:
        return _back(state, asked.redirect_uri, {"error": "login_required", "state": asked.state})
    state.pending.put(name, pending, now)
    response = _next(state, name, pending) if session else _card_page(name, pending, client_name)
    response.set_cookie(BROWSER_COOKIE, browser, httponly=True, samesite="Lax", secure=request.secure, path="/")
    return response


def _card_page(name: str, pending: Pending, client_name: str, *, chosen: str = "", error: str = "") -> web.Response:
    return pages.page(
        "card.jinja",
        form_target=pending.asked.redirect_uri,
        sign_in=name,
        client=client_name,
        users=cast.users(),
        chosen=chosen or pending.asked.login_hint or "",
        error=error,
    )


def _roles_page(name: str, pending: Pending, user: User, *, error: str = "") -> web.Response:
    told = {row["person_roleid"]: row["role_name"] for row in cast.userinfo(user)["nhsid_nrbac_roles"]}
    organisations = {role.ods: cast.organisation(role.ods) for role in user.roles}
    roles = [
        {
            "roleid": role.roleid,
            "ods": role.ods,
            "name": told[role.roleid].split(":")[-1].strip('"'),
            "organisation": getattr(organisations[role.ods], "name", ""),
        }
        for role in user.roles
    ]
    return pages.page(
        "roles.jinja", form_target=pending.asked.redirect_uri, sign_in=name, name=user.name, roles=roles, error=error
    )


def _next(state: State, name: str, pending: Pending) -> web.Response:
    """After the PIN: the role page for several roles, else straight back."""
    assert pending.user is not None, "only a signed-in user gets here"
    if len(pending.user.roles) > 1:
        if "none" in pending.asked.prompt:
            return _back(
                state, pending.asked.redirect_uri, {"error": "interaction_required", "state": pending.asked.state}
            )
        return _roles_page(name, pending, pending.user)
    return _finish(state, name, pending, only_role(pending.user))


def _finish(state: State, name: str, pending: Pending, roleid: str | None) -> web.Response:
    """End the sign-in: a session for the browser, a code for the client."""
    now = state.clock()
    state.pending.pop(name, now)
    assert pending.user is not None, "only a signed-in user gets here"
    assert pending.auth_time is not None, "a signed-in user has signed in at some time"
    state.sessions.put(pending.browser, Session(pending.user, pending.auth_time, pending.sid), now)
    code = state.random()
    sign_in = SignIn(user=pending.user, auth_time=pending.auth_time, sid=pending.sid, roleid=roleid)
    state.codes.put(code, Grant(asked=pending.asked, sign_in=sign_in), now)
    return _back(state, pending.asked.redirect_uri, {"code": code, "state": pending.asked.state})


async def _form(request: web.Request) -> tuple[str, Pending | None, dict[str, str]]:
    """A posted form and the sign-in it belongs to, where that was begun in this very browser."""
    fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    state, name = request.app[STATE], fields.get("sign_in", "")
    pending = state.pending.get(name, state.clock())
    if pending is None or pending.browser != request.cookies.get(BROWSER_COOKIE):
        return name, None, fields
    return name, pending, fields


async def card(request: web.Request) -> web.StreamResponse:
    """POST /authorize/card: the chosen smartcard and its PIN."""
    name, pending, fields = await _form(request)
    if pending is None:
        return _unregistered("This sign-in has ended. Go back to your system and begin again.")
    state, uid = request.app[STATE], fields.get("uid", "")
    moved = state.try_pin(name, uid, fields.get("pin", ""), cast.user(uid))
    if moved is None:
        return pages.message(
            "The smartcard is blocked", "Too many wrong PINs. Go back to your system and begin again.", status=403
        )
    if moved.user is None:
        client = clients.find(pending.asked.client_id)
        return _card_page(name, moved, client.name if client else "", chosen=uid, error=_WRONG_PIN)
    return _next(state, name, moved)


async def role(request: web.Request) -> web.StreamResponse:
    """POST /authorize/role: the chosen role."""
    name, pending, fields = await _form(request)
    if pending is None or pending.user is None:
        return _unregistered("This sign-in has ended. Go back to your system and begin again.")
    if fields.get("roleid") not in {held.roleid for held in pending.user.roles}:
        return _roles_page(name, pending, pending.user, error="Choose one of your roles")
    return _finish(request.app[STATE], name, pending, fields["roleid"])
