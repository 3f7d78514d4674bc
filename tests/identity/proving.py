"""What identity tests share: one instant, good claims to spoil, and how to look at a refusal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError
from gateway.identity.refusals import why

ISSUER = "http://127.0.0.1:8082"
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
NADIA, TOM = "910000000018", "910000000042"
AUDIENCE = "portal-rzz09"

Refused = tuple[Code, str]


def good_claims(**changes: Any) -> dict[str, Any]:
    """Claims that pass at NOW; `changes` replace single ones, `...` takes one out."""
    issued = int(NOW.timestamp())
    claims = {
        "iss": ISSUER,
        "sub": NADIA,
        "aud": AUDIENCE,
        "azp": AUDIENCE,
        "iat": issued,
        "exp": issued + 3600,
        "auth_time": issued - 60,
        "acr": "AAL3",
        "jti": "token-1",
        "selected_roleid": "555000000101",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def refusal(ask: Callable[[], object]) -> Refused:
    """The code a call is refused with, and the sentence kept for operators; fails where it is not refused."""
    try:
        ask()
    except GatewayError as error:
        return error.code, why(error)
    pytest.fail("was not refused")


def seconds(number: float) -> timedelta:
    """Short for timedelta(seconds=number)."""
    return timedelta(seconds=number)
