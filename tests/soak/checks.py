"""The reckoning: what clients received against what is on record, and what must stand nowhere."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.house import alerts_of
from tests.soak.house import House
from tests.soak.ledger import Ledger
from vendor_stubs import cast

SHOWING = frozenset({"viewed", "print"})
OVERRIDES = frozenset({"emergency", "best-interests", "legal"})


@dataclass(frozen=True)
class Evidence:
    """What the gateway's own records say."""

    entries: list[dict[str, Any]]
    alerts: dict[str, str]
    """Correlation id -> alert id."""
    said: str
    """What `audit verify` printed."""


async def evidence(house: House) -> Evidence:
    """Export, verification and alerts, by the commands an auditor would use. Raises RuntimeError where the export fails."""
    data = house.sandbox.data
    export = data / "audit.jsonl"
    status, output = await house.command(
        "audit", "export", "--config", str(data / "gateway.toml"), "--output", str(export), "--force"
    )
    if status:
        raise RuntimeError(output)
    _, said = await house.command("audit", "verify", str(export), "--keys", str(data / "keys"))
    lines = [json.loads(line) for line in export.read_bytes().splitlines()]
    entries = [line["entry"] for line in lines if line["kind"] == "entry"]
    url = house.postgres.url("soak") if house.postgres else f"sqlite+aiosqlite:///{house.sandbox.database}"
    return Evidence(entries=entries, alerts=await alerts_of(url), said=said.strip())


def on_record(ledger: Ledger, found: Evidence) -> list[str]:
    """I1: every record any client received, in full or in part, has its entry, of this patient; and was asked for before."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for entry in found.entries:
        if entry["event"] in SHOWING:
            shown.setdefault(entry["correlation_id"], []).append(entry)
    asked = {entry["correlation_id"] for entry in found.entries if entry["event"] == "asked"}
    wrong = []
    for correlation, record in ledger.shown.items():
        entries = shown.get(correlation, [])
        if not entries:
            wrong.append(f"I1: a record received through {record.asked.door} has no audit entry, {correlation}")
        elif not any(entry["patient"] in record.asked.own for entry in entries):
            wrong.append(f"I1: the audit entry names another patient, {correlation}")
    wrong += [f"I1: viewed, though never asked, {one}" for one in shown.keys() - asked]
    return wrong


def alerted(ledger: Ledger, found: Evidence) -> list[str]:
    """I4: each emergency, legal and self-claimed view has its alert, and no alert stands alone."""
    wrong = []
    by_correlation, ids = set(found.alerts), set(found.alerts.values())
    for correlation, record in ledger.shown.items():
        if record.asked.overrides and correlation not in by_correlation:
            wrong.append(f"I4: an override received through {record.asked.door} has no alert, {correlation}")
    named = {entry["alert_id"] for entry in found.entries if entry.get("alert_id")}
    for entry in found.entries:
        if entry["event"] != "viewed":
            continue
        needs = entry.get("emergency") or entry.get("relationship") == "self-claimed"
        if needs and entry.get("alert_id") not in ids:
            wrong.append(f"I4: a view that needs an alert has none, {entry['correlation_id']}")
    wrong += [f"I4: an alert without its entry, {one}" for one in ids - named]
    return wrong


def sound(found: Evidence) -> list[str]:
    """Every hash chain verifies."""
    return [] if found.said.endswith(": sound") else [f"chains: {found.said[-600:]}"]


def canaries(patients: Iterable[str], notes: Iterable[str]) -> set[str]:
    """What must stand in no log and no metric: numbers, names, addresses, notes and tokens."""
    words = {"eyJ", "unconscious at home", "collapsed at home", *notes}
    for number in patients:
        person = cast.patient(number)
        words |= {number, f"{number[:3]} {number[3:6]} {number[6:]}"}
        if person is not None:
            words |= {person.name.family, person.postcode, person.phone, person.address[0]}
    return {word for word in words if word}


def silent(places: dict[str, bytes], words: set[str]) -> list[str]:
    """I5: no canary in any of these. The sentence names the place and the kind of word, never the word."""
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))
    wrong = []
    for place, content in places.items():
        found = pattern.findall(content.decode("utf-8", "replace"))
        if found:
            kinds = sorted({"a number" if one.replace(" ", "").isdigit() else "words or a token" for one in found})
            wrong.append(f"I5: {len(found)} canaries in {place} ({', '.join(kinds)})")
    return wrong
