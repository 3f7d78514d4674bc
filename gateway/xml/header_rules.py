"""Rules of SOAP headers that every door with WS-Addressing or WS-Security shares: ids, endpoints, time stamps.

It reads claims only; whoever the headers name is proved elsewhere.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.names import WSA, WSA_ANONYMOUS, WSSE, WSU, qname
from gateway.xml.paths import elements, first, path_of, text_of
from gateway.xml.soap import Envelope, must_be_understood

_UUID = re.compile(r"(?:[A-Za-z_:]*[_:])?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T(?:(24):00:00(?:\.0+)?|(\d\d:\d\d:\d\d)(\.\d+)?)(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?",
    re.ASCII,
)
_ENDPOINT = "WS-Addressing 1.0 Core section 2.1"
_SECURITY = "WS-Security 1.1 section 10"
_MICROSECONDS = 7
"""Characters of a fraction that are kept: the point and six digits."""


def normalise_uuid(text: str | None) -> str | None:
    """A UUID in either case, with an optional prefix of letters, `_` and `:` (`uuid_`, `urn:uuid:`) -> capitals, no
    prefix; else None.
    """
    match = _UUID.fullmatch((text or "").strip())
    return match[1].upper() if match else None


def read_time(text: str | None) -> datetime | None:
    """xs:dateTime of a year of four digits -> aware UTC instant; without a zone it means UTC; None where it has another
    form or is no real time.

    24:00:00 is the first instant of the next day (XML Schema 1.0 part 2, section 3.2.7.1).
    """
    match = _DATE_TIME.fullmatch(text or "")
    if match is None:
        return None
    day, end_of_day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(
            f"{day}T{clock or '00:00:00'}{(fraction or '')[:_MICROSECONDS]}{zone or '+00:00'}"
        )
        return (moment + timedelta(days=1 if end_of_day else 0)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


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
    """wsa:From holds an address only; wsa:ReplyTo is anonymous; each endpoint has one address."""
    for local in ("From", "ReplyTo", "FaultTo"):
        yield from repeated_parts(envelope.block(qname(WSA, local)), (qname(WSA, "Address"),), _ENDPOINT)
    sender = envelope.block(qname(WSA, "From"))  # row 6
    if sender is not None:
        for child in elements(sender):
            if child.tag != qname(WSA, "Address"):
                yield finding(Fault.REFERENCE_PROPERTIES, child, expected="wsa:Address only")
    reply = envelope.block(qname(WSA, "ReplyTo"))  # row 7
    if reply is not None and envelope.addressing.reply_to != WSA_ANONYMOUS:
        yield finding(Fault.REPLY_TO, reply, expected=WSA_ANONYMOUS)


def repeated_parts(parent: etree._Element | None, tags: Iterable[str], clause: str) -> Iterator[Finding]:
    """Every part of a header after the first of a name that may stand once: which of two counts must not be a guess."""
    for tag in tags:
        for part in [] if parent is None else list(elements(parent, tag))[1:]:
            name = path_of(part)[0].rpartition("/")[2].partition("[")[0]
            yield finding(Fault.HEADER_REPEATED, part, clause=clause, expected=f"one {name}")


def security_findings(envelope: Envelope, read: frozenset[str]) -> Iterator[Finding]:
    """Parts of a wsse:Security that must be understood which are none of `read` (`{ns}local`): a token or a key that is
    overlooked would leave its sender believing that it was honoured. Its own attributes and white space say nothing.
    """
    block = envelope.block(qname(WSSE, "Security"))
    if block is not None and must_be_understood(block, envelope.version):
        for part in elements(block):
            if part.tag not in read:
                names = ", ".join(sorted(one.rpartition("}")[2] for one in read))
                yield finding(Fault.SECURITY_PART, part, expected=f"nothing but: {names}")


def timestamp_findings(
    envelope: Envelope, *, now: datetime, skew: timedelta, max_lifetime: timedelta | None
) -> Iterator[Finding]:  # rows 8 and 9
    """wsu:Timestamp is there, readable, current at `now`, and not longer than `max_lifetime` (None: no limit)."""
    block = envelope.block(qname(WSSE, "Security"))
    stamp = first(block, qname(WSU, "Timestamp"))
    yield from repeated_parts(block, (qname(WSU, "Timestamp"),), _SECURITY)
    yield from repeated_parts(stamp, (qname(WSU, "Created"), qname(WSU, "Expires")), _SECURITY)
    if block is None:
        place = envelope.header if envelope.header is not None else envelope.root
        yield finding(
            Fault.HEADER_MISSING,
            place,
            clause=_SECURITY,
            expected="wsse:Security with wsu:Timestamp, its wsu:Created and wsu:Expires",
        )
        return
    times: dict[str, datetime] = {}
    place = next(part for part in (stamp, block, envelope.header, envelope.root) if part is not None)
    for local in ("Created", "Expires"):
        element = first(stamp, qname(WSU, local))
        text = text_of(element)
        if not text:
            target = element if element is not None else place
            yield finding(Fault.HEADER_MISSING, target, clause=_SECURITY, expected=f"wsu:{local}")
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
        minutes = max_lifetime // timedelta(minutes=1)
        words = f"{minutes} minutes" if minutes % 60 else f"{minutes // 60} hours"
        yield finding(Fault.TIMESTAMP_LIFETIME, stamp, expected=f"at most {words}")
