"""Every attack on the proof of a person, through every door that takes one: nothing opens, and the audit says why."""

import json
import re
from typing import Any

import pytest

from tests.policy_doors.yard import ADASTRA, SCRA, SEATS, Seat, Yard
from vendor_stubs.calling.http import Exchange, Wire
from vendor_stubs.identity.assertion_faults import SAML_FAULTS
from vendor_stubs.identity.tokens import TOKEN_FAULTS

CODES = {
    "expired": "credentials-expired",
    "old-auth-time": "credentials-expired",
    "wrong-audience": "credentials-audience",
    "wrong-recipient": "credentials-audience",
    "no-acr": "credentials-assurance",
    "other-role": "role-not-held",
}
"""What a fault is refused with; any other with credentials-invalid."""
SIBLINGS = frozenset({"wrapped-3", "wrapped-5"})
"""Faults that put a second assertion beside the first."""
TOKEN_SEATS = [seat for seat in SEATS if seat not in (ADASTRA, SCRA)]
IN_MESSAGE = re.compile(rb"</(?:\w+:)?Security>")


def faulty(fault: str) -> type[Wire]:
    """A wire on which the identity service gives proofs with this fault; siblings of an assertion are put beside it."""

    class Faulty(Wire):
        beside = b""

        async def send(self, method: str, url: str, *, headers: Any, body: bytes = b"") -> Exchange:
            if not url.endswith(("/sandbox/token", "/sandbox/saml")):
                body = IN_MESSAGE.sub(lambda end: self.beside + end[0], body)
                return await super().send(method, url, headers=headers, body=body)
            asked = json.dumps({**json.loads(body), "fault": fault}).encode()
            answer = await super().send(method, url, headers=headers, body=asked)
            self.beside = "".join(json.loads(answer.body).get("assertions", [])[1:]).encode()
            return answer

    return Faulty


async def refused_each(yard: Yard, seat: Seat, faults: list[str]) -> None:
    """One view with each fault; and a sound one, before and after."""
    await yard.opens(seat)
    for fault in faults:
        code, outcome = CODES.get(fault, "credentials-invalid"), "refused"
        if fault in SIBLINGS:  # two assertions in one message: refused before either is looked at
            code, outcome = "message-combination", "invalid"
        result = await yard.view(seat, wire=faulty(fault))
        assert (result.outcome, result.code, result.record) == (outcome, code, None), (fault, result)
        entry = yard.rejections(seat, code)[-1]
        assert entry["user"] is None or entry["claimed"], fault
    await yard.opens(seat)


@pytest.mark.parametrize("seat", TOKEN_SEATS, ids=lambda seat: seat.product)
async def test_p07_no_attack_on_a_token_opens_a_record(yard: Yard, seat: Seat) -> None:
    faults = [fault for fault in TOKEN_FAULTS if fault != "no-role"]
    assert {"alg-none", "hs256-public-key", "unknown-kid", "not-yet-valid", "wrong-issuer", "wrong-typ"} <= {*faults}
    await refused_each(yard, seat, faults)


async def test_p07_no_attack_on_an_assertion_opens_a_record(yard: Yard) -> None:
    assert {f"wrapped-{number}" for number in range(1, 9)} <= SAML_FAULTS.keys()
    assert {"duplicate-id", "comment-in-nameid"} <= SAML_FAULTS.keys()
    await refused_each(yard, ADASTRA, sorted(SAML_FAULTS))


class Again(Wire):
    """Sends what was first sent to the gateway once more: the same message, or in a new one the same proof."""

    assertion = b""

    async def send(self, method: str, url: str, *, headers: Any, body: bytes = b"") -> Exchange:
        pattern = rb"<(?:\w+:)?Assertion\b.*</(?:\w+:)?Assertion>"
        found = re.search(pattern, body, re.DOTALL)
        if found and "/viewers/" in url:
            Again.assertion = Again.assertion or found[0]
            body = body.replace(found[0], Again.assertion)
        return await super().send(method, url, headers=headers, body=body)


async def test_p07_an_assertion_proves_one_message_only(yard: Yard) -> None:
    Again.assertion = b""
    await yard.opens(ADASTRA, wire=Again)
    result = await yard.view(ADASTRA, wire=Again)
    assert (result.outcome, result.record) == ("refused", None), result
    assert result.code == "credentials-replayed", result
    await yard.opens(ADASTRA)
