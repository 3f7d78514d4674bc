"""A Spine that answers a few patients from memory as fast as a socket can: so that the gateway, not a stub, is what is measured.

Answers are asked of the real Spine stub once, at start. `python -m tests.bench.canned_spine PORT STUB_URL --patient N --user UID
[--kilobytes K] [--delay-ms D]`; patients and users may be several.
"""

import argparse
import asyncio
import datetime as dt
import re
import uuid

import aiohttp
import uvloop

from gateway.domain.identifiers import Asid, CorrelationId, NhsNumbers, NumberRange, UserId
from gateway.domain.spine import SpineCall
from gateway.spine.client import SpineClient
from gateway.spine.interactions import SpineAddressing
from gateway.spine.transport import NoMeter, Reply, SpineLimits, SpineTransport

Answers = dict[tuple[bytes, bytes], bytes]
"""(NHS number, last part of the SOAPAction) -> answer; (b"", user id) -> the directory's."""

_EVENT = b"QUPC_IN190000UK04"
_ROW = re.compile(rb"<(\w+:)?tr\b[^>]*>(?:(?!</(?:\w+:)?tr>).)*<(?:\w+:)?td\b.*?</(?:\w+:)?tr>", re.DOTALL)


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


def grown(answer: bytes, kilobytes: float) -> bytes:
    """The same answer with rows of its last table repeated until it is about so large; as it is where 0."""
    rows = list(_ROW.finditer(answer))
    missing = kilobytes * 1000 - len(answer)
    if missing <= 0 or not rows:
        return answer
    last = rows[-1]
    return answer[: last.end()] + last.group() * (1 + int(missing) // len(last.group())) + answer[last.end() :]


async def _learn_patient(stub: str, number: str, kilobytes: float) -> Answers:
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
    found = {(number.encode(), action): body for action, body in transport.answers.items()}
    key = (number.encode(), _EVENT)
    return found | {key: grown(found[key], kilobytes)}


async def learn(stub: str, patients: list[str], users: list[str], kilobytes: float) -> Answers:
    """What the stub says of these patients and users."""
    answers: Answers = {}
    for number in patients:
        answers |= await _learn_patient(stub, number, kilobytes)
    async with aiohttp.ClientSession() as session:
        for uid in users:
            url = f"{stub}/directory/users/{UserId(uid).value}"
            async with session.get(url, headers={"nhsd-asid": "918999199111"}) as answer:
                answers[b"", uid.encode()] = await answer.read()
    return answers


class Answering(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, just enough for the gateway's client."""

    def __init__(self, answers: Answers, delay: float) -> None:
        self._answers = answers
        self._delay = delay
        self._patients = sorted({number for number, _ in answers if number})
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
            original, body = self._buffer[:end], self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, original, body)
            else:
                self._answer(original, body)

    def _answer(self, head: bytes, asked: bytes) -> None:
        kind = b"text/xml"
        if b"/directory/" in head[:80]:
            uid = head.split(b" ", 2)[1].rpartition(b"/")[2]
            body, kind = self._answers.get((b"", uid), b""), b"application/json"
        else:
            at = head.lower().find(b"soapaction:")
            action = head[at + 11 :].split(b"\r\n", 1)[0].strip().strip(b'"').rsplit(b"/", 1)[-1]
            number = next((one for one in self._patients if one in asked), self._patients[0])
            body = self._answers[number, action]
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body
        )


async def main() -> None:
    """Learns, then answers for ever."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.canned_spine")
    parser.add_argument("port", type=int)
    parser.add_argument("stub")
    parser.add_argument("--patient", action="append", required=True)
    parser.add_argument("--user", action="append", required=True)
    parser.add_argument("--kilobytes", type=float, default=0.0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    answers = await learn(given.stub, given.patient, given.user, given.kilobytes)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(answers, given.delay_ms / 1000), "127.0.0.1", given.port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
