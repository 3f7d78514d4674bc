"""The directory: what it asks, what it remembers, and that trouble is never 'no such user'."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.domain.access import User
from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import Asid, UserId
from gateway.identity.userinfo import read_user
from gateway.spine.directory import Directory
from gateway.spine.transport import NoMeter, SpineLimits, open_transport

UID = UserId("910000000281")


def _read(document: dict[str, Any], _: UserId) -> User:
    return User(id=UserId(document["uid"]), name=document["name"])


class Server:
    """Answers with `body` under `status`, after `pause` seconds; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.status = 200
        self.body = b'{"uid": "910000000281", "name": "ADAMS Nadia Dr"}'
        self.pause = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status, body=self.body)


@asynccontextmanager
async def directory(
    read: Callable[[dict[str, Any], UserId], User] = _read, **options: Any
) -> AsyncIterator[tuple[Directory, Server]]:
    server = Server()
    app = web.Application()
    app.router.add_get("/directory/users/{uid}", server.answer)
    http = TestServer(app)
    await http.start_server(shutdown_timeout=0)
    try:
        async with open_transport(SpineLimits(), NoMeter()) as transport:
            url = str(http.make_url("/directory"))
            yield Directory(transport, url, read, asid=Asid("918999199111"), **options), server
    finally:
        await http.close()


async def test_asks_once_and_remembers() -> None:
    async with directory() as (found, server):
        for _ in range(3):
            user = await found.user(UID)
            assert user is not None
            assert user.name == "ADAMS Nadia Dr"
        assert [request.path for request in server.asked] == [f"/directory/users/{UID.value}"]
        assert server.asked[0].headers["nhsd-asid"] == "918999199111"
        found.forget()
        await found.user(UID)
        assert len(server.asked) == 2


async def test_many_askers_at_once_are_one_question_and_one_leaving_harms_nobody() -> None:
    async with directory() as (found, server):
        server.pause = 0.05
        asking = [asyncio.create_task(found.user(UID)) for _ in range(5)]
        await asyncio.sleep(0.01)
        asking[0].cancel()
        others = await asyncio.gather(*asking[1:])
        assert len(server.asked) == 1
        assert all(user is not None and user.id == UID for user in others)


async def test_memory_ends_and_is_bounded() -> None:
    async with directory(max_age_seconds=0) as (found, server):
        await found.user(UID)
        await found.user(UID)
        assert len(server.asked) == 2
    async with directory(max_users=1) as (found, server):
        await found.user(UID)
        server.body = b'{"uid": "910000000299", "name": "X"}'
        await found.user(UserId("910000000299"))
        server.body = b'{"uid": "910000000281", "name": "X"}'
        await found.user(UID)
        assert len(server.asked) == 3


async def test_unknown_is_none_and_not_remembered() -> None:
    async with directory() as (found, server):
        server.status = 404
        assert await found.user(UID) is None
        server.status = 200
        assert await found.user(UID) is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"uid": "910000000299", "name": "Somebody else"}'),
        (200, b'{"uid": "nobody", "name": ""}'),
    ],
)
async def test_trouble_is_not_an_unknown_user(status: int, body: bytes) -> None:
    async with directory() as (found, server):
        server.status, server.body = status, body
        for _ in range(2):  # nor is it remembered
            with pytest.raises(NotPossibleNow) as caught:
                await found.user(UID)
            assert caught.value.code is Code.DIRECTORY_UNAVAILABLE
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"sub": "910000000018", "name": "X", "nhsid_nrbac_roles": [{}]}',
        b'{"sub": "910000000018", "name": "X", "nhsid_nrbac_roles": {}}',
        b'{"sub": "910000000018", "name": 7, "nhsid_nrbac_roles": []}',
        b'{"sub": "910000000299", "name": "X", "nhsid_nrbac_roles": []}',
    ],
)
async def test_a_malformed_answer_is_the_directorys_fault_and_not_the_users(body: bytes) -> None:
    """As the gateway itself reads users: a person half read, or another person, is nobody unknown to the directory."""
    async with directory(read=read_user) as (found, server):
        server.body = body
        with pytest.raises(NotPossibleNow) as caught:
            await found.user(UserId("910000000018"))
        assert caught.value.code is Code.DIRECTORY_UNAVAILABLE


async def test_waiting_is_bounded() -> None:
    async with directory(wait_seconds=0.05) as (found, server):
        server.pause = 60
        with pytest.raises(NotPossibleNow):
            await found.user(UID)


def test_nobody_may_remember_longer_than_five_minutes() -> None:
    with pytest.raises(ValueError, match="300"):
        Directory(None, "http://x", _read, asid=Asid("918999199111"), max_age_seconds=301)  # type: ignore[arg-type]
