"""Tokens carried in WS-Security headers: their text out of the encoding they travel in. Proves nothing."""

import base64
import binascii

from gateway.xml.names import BASE64_BINARY
from gateway.xml.soap import BinaryToken


def compact_token(token: BinaryToken) -> str:
    """A compact JWT out of a BinarySecurityToken: base64 of it, or the compact form itself.

    White space around either is dropped: a line end is easily encoded with the token it ends. What cannot be decoded is
    returned as it is: the verifier refuses it.
    """
    text = "".join(token.value.split())
    if "." in text or token.encoding_type not in {"", BASE64_BINARY}:
        return text
    try:
        return base64.b64decode(text, validate=True).decode("ascii").strip()
    except (binascii.Error, ValueError):
        return text
