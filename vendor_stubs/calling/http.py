"""HTTP for the stubs: one aiohttp session, time limits, a bound on every answer, and each exchange kept as a value.

Never follows a redirect, never logs; foreign errors become NoAnswer here.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from vendor_stubs.calling.credentials import Credentials
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.cast import System

LAST_PORT = 65_535
LARGEST_ANSWER = 32 * 1024 * 1024
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer, with the bytes of both."""

    method: str
    url: str
    sent_headers: Mapping[str, str] = field(repr=False)
    sent: bytes = field(repr=False)
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def code(self) -> str | None:
        """The gateway's stable code; None where it refused nothing."""
        return self.headers.get("X-SCR-Code") or None

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules a refusal names."""
        return tuple(self.headers.get("X-SCR-Rules", "").split())

    @property
    def correlation_id(self) -> str | None:
        """What to quote when asking about this call."""
        return self.headers.get("X-Correlation-ID") or self.sent_headers.get("X-Correlation-ID")


class Wire:
    """Sends requests; holds the one session."""

    def __init__(self, session: aiohttp.ClientSession, credentials: Credentials | None = None) -> None:
        self._session, self._credentials = session, credentials

    @property
    def credentials(self) -> Credentials | None:
        """What it shows to https addresses."""
        return self._credentials

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """One request, one answer of at most LARGEST_ANSWER bytes. Raises NoAnswer."""
        where = urlsplit(url).netloc
        tls = self._credentials.context(headers.get("X-SCR-System")) if self._credentials is not None else True
        try:
            async with self._session.request(
                method, url, data=body or None, headers=headers, allow_redirects=False, ssl=tls
            ) as answer:
                content = await answer.content.read(LARGEST_ANSWER + 1)
                while len(content) <= LARGEST_ANSWER and not answer.content.at_eof():
                    content += await answer.content.read(LARGEST_ANSWER + 1 - len(content))
                status, received = answer.status, CIMultiDictProxy(CIMultiDict(answer.headers))
        except TimeoutError as error:
            raise NoAnswer(f"{where} did not answer in time") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise NoAnswer(f"the certificate of {where} is of no authority that is trusted here (--ca)") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            bare = url.startswith("https://") and (self._credentials is None or self._credentials.certificate is None)
            if bare:
                raise NoAnswer(
                    f"{where} could not be reached, or wants a client certificate (--certificate)"
                ) from error
            raise NoAnswer(f"{where} could not be reached") from error
        if len(content) > LARGEST_ANSWER:
            raise NoAnswer(f"the answer of {where} is larger than {LARGEST_ANSWER} bytes")
        return Exchange(
            method=method,
            url=url,
            sent_headers=dict(headers),
            sent=body,
            status=status,
            headers=received,
            body=content,
        )


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What a product's stub works with: the wire, who it is, where things are, time and ids."""

    wire: Wire
    system: System
    gateway: str
    """Base address, no slash at the end."""
    identity: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    """A new UUID in capitals."""
    tell: Callable[[str], None]
    """Says something to the engineer beside the result."""
    show: Callable[[bytes], None] | None = None
    """Where the bytes of a request go before it is sent; None: nowhere."""

    async def send_to_door(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Exchange:
        """A request to the gateway as this system. `path` may be a whole address of the gateway. Raises NoAnswer."""
        whole = {"X-SCR-System": self.system.id, "X-Correlation-ID": self.new_id(), **(headers or {})}
        if self.show is not None:
            self.show(_printed(method, path, whole, body))
        url = path if path.startswith(("http://", "https://")) else self.gateway + path
        return await self.wire.send(method, url, headers=whole, body=body)


def _printed(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body + b"\n"


def address(option: str, text: str) -> str:
    """A service's address as an option gives it, without the slash at its end. Raises WrongUsage for what is none."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # how urllib speaks of a port over 65535, of letters for one, and of half an IPv6 address
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise WrongUsage(f"{option} is an address such as http://127.0.0.1:8080; a port is a number from 1 to 65535")
    return text.rstrip("/")


def identity_address(gateway: str) -> str:
    """The identity stub beside a sandbox's gateway: the same host, two ports up. Raises WrongUsage where it cannot be told."""
    parts = urlsplit(address("--gateway", gateway))
    if parts.scheme == "https":
        raise WrongUsage("the identity service's address cannot be told from a --gateway with https: say --identity")
    if (port := parts.port) is None:
        raise WrongUsage(
            "the identity service's address cannot be told from a --gateway without a port: say --identity"
        )
    if port + 2 > LAST_PORT:
        raise WrongUsage("the identity service is two ports above the --gateway's, and there is none: say --identity")
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return urlunsplit(("http", f"{host}:{port + 2}", "", "", ""))


@asynccontextmanager
async def open_wire(credentials: Credentials | None = None) -> AsyncIterator[Wire]:
    """A session with time limits that keeps cookies of loopback addresses too."""
    limits = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(timeout=limits, cookie_jar=jar, trust_env=False) as session:
        yield Wire(session, credentials)
