"""The machine side of the stub: discovery, keys, token, userinfo, sign-out, SAML metadata.

OIDC Core, Discovery and RP-Initiated Logout. A code is taken out before anything else is looked at, so that it works once at most.
"""

import json
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from vendor_stubs import cast
from vendor_stubs.identity import assertions, clients, pages
from vendor_stubs.identity.authorize import BROWSER_COOKIE, SCOPES, STATE
from vendor_stubs.identity.keys import ALGORITHMS
from vendor_stubs.identity.state import ACCESS_LIFE, Grant, State
from vendor_stubs.identity.tokens import id_token_claims, mint
from vendor_stubs.pkce import proves

_NO_STORE = {"Cache-Control": "no-store"}
_SCOPE_CLAIMS = {
    "profile": ("name", "family_name", "given_name", "uid"),
    "nhsperson": ("nhsid_useruid",),
    "nationalrbacaccess": ("nhsid_nrbac_roles",),
    "associatedorgs": ("nhsid_user_orgs",),
}


async def discovery(request: web.Request) -> web.Response:
    """GET /.well-known/openid-configuration."""
    issuer = request.app[STATE].issuer
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/end_session",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": ["none", "login"],
        "stub": "This is a sandbox stub: it proves nobody.",
    }
    return web.json_response(document)


async def jwks(request: web.Request) -> web.Response:
    """GET /jwks."""
    return web.json_response(request.app[STATE].keys.jwks(), headers={"Cache-Control": "max-age=60"})


async def saml_metadata(request: web.Request) -> web.Response:
    """GET /saml/metadata."""
    state = request.app[STATE]
    return web.Response(
        body=assertions.metadata(state.issuer, state.saml_key), content_type="application/samlmetadata+xml"
    )


def _refused(error: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status, headers=_NO_STORE)


async def token(request: web.Request) -> web.Response:
    """POST /token: a code for an ID token and an opaque access token."""
    state = request.app[STATE]
    form = await request.post()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    code = fields.get("code", "")
    grant = state.codes.pop(code, state.clock())
    if fields.get("grant_type") != "authorization_code":
        return _refused("unsupported_grant_type", "only authorization_code is offered")
    if grant is None:
        _revoke_spent(state, code)
        return _refused("invalid_grant", "the code is unknown, expired or used")
    if (fields.get("client_id"), fields.get("redirect_uri")) != (grant.asked.client_id, grant.asked.redirect_uri):
        return _refused("invalid_grant", "the code was given to another client or address")
    if not proves(fields.get("code_verifier", ""), grant.asked.code_challenge):
        return _refused("invalid_grant", "the code verifier does not fit")
    return web.json_response(_tokens(state, grant, code), headers=_NO_STORE)


def _revoke_spent(state: State, code: str) -> None:
    """A code used twice may be stolen: what it gave the first time ends (RFC 6749 4.1.2)."""
    given = state.spent.pop(code, state.clock())
    if given is not None:
        state.access.pop(given, state.clock())


def _tokens(state: State, grant: Grant, code: str) -> dict[str, Any]:
    now, access_token = state.clock(), state.random()
    claims = id_token_claims(
        grant.sign_in,
        issuer=state.issuer,
        client_id=grant.asked.client_id,
        token_id=state.random(),
        now=now,
        access_token=access_token,
        nonce=grant.asked.nonce,
    )
    state.access.put(access_token, grant, now)
    state.spent.put(code, access_token, now)
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "scope": " ".join(grant.asked.scope),
        "id_token": mint(claims, state.keys, "ES256"),
    }


async def userinfo(request: web.Request) -> web.Response:
    """GET or POST /userinfo with a bearer access token: what its scopes release."""
    state = request.app[STATE]
    scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
    grant = state.access.get(access_token, state.clock()) if scheme.lower() == "bearer" else None
    if grant is None:
        refused = {**_NO_STORE, "WWW-Authenticate": 'Bearer realm="sandbox", error="invalid_token"'}
        return web.json_response({"error": "invalid_token"}, status=401, headers=refused)
    everything = cast.userinfo(grant.sign_in.user)
    released = {"sub", *(claim for scope in grant.asked.scope for claim in _SCOPE_CLAIMS.get(scope, ()))}
    return web.json_response({name: value for name, value in everything.items() if name in released}, headers=_NO_STORE)


async def end_session(request: web.Request) -> web.StreamResponse:
    """GET or POST /end_session: forget this browser; back to the client where hint and address allow it."""
    state = request.app[STATE]
    given = request.query if request.method == "GET" else await request.post()
    fields = {name: value for name, value in given.items() if isinstance(value, str)}
    state.sessions.pop(request.cookies.get(BROWSER_COOKIE, ""), state.clock())
    client = clients.find(_hinted_client(state, fields.get("id_token_hint", "")) or fields.get("client_id", ""))
    target = fields.get("post_logout_redirect_uri", "")
    response: web.StreamResponse
    if client is not None and client.accepts_after_sign_out(target):
        query = f"?{urlencode({'state': fields['state']})}" if "state" in fields else ""
        response = web.Response(status=303, headers={"Location": target + query})
        pages.secured(response)
    else:
        response = pages.message("You are signed out", "Take your smartcard out of the reader.")
    response.del_cookie(BROWSER_COOKIE, path="/")
    return response


def _hinted_client(state: State, hint: str) -> str | None:
    """The client an ID token of ours was made for; expired ones count too (RP-Initiated Logout section 2)."""
    try:
        read = jws.deserialize_compact(hint, KeySet.import_key_set(state.keys.jwks()), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
        audience = json.loads(read.payload)["aud"]
    except (JoseError, ValueError, KeyError):
        return None
    return audience if isinstance(audience, str) else None
