"""The desk as a SMART on FHIR host: discovery, authorisation, token, and launch contexts that its screens register.

Its user is signed in at the host already, so authorisation asks nothing. Handles and codes work once. For invented patients only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from vendor_stubs import cast, launching
from vendor_stubs.cast import System
from vendor_stubs.identity.state import Shelf
from vendor_stubs.pkce import proves

CLIENT = "scr-gateway"
CALLBACK = "/launch/lorenzo/callback"
SCOPE = ("launch", "openid", "fhirUser")
HANDLES = timedelta(minutes=5)
CODES = timedelta(seconds=60)
LIFE = 300

Said = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a code stands for."""

    said: Said
    system: str
    redirect_uri: str
    challenge: str
    nonce: str | None


class SmartHost:
    """The routes of one SMART host for every system of the cast that launches so."""

    def __init__(self, *, address: str, gateway: str, now: Callable[[], datetime], random: Callable[[], str]) -> None:
        self._address, self._gateway, self._now, self._random = address, gateway, now, random
        self._handles: Shelf[Said] = Shelf(HANDLES, 10_000)
        self._codes: Shelf[Granted] = Shelf(CODES, 10_000)

    def routes(self) -> list[web.RouteDef]:
        """Under /fhir/{system}."""
        return [
            web.get("/fhir/{system}/.well-known/smart-configuration", self.discovery),
            web.get("/fhir/{system}/authorize", self.authorize),
            web.post("/fhir/{system}/token", self.token),
            web.post("/fhir/{system}/launches", self.launches),
        ]

    def issuer(self, system: System) -> str:
        """The FHIR base address of a system."""
        return launching.smart_issuer(self._address, system)

    def handle(self, said: Said) -> str:
        """Remembers a launch context (uid, role, nhs_number, purpose, birthdate, fault)."""
        name = self._random()
        self._handles.put(name, said, self._now())
        return name

    @staticmethod
    def _system(request: web.Request) -> System:
        system = cast.system(request.match_info["system"])
        if system is None or system.product != "lorenzo":
            raise web.HTTPNotFound
        return system

    async def discovery(self, request: web.Request) -> web.Response:
        """GET /.well-known/smart-configuration."""
        issuer = self.issuer(self._system(request))
        return web.json_response(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": ["authorization_code"],
                "scopes_supported": list(SCOPE),
                "response_types_supported": ["code"],
                "capabilities": ["launch-ehr", "client-public", "sso-openid-connect", "context-ehr-patient"],
                "code_challenge_methods_supported": ["S256"],
                "stub": "This is a sandbox stub: it proves nobody.",
            }
        )

    async def launches(self, request: web.Request) -> web.Response:
        """POST /launches: what the host's screen does inside when its user opens a record."""
        self._system(request)
        try:
            said = await request.json()
        except ValueError as error:
            raise web.HTTPBadRequest from error
        if not isinstance(said, dict) or not {"uid", "nhs_number"} <= said.keys():
            raise web.HTTPBadRequest
        return web.json_response({"launch": self.handle(said)}, status=201)

    async def authorize(self, request: web.Request) -> web.Response:
        """GET /authorize: the launch handle for a code, sent back to the one registered address."""
        system, query = self._system(request), request.query
        redirect = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT or redirect != self._gateway + CALLBACK:
            raise web.HTTPBadRequest(text="No such app is registered here, or not at this address.\n")
        said = self._handles.pop(query.get("launch", ""), self._now())
        right = (
            said is not None
            and query.get("response_type") == "code"
            and query.get("aud") == self.issuer(system)
            and query.get("code_challenge_method") == "S256"
            and set(query.get("scope", "").split()) == set(SCOPE)
        )
        back: dict[str, str] = {"state": query.get("state", "")}
        if said is None or not right:
            back["error"] = "invalid_request"
        else:
            code = self._random()
            granted = Granted(
                said=said,
                system=system.id,
                redirect_uri=redirect,
                challenge=query.get("code_challenge", ""),
                nonce=query.get("nonce"),
            )
            self._codes.put(code, granted, self._now())
            back["code"] = code
        if said is not None and said.get("fault") == "wrong-state":
            back["state"] = self._random()
        headers = {"Location": f"{redirect}?{urlencode(back)}", "Cache-Control": "no-store"}
        return web.Response(status=303, headers=headers | {"Referrer-Policy": "no-referrer"})

    async def token(self, request: web.Request) -> web.Response:
        """POST /token: the code for the context. The patient stands here, never in an address."""
        system, form = self._system(request), await request.post()
        granted = self._codes.pop(str(form.get("code", "")), self._now())
        if granted is None or granted.system != system.id or form.get("redirect_uri") != granted.redirect_uri:
            return _refused()
        if not proves(str(form.get("code_verifier", "")), granted.challenge):
            return _refused()
        said, issuer = granted.said, self.issuer(system)
        answer = {
            "access_token": self._random(),
            "token_type": "Bearer",
            "expires_in": LIFE,
            "scope": " ".join(SCOPE),
            "patient": said["nhs_number"],
            "id_token": self._id_token(system, issuer, said, granted.nonce),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def _id_token(self, system: System, issuer: str, said: Said, nonce: str | None) -> str:
        issued = int(self._now().timestamp())
        claims = {
            "iss": issuer,
            "aud": CLIENT,
            "sub": said["uid"],
            "fhirUser": f"{issuer}/Practitioner/{said['uid']}",
            "selected_roleid": said.get("role"),
            "purpose": said.get("purpose"),
            "patient_birthdate": said.get("birthdate"),
            "nonce": nonce,
            "iat": issued,
            "exp": issued + LIFE,
            "jti": self._random(),
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return faulty(said.get("fault"), claims, launching.host_key(system.id))


def faulty(fault: str | None, claims: Said, key: launching.HostKey) -> str:
    """The ID token, wrong in one named way where a fault is asked for."""
    changed: Said = {
        "expired": {"iat": claims["iat"] - 900, "exp": claims["exp"] - 900},
        "skewed-clock": {"iat": claims["iat"] + 900, "exp": claims["exp"] + 900},
        "wrong-audience": {"aud": "another-app"},
        "wrong-issuer": {"iss": "https://host.example/fhir"},
        "wrong-nonce": {"nonce": "another"},
        "long-life": {"exp": claims["iat"] + 86_400},
    }.get(fault or "", {})
    claims = {**claims, **changed}
    if fault == "wrong-key":
        return launching.host_key("somebody-else").sign(claims, {"kid": key.kid, "typ": "JWT"})
    if fault == "alg-none":
        return launching.unsigned(claims, "JWT")
    if fault == "wrong-type":
        return key.sign(claims)
    return key.sign(claims, {"typ": "JWT"})


def _refused() -> web.Response:
    return web.json_response({"error": "invalid_grant"}, status=400, headers={"Cache-Control": "no-store"})
