"""Every fault of the launch lab, at every host it fits: the gateway ends each as it must, and leaves a trace of it."""

import json
import sqlite3

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tests.doors.launch.hosts import USERS, asks, host
from tests.running import RunningSandbox
from vendor_stubs.calling.http import Exchange
from vendor_stubs.launch_checks import judged
from vendor_stubs.launch_faults import FAULTS, OK, Fault, faults_of
from vendor_stubs.launch_lab import Lab

GATEWAY = "http://127.0.0.1:8080"
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
    assert [check.name for check in attempt.checks if not check.passed] == []
    assert attempt.passed
    last = attempt.steps[-1]
    if fault.expected == OK:
        assert last.status == 200
        return
    assert 400 <= last.status < 500
    written = [entry for entry in entries(sandbox) if entry.get("code") == fault.expected]
    if fault.name not in {"other-browser", "cross-site", "number-beside"}:
        assert written, "the audit says nothing of it"


def exchange(path: str = "/launch/sonar", status: int = 403, body: bytes = b"", **headers: str) -> Exchange:
    """An answer of the gateway."""
    safe = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = CIMultiDictProxy(CIMultiDict(safe | named))
    return Exchange(
        method="GET", url=GATEWAY + path, sent_headers={}, sent=b"", status=status, headers=found, body=body
    )


@pytest.mark.parametrize(
    ("trail", "ended", "fails"),
    [
        ([exchange()], "launch-expired", None),
        ([exchange()], "launch-invalid", "ends in"),
        ([exchange(status=500)], "launch-expired", "refused as"),
        ([], "launch-expired", "refused as"),
        ([exchange(body=b"<p>9992000112"), exchange()], "launch-expired", "nothing is told"),
        ([exchange(body="999\u00a0200\u00a00112".encode())], "launch-expired", "nothing is told"),
        ([exchange(body=b"ASHWORTH, Evelyn")], "launch-expired", "nothing is told"),
        ([exchange(Location="/viewer?n=9992000112")], "launch-expired", "no redirect"),
        ([exchange(Location="/viewer?n=999%20200%200112")], "launch-expired", "no redirect"),
        ([exchange(Cache_Control="private")], "launch-expired", "no answer may be kept"),
        ([exchange(Referrer_Policy="origin")], "launch-expired", "no answer may be kept"),
        ([exchange("/launch/jwks", Cache_Control="max-age=300"), exchange()], "launch-expired", None),
        ([exchange(Set_Cookie="a=b; HttpOnly; SameSite=None")], "launch-expired", "cookies"),
        ([exchange(Set_Cookie="a=b; SameSite=Lax")], "launch-expired", "cookies"),
        ([exchange(Set_Cookie="a=b; HttpOnly; SameSite=Lax")], "launch-expired", None),
    ],
)
def test_each_check_of_the_lab_can_fail(trail: list[Exchange], ended: str, fails: str | None) -> None:
    checks = judged(
        trail, gateway=GATEWAY, ended=ended, expected="launch-expired", number="9992000112", names=("ASHWORTH",)
    )
    failed = [check.name for check in checks if not check.passed]
    assert len(failed) == (0 if fails is None else 1), failed
    assert all(name.startswith(fails or "") for name in failed)


def test_a_good_launch_may_show_the_patient_at_its_end_alone() -> None:
    banner = exchange("/viewer/patient", 200, b"ASHWORTH")
    for trail, passed in (([exchange(status=303), banner], True), ([banner, banner], False)):
        checks = judged(trail, gateway=GATEWAY, ended="ok", expected="ok", number="9992000112", names=("ASHWORTH",))
        assert all(check.passed for check in checks) is passed


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
