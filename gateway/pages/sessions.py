"""Browser sessions: who signed in, as what, where, and about which patient. Idle 15 minutes, 12 hours at most.

The cookie holds 256 random bits; the store knows only their hash, and the data sealed under a key made from them, so that
whoever reads the store learns nothing of any session. A session is never widened: another role or place signs in anew.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.access import Assurance, ProvedUser, Setting
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, NotPossibleNow
from gateway.domain.identifiers import OdsCode, RoleProfileId, SystemId, UserId
from gateway.domain.instants import from_iso
from gateway.pages import contexts
from gateway.pages.contexts import PatientContext
from gateway.service.ports import ShelfPort

IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
_TOUCH_AFTER = timedelta(seconds=20)
"""A session read again within this time is not written again."""
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChoice:
    """A role as it is offered for choice."""

    id: RoleProfileId
    organisation: OdsCode
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """One signed-in browser. `role`, `organisation` and `setting` are None until chosen."""

    secret: str = field(repr=False)
    version: int
    user: UserId
    name: str = field(repr=False)
    assurance: Assurance
    authenticated: datetime
    system: SystemId
    roles: tuple[RoleChoice, ...]
    role: RoleProfileId | None
    organisation: OdsCode | None
    organisation_name: str = ""
    setting: Setting | None
    launched: bool = False
    """Opened by a one-click launch: bound to the launching system's patient, setting and organisation."""
    context: PatientContext | None = field(default=None, repr=False)
    seen: datetime
    ends: datetime
    """The end in any case."""

    @property
    def idle_ends(self) -> datetime:
        """The end if nothing more is done."""
        return min(self.seen + IDLE, self.ends)

    @property
    def idle_seconds(self) -> int:
        """Seconds from the last use to the end."""
        return max(1, int((self.idle_ends - self.seen).total_seconds()))

    @property
    def left_seconds(self) -> int:
        """Seconds from the last use to the end in any case."""
        return max(1, int((self.ends - self.seen).total_seconds()))

    @property
    def csrf(self) -> str:
        """The token every form of this session carries."""
        return form_token(self.secret)

    @property
    def role_name(self) -> str:
        """The chosen role's name, for people."""
        return next((one.name for one in self.roles if one.id == self.role), "")

    @property
    def proof(self) -> ProvedUser:
        """Who signed in, as the service takes it: bound to the chosen role, good until the session ends."""
        return ProvedUser(
            id=self.user,
            assurance=self.assurance,
            authenticated=self.authenticated,
            expires=self.ends,
            selected_role=self.role,
        )


def form_token(secret: str) -> str:
    """The form token that belongs to a cookie's secret."""
    return hashlib.sha256(b"scr-form " + secret.encode()).hexdigest()


