"""What the Toolkit demands of the SOAP headers of a mini-service request: rows 3 to 10 of its tester's list.

It reads claims only. A signature (row 11) and the username's standing are proved by the door.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.domain.findings import Finding
from gateway.xml.findings import Fault, finding
from gateway.xml.header_rules import endpoint_findings, message_id_findings, missing_header, timestamp_findings
from gateway.xml.names import ITK, WSA, WSSE, qname
from gateway.xml.paths import first
from gateway.xml.soap import Envelope


def check(
    envelope: Envelope,
    *,
    now: datetime,
    skew: timedelta,
    max_lifetime: timedelta | None,
    to_required: bool,
    soap_action: str | None,
) -> Iterator[Finding]:
    """Findings about the SOAP headers, in row order. `now` is aware; `max_lifetime` None means no limit; `soap_action`
    as received.
    """
    yield from message_id_findings(envelope)
    yield from _action(envelope, soap_action)
    if to_required and envelope.addressing.to is None:  # row 5
        yield missing_header(envelope, "wsa:To", "To")
    yield from endpoint_findings(envelope)
    yield from timestamp_findings(envelope, now=now, skew=skew, max_lifetime=max_lifetime)
    if envelope.security is None or envelope.security.username is None:  # row 10
        block = envelope.block(qname(WSSE, "Security"))
        place = block if block is not None else envelope.header if envelope.header is not None else envelope.root
        yield finding(
            Fault.HEADER_MISSING,
            place,
            clause="WS-Security UsernameToken Profile 1.0",
            expected="wsse:UsernameToken/wsse:Username",
        )


def _action(envelope: Envelope, soap_action: str | None) -> Iterator[Finding]:  # row 4
    action = envelope.addressing.action
    if action is None:
        yield missing_header(envelope, "wsa:Action", "Action")
        return
    header = first(envelope.payload, qname(ITK, "header"))
    service = header.get("service") if header is not None else None
    block = envelope.block(qname(WSA, "Action"))
    if service is not None and action != service:
        yield finding(Fault.ACTION, block, expected=service, found=action)
    over_http = (soap_action or "").strip().strip('"').strip()
    if over_http and over_http != action:
        yield finding(Fault.SOAP_ACTION, block, expected=over_http, found=action)
