"""What the launch lab holds the gateway to, check by check: the end, and what must be true of every answer on the way. Pure.

Judged from the exchanges alone, as anybody between browser and gateway would see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from vendor_stubs.calling.http import Exchange
from vendor_stubs.calling.result import spaced

OK = "ok"
PUBLIC = frozenset({"/launch/jwks"})
"""Addresses whose answers may be kept: they hold nothing about anybody."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that must be so."""

    name: str
    passed: bool


def judged(
    trail: Sequence[Exchange], *, gateway: str, ended: str, expected: str, number: str, names: Sequence[str]
) -> tuple[Check, ...]:
    """Every check of one attempt. `number`, `names`: of the patient asked for; `ended`: `ok` or a stable code."""
    ours = [one for one in trail if one.url.startswith(f"{gateway}/")]
    before = ours[:-1] if ended == OK else ours
    kept = [one for one in ours if urlsplit(one.url).path not in PUBLIC]
    cookies = [cookie for one in ours for cookie in one.headers.getall("Set-Cookie", [])]
    places = [unquote(one.headers.get("Location", "")) for one in ours]
    return (
        Check(name=f"ends in {expected}", passed=ended == expected),
        Check(
            name="the patient is shown to be confirmed"
            if expected == OK
            else "refused as the caller's fault (HTTP 4xx)",
            passed=bool(ours) and (ours[-1].status == 200 if expected == OK else 400 <= ours[-1].status < 500),
        ),
        Check(
            name="nothing is told of the patient before the user has signed in"
            if expected == OK
            else "nothing is told of the patient",
            passed=not any(_tells(one, number, names) for one in before),
        ),
        Check(
            name="no redirect names the patient",
            passed=not any(text in place for place in places for text in (number, spaced(number))),
        ),
        Check(
            name="no answer may be kept, or names where it came from (no-store, no-referrer)",
            passed=all(
                one.headers.get("Cache-Control") == "no-store" and one.headers.get("Referrer-Policy") == "no-referrer"
                for one in kept
            ),
        ),
        Check(
            name="cookies are the gateway's alone (HttpOnly, SameSite)",
            passed=all("HttpOnly" in one and ("SameSite=Lax" in one or "SameSite=Strict" in one) for one in cookies),
        ),
    )


def _tells(one: Exchange, number: str, names: Sequence[str]) -> bool:
    """Whether an answer holds the patient's number, plain or as people read it, or a name."""
    text = one.body.decode("utf-8", "replace").replace("\u00a0", " ")
    return any(known in text for known in (number, spaced(number), *names) if known)
