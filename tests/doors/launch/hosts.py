"""What launch tests share: hosts with a user each, and a host's calls to a running sandbox."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tests.running import RunningSandbox
from vendor_stubs import cast, launching
from vendor_stubs.calling.http import Calls, Exchange, open_wire
from vendor_stubs.calling.options import ViewRequest

USERS = {
    "rio": "910000000158",
    "lorenzo": "910000000018",
    "sonar": "910000000166",
    "pharmoutcomes": "910000000273",
}
"""A user of each host who may view records there."""
OPENED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def host(sandbox: RunningSandbox, product: str) -> AsyncIterator[Calls]:
    """The calls of a product's first system, with cookies of their own."""
    async with open_wire() as wire:
        yield Calls(
            wire=wire,
            system=cast.default_system(product),
            gateway=sandbox.gateway,
            identity=sandbox.identity,
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()).upper(),
            tell=lambda _: None,
        )


def asks(product: str, number: str = "9000000009") -> ViewRequest:
    """A view the host's user may have."""
    return ViewRequest(nhs_number=number, uid=USERS[product], permission="yes", relationship="self-claimed")


def token(calls: Calls, number: str = "9000000009") -> str:
    """A good launch token of the host."""
    return launching.launch_token(asks(calls.system.product, number), calls)


async def send(calls: Calls, method: str, address: str, body: str = "", **headers: str) -> Exchange:
    """One request as a browser's, redirects not followed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    form = FORM if method == "POST" else {}
    return await calls.wire.send(method, calls.gateway + address, headers={**form, **named}, body=body.encode())
