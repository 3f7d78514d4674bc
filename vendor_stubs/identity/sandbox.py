"""The sandbox's shortcuts, which no real identity service has: tokens and assertions for the asking, wrong ones by name, key control.

They say what they are. What they hand out is signed like the rest, so the gateway checks it like the rest.
"""

from datetime import timedelta
from typing import Any

from aiohttp import web

from vendor_stubs import cast
from vendor_stubs.cast import User
from vendor_stubs.identity import assertions, clients
from vendor_stubs.identity.assertion_faults import SAML_FAULTS
from vendor_stubs.identity.assertions import Statement
from vendor_stubs.identity.authorize import SCOPES, STATE
from vendor_stubs.identity.keys import ALGORITHMS
from vendor_stubs.identity.state import Asked, Grant
from vendor_stubs.identity.tokens import LIFE, TOKEN_FAULTS, SignIn, id_token_claims, mint, only_role

_SIGNED_IN_BEFORE = timedelta(seconds=30)
"""How long before the request the user is taken to have signed in."""


class BadRequest(Exception):
    """The shortcut was asked for something it does not do; the text goes back to the engineer."""


def _refused(error: BadRequest) -> web.Response:
    return web.json_response({"error": "invalid_request", "error_description": str(error)}, status=400)


async def _fields(request: web.Request, known: set[str]) -> dict[str, Any]:
    """The JSON object of a request; null counts as absent. Raises BadRequest."""
    try:
        given = await request.json()
    except ValueError as error:
        raise BadRequest("send one JSON object") from error
    if not isinstance(given, dict):
        raise BadRequest("send one JSON object")
    fields = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise BadRequest(f"unknown member {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return fields


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} must be a text")
    return value


def _user(fields: dict[str, Any]) -> User:
    user = cast.user(_text(fields, "uid"))
    if user is None:
        raise BadRequest("nobody in the cast has this uid")
    return user


def _roleid(fields: dict[str, Any], user: User) -> str | None:
    if "roleid" not in fields:
        return only_role(user)
    if fields["roleid"] not in {role.roleid for role in user.roles}:
        raise BadRequest("the user does not hold this role; the fault other-role makes such a token")
    return str(fields["roleid"])


def _fault(fields: dict[str, Any], known: tuple[str, ...]) -> str | None:
    fault = fields.get("fault")
    if fault is not None and fault not in known:
        raise BadRequest(f"unknown fault; known: {', '.join(known)}")
    return fault


def somebody_elses_role(user: User) -> str:
    """A role profile of the cast that this user does not hold: the first of another holder."""
    return next(role.roleid for other in cast.users() if other.uid != user.uid for role in other.roles)


async def sandbox_token(request: web.Request) -> web.Response:
    """POST /sandbox/token: an ID token and access token for any user of the cast, without a sign-in."""
    known = {"uid", "client_id", "roleid", "nonce", "acr", "lifetime", "alg", "fault"}
    try:
        return _make_token(request, await _fields(request, known))
    except BadRequest as error:
        return _refused(error)


def _make_token(request: web.Request, fields: dict[str, Any]) -> web.Response:
    state = request.app[STATE]
    user, client_id = _user(fields), _text(fields, "client_id")
    if clients.find(client_id) is None:
        raise BadRequest("no such client is registered here")
    lifetime, alg = fields.get("lifetime", int(LIFE.total_seconds())), fields.get("alg", "ES256")
    if not isinstance(lifetime, int) or isinstance(lifetime, bool) or not 1 <= lifetime <= LIFE.total_seconds():
        raise BadRequest("lifetime is a whole number of seconds from 1 to 3600; the fault long-life makes a longer one")
    if alg not in ALGORITHMS:
        raise BadRequest("alg is ES256 or RS256")
    fault = _fault(fields, TOKEN_FAULTS)
    now, access_token = state.clock(), state.random()
    sign_in = SignIn(user=user, auth_time=now - _SIGNED_IN_BEFORE, sid=state.random(), roleid=_roleid(fields, user))
    claims = id_token_claims(
        sign_in,
        issuer=state.issuer,
        client_id=client_id,
        token_id=state.random(),
        now=now,
        access_token=access_token,
        lifetime=timedelta(seconds=lifetime),
        nonce=_text(fields, "nonce") if "nonce" in fields else None,
        acr=_text(fields, "acr") if "acr" in fields else None,
    )
    asked = Asked(client_id=client_id, redirect_uri="", scope=SCOPES, state=None, nonce=None, code_challenge="")
    state.access.put(access_token, Grant(asked=asked, sign_in=sign_in), now)
    id_token = mint(claims, state.keys, alg, fault, somebody_elses_role(user))
    answer = {"id_token": id_token, "access_token": access_token, "token_type": "Bearer", "expires_in": lifetime}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def sandbox_saml(request: web.Request) -> web.Response:
    """POST /sandbox/saml: a signed assertion.

    Answer: `assertion`, the XML text of the first element for the WS-Security header, and `assertions`, all of them in order
    (more than one only for the faults that need siblings).
    """
    try:
        return _make_assertion(request, await _fields(request, {"uid", "audience", "recipient", "roleid", "fault"}))
    except BadRequest as error:
        return _refused(error)


def _make_assertion(request: web.Request, fields: dict[str, Any]) -> web.Response:
    state = request.app[STATE]
    user, now = _user(fields), state.clock()
    statement = Statement(
        assertion_id=f"_{state.random()}",
        issuer=state.issuer,
        uid=user.uid,
        audience=_text(fields, "audience"),
        recipient=_text(fields, "recipient"),
        assurance=user.assurance,
        issued=now,
        signed_in=now - _SIGNED_IN_BEFORE,
        roleid=_roleid(fields, user),
    )
    fault = _fault(fields, tuple(SAML_FAULTS))
    made = SAML_FAULTS[fault](statement, state.saml_key) if fault else [assertions.issue(statement, state.saml_key)]
    texts = [assertions.write(element) for element in made]
    return web.json_response({"assertion": texts[0], "assertions": texts}, headers={"Cache-Control": "no-store"})


async def control(request: web.Request) -> web.Response:
    """GET or POST /control: `{"rotate": true}` makes new keys, `{"withdraw": kid}` stops publishing one. Answers the key ids."""
    state = request.app[STATE]
    if request.method == "POST":
        try:
            fields = await _fields(request, {"rotate", "withdraw"})
            withdrawn = _text(fields, "withdraw") if "withdraw" in fields else None
        except BadRequest as error:
            return _refused(error)
        if withdrawn is not None and not state.keys.withdraw(withdrawn):
            return _refused(BadRequest("no such key is published"))
        if fields.get("rotate") is True:
            state.keys.rotate()
    current = {alg: state.keys.current(alg).kid for alg in ALGORITHMS}
    return web.json_response({"stub": True, "published": state.keys.kids(), "current": current})
