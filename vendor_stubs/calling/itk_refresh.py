"""A stored ITK message made sendable again: new MessageID, times of now, a new token where it carries one. All else stays."""

from vendor_stubs import xml
from vendor_stubs.calling import preparation
from vendor_stubs.calling.access_facts import ACCESS_FACTS
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.itk import ITK, JWT, OID_ROLE_PROFILE, OID_USER, encoded_token
from vendor_stubs.calling.options import RawRequest
from vendor_stubs.calling.soap import LIFETIME, WSA, WSSE, WSU, wire_time
from vendor_stubs.xml import Element, qname

_USER_DIGITS = 12
_TOOLKIT = "urn:nhs-uk:identity:"


async def refreshed(request: RawRequest, calls: Calls) -> bytes:
    """The template's bytes renewed. The user is request.uid, else whom the audit identity names.

    Raises WrongUsage (not XML, or it carries a token and names nobody), NoAnswer (no token to be had).
    """
    try:
        root = xml.parse(request.body)
    except xml.NotXml as error:
        raise WrongUsage(f"--fresh needs a well-formed message, and this one is {error}") from error
    _renew_times(root, calls)
    places = _token_places(root)
    if places:
        uid = request.uid or named_user(root)
        if uid is None:
            raise WrongUsage("the message names no user whose token could be refreshed: say --as")
        role = request.role or _audit_id(root, OID_ROLE_PROFILE)
        token = await preparation.id_token(calls, uid, role)
        for place in places:
            encoded = place.tag == qname(WSSE, "BinarySecurityToken")
            place.text = encoded_token(token) if encoded else token
    return xml.serialise(root)


def _renew_times(root: Element, calls: Calls) -> None:
    now = calls.now()
    for element in root.iter(qname(WSA, "MessageID")):
        element.text = calls.new_id()
    for stamp in root.iter(qname(WSU, "Timestamp")):
        for name, moment in (("Created", now), ("Expires", now + LIFETIME)):
            for element in stamp.iter(qname(WSU, name)):
                element.text = wire_time(moment)


def _token_places(root: Element) -> list[Element]:
    tokens = [token for token in root.iter(qname(WSSE, "BinarySecurityToken")) if token.get("ValueType", JWT) == JWT]
    return [*tokens, *root.iter(qname(ACCESS_FACTS, "UserToken"))]


def _audit_id(root: Element, kind: str) -> str | None:
    for identity in root.iter(qname(ITK, "auditIdentity")):
        for one in identity.iter(qname(ITK, "id")):
            if one.get("type") == kind:
                return one.get("uri")
    return None


def named_user(root: Element) -> str | None:
    """The user the audit identity names: by OID, else as the last token of the Toolkit's own form."""
    typed = _audit_id(root, OID_USER)
    if typed is not None:
        return typed
    for one in root.iter(qname(ITK, "id")):
        uri = one.get("uri", "")
        last = uri.rpartition(":")[2]
        if uri.startswith(_TOOLKIT) and last.isdigit() and len(last) == _USER_DIGITS:
            return last
    return None
