"""A stock zeep client, generated from a served WSDL alone: it knows nothing of this house but an address and a proof of its user."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import zeep
from lxml import etree
from zeep.transports import Transport
from zeep.wsse.utils import get_security_header

from tests.running import RunningSandbox

WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


class Proof:
    """zeep's own seam for WS-Security: a time stamp and one element that proves the user."""

    def __init__(self, element: Any) -> None:
        self.element = element

    def apply(self, envelope: Any, headers: Any) -> tuple[Any, Any]:
        """Adds both to the message."""
        security, now = get_security_header(envelope), datetime.now(UTC)
        stamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
        for name, moment in (("Created", now), ("Expires", now + timedelta(minutes=5))):
            etree.SubElement(stamp, f"{{{WSU}}}{name}").text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        security.append(self.element)
        return envelope, headers

    def verify(self, envelope: Any) -> Any:
        """Answers are not signed."""
        return envelope


def asked_of_identity(sandbox: RunningSandbox, what: str, **members: str) -> dict[str, str]:
    """POST /sandbox/token or /sandbox/saml of the identity stub."""
    request = urllib.request.Request(
        f"{sandbox.identity}/sandbox/{what}",
        data=json.dumps(members).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.loads(answer.read()))


def referred(sandbox: RunningSandbox, feed: str, uid: str, number: str) -> None:
    """A patient administration system feeds a referral, so that a relationship stands on record."""
    end = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    document = {"nhs_number": number, "user": uid, "kind": "referral", "scope": "individual", "end": end}
    request = urllib.request.Request(
        f"{sandbox.gateway}/relationships",
        data=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "X-SCR-System": feed},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201


@contextmanager
def client(sandbox: RunningSandbox, product: str, system: str, proof: Any) -> Iterator[Any]:
    """The client of /viewers/{product}, with the header that names the calling system on the plain listener."""
    session = requests.Session()
    session.headers.update({"X-SCR-System": system, "X-Correlation-ID": str(uuid.uuid4())})
    wsdl = f"{sandbox.gateway}/viewers/{product}?wsdl"
    try:
        yield zeep.Client(wsdl, transport=Transport(session=session), wsse=Proof(proof))
    finally:
        session.close()
