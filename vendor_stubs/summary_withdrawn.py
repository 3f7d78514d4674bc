"""The coded entries of a GPSummary that its practice marked as withdrawn, for systems that show the document as it came.

Written from the message's own tables, apart from the gateway's reader.
"""

import re
from typing import Any

from vendor_stubs.summary_text import squeezed
from vendor_stubs.xml import HL7, Element, local_name, qname

_CODED, _STATUS, _TIME = qname(HL7, "pertinentInformation2"), qname(HL7, "statusCode"), qname(HL7, "effectiveTime")
_ENTRY = re.compile(r"UKCT_MT1440\d+UK\d+\.(\w+)")
_PRODUCT = "/".join(
    qname(HL7, name) for name in ("consumable", "manufacturedProduct", "manufacturedManufacturedMaterial", "code")
)
_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4}|\d{6})?", re.ASCII)


def withdrawn_entries(summary: Element) -> list[dict[str, Any]]:
    """[{kind, text, time, until}] in the order received; time and until as YYYY-MM-DD, None where they are not that precise."""
    return [
        _entry(element, found[1])
        for information in summary.iterchildren(_CODED)
        for element in information.iter("*")
        if (found := _ENTRY.fullmatch(local_name(element))) and _nullified(element)
    ]


def _nullified(element: Element) -> bool:
    status = element.find(_STATUS)
    return status is not None and status.get("code") == "nullified"


def _entry(element: Element, kind: str) -> dict[str, Any]:
    code = element.find(_PRODUCT)
    if code is None:
        code = element.find(qname(HL7, "code"))
    time = element.find(_TIME)
    parts = {} if time is None else {local_name(part): part.get("value") for part in time}
    begins = (
        None if time is None else time.get("value") or parts.get("center") or parts.get("centre") or parts.get("low")
    )
    return {
        "kind": re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower(),
        "text": "" if code is None else _words(code),
        "time": _day(begins),
        "until": _day(parts.get("high")),
    }


def _words(code: Element) -> str:
    original = code.find(qname(HL7, "originalText"))
    text = "" if original is None else squeezed("".join(map(str, original.itertext())))
    return text or code.get("displayName") or ""


def _day(stamp: str | None) -> str | None:
    found = _STAMP.fullmatch((stamp or "").strip())
    return "-".join(found.groups()) if found else None
