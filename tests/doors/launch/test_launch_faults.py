"""Every fault of the launch lab, at every host it fits: the gateway ends each as it must, and leaves a trace of it."""

import json
import sqlite3

import pytest

from tests.doors.launch.hosts import USERS, asks, host
from tests.running import RunningSandbox
from vendor_stubs.launch_faults import FAULTS, OK, Fault, faults_of
from vendor_stubs.launch_lab import Lab

CASES = [(product, fault) for product in USERS for fault in faults_of(product)]


def entries(sandbox: RunningSandbox) -> list[dict[str, object]]:
    """The whole audit."""
    with sqlite3.connect(sandbox.database) as connection:
        rows = connection.execute("SELECT body FROM audit ORDER BY at").fetchall()
    return [json.loads(body) for (body,) in rows]


@pytest.mark.parametrize(("product", "fault"), CASES, ids=[f"{product}-{fault.name}" for product, fault in CASES])
async def test_each_fault_ends_as_it_must(sandbox: RunningSandbox, product: str, fault: Fault) -> None:
    async with host(sandbox, product) as calls:
        attempt = await Lab(fault, asks(product), calls).run()
    assert attempt.code == fault.expected, attempt.steps
    last = attempt.steps[-1]
    if fault.expected == OK:
        assert last.status == 200
        return
    assert 400 <= last.status < 500
    written = [entry for entry in entries(sandbox) if entry.get("code") == fault.expected]
    if fault.name not in {"other-browser", "cross-site", "number-beside"}:
        assert written, "the audit says nothing of it"


def test_the_lab_knows_enough_faults() -> None:
    wrong = [fault for fault in FAULTS if fault.expected != OK]
    assert len({fault.name for fault in wrong}) == len(wrong) >= 15
    assert all(len([fault for fault in faults_of(product) if fault.expected != OK]) >= 15 for product in USERS)


async def test_no_refused_launch_asks_spine_about_the_patient(sandbox: RunningSandbox) -> None:
    """I2: a launch that the facts already held refuse never reaches PDS."""
    asked = ("expired", "user-mismatch", "role-mismatch", "role-not-held", "refused-purpose", "replayed", "wrong-key")
    number = "9992000481"
    for name in asked:
        fault = next(fault for fault in FAULTS if fault.name == name)
        async with host(sandbox, "sonar") as calls:
            received = await calls.wire.send("GET", f"{sandbox.spine}/control/received", headers={})
            before = sum(number in json.dumps(row) for row in json.loads(received.body))
            await Lab(fault, asks("sonar", number), calls).run()
            received = await calls.wire.send("GET", f"{sandbox.spine}/control/received", headers={})
            assert sum(number in json.dumps(row) for row in json.loads(received.body)) == before, name
