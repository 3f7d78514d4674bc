"""The charset parameter of an XML message's media type: over HTTP it outranks the XML declaration (RFC 7303 section 3.2).

The viewers' doors read UTF-8 and nothing else, so a label must say UTF-8 or be true all the same. No label is ever believed.
"""

from collections.abc import Iterator
from email.message import Message

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.service.doors import WireRequest
from gateway.xml.faults import Fault
from gateway.xml.findings import finding, gateway_code

_UTF8 = frozenset({"utf-8", "utf8"})
_ASCII = frozenset({"us-ascii", "ascii"})
"""True of a message whose bytes are all ASCII: such bytes are UTF-8 as well."""


def charset_findings(content_type: str | None, body: bytes) -> Iterator[Finding]:
    """A label that is not the message's charset; its words are not repeated."""
    media_type = Message()
    media_type["Content-Type"] = content_type or ""
    for name, value in media_type.get_params(failobj=[])[1:]:
        label = value.strip().strip("'").lower() if isinstance(value, str) else ""
        if name.lower() == "charset" and label not in _UTF8 and not (label in _ASCII and body.isascii()):
            yield finding(
                Fault.CHARSET_LABEL, line=1, column=1, expected="Content-Type: …; charset=utf-8, or no charset"
            )


def check_charset(wire: WireRequest) -> None:
    """Raises MessageInvalid (MESSAGE_MEDIA_TYPE) where the request's label is not true."""
    if found := tuple(charset_findings(wire.headers.get("Content-Type"), wire.body)):
        raise MessageInvalid(gateway_code(found), found)
