"""What the viewers' SOAP doors read of wsse:Security: the user's proof, and a message signature by the mini service's rules.

A signature is optional; one that is there and does not hold condemns the message. It proves no user.
"""

from collections.abc import Iterator

from lxml import etree

from gateway.adapters.viewer_messages import Reading
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied
from gateway.domain.findings import Finding
from gateway.service.doors import WireRequest
from gateway.xml.header_rules import security_findings
from gateway.xml.names import DS, WSSE, WSU, qname
from gateway.xml.paths import elements
from gateway.xml.signatures import X509_TOKEN, condemned, is_signed
from gateway.xml.soap import Envelope

TOKEN = qname(WSSE, "BinarySecurityToken")
SIGNED = frozenset({qname(WSU, "Timestamp"), TOKEN, qname(DS, "Signature")})
"""What a signed message's wsse:Security holds beside the user's proof."""


class SignatureRefused(AccessDenied):
    """A message that is not signed as its system signs, with what could be read of it."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(Code.SYSTEM_SIGNATURE, rules=("P-84",))
        self.reading = reading


def refuse_signature(wire: WireRequest, envelope: Envelope, reading: Reading) -> None:
    """Raises SignatureRefused where the message is signed, and not by the calling system over Body and Timestamp."""
    if condemned(envelope, wire.system, wire.now):
        raise SignatureRefused(reading)


def unread_findings(envelope: Envelope, proof: str | None = None) -> Iterator[Finding]:
    """Parts of a wsse:Security that must be understood which the door does not read. `proof`: the element that proves its user."""
    yield from security_findings(envelope, SIGNED if proof is None else SIGNED | {proof})


def proofs(envelope: Envelope, *tags: str) -> list[etree._Element]:
    """The children of wsse:Security of these names that stand there as the user's proof: not a signature's certificate."""
    block = envelope.block(qname(WSSE, "Security"))
    signed = is_signed(envelope)
    return [
        one
        for one in (elements(block, *tags) if block is not None else ())
        if not (signed and one.tag == TOKEN and one.get("ValueType") == X509_TOKEN)
    ]
