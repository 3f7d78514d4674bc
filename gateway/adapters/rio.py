"""RiO's door: its back channel posts a signed launch, and gets an opaque code for one browser. A simulated profile of this project.

Knows the wire form only; the signature is checked by what it is given. The answer never says anything of the patient.
"""

from collections.abc import Callable
from datetime import datetime

import orjson

from gateway.adapters.problems import problem
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InternalError
from gateway.service.calls import Call
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.launching import LaunchClaims, launch_call
from gateway.service.outcomes import Launched, Outcome

Verify = Callable[[str, System, str, datetime], LaunchClaims]
"""(token, proved system, product, now). Raises AccessDenied, MessageInvalid."""


class RioDoor:
    """POST /launch/rio: `application/jwt` in, `{"code", "expires_in"}` out."""

    name = "rio"
    product = "rio"
    media_types = frozenset({"application/jwt"})
    max_bytes = 4 * 1024

    def __init__(self, verify: Verify) -> None:
        self._verify = verify

    def read(self, wire: WireRequest) -> Call:
        """The launch. Raises AccessDenied (LAUNCH_…, SYSTEM_UNKNOWN), MessageInvalid."""
        if wire.system is None:
            raise AccessDenied(Code.SYSTEM_UNKNOWN)
        try:
            token = wire.body.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",)) from error
        return launch_call(self._verify(token, wire.system, self.product, wire.now))

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """201 with the code. Raises InternalError."""
        if not isinstance(outcome, Launched):
            raise InternalError
        seconds = int((outcome.expires - wire.now).total_seconds())
        body = orjson.dumps({"code": outcome.code, "expires_in": seconds})
        return WireResponse(status=201, media_type="application/json", body=body)

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A problem document (RFC 9457)."""
        return problem(wire, error)
