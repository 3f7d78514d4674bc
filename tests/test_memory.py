"""Free memory goes back to the system."""

import asyncio
from pathlib import Path

import pytest
from lxml import etree

from gateway.memory import given_back, trimmer


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def test_what_documents_leave_behind_goes_back() -> None:
    trim = trimmer()
    if trim is None:
        pytest.skip("this C library cannot give memory back: nothing to test")
    row = b"<row>" + b"<cell a='b'>text</cell>" * 40 + b"</row>"
    kept = [etree.fromstring(b"<table>" + row * 50 + b"</table>") for _ in range(60)]
    last = etree.fromstring(row)  # above all of them: the heap cannot shrink from its end
    kept.clear()
    before = resident()
    trim()
    assert resident() < before - 5_000_000
    assert len(last) == 40


async def test_it_is_done_again_and_again() -> None:
    done = []
    work = asyncio.create_task(given_back(lambda: done.append(True), 0.001))
    async with asyncio.timeout(5):
        while len(done) < 3:  # noqa: ASYNC110 - the work itself tells nobody
            await asyncio.sleep(0.001)
    work.cancel()
