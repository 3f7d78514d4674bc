"""The directory: who a user is and which roles they hold, by user id, remembered for a short while.

It must never answer from memory older than its bound, and never take an error for "no such user".
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.domain.access import User
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InvalidValue, NotPossibleNow
from gateway.domain.identifiers import Asid, UserId
from gateway.spine.transport import SpineTransport

MAX_AGE_SECONDS = 300.0
"""Longest a user may be remembered: a role taken away is gone within five minutes."""
_ENDPOINT = "directory"


class Directory:
    """Looks users up over HTTP; at most one question per user is under way.

    `read_user` turns the directory's JSON object about the user asked for into a User; it raises a domain error where the
    object is malformed or about somebody else.
    """

    def __init__(
        self,
        transport: SpineTransport,
        base_url: str,
        read_user: Callable[[dict[str, Any], UserId], User],
        *,
        asid: Asid,
        max_age_seconds: float = MAX_AGE_SECONDS,
        max_users: int = 10_000,
        wait_seconds: float = 3.0,
    ) -> None:
        if not 0 <= max_age_seconds <= MAX_AGE_SECONDS:
            raise ValueError("a user is remembered for at most 300 seconds")
        if max_users < 1 or wait_seconds <= 0:
            raise ValueError("the directory remembers at least one user and waits more than 0 seconds")
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._read_user = read_user
        self._asid = asid
        self._max_age = max_age_seconds
        self._max_users = max_users
        self._wait = wait_seconds
        self._known: OrderedDict[UserId, tuple[float, User]] = OrderedDict()
        self._asking: dict[UserId, asyncio.Task[User | None]] = {}

    async def user(self, uid: UserId) -> User | None:
        """The user, or None where the directory says there is none. Raises NotPossibleNow DIRECTORY_UNAVAILABLE, for an answer
        that cannot be used as for none.
        """
        found = self._known.get(uid)
        if found is not None and asyncio.get_running_loop().time() < found[0]:
            return found[1]
        task = self._asking.get(uid)
        if task is None:
            task = asyncio.create_task(self._ask(uid))
            self._asking[uid] = task
            task.add_done_callback(lambda done: self._asked(uid, done))
        return await asyncio.shield(task)  # one caller going away does not end the others' question

    def forget(self) -> None:
        """Empties the memory."""
        self._known.clear()

    def _asked(self, uid: UserId, task: asyncio.Task[User | None]) -> None:
        self._asking.pop(uid, None)
        if not task.cancelled():
            task.exception()  # seen, even where every caller has gone

    async def _ask(self, uid: UserId) -> User | None:
        loop = asyncio.get_running_loop()
        headers = {"Accept": "application/json", "nhsd-asid": self._asid.value}
        url = f"{self._base_url}/users/{uid.value}"
        try:
            reply = await self._transport.get(_ENDPOINT, url, headers, deadline=loop.time() + self._wait)
        except GatewayError as error:
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE) from error
        if reply.status == 404:
            self._known.pop(uid, None)
            return None
        if reply.status != 200:
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE)
        user = self._read(uid, reply.body)
        self._remember(uid, loop.time() + self._max_age, user)
        return user

    def _read(self, uid: UserId, body: bytes) -> User:
        try:
            document: object = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE) from error
        if not isinstance(document, Mapping):
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE)
        try:
            user = self._read_user(dict(document), uid)
        except (GatewayError, InvalidValue) as error:
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE) from error
        if user.id != uid:
            raise NotPossibleNow(Code.DIRECTORY_UNAVAILABLE)
        return user

    def _remember(self, uid: UserId, until: float, user: User) -> None:
        self._known[uid] = (until, user)
        self._known.move_to_end(uid)
        while len(self._known) > self._max_users:
            self._known.popitem(last=False)
