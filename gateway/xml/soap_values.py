"""What a SOAP message says, as values: version, WS-Addressing and WS-Security parts, envelope and fault.

Values only; a token or username never shows in a repr.
"""

from dataclasses import dataclass, field
from enum import Enum

from lxml import etree

from gateway.xml.names import SOAP11, SOAP12, qname
from gateway.xml.paths import first


class SoapVersion(Enum):
    """The two SOAP versions, by envelope namespace."""

    V11 = SOAP11
    V12 = SOAP12

    @property
    def namespace(self) -> str:
        """Namespace of Envelope, Header, Body and Fault."""
        return self.value

    @property
    def content_type(self) -> str:
        """HTTP Content-Type of a message of this version."""
        return "text/xml; charset=utf-8" if self is SoapVersion.V11 else "application/soap+xml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The WS-Addressing headers as written, white space stripped; None where absent or empty."""

    message_id: str | None = None
    action: str | None = None
    to: str | None = None
    from_address: str | None = None
    reply_to: str | None = None
    fault_to: str | None = None
    relates_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """wsu:Timestamp as written; the texts are None where absent or empty."""

    created: str | None
    expires: str | None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryToken:
    """A wsse:BinarySecurityToken. `value` is a secret: it never shows in a repr."""

    value_type: str
    encoding_type: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The parts of wsse:Security this gateway reads. A password is never read; `assertion` is the saml:Assertion
    element, unverified.
    """

    timestamp: Timestamp | None = None
    username: str | None = field(default=None, repr=False)
    tokens: tuple[BinaryToken, ...] = field(default=(), repr=False)
    assertion: etree._Element | None = field(default=None, repr=False)
    signature: etree._Element | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Envelope:
    """One SOAP message read. `payload` is the one element of the body; `root` the tree it came from (for positions and
    signatures).
    """

    version: SoapVersion
    root: etree._Element = field(repr=False)
    payload: etree._Element = field(repr=False)
    blocks: tuple[etree._Element, ...] = field(repr=False)
    addressing: Addressing
    security: Security | None

    def block(self, tag: str) -> etree._Element | None:
        """The first header block named `{ns}local`, or None."""
        return next((block for block in self.blocks if block.tag == tag), None)

    @property
    def header(self) -> etree._Element | None:
        """The SOAP Header element, where there is one: the place of findings about missing headers."""
        return first(self.root, qname(self.version.namespace, "Header"))

    @property
    def is_fault(self) -> bool:
        """Whether the body holds a SOAP Fault."""
        return self.payload.tag == qname(self.version.namespace, "Fault")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoapFault:
    """What a fault says, for either version.

    `code`: Client, Server, VersionMismatch or MustUnderstand (1.2 writes Sender and Receiver for the first two).
    `subcodes`: `(namespace, local)` pairs,
    outermost first, written in 1.2 only. `actor`: an http(s) URI or None. `detail`: one element or None.
    """

    code: str
    reason: str
    detail: etree._Element | None = None
    subcodes: tuple[tuple[str, str], ...] = ()
    actor: str | None = None

    def __post_init__(self) -> None:
        if self.code not in {"Client", "Server", "VersionMismatch", "MustUnderstand"}:
            raise ValueError("not a SOAP fault code")
        if not self.reason:
            raise ValueError("a SOAP fault has a reason")
