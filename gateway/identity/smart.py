"""SMART App Launch 2.x, EHR launch, with the gateway as the app: discovery, authorisation address, code for context.

HL7 SMART App Launch 2.2, OIDC Core, RFC 7636. Speaks only to an issuer of the registry, at that issuer's own origin, follows no
redirect, keeps no token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.identifiers import NhsNumbers
from gateway.identity.asking import ask
from gateway.identity.launch_tokens import expiry, invalid, keys_of, launch_claims, signed_claims
from gateway.identity.oidc import challenge
from gateway.identity.refusals import refused
from gateway.service.launching import LaunchClaims

CLIENT_ID = "scr-gateway"
SCOPE = "launch openid fhirUser"
_LARGEST = 64 * 1024
_LONGEST_LIFE = timedelta(minutes=5)
_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one authorisation request is recognised by when its answer comes."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartClient:
    """The gateway as a SMART app (SmartPort)."""

    session: aiohttp.ClientSession
    redirect_uri: str
    numbers: NhsNumbers
    seconds: float = 5.0
    """Longest wait for one answer."""

    async def address(self, system: System, launch: str, asked: Asked) -> tuple[str, str]:
        """(where the browser goes to authorise, where the code is changed). Raises AccessDenied (LAUNCH_INVALID), NotPossibleNow."""
        issuer = system.smart_issuer or ""
        found = await self._ask("GET", f"{issuer}/.well-known/smart-configuration")
        authorize, token = (_own_address(found, name, issuer) for name in ("authorization_endpoint", "token_endpoint"))
        if "S256" not in found.get("code_challenge_methods_supported", ()):
            invalid("the host does not offer PKCE with S256")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": CLIENT_ID,
                "redirect_uri": self.redirect_uri,
                "scope": SCOPE,
                "state": asked.state,
                "nonce": asked.nonce,
                "aud": issuer,
                "launch": launch,
                "code_challenge": challenge(asked.verifier),
                "code_challenge_method": "S256",
            }
        )
        return f"{authorize}?{query}", token

    async def finish(self, system: System, token_url: str, code: str, asked: Asked, now: datetime) -> LaunchClaims:
        """The code changed for the launch's context. Raises AccessDenied (LAUNCH_…), MessageInvalid, NotPossibleNow."""
        if system.launch_jwks is None or system.smart_issuer is None:
            invalid("the system does not launch by SMART")
        given = await self._ask(
            "POST",
            token_url,
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "client_id": CLIENT_ID,
                "code_verifier": asked.verifier,
            },
        )
        if not {"launch", "openid", "fhirUser"} <= set(str(given.get("scope", "")).split()):
            invalid("the host did not grant what was asked")
        said = signed_claims(
            str(given.get("id_token", "")), keys_of(system.launch_jwks), types=frozenset({"JWT", None})
        )
        return self._context(given, said, system, asked, now)

    def _context(
        self, given: Mapping[str, Any], said: Mapping[str, Any], system: System, asked: Asked, now: datetime
    ) -> LaunchClaims:
        """The ID token checked (OIDC Core 3.1.3.7) and the patient beside it."""
        if said.get("iss") != system.smart_issuer or said.get("aud") != CLIENT_ID:
            invalid("iss or aud of the host's ID token is wrong")
        if said.get("nonce") != asked.nonce:
            invalid("nonce is not the one sent")
        expires = expiry(said, now, longest=_LONGEST_LIFE, skew=_SKEW)
        if said.get("fhirUser") != f"{system.smart_issuer}/Practitioner/{said.get('sub')}":
            invalid("fhirUser is not the user")
        context = {
            "sub": said.get("sub"),
            "role": said.get("selected_roleid"),
            "org": system.organisation.value if system.organisation else "",
            "nhs_number": given.get("patient"),
            "birthdate": said.get("patient_birthdate"),
            "purpose": said.get("purpose"),
        }
        return launch_claims(context, system, self.numbers, token_name=asked.nonce, expires=expires)

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """One JSON object. Raises AccessDenied where the host refuses, NotPossibleNow where it does not answer."""
        refusal = refused(Code.LAUNCH_INVALID, "the host refused")
        return await ask(self.session, method, url, most=_LARGEST, seconds=self.seconds, refusal=refusal, **request)


def _own_address(found: Mapping[str, Any], name: str, issuer: str) -> str:
    """An endpoint of the discovery document, which must lie at the issuer's own origin."""
    address = found.get(name)
    if not isinstance(address, str) or len(address) > 1024 or "?" in address or "#" in address:
        invalid(f"{name} of the host is not an address")
    here, there = urlsplit(issuer), urlsplit(address)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        invalid(f"{name} of the host lies elsewhere")
    return address
