"""Sign-in of a browser at the identity service: authorization code flow with PKCE S256, nonce and userinfo.

OIDC Core 3.1, RFC 7636, RFC 9207. Never keeps a token: it proves who signed in, reads their roles, and forgets. Never logs.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp

from gateway.domain.access import ProvedUser, User
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, NotPossibleNow
from gateway.identity.asking import ask
from gateway.identity.refusals import refused
from gateway.identity.tokens import IdTokenVerifier
from gateway.identity.userinfo import read_user

SCOPE = "openid profile nhsperson nationalrbacaccess associatedorgs selectedrole"
_LARGEST = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcAddresses:
    """Where the identity service answers."""

    authorize_url: str
    token_url: str
    userinfo_url: str
    seconds: float = 5.0
    """Longest wait for one answer."""


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


class SignIn:
    """The gateway as a client of the identity service (SignInPort)."""

    def __init__(self, session: aiohttp.ClientSession, addresses: OidcAddresses, tokens: IdTokenVerifier) -> None:
        self._session, self._addresses, self._tokens = session, addresses, tokens

    def address(
        self, *, client_id: str, redirect_uri: str, state: str, nonce: str, verifier: str, prompt: str | None
    ) -> str:
        """Where the browser goes to sign in. `prompt` login: whoever signed in before must do so again."""
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        if prompt is not None:
            asked["prompt"] = prompt
        return f"{self._addresses.authorize_url}?{urlencode(asked)}"

    async def finish(
        self, *, code: str, client_id: str, redirect_uri: str, nonce: str, verifier: str, now: datetime
    ) -> tuple[ProvedUser, User]:
        """The code spent: who signed in, with their roles from userinfo.

        Raises AccessDenied (CREDENTIALS_… as IdTokenVerifier says, USER_MISMATCH), NotPossibleNow (a useless answer too).
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": client_id,
            "code_verifier": verifier,
        }
        given = await self._ask("POST", self._addresses.token_url, data=form)
        id_token, access_token = given.get("id_token"), given.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise refused(Code.CREDENTIALS_INVALID, "the identity service gave no tokens")
        proof = (await self._tokens.verify(id_token, client_id, now, nonce=nonce)).user
        bearer = {"Authorization": f"Bearer {access_token}"}
        userinfo = await self._ask("GET", self._addresses.userinfo_url, headers=bearer)
        try:
            return proof, read_user(userinfo, proof.id)
        except InvalidValue as error:
            raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=5) from error

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """One JSON object. Raises AccessDenied where the service refuses, NotPossibleNow where it does not answer."""
        refusal = refused(Code.CREDENTIALS_INVALID, "the identity service refused")
        seconds = self._addresses.seconds
        return await ask(self._session, method, url, most=_LARGEST, seconds=seconds, refusal=refusal, **request)
