"""Fetches and keeps the identity service's published keys: bounded, rate-limited, one fetch at a time.

Old keys serve on for a while where the service is away; a withdrawn key dies with the next fetch. Follows no redirect.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, NotPossibleNow
from gateway.identity.keys import KeySet, read_key_set

_LARGEST = 64 * 1024
_FIRST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksRules:
    """How fresh keys must be."""

    url: str
    fresh: timedelta = timedelta(minutes=5)
    """Age at which the keys are asked for again: a withdrawn key lives at most this long."""
    usable: timedelta = timedelta(minutes=30)
    """Age up to which known keys serve on while the service cannot be reached."""
    pause: timedelta = timedelta(seconds=10)
    """Least time between two fetches, whoever asks for whatever key id."""
    timeout: timedelta = timedelta(seconds=3)
    allow_stub_keys: bool = False
    """Only the sandbox takes keys of the identity stub."""


class JwksCache:
    """The key set as fetched last. The session is the caller's, and closed by it."""

    def __init__(self, session: aiohttp.ClientSession, rules: JwksRules) -> None:
        self._session, self._rules = session, rules
        self._keys: KeySet | None = None
        self._fetched: datetime | None = None
        self._tried: datetime | None = None
        self._due = False
        self._lock = asyncio.Lock()

    def clear(self) -> None:
        """Forget the keys: the next call fetches."""
        self._keys = self._fetched = self._tried = None

    def expire(self) -> None:
        """Count the keys as old: the next call fetches, and they serve on only where the service is away.

        So an operator who reloads the gateway ends a withdrawn key, and every token it signed, at once.
        """
        self._due, self._tried = True, None

    async def keys(self, now: datetime, kid: str | None = None) -> KeySet:
        """The keys published now; where `kid` is not among them they are asked for again, at most once per pause.

        Raises NotPossibleNow (IDENTITY_UNAVAILABLE) where there are no keys young enough to use.
        """
        known = self._known(now, kid, elsewhere=self._lock.locked())
        if known is not None:
            return known
        async with self._lock:
            known = self._known(now, kid, elsewhere=False)  # somebody may have fetched while this one waited
            if known is not None:
                return known
            try:
                self._keys, self._fetched = await self._fetch(), now
                self._due = False
            except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
                self._tried = now  # not where the caller went away meanwhile: the next one tries at once
                if self._keys is not None and self._within(self._fetched, now, self._rules.usable):
                    return self._keys
                raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=self._retry_after) from error
            self._tried = now
            return self._keys

    @property
    def _retry_after(self) -> int:
        return max(1, round(self._pause.total_seconds()))

    @property
    def _pause(self) -> timedelta:
        """Short while there have been no keys yet: at start the identity service may come up a moment later."""
        return self._rules.pause if self._keys is not None else min(self._rules.pause, _FIRST_PAUSE)

    @staticmethod
    def _within(since: datetime | None, now: datetime, span: timedelta) -> bool:
        """Whether `since` is less than `span` ago. A clock set back counts as long ago, so that nothing lives on by it."""
        return since is not None and -timedelta(minutes=1) <= now - since < span

    def _known(self, now: datetime, kid: str | None, *, elsewhere: bool) -> KeySet | None:
        """The keys at hand where they will do; None where they should be fetched. `elsewhere`: another call is fetching."""
        named = self._keys is not None and (kid is None or kid in self._keys)
        if named and not self._due and self._within(self._fetched, now, self._rules.fresh):
            return self._keys
        usable = self._within(self._fetched, now, self._rules.usable)
        if named and usable and elsewhere:
            return self._keys  # another call is fetching: no need to wait for a key that is at hand
        if not self._within(self._tried, now, self._pause):
            return None
        if self._keys is not None and usable:
            return self._keys
        raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=self._retry_after)

    async def _fetch(self) -> KeySet:
        limit = aiohttp.ClientTimeout(total=self._rules.timeout.total_seconds())
        async with self._session.get(self._rules.url, timeout=limit, allow_redirects=False) as answer:
            if answer.status != 200:
                raise InvalidValue("the key set was not answered with 200")
            body = await _at_most(answer.content, _LARGEST)
        found = read_key_set(json.loads(body))
        if found.has_stub_keys and not self._rules.allow_stub_keys:
            raise InvalidValue("the key set belongs to the sandbox's stub")
        return found


async def _at_most(content: aiohttp.StreamReader, most: int) -> bytes:
    body = bytearray()
    async for part in content.iter_any():
        body += part
        if len(body) > most:
            raise InvalidValue("the answer is too large")
    return bytes(body)
