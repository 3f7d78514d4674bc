"""PKCE with S256, as both stub authorisation servers check it (RFC 7636)."""

import base64
import hashlib
import hmac


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the challenge's own (RFC 7636 section 4.6)."""
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())
