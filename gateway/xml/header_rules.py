"""Rules of SOAP headers that every door with WS-Addressing or WS-Security shares: ids, endpoints, time stamps.

It reads claims only; whoever the headers name is proved elsewhere.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.findings import Fault, finding
from gateway.xml.names import WSA, WSA_ANONYMOUS, WSSE, WSU, qname
from gateway.xml.paths import elements, first, text_of
from gateway.xml.soap import Envelope

_UUID = re.compile(r"(?:[A-Za-z_:]*[_:])?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


def normalise_uuid(text: str | None) -> str | None:
    """A UUID in either case, with an optional prefix of letters, `_` and `:` (`uuid_`, `urn:uuid:`) -> capitals, no
    prefix; else None.
    """
    match = _UUID.fullmatch((text or "").strip())
    return match[1].upper() if match else None


def read_time(text: str | None) -> datetime | None:
    """xs:dateTime as WS-Security writes it -> aware UTC instant; without a zone it means UTC; None where it has another
    form.
    """
    if text is None or not _DATE_TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def missing_header(envelope: Envelope, name: str, local: str) -> Finding:
    """A finding about an absent or empty header, placed where it should stand."""
    block = envelope.block(qname(WSA, local))
    place = block if block is not None else envelope.header if envelope.header is not None else envelope.root
    return finding(Fault.HEADER_MISSING, place, expected=name)


def message_id_findings(envelope: Envelope) -> Iterator[Finding]:  # row 3
    """wsa:MessageID is there and a UUID."""
    written = envelope.addressing.message_id
    if written is None:
        yield missing_header(envelope, "wsa:MessageID", "MessageID")
    elif normalise_uuid(written) is None:
        yield finding(Fault.MESSAGE_ID, envelope.block(qname(WSA, "MessageID")), expected="a UUID")


def endpoint_findings(envelope: Envelope) -> Iterator[Finding]:
    """wsa:From holds an address only; wsa:ReplyTo is anonymous."""
    sender = envelope.block(qname(WSA, "From"))  # row 6
    if sender is not None:
        for child in elements(sender):
            if child.tag != qname(WSA, "Address"):
                yield finding(Fault.REFERENCE_PROPERTIES, child, expected="wsa:Address only")
    reply = envelope.block(qname(WSA, "ReplyTo"))  # row 7
    if reply is not None and envelope.addressing.reply_to != WSA_ANONYMOUS:
        yield finding(Fault.REPLY_TO, reply, expected=WSA_ANONYMOUS)


def _repeated(parent: etree._Element | None, local: str, clause: str) -> Iterator[Finding]:
    """Every part after the first of a wsu: name that may stand once: which of two times counts must not be a guess."""
    parts = [] if parent is None else list(elements(parent, qname(WSU, local)))
    for part in parts[1:]:
        yield finding(Fault.HEADER_REPEATED, part, clause=clause, expected=f"one wsu:{local}")


def timestamp_findings(
    envelope: Envelope, *, now: datetime, skew: timedelta, max_lifetime: timedelta | None
) -> Iterator[Finding]:  # rows 8 and 9
    """wsu:Timestamp is there, readable, current at `now`, and not longer than `max_lifetime` (None: no limit)."""
    block = envelope.block(qname(WSSE, "Security"))
    stamp = first(block, qname(WSU, "Timestamp"))
    yield from _repeated(block, "Timestamp", "WS-Security 1.1 section 10")
    for local in ("Created", "Expires"):
        yield from _repeated(stamp, local, "WS-Security 1.1 section 10")
    times: dict[str, datetime] = {}
    place = next(part for part in (stamp, block, envelope.header, envelope.root) if part is not None)
    for local in ("Created", "Expires"):
        element = first(stamp, qname(WSU, local))
        text = text_of(element)
        if not text:
            target = element if element is not None else place
            yield finding(Fault.HEADER_MISSING, target, clause="WS-Security 1.1 section 10", expected=f"wsu:{local}")
        elif (moment := read_time(text)) is None:
            yield finding(Fault.TIMESTAMP_FORM, element, expected="YYYY-MM-DDThh:mm:ssZ")
        else:
            times[local] = moment
    created, expires = times.get("Created"), times.get("Expires")
    if created and created > now + skew:
        yield finding(Fault.TIMESTAMP_FUTURE, first(stamp, qname(WSU, "Created")), expected="a time in the past")
    if expires and expires <= now - skew:
        yield finding(Fault.TIMESTAMP_EXPIRED, first(stamp, qname(WSU, "Expires")), expected="a time in the future")
    if created and expires and created >= expires:
        yield finding(Fault.TIMESTAMP_ORDER, stamp, expected="wsu:Created before wsu:Expires")
    elif created and expires and max_lifetime is not None and expires - created > max_lifetime:
        hours = max_lifetime.total_seconds() / 3600
        yield finding(Fault.TIMESTAMP_LIFETIME, stamp, expected=f"at most {hours:g} hours")
