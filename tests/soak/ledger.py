"""What clients were sent, byte by byte, kept apart from what the stubs make of it: the reckoning starts from here.

A record counts as shown from the first byte of an answer that refuses nothing, whether or not the rest ever came.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from vendor_stubs import cast
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import LARGEST_ANSWER, Exchange, Wire

VIEWS = frozenset(
    {
        "POST /itk",
        "GET /fhir/R4/Bundle",
        "GET /viewer/record",
        "POST /viewer/record",
        "POST /viewer/print",
        "POST /viewers/emis-web/sync-service",
    }
    | {f"POST /viewers/{product}" for product in ("adastra", "cleo", "emis-web", "systmone")}
)
"""Requests whose answers hold records."""
_NUMBER = re.compile(
    rb"(?<![0-9A-Za-z.-])(9\d{2})(?:[ -]|\xc2\xa0|&#160;|&nbsp;)?(\d{3})(?:[ -]|\xc2\xa0|&#160;|&nbsp;)?(\d{4})(?![0-9A-Za-z-])"
)


@dataclass(frozen=True)
class Asked:
    """What one client is about: the door, the patient, whether it overrides, whether it asks for a record at all."""

    door: str
    number: str = field(default="", repr=False)
    overrides: bool = False
    view: bool = False

    @property
    def own(self) -> frozenset[str]:
        """Numbers this patient's record may bear: the one asked for and its successor."""
        patient = cast.patient(self.number)
        successor = patient.superseded_by if patient is not None else None
        return frozenset({self.number, successor} - {None})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shown:
    """A record a client received, whole or in part."""

    asked: Asked
    whole: bool


@dataclass
class Ledger:
    """Everything received in one run."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(door, "200" or "503 overloaded" …) -> how many."""
    shown: dict[str, Shown] = field(default_factory=dict)
    """Correlation id -> what was shown."""
    unanswered: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    requests: int = 0

    def answered(self, asked: Asked, path: str, status: int, headers: Mapping[str, str]) -> None:
        """The head of an answer of the gateway."""
        code = headers.get("X-SCR-Code", "")
        self.answers[asked.door, f"{status} {code}".strip()] += 1
        if "X-Correlation-ID" not in headers:
            self.wrong(f"{path} answered {status} without a correlation id")
        if status >= 500 and not code and path != "/health/ready":  # its 503 means what it says
            self.wrong(f"{path} answered {status} without a code")
        if code == "internal":
            self.wrong(f"{path} answered {status} as a bug (internal), {headers.get('X-Correlation-ID')}")

    def received(self, asked: Asked, correlation: str, body: bytes, *, whole: bool) -> None:
        """Bytes of an answer that refuses nothing, at an address that shows records."""
        self.shown[correlation] = Shown(asked=asked, whole=whole)
        others = numbers_in(body) - asked.own
        if others:
            self.wrong(f"{asked.door}: a record names {len(others)} other patient(s), {correlation}")

    def wrong(self, sentence: str) -> None:
        """Notes a violation. The sentence names no patient."""
        self.violations.append(sentence)


def numbers_in(body: bytes) -> set[str]:
    """NHS numbers that stand in it, with or without blanks."""
    found = {b"".join(match).decode() for match in _NUMBER.findall(body)}
    return {number for number in found if cast.is_nhs_number(number)}


class WatchedWire(Wire):
    """The stubs' wire, with a ledger: the same requests, each answer noted as it comes in."""

    def __init__(self, session: aiohttp.ClientSession, ledger: Ledger, asked: Asked, gateway: str) -> None:
        super().__init__(session)
        self._session = session
        self._ledger = ledger
        self._asked = asked
        self._gateway = urlsplit(gateway).netloc

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """One request and its answer. Raises NoAnswer; what had arrived by then is in the ledger."""
        self._ledger.requests += 1
        try:
            async with self._session.request(
                method, url, data=body or None, headers=headers, allow_redirects=False
            ) as answer:
                content = await self._read(answer, shows=self._shows(method, url, body))
                received = CIMultiDictProxy(CIMultiDict(answer.headers))
                status = answer.status
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._ledger.unanswered[type(error).__name__] += 1
            raise NoAnswer(f"no answer: {type(error).__name__}") from error
        return Exchange(
            method=method, url=url, sent_headers=dict(headers), sent=body, status=status, headers=received, body=content
        )

    def _shows(self, method: str, url: str, body: bytes) -> bool:
        """Whether a good answer is a record. EMIS Web asks for its list and its record at one address."""
        path = urlsplit(url).path
        listing = path.startswith("/viewers/emis-web") and b"QUPC_IN190000" not in body
        return self._asked.view and f"{method} {path}" in VIEWS and not listing

    async def _read(self, answer: aiohttp.ClientResponse, *, shows: bool) -> bytes:
        of_gateway = answer.url.host is not None and f"{answer.url.host}:{answer.url.port}" == self._gateway
        path = answer.url.path
        if of_gateway:
            self._ledger.answered(self._asked, path, answer.status, answer.headers)
        shows = shows and of_gateway and answer.status == 200 and "X-SCR-Code" not in answer.headers
        content, whole = b"", False
        try:
            async for block in answer.content.iter_any():
                content += block
                if len(content) > LARGEST_ANSWER:
                    raise ValueError("too large")
            whole = True
        finally:
            if shows and content:
                self._ledger.received(self._asked, answer.headers["X-Correlation-ID"], content, whole=whole)
        return content
