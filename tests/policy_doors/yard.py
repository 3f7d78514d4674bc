"""A sandbox of its own whose registry a test may change while it runs, and views through each door of it.

What is asserted is what left the house: the answer's code and rules, and what the audit says of the same request.
"""

import itertools
import json
import os
import re
import signal
import sqlite3
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
import pytest

from tests.running import RunningSandbox
from vendor_stubs import cast
from vendor_stubs.calling.http import Calls, Wire
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.cast import Organisation, System
from vendor_stubs.cast.exports import registry_toml

T = TypeVar("T")
LOCUM, OVERRIDER = "910000000307", "910000000109"
FAST = "{ per_second = 10000, burst = 100000 }"
RELOAD_SECONDS = 20
UNPROVED = {"role-none", "role-not-chosen", "role-not-held"}
"""Codes, beside those of credentials, of requests that end before any decision: their entries are folded by the minute."""


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A user with every activity, at one calling system."""

    product: str
    system: str
    uid: str = LOCUM
    role: str
    ods: str
    setting: str | None = None
    """Chosen by the user of the standalone viewer."""
    clerk: tuple[str, str | None]
    """Somebody there whose role may not view, with the role."""
    plain: tuple[str, str | None]
    """Somebody there who may view but not override by law."""
    keeps: bool = False
    """Whether permissions are kept there beyond one view."""


SEATS = (
    Seat(product="mini-service", system="portal-rzz09", role="555000000152", ods="RZZ09",
         clerk=("910000000331", None), plain=("910000000281", None), keeps=True),
    Seat(product="adastra", system="adastra-yzz04", role="555000000145", ods="YZZ04",
         clerk=(LOCUM, "555000000153"), plain=("910000000117", None), keeps=True),
    Seat(product="cleo", system="cleo-rzz03", role="555000000146", ods="RZZ03",
         clerk=("910000000190", None), plain=("910000000125", None)),
    Seat(product="emis-web", system="emis-web-azz05", role="555000000147", ods="AZZ05",
         clerk=("910000000216", None), plain=("910000000133", None)),
    Seat(product="systmone", system="systmone-azz06", role="555000000148", ods="AZZ06",
         clerk=("910000000224", None), plain=("910000000325", None), keeps=True),
    Seat(product="symphony", system="symphony-rzz01", uid=OVERRIDER, role="555000000111", ods="RZZ01",
         clerk=("910000000026", None), plain=("910000000018", None), keeps=True),
    Seat(product="scra", system="scra", role="555000000145", ods="YZZ04", setting="gp_out_of_hours",
         clerk=(LOCUM, "555000000153"), plain=("910000000117", None), keeps=True),
)  # fmt: skip
MINI, ADASTRA, CLEO, EMIS, SYSTMONE, SYMPHONY, SCRA = SEATS
doors = pytest.mark.parametrize("seat", SEATS, ids=lambda seat: seat.product)


def _number(stem: int) -> str | None:
    digits = f"{stem:09}"
    check = (11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
    return None if check == 10 else f"{digits}{check}"


@dataclass
class Yard:
    """The sandbox and everything a test does to it."""

    sandbox: RunningSandbox
    tail: str
    """What stands in the registry file behind the cast's own text."""
    systems: dict[str, System] = field(default_factory=dict)
    _stems: Iterator[int] = field(default_factory=lambda: itertools.count(912345000))
    _notes: Iterator[int] = field(default_factory=itertools.count)

    def number(self) -> str:
        """A patient nobody has asked for yet."""
        return next(number for number in map(_number, self._stems) if number is not None)

    def note(self) -> str:
        """A note of substance, never used before."""
        return f"Found unresponsive at home, call {next(self._notes)}"

    # the registry

    def write(
        self,
        organisation: Callable[[Organisation], Organisation] = lambda row: row,
        system: Callable[[System], System] = lambda row: row,
        rates: dict[str, str] | None = None,
    ) -> None:
        """Puts a changed registry in force by SIGHUP and waits until it is."""
        rows = tuple(system(row) for row in cast.systems())
        text = registry_toml(tuple(organisation(row) for row in cast.organisations()), rows)
        told = rates or {}
        text = re.sub(r'(?m)^id = "([^"]+)"$', lambda found: f"{found[0]}\nrate = {told.get(found[1], FAST)}", text)
        (self.sandbox.data / "registry.toml").write_text(text + self.tail, encoding="utf-8")
        self.reload()
        self.systems = {row.id: row for row in rows}

    def reload(self) -> None:
        """Puts the registry file in force as it stands."""
        with self.sandbox.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            os.kill(self.sandbox.process.pid, signal.SIGHUP)
            self._await_reload(log.read)

    def _await_reload(self, read: Callable[[], bytes]) -> None:
        said, end = b"", time.monotonic() + RELOAD_SECONDS
        while time.monotonic() < end:
            said += read()
            assert b"registry-not-reloaded" not in said, "the registry written has faults"
            if b"registry reloaded" in said:
                return
            time.sleep(0.005)
        raise AssertionError("the registry was not reloaded")

    @contextmanager
    def registry(self, **changes: Any) -> Iterator[None]:
        """Another registry until the block ends."""
        self.write(**changes)
        try:
            yield
        finally:
            self.write()

    # views

    @asynccontextmanager
    async def calling(
        self, system: str, wire: Callable[[Any], Wire] | None = None, *, certificate: bool = False
    ) -> AsyncIterator[Calls]:
        """What a stub works with, as this system: named on the plain listener, or proved by its certificate."""
        tls: Any = self.sandbox.tls(system) if certificate else True
        connector = aiohttp.TCPConnector(ssl=tls)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield Calls(
                wire=(wire or Wire)(session),
                system=self.systems[system],
                gateway=self.sandbox.secure if certificate else self.sandbox.gateway,
                identity=self.sandbox.identity,
                now=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()).upper(),
                tell=lambda _: None,
            )

    async def view(self, seat: Seat, *, wire: Callable[[Any], Wire] | None = None, **said: Any) -> ViewResult:
        """A view of a fresh patient with a yes and a referral, but for what is said."""
        kind = said.pop("request", ViewRequest)
        client = said.pop("client", None)
        usual = {
            "nhs_number": self.number(), "uid": seat.uid, "role": seat.role, "setting": seat.setting,
            "permission": "yes", "relationship": "referral",
        }  # fmt: skip
        request = kind(**(usual | said))
        async with self.calling(seat.system, wire) as calls:
            await prepare(request, calls)
            if client is not None:
                other = replace(calls, system=replace(calls.system, client_id=client))
                return await product(seat.product).view(request, other)
            return await product(seat.product).view(request, calls)

    async def opens(self, seat: Seat, **said: Any) -> dict[str, Any]:
        """A view that shows the record; the audit entry that says so."""
        result = await self.view(seat, **said)
        assert (result.outcome, result.exit_status) == ("record", 0), (result.code, result.rules, result.sentence)
        assert result.record is not None
        assert result.record["sections"]
        entries = self.entries(result.correlation_id)
        last = entries[-1]
        assert (last["event"], last["system"]) == ("viewed", seat.system)
        assert last["user"] == said.get("uid", seat.uid)
        assert [entry["event"] for entry in entries].index("asked") < len(entries) - 1
        assert not last["rules"]
        return last

    async def refused(self, seat: Seat, code: str, *rules: str, **said: Any) -> dict[str, Any]:
        """A view that is refused under these rules; the audit entry that says so."""
        result = await self.view(seat, **said)
        return self.told_no(seat, result, code, *rules)

    def told_no(self, seat: Seat, result: ViewResult, code: str, *rules: str) -> dict[str, Any]:
        """The answer is this refusal, with nothing of a record, and the audit says the same; the entry."""
        assert (result.outcome, result.exit_status, result.code) == ("refused", 3, code), (result.code, result.rules)
        assert result.record is None
        assert set(rules) <= set(result.rules), result.rules
        entries = self.entries(result.correlation_id)
        folded = not entries and (code in UNPROVED or code.startswith("credentials-"))
        last = (self.rejections(seat, code) if folded else entries)[-1]
        assert last["event"] == "refused" or code in UNPROVED or code.startswith("credentials-"), last["event"]
        assert (last["code"], last["system"]) == (code, seat.system)
        assert last["document_id"] is None
        assert set(rules) <= set(last["rules"] or ())
        return last

    # what is on record

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What the database holds."""
        with sqlite3.connect(self.sandbox.database) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values).fetchall()]

    def entries(self, correlation_id: str | None) -> list[dict[str, Any]]:
        """The audit entries of one request, in order."""
        found = self.rows("SELECT body FROM audit WHERE correlation_id = ? ORDER BY writer, seq", correlation_id)
        return [defaultdict(lambda: None, json.loads(row["body"])) for row in found]  # an empty field is left out

    def rejections(self, seat: Seat, code: str) -> list[dict[str, Any]]:
        """The entries of requests of this system that ended with this code before any decision."""
        found = self.rows("SELECT body FROM audit WHERE event = 'rejected' ORDER BY writer, seq")
        read = [defaultdict(lambda: None, json.loads(row["body"])) for row in found]
        return [entry for entry in read if (entry["system"], entry["code"]) == (seat.system, code)]

    def alert(self, entry: dict[str, Any]) -> tuple[str, str, str] | None:
        """(type, reason, marks) of the alert an audit entry names."""
        if entry["alert_id"] is None:
            return None
        [row] = self.rows("SELECT type, reason, marks FROM alert WHERE id = ?", entry["alert_id"])
        return row["type"], row["reason"], row["marks"]

    def answers(self, number: str) -> list[dict[str, Any]]:
        """What is on record of this patient's permission, oldest first."""
        return self.rows("SELECT * FROM permission WHERE patient = ? ORDER BY starts", number)


def at(row: T, **changes: Any) -> T:
    """The same row of the cast, or seat, changed."""
    return replace(row, **changes)  # type: ignore[type-var]
