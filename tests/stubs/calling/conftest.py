"""A stand-in gateway and the real identity stub for tests of the calling side."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestServer

from tests.stubs.calling.stand_in import FakeGateway
from vendor_stubs import cast
from vendor_stubs.calling.http import Calls, open_wire
from vendor_stubs.identity.app import build_app

NOW = datetime(2026, 3, 28, 23, 30, 0, 125000, tzinfo=UTC)
"""Half an hour before midnight in London, the night the clocks go forward."""


@dataclass
class Bench:
    """The stand-in, how a stub calls it, and what the stub said beside its result."""

    gateway: FakeGateway
    calls: Calls
    said: list[str] = field(default_factory=list)
    shown: list[bytes] = field(default_factory=list)

    def as_system(self, system_id: str) -> Calls:
        """The same, called by another system of the cast."""
        system = cast.system(system_id)
        assert system is not None
        return replace(self.calls, system=system)


@pytest.fixture(scope="session")
def identity() -> Iterator[str]:
    """Address of one identity stub for all tests, in a thread of its own: its keys take long to make."""
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with TestServer(build_app("http://127.0.0.1:8082")) as server:
            ready.set_result((str(server.make_url("")).rstrip("/"), asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    address, loop, stop = ready.result(30)
    yield address
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.fixture
async def bench(aiohttp_server: Callable[..., Awaitable[TestServer]], identity: str) -> AsyncIterator[Bench]:
    """A stub's surroundings with a clock that stands and ids that count."""
    gateway = FakeGateway()
    server = await aiohttp_server(gateway.app())
    ids = (f"00000000-0000-4000-8000-{number:012X}" for number in itertools.count(0xA0))
    said: list[str] = []
    shown: list[bytes] = []
    async with open_wire() as wire:
        calls = Calls(
            wire=wire,
            system=cast.default_system("mini-service"),
            gateway=str(server.make_url("")).rstrip("/"),
            identity=identity,
            now=lambda: NOW,
            new_id=lambda: next(ids),
            tell=said.append,
            show=shown.append,
        )
        yield Bench(gateway=gateway, calls=calls, said=said, shown=shown)
