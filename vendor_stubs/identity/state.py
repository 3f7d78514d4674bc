"""What the stub remembers between requests: sign-ins under way, codes, access tokens, browser sessions. In memory, bounded.

Nothing here knows HTTP. Times and random texts come from the two callables the state is built with.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from vendor_stubs.cast import User
from vendor_stubs.identity.keys import KeyRing, SamlKey, new_saml_key
from vendor_stubs.identity.tokens import SignIn

CODE_LIFE = timedelta(seconds=60)
ACCESS_LIFE = timedelta(hours=1)
PENDING_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=12)
MOST_ENTRIES = 100_000
PIN_TRIES = 5

Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """A bounded map of values that go stale; the oldest leave first when it is full."""

    def __init__(self, life: timedelta, most: int = MOST_ENTRIES) -> None:
        self._life, self._most = life, most
        self._rows: OrderedDict[str, tuple[datetime, Value]] = OrderedDict()

    def put(self, name: str, value: Value, now: datetime) -> None:
        """Keep `value` from `now` on; a later `put` under the same name starts its life again."""
        self._rows[name] = (now + self._life, value)
        self._rows.move_to_end(name)
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)

    def get(self, name: str, now: datetime) -> Value | None:
        """The value while it lives."""
        row = self._rows.get(name)
        return row[1] if row and now < row[0] else None

    def pop(self, name: str, now: datetime) -> Value | None:
        """The value while it lives, for the last time."""
        row = self._rows.pop(name, None)
        return row[1] if row and now < row[0] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A checked authorization request."""

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    state: str | None
    nonce: str | None
    code_challenge: str
    login_hint: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A sign-in under way in one browser; `user` is set once the PIN was right."""

    asked: Asked
    browser: str
    user: User | None = None
    auth_time: datetime | None = None
    sid: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a code or an access token stands for."""

    asked: Asked
    sign_in: SignIn


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's standing sign-in."""

    user: User
    auth_time: datetime
    sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the handlers share."""

    issuer: str
    clock: Callable[[], datetime]
    random: Callable[[], str]
    """A fresh URL-safe text of at least 128 random bits."""
    keys: KeyRing = field(default_factory=KeyRing)
    saml_key: SamlKey = field(default_factory=new_saml_key)
    pending: Shelf[Pending] = field(default_factory=lambda: Shelf(PENDING_LIFE, 10_000))
    codes: Shelf[Grant] = field(default_factory=lambda: Shelf(CODE_LIFE))
    spent: Shelf[str] = field(default_factory=lambda: Shelf(ACCESS_LIFE))
    access: Shelf[Grant] = field(default_factory=lambda: Shelf(ACCESS_LIFE))
    sessions: Shelf[Session] = field(default_factory=lambda: Shelf(SESSION_LIFE, 10_000))

    def try_pin(self, name: str, uid: str, pin: str, user: User | None) -> Pending | None:
        """Check a card and its PIN for the sign-in `name`; the new state of that sign-in, or None where it has ended."""
        now = self.clock()
        pending = self.pending.get(name, now)
        if pending is None:
            return None
        if user is not None and pin == uid[-4:]:
            moved = replace(pending, user=user, auth_time=now, sid=self.random())
        else:
            moved = replace(pending, tries=pending.tries + 1)
        if moved.tries >= PIN_TRIES:
            self.pending.pop(name, now)
            return None
        self.pending.put(name, moved, now)
        return moved