def form_token_fits(secret: str, token: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(form_token(secret).encode(), token.encode("utf-8", "replace"))


class Seal:
    """Seals JSON under a key made from a secret (AES-256-GCM)."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random

    def secret(self) -> str:
        """A new secret of 256 bits, for a cookie."""
        return base64.urlsafe_b64encode(self._random(32)).rstrip(b"=").decode()

    def close(self, secret: str, data: dict[str, Any]) -> dict[str, Any]:
        """JSON -> a JSON object that says nothing."""
        nonce = self._random(12)
        sealed = AESGCM(_key(secret)).encrypt(nonce, orjson.dumps(data), None)
        return {"sealed": base64.b64encode(nonce + sealed).decode()}

    def open(self, secret: str, data: dict[str, Any]) -> dict[str, Any]:
        """The reverse. Raises AccessDenied (SESSION_EXPIRED) for anything that was not sealed by `close`."""
        try:
            raw = base64.b64decode(data["sealed"])
            found: dict[str, Any] = orjson.loads(AESGCM(_key(secret)).decrypt(raw[:12], raw[12:], None))
        except (KeyError, ValueError, TypeError, InvalidTag) as error:
            raise AccessDenied(Code.SESSION_EXPIRED, rules=("P-07",)) from error
        return found


def _key(secret: str) -> bytes:
    return hashlib.sha256(b"scr-session-data " + secret.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One cookie of ours. Under https it is bound to this very host (RFC 6265bis, `__Host-`)."""

    name: str
    secure: bool

    @property
    def full_name(self) -> str:
        """As the browser sends it."""
        return f"__Host-{self.name}" if self.secure else self.name

    def read(self, request: web.Request) -> str | None:
        """The value, where it can be one of ours."""
        value = request.cookies.get(self.full_name, "")
        return value if 20 <= len(value) <= 128 and value.isascii() else None

    def write(self, response: web.StreamResponse, value: str, *, lasts: timedelta | None = None) -> None:
        """Sets it until the browser is closed, or for a time."""
        age = None if lasts is None else int(lasts.total_seconds())
        response.set_cookie(
            self.full_name, value, httponly=True, secure=self.secure, samesite="Lax", path="/", max_age=age
        )

    def clear(self, response: web.StreamResponse) -> None:
        """Takes it back."""
        response.del_cookie(self.full_name, secure=self.secure, httponly=True, samesite="Lax", path="/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The sessions of one kind of page (viewer, privacy …), each kind under a cookie of its own."""

    shelf: ShelfPort
    seal: Seal
    cookie: Cookie
    kind: str = "viewer"

    async def begin(self, session: BrowserSession) -> BrowserSession:
        """Keeps a new session under a new secret. Raises NotPossibleNow."""
        begun = replace(session, secret=self.seal.secret(), version=0)
        await self.shelf.put(
            begun.secret,
            state=self.kind,
            data=self.seal.close(begun.secret, _to_json(begun)),
            now=begun.seen,
            expires=begun.idle_ends,
        )
        return begun

    async def read(self, request: web.Request, now: datetime) -> BrowserSession:
        """The request's session, marked as seen now. Raises AccessDenied (SESSION_MISSING, SESSION_EXPIRED), NotPossibleNow."""
        secret = self.cookie.read(request)
        if secret is None:
            raise AccessDenied(Code.SESSION_MISSING, rules=("P-07",))
        found = await self._stored(secret, now)
        if now - found.seen < _TOUCH_AFTER:
            return found
        return await self.change(found, now, lambda session: session)

    async def _stored(self, secret: str, now: datetime) -> BrowserSession:
        kept = await self.shelf.get(secret, now=now)
        if kept is None or kept.state != self.kind:
            raise AccessDenied(Code.SESSION_EXPIRED, rules=("P-07",))
        session = _from_json(self.seal.open(secret, kept.data), secret, kept.version)
        if now >= session.idle_ends:
            raise AccessDenied(Code.SESSION_EXPIRED, rules=("P-07",))
        return session

    async def change(
        self, session: BrowserSession, now: datetime, changed: Callable[[BrowserSession], BrowserSession]
    ) -> BrowserSession:
        """The session with `changed` applied to what is stored now. Raises AccessDenied, NotPossibleNow, whatever `changed` raises."""
        for _ in range(_TRIES):
            stored = await self._stored(session.secret, now)
            wanted = replace(changed(stored), seen=now)
            done = await self.shelf.change(
                session.secret,
                version=stored.version,
                state=self.kind,
                data=self.seal.close(session.secret, _to_json(wanted)),
                now=now,
                expires=wanted.idle_ends,
            )
            if done:
                return replace(wanted, version=stored.version + 1)
        raise NotPossibleNow(Code.OVERLOADED, retry_after=1)

    async def end(self, session: BrowserSession) -> None:
        """Signs out: the secret opens nothing any more. Raises NotPossibleNow."""
        await self.shelf.drop(session.secret)


def signed_in(
    proof: ProvedUser,
    *,
    name: str,
    system: SystemId,
    roles: tuple[RoleChoice, ...],
    now: datetime,
    role: RoleProfileId | None = None,
    organisation: OdsCode | None = None,
    organisation_name: str = "",
    setting: Setting | None = None,
    launched: bool = False,
    context: PatientContext | None = None,
) -> BrowserSession:
    """A session value for `Sessions.begin`. It ends 12 hours after the sign-in itself."""
    return BrowserSession(
        secret="",
        version=0,
        user=proof.id,
        name=name,
        assurance=proof.assurance,
        authenticated=proof.authenticated,
        system=system,
        roles=roles,
        role=role,
        organisation=organisation,
        organisation_name=organisation_name,
        setting=setting,
        launched=launched,
        context=context,
        seen=now,
        ends=min(now + ABSOLUTE, proof.authenticated + ABSOLUTE),
    )


def _to_json(session: BrowserSession) -> dict[str, Any]:
    return {
        "user": session.user.value,
        "name": session.name,
        "assurance": session.assurance.value,
        "authenticated": session.authenticated.isoformat(),
        "system": session.system.value,
        "roles": [[one.id.value, one.organisation.value, one.name] for one in session.roles],
        "role": session.role.value if session.role else None,
        "organisation": session.organisation.value if session.organisation else None,
        "organisation_name": session.organisation_name,
        "setting": session.setting.code if session.setting else None,
        "launched": session.launched,
        "context": contexts.to_json(session.context) if session.context else None,
        "seen": session.seen.isoformat(),
        "ends": session.ends.isoformat(),
    }


def _from_json(data: dict[str, Any], secret: str, version: int) -> BrowserSession:
    return BrowserSession(
        secret=secret,
        version=version,
        user=UserId(data["user"]),
        name=data["name"],
        assurance=Assurance(data["assurance"]),
        authenticated=from_iso(data["authenticated"]),
        system=SystemId(data["system"]),
        roles=tuple(
            RoleChoice(id=RoleProfileId(role), organisation=OdsCode(ods), name=name)
            for role, ods, name in data["roles"]
        ),
        role=RoleProfileId(data["role"]) if data["role"] else None,
        organisation=OdsCode(data["organisation"]) if data["organisation"] else None,
        organisation_name=data["organisation_name"],
        setting=Setting(data["setting"]) if data["setting"] else None,
        launched=data["launched"],
        context=contexts.from_json(data["context"]) if data["context"] else None,
        seen=from_iso(data["seen"]),
        ends=from_iso(data["ends"]),
    )
