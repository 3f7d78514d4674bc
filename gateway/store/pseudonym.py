"""How a patient is told apart in logs: by a keyed code that only the key's holder can link to a number (I5)."""

import hmac

from gateway.domain.identifiers import NhsNumber


def pseudonym(number: NhsNumber, key: bytes) -> str:
    """`p-` and 16 hex digits: the same for the same number and key. Ten digits are few, so without a key it would be no secret."""
    return "p-" + hmac.digest(key, b"scr-pseudonym 1\n" + number.value.encode(), "sha256").hex()[:16]
