"""The base64url parts of compact JWS and JWE, read the one canonical way (RFC 7515 section 2, RFC 4648 section 3.5). Pure."""

import base64
import binascii
import json
from typing import Any, NoReturn

from gateway.domain.errors import InvalidValue
from gateway.domain.json_members import once


def read_bytes(part: str) -> bytes:
    """What a part encodes. Raises InvalidValue."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error) as error:
        raise InvalidValue("cannot be read") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise InvalidValue("cannot be read")
    return raw


def read_object(part: str) -> dict[str, Any]:
    """A part as a JSON object, no member given twice, nothing that JSON does not know. Raises InvalidValue."""
    raw = read_bytes(part)
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise InvalidValue("cannot be read") from error
    if not isinstance(value, dict):
        raise InvalidValue("is not an object")
    return value


def _not_json(_constant: str) -> NoReturn:
    raise ValueError("not JSON")
