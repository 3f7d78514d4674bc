"""Fixtures of the stubs' tests."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from tests.stubs.spine_answers import Client
from vendor_stubs.spine.app import build_app
from vendor_stubs.spine.settings import SpineSettings


@pytest_asyncio.fixture
async def spine() -> AsyncIterator[Client]:
    """A client of a Spine stub of its own, with short waits."""
    async with TestClient(TestServer(build_app(SpineSettings(slow_seconds=0.2, hang_seconds=5.0)))) as client:
        yield client
