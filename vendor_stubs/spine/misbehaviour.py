"""How an event query goes wrong on the wire for the patients whose case says so.

Each case is one small function of the request and the good answer; must never touch other patients' answers.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from vendor_stubs.spine.answers import soap_fault
from vendor_stubs.spine.outcomes import NOT_PROCESSABLE, SYSTEM_FAILURE, SpineFault
from vendor_stubs.spine.state import State

XML = {"Content-Type": "text/xml"}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What a case needs: the request, the answer it would have got, the stub's memory and its two waits (seconds)."""

    request: web.Request
    answer: bytes
    nhs: str
    state: State
    slow_seconds: float
    hang_seconds: float


def _good(answer: bytes) -> web.Response:
    return web.Response(body=answer, headers=XML)


def fault_response(fault: SpineFault) -> web.Response:
    """A SOAP fault with its HTTP status."""
    return web.Response(status=fault.http_status, body=soap_fault(fault), headers=XML)


async def _slow(trouble: Trouble) -> web.StreamResponse:
    await asyncio.sleep(trouble.slow_seconds)
    return _good(trouble.answer)


async def _hang(trouble: Trouble) -> web.StreamResponse:
    """Waits for the caller to go away, or the limit."""
    waited = 0.0
    while waited < trouble.hang_seconds:
        transport = trouble.request.transport
        if transport is None or transport.is_closing():
            break
        await asyncio.sleep(0.1)
        waited += 0.1
    return web.Response(status=504, text="the Spine stub played dead until now")


async def _reset(trouble: Trouble) -> web.StreamResponse:
    """Sends half of the answer, then a TCP reset."""
    response = web.StreamResponse(headers=XML)
    response.content_length = len(trouble.answer)
    await response.prepare(trouble.request)
    await response.write(trouble.answer[: len(trouble.answer) // 2])
    transport = trouble.request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):  # gone already: then there is nothing left to reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return response


async def _fault(_: Trouble) -> web.StreamResponse:
    return fault_response(SpineFault(NOT_PROCESSABLE, "Message cannot be processed"))


async def _fault_in_200(_: Trouble) -> web.StreamResponse:
    return fault_response(SpineFault(NOT_PROCESSABLE, "Message cannot be processed", http_status=200))


async def _fault_then_answers(trouble: Trouble) -> web.StreamResponse:
    if trouble.nhs in trouble.state.started_faults:
        return _good(trouble.answer)
    trouble.state.started_faults.add(trouble.nhs)
    return fault_response(SpineFault(SYSTEM_FAILURE, "System failure to process message"))


async def _truncated(trouble: Trouble) -> web.StreamResponse:
    return _good(trouble.answer[: len(trouble.answer) // 2])


async def _malformed(trouble: Trouble) -> web.StreamResponse:
    return _good(trouble.answer.replace(b"</recordTarget>", b"</recordTarge>", 1))


async def _http_500(_: Trouble) -> web.StreamResponse:
    page = "<html><head><title>Error</title></head><body><h1>Internal Server Error</h1></body></html>"
    return web.Response(status=500, text=page, content_type="text/html")


_CASES: dict[str, Callable[[Trouble], Awaitable[web.StreamResponse]]] = {
    "slow": _slow,
    "hangs": _hang,
    "reset": _reset,
    "fault": _fault,
    "fault_in_200": _fault_in_200,
    "fault_then_answers": _fault_then_answers,
    "truncated": _truncated,
    "malformed": _malformed,
    "http_500": _http_500,
}


async def answer_event(case: str, trouble: Trouble) -> web.StreamResponse:
    """The event answer as this patient's case sends it."""
    misbehave = _CASES.get(case)
    return await misbehave(trouble) if misbehave else _good(trouble.answer)
