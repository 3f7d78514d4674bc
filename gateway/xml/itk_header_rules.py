"""What the Toolkit demands of the SOAP headers of a mini-service request: rows 3 to 10 of its tester's list.

It reads claims only. A signature (row 11) and the username's standing are proved by the door.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import (
    endpoint_findings,
    message_id_findings,
    missing_header,
    repeated_parts,
    security_findings,
    timestamp_findings,
)
from gateway.xml.itk_naming import action_findings
from gateway.xml.names import DS, WSSE, WSU, qname
from gateway.xml.paths import first
from gateway.xml.soap import Envelope

_READ = frozenset(
    {
        qname(WSU, "Timestamp"),
        qname(WSSE, "UsernameToken"),
        qname(WSSE, "BinarySecurityToken"),
        qname(DS, "Signature"),
    }
)
"""What is read of wsse:Security, here and by the door."""
_USERNAME = "WS-Security UsernameToken Profile 1.0"


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
    yield from action_findings(envelope, soap_action)  # row 4
    if to_required and envelope.addressing.to is None:  # row 5
        yield missing_header(envelope, "wsa:To", "To")
    yield from endpoint_findings(envelope)
    yield from timestamp_findings(envelope, now=now, skew=skew, max_lifetime=max_lifetime)
    yield from security_findings(envelope, _READ)
    block, token = envelope.block(qname(WSSE, "Security")), qname(WSSE, "UsernameToken")  # row 10
    yield from repeated_parts(block, (token,), _USERNAME)
    yield from repeated_parts(first(block, token), (qname(WSSE, "Username"),), _USERNAME)
    if envelope.security is None or envelope.security.username is None:
        place = block if block is not None else envelope.header if envelope.header is not None else envelope.root
        yield finding(
            Fault.HEADER_MISSING,
            place,
            clause=_USERNAME,
            expected="wsse:UsernameToken/wsse:Username",
        )
