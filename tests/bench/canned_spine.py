"""A Spine that answers one patient from memory as fast as a socket can: so that the gateway, not a stub, is what is measured.

Answers are asked of the real Spine stub once, at start. `python -m tests.bench.canned_spine PORT STUB_URL NHS_NUMBER UID`.
"""

import asyncio
import sys

import aiohttp
import uvloop

from gateway.domain.identifiers import Asid, CorrelationId, NhsNumbers, NumberRange, UserId
from gateway.domain.spine import SpineCall
from gateway.spine.client import SpineClient
from gateway.spine.interactions import SpineAddressing
from gateway.spine.transport import NoMeter, Reply, SpineLimits, SpineTransport

DELAY_MS = 0.0


class Recording(SpineTransport):
    """A transport that keeps the answers."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(session, SpineLimits(), NoMeter())
        self.answers: dict[bytes, bytes] = {}

    async def post(self, endpoint, url, body, headers, *, deadline):  # type: ignore[no-untyped-def]
        """Sends and remembers by SOAPAction."""
        reply: Reply = await super().post(endpoint, url, body, headers, deadline=deadline)
        action = {name.lower(): value for name, value in headers.items()}.get("soapaction", "")
        self.answers[action.rsplit("/", 1)[-1].encode()] = reply.body
        return reply


async def learn(stub: str, number: str, uid: str) -> dict[bytes, bytes]:
    """SOAPAction -> answer, and the directory's answer under b"directory"."""
    import datetime as dt
    import uuid

    loop = asyncio.get_running_loop()
    patient = NhsNumbers(NumberRange.SYNTHETIC).read(number)
    async with aiohttp.ClientSession() as session:
        transport = Recording(session)
        client = SpineClient(
            transport,
            SpineAddressing.under(stub, Asid("230811201324")),
            NhsNumbers(NumberRange.SYNTHETIC),
            new_id=uuid.uuid4,
            now=lambda: dt.datetime.now(dt.UTC),
            jitter=lambda: 0.5,
        )
        call = SpineCall(
            asid=Asid("200000009090"),
            correlation_id=CorrelationId(str(uuid.uuid4()).upper()),
            deadline=loop.time() + 10,
        )
        await client.demographics(patient, call)
        events = await client.event_list(patient, call)
        await client.event(patient, events.events[0].id, call)
        async with session.get(
            f"{stub}/directory/users/{UserId(uid).value}", headers={"nhsd-asid": "918999199111"}
        ) as answer:
            transport.answers[b"directory"] = await answer.read()
    return transport.answers


class Answering(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, just enough for the gateway's client."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            original = self._buffer[:end]
            self._buffer = self._buffer[end + 4 + length :]
            if DELAY_MS:
                asyncio.get_running_loop().call_later(DELAY_MS / 1000, self._answer, original)
            else:
                self._answer(original)

    def _answer(self, head: bytes) -> None:
        kind = b"text/xml"
        if b"/directory/" in head[:80]:
            body, kind = self._answers[b"directory"], b"application/json"
        else:
            at = head.lower().find(b"soapaction:")
            action = head[at + 11 :].split(b"\r\n", 1)[0].strip().strip(b'"').rsplit(b"/", 1)[-1]
            body = self._answers[action]
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body
        )


async def main() -> None:
    """Learns, then answers for ever."""
    port, stub, number, uid = sys.argv[1:5]
    answers = await learn(stub, number, uid)
    server = await asyncio.get_running_loop().create_server(lambda: Answering(answers), "127.0.0.1", int(port))
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
