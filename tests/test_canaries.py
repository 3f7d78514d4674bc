"""I5: nothing that tells of a patient, no token and no message stands in logs, metrics, mails or notices (planted and searched)."""

import asyncio
import json
import urllib.request

from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast

USER, DOOR = "910000000281", "mini-service"
NOTE = "zebra canary collapsed at home"
CASES = ("core", "wrong_patient", "fault", "malformed", "sensitive", "superseded", "no_scr", "hostile_markup")


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode("utf-8", "replace"))


async def test_no_canary_leaves_by_a_side_door(sandbox: RunningSandbox) -> None:
    patients = [patient for patient in cast.patients() if patient.case in CASES]
    for patient in patients:
        for options in (("--permission", "yes"), ("--permission", "emergency", "--note", NOTE)):
            await vendor_stub(
                sandbox, DOOR, "view", "--nhs-number", patient.nhs, "--as", USER, "--relationship", "referral", *options
            )
    _, token, _ = await vendor_stub(sandbox, "token", "--as", USER)
    canaries = {NOTE, token.strip()[:40], "eyJ"}
    for patient in patients:
        number = patient.nhs
        canaries |= {
            number,
            f"{number[:3]} {number[3:6]} {number[6:]}",
            patient.name.family,
            patient.postcode,
            patient.phone,
        }
    for _ in range(200):  # alerts are delivered after the answer
        if json.loads(_text(f"{sandbox.spine}/control/webhooks")):
            break
        await asyncio.sleep(0.1)
    places = {
        "the log": sandbox.log.read_text(encoding="utf-8", errors="replace"),
        "the metrics": _text(f"http://127.0.0.1:{sandbox.base + 6}/metrics"),
        "the notices": _text(f"{sandbox.spine}/control/webhooks"),
        "the mails": "".join(path.read_text() for path in (sandbox.data / "mail").glob("*.eml")),
    }
    assert len(places["the log"]) > 1000
    assert "scr_requests_total" in places["the metrics"]
    assert json.loads(places["the notices"])
    found = [(place, canary) for place, text in places.items() for canary in canaries if canary and canary in text]
    assert not found
