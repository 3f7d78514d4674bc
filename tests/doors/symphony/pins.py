"""The differences from the samples as they were agreed, both values each: `python -m tests.doors.symphony.pins` pins the present ones.

Read what changed before it is kept: a pin is what makes any other value fail.
"""

import json
import sys

from tests.doors.symphony.comparing import Difference, compared
from tests.doors.symphony.differences import reason_of
from tests.doors.symphony.fhir_answers import WIRE
from tests.doors.symphony.pairs import all_pairs
from tests.running import ROOT

PINS = WIRE / "differences.json"
Pins = dict[str, dict[str, str]]
"""Reason -> `sample: place` -> digest of both values."""


def kept() -> Pins:
    """The pins as they stand in the file."""
    found: Pins = json.loads(PINS.read_text(encoding="utf-8"))
    return found


def pinned(found: list[tuple[str | None, Difference]]) -> Pins:
    """Differences with their reasons, as they are pinned."""
    kept: Pins = {}
    for reason, one in found:
        kept.setdefault(str(reason), {})[one.pin] = one.digest
    return {reason: dict(sorted(places.items())) for reason, places in sorted(kept.items())}


def unexplained(found: list[Difference], pins: Pins) -> list[Difference]:
    """Differences without a row, or whose values are not the pinned ones."""
    return [one for one in found if pins.get(str(reason_of(one)), {}).get(one.pin) != one.digest]


def gone(found: list[Difference], pins: Pins) -> list[str]:
    """Pinned differences of these samples that are no more: what they explained has changed."""
    samples, places = {one.sample for one in found}, {one.pin for one in found}
    kept = [place for reason in pins.values() for place in reason if place.split(": ")[0] in samples]
    return sorted(set(kept) - places)


def main() -> int:
    """Pins the present differences; tells those that no reason explains, which no pin can hold."""
    found = [(reason_of(one), one) for pair in all_pairs(ROOT.parent / "shared") for one in compared(pair)]
    PINS.write_text(json.dumps(pinned([row for row in found if row[0]]), indent=1) + "\n", encoding="utf-8")
    for reason, one in found:
        if reason is None:
            print(f"no reason: {one.sample}: {one.place}")
    print(f"{len(found)} differences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
