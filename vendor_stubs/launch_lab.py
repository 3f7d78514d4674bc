"""Runs one launch, good or wrong in one named way, over the HTTP steps of its host, and keeps what the gateway answered to each step.

The launch lab shows it; the tests hold the gateway to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from vendor_stubs import cast, launching, lorenzo, pharmoutcomes, rio, sonar
from vendor_stubs.calling.credentials import Credentials
from vendor_stubs.calling.http import Calls, Exchange, Wire, open_wire
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.launch_checks import OK, Check, judged
from vendor_stubs.launch_faults import Fault, two_roles
from vendor_stubs.launched import pressed, sign_in
from vendor_stubs.pages import Browser, Page

ARRIVED = "/viewer/patient"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing the launch did, and what came of it."""

    name: str
    status: int
    code: str | None
    address: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One launch as it went."""

    expected: str
    code: str
    """What it ended in: a stable code, `ok` on the patient's page, or `nowhere`."""
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the gateway answered as it must, in every way."""
        return all(check.passed for check in self.checks)


class Noted(Wire):
    """A wire that keeps every exchange."""

    def __init__(self, wire: Wire, trail: list[Exchange]) -> None:
        self._wire, self._trail = wire, trail

    @property
    def credentials(self) -> Credentials | None:
        """As the wire it notes for."""
        return self._wire.credentials

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """As the wire it notes for."""
        done = await self._wire.send(method, url, headers=headers, body=body)
        self._trail.append(done)
        return done


class Lab:
    """Runs one launch with one fault. Every attempt begins with fresh browsers."""

    def __init__(self, fault: Fault, request: ViewRequest, calls: Calls) -> None:
        if fault.name == "role-mismatch":
            request = two_roles(request, calls.system)
        self._trail: list[Exchange] = []
        self._fault, self._host = fault, calls.system.product
        self._calls = replace(calls, wire=Noted(calls.wire, self._trail))
        self._request = fault.request(request) if fault.request is not None else request
        self._signer = fault.signs_in(self._request, calls.system) if fault.signs_in else self._request
        self._steps: list[Step] = []
        self._token = self._made()

    def _made(self) -> str:
        fault, calls = self._fault, self._calls
        said = launching.launch_claims(
            self._request,
            calls.system,
            audience=f"{calls.gateway}/launch/{self._host}",
            now=calls.now(),
            token_id=calls.new_id(),
        )
        said = fault.claims(said) if fault.claims is not None else said
        key = launching.host_key(calls.system.id)
        token = fault.sign(key, said) if fault.sign is not None else key.sign(said)
        return fault.wrap(token) if fault.wrap is not None else token

    def _note(self, name: str, page: Page) -> Page:
        exchange = page.exchange
        step = Step(name=name, status=exchange.status, code=exchange.code, address=exchange.url)
        self._steps.append(step)
        return page

    async def run(self) -> Attempt:
        """The launch as far as it comes: at most to the patient's page. Raises NoAnswer."""
        scripts: dict[str, Callable[[], Awaitable[None]]] = {
            "launch": self._whole,
            "twice": self._twice,
            "open-twice": self._open_twice,
            "other-browser": self._other_browser,
            "cross-site": self._cross_site,
            "unknown-issuer": self._whole,
        }
        await scripts[self._fault.script]()
        last = self._steps[-1]
        ended = last.code or (OK if urlsplit(last.address).path == ARRIVED else "nowhere")
        expected, number = self._fault.expected, self._request.nhs_number
        patient = next((one for one in cast.patients() if one.nhs == number), None)
        names = (patient.name.family, patient.name.family.upper()) if patient is not None else ()
        checks = judged(
            self._trail, gateway=self._calls.gateway, ended=ended, expected=expected, number=number, names=names
        )
        return Attempt(expected=expected, code=ended, steps=tuple(self._steps), checks=checks)

    @asynccontextmanager
    async def _browser(self) -> AsyncIterator[Browser]:
        """A fresh one, with cookies of its own."""
        async with open_wire(self._calls.wire.credentials) as wire:
            yield Browser(replace(self._calls, wire=Noted(wire, self._trail)))

    async def _whole(self) -> None:
        async with self._browser() as browser:
            page = await self._first(browser)
            if page is not None and page.exchange.code is None:
                await self._arrived(browser, page)

    async def _arrived(self, browser: Browser, page: Page) -> None:
        page = self._note("opened in the browser", await pressed(browser, page))
        if page.exchange.code is None and page.path != "/viewer/patient":
            self._note("signed in", await sign_in(browser, page, self._signer))

    async def _first(self, browser: Browser) -> Page | None:
        """Whatever the host does first; None where the browser gets nothing to open."""
        if self._host == "rio":
            calls = self._calls
            if self._fault.system is not None:
                calls = replace(calls, system=replace(calls.system, id=self._fault.system))
            asked = await rio.ask(calls, self._token)
            self._note("asked by the back channel", Page(exchange=asked, tree=None))
            return await browser.get(rio.address_of(asked)) if asked.status == 201 else None
        return self._note("brought by the browser", await self._brought(browser))

    async def _brought(self, browser: Browser) -> Page:
        if self._host == "sonar":
            return await browser.bring(sonar.DOOR, {sonar.FIELD: self._token, **self._fault.beside})
        if self._host == "pharmoutcomes":
            sealed = launching.sealed(self._token, await launching.gateway_key(self._calls))
            beside = "&" + urlencode(self._fault.beside) if self._fault.beside else ""
            return await browser.get(pharmoutcomes.link(sealed) + beside)
        issuer = launching.smart_issuer(lorenzo.desk_of(self._calls), self._calls.system)
        if self._fault.script == "unknown-issuer":
            issuer += "-of-a-stranger"
        return await browser.get(lorenzo.address_of(issuer, await self._handle()))

    async def _handle(self) -> str:
        return await lorenzo.launch_handle(self._request, self._calls, self._fault.host_fault)

    async def _twice(self) -> None:
        """The same token, or handle, a second time."""
        handle = await self._handle() if self._host == "lorenzo" else None

        async def once() -> None:
            async with self._browser() as browser:
                if handle is None:
                    await self._first(browser)
                    return
                issuer = launching.smart_issuer(lorenzo.desk_of(self._calls), self._calls.system)
                self._note("brought by the browser", await browser.get(lorenzo.address_of(issuer, handle)))

        await once()
        await once()

    async def _open_twice(self) -> None:
        asked = await rio.ask(self._calls, self._token)
        address = rio.address_of(asked)
        for _ in range(2):
            async with self._browser() as browser:
                page = await pressed(browser, await browser.get(address))
                self._note("opened in the browser", page)

    async def _other_browser(self) -> None:
        """Begun in one browser; another, without its cookie, goes on."""
        async with self._browser() as browser:
            page = await self._first(browser)
            if page is None:
                return
            self._note("opened in the browser", await pressed(browser, page))
        async with self._browser() as other:
            self._note("goes on elsewhere", await other.get("/launch/sign-in"))

    async def _cross_site(self) -> None:
        asked = await rio.ask(self._calls, self._token)
        code = rio.address_of(asked).partition("=")[2]
        done = await self._calls.send_to_door(
            "POST",
            "/launch/open",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"},
            body=urlencode({"code": code}).encode(),
        )
        self._note("pressed by another site", Page(exchange=done, tree=None))
