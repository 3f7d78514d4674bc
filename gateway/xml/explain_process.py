"""Explaining in a separate process that is killed at its time limit, so that no refused message can slow or harm the
gateway.

One process, one message at a time, a short queue: when there is no room or no time, there is no explanation, and the
refusal stands without it.
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from gateway.domain.findings import Finding
from gateway.xml.explain import Check, Context
from gateway.xml.explain_worker import frame
from gateway.xml.parser import DEFAULT_LIMITS, Limits

_LENGTH = struct.Struct(">I")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_WARMING = 20.0
"""Seconds a new process may take to load its modules and schemas, on whatever machine."""
_MAX_ANSWER = 4 * 1024 * 1024


class ExplainProcess:
    """A worker process for `explain`. Create one, await `start` (optional: it warms up), await `close` at the end.

    `limit`: seconds for one message, from the moment its turn comes. `queue`: how many may wait for their turn.
    """

    def __init__(self, *, limit: float = 2.0, queue: int = 4) -> None:
        self._limit = limit
        self._queue = queue
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._warm: int | None = None
        """The process that has answered once."""

    async def start(self) -> None:
        """Start the process, so that the first explanation does not pay for it."""
        async with self._turn:
            await self._running()

    async def close(self) -> None:
        """Kill the process. Safe to call more than once."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
        if process is not None:
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()

    async def explain(
        self, data: bytes, check: Check, context: Context, limits: Limits = DEFAULT_LIMITS
    ) -> tuple[Finding, ...]:
        """Findings as `explain` gives them, or none where there was no room, no time, or the process died.

        `check` is a function of a module, named to the process by its module and name.
        """
        if self._waiting >= self._queue or len(data) > limits.max_bytes:
            return ()
        self._waiting += 1
        try:
            async with self._turn:
                return await self._ask(data, check, context, limits)
        finally:
            self._waiting -= 1

    async def _ask(self, data: bytes, check: Check, context: Context, limits: Limits) -> tuple[Finding, ...]:
        order = {
            "check": _name(check),
            "now": context.now.isoformat(),
            "leniences": context.leniences,
            "soap_action": context.soap_action,
            "content_type": context.content_type,
            "schemas": context.schemas,
            "numbers": context.numbers,
            "limits": asdict(limits),
        }
        answered = False
        try:
            process = await self._running()
            if process.pid != self._warm:  # its modules and schemas are loaded on a clock of their own
                async with asyncio.timeout(_WARMING):
                    await _exchange(process, json.dumps(order).encode(), b"<warm/>")
                self._warm = process.pid
            async with asyncio.timeout(self._limit):
                findings = await _exchange(process, json.dumps(order).encode(), data)
            answered = True
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError, TypeError):
            return ()
        else:
            return findings
        finally:
            if not answered:  # also when the caller went away: what is half read must not answer the next one
                await self.close()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.xml.explain_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # a traceback there could quote the message
                env={"PYTHONPATH": str(_PACKAGE_PARENT), "PATH": os.defpath, "LANG": "C.UTF-8"},
                close_fds=True,
            )
        return self._process


def _name(check: Callable[..., object]) -> str:
    return f"{check.__module__}:{check.__qualname__}"


async def _exchange(process: asyncio.subprocess.Process, order: bytes, data: bytes) -> tuple[Finding, ...]:
    if process.stdin is None or process.stdout is None:
        raise OSError("the process has no pipes")
    process.stdin.write(frame(order) + frame(data))
    await process.stdin.drain()
    length = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))[0]
    if length > _MAX_ANSWER:
        raise ValueError("the answer is too long")
    answer = json.loads(await process.stdout.readexactly(length))
    return tuple(_finding(one) for one in answer)


def _finding(one: dict[str, object]) -> Finding:
    pairs: list[list[str]] = one.pop("namespaces")  # type: ignore[assignment]
    return Finding(**one, namespaces=tuple((prefix, uri) for prefix, uri in pairs))  # type: ignore[arg-type]
