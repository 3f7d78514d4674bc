"""Pages walked over HTTP, without a screen: the stub's own browser, pointed at the session's sandbox."""

import json
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.running import RunningSandbox
from vendor_stubs import cast, scra
from vendor_stubs.calling.http import Calls, open_wire
from vendor_stubs.pages import Browser, Page

DOCTOR = "910000000158"
"""Of the mental health trust: asks at every view."""
WORKBENCH = (
    "/privacy/alerts",
    "/privacy/reports/patient",
    "/privacy/reports/user",
    "/privacy/reports/enquiries",
    "/privacy/looked",
    "/privacy/permissions",
    "/privacy/samples",
    "/privacy/attendance",
    "/privacy/charts",
)
"""Pages of the privacy officer's workbench that need nothing in their address."""
PATIENTS = {patient.case: patient.nhs for patient in reversed(list(cast.patients())) if patient.case}


@asynccontextmanager
async def walking(sandbox: RunningSandbox) -> AsyncIterator[tuple[Browser, Calls]]:
    """A fresh browser with its own cookies."""
    async with open_wire() as wire:
        calls = Calls(
            wire=wire,
            system=cast.default_system("scra"),
            gateway=sandbox.gateway,
            identity=sandbox.identity,
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()).upper(),
            tell=lambda _: None,
        )
        yield Browser(calls), calls


async def signed_in(browser: Browser, uid: str = DOCTOR, setting: str = "mental_health") -> Page:
    """At the page that finds a patient."""
    page = await scra.sign_in(browser, uid, None)
    if page.path == "/viewer/setting":
        page = await browser.post(page, "/viewer/setting", {"setting": setting})
    assert page.path == "/viewer/find", page.exchange.code
    return page


async def found(browser: Browser, number: str, uid: str = DOCTOR) -> Page:
    """At the page of a patient."""
    page = await browser.post(await signed_in(browser, uid), "/viewer/find", {"nhs_number": number})
    assert page.path == "/viewer/patient", page.exchange.code
    return page


async def viewed(browser: Browser, number: str, uid: str = DOCTOR, **answer: str) -> Page:
    """At the record."""
    page = await found(browser, number, uid)
    page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
    page = await browser.post(page, "/viewer/record", {"permission": "yes", **answer})
    assert page.find("//*[@data-record]"), page.exchange.code
    return page


def entries(sandbox: RunningSandbox, correlation_id: str | None) -> list[dict[str, Any]]:
    """The audit entries of one request, in order."""
    with sqlite3.connect(sandbox.database) as connection:
        rows = connection.execute("SELECT body FROM audit ORDER BY writer, seq").fetchall()
    read = [json.loads(body) for (body,) in rows]
    return [entry for entry in read if entry["correlation_id"] == correlation_id]


def rows(sandbox: RunningSandbox, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What the sandbox's database holds."""
    with sqlite3.connect(sandbox.database) as connection:
        return connection.execute(statement, values).fetchall()
