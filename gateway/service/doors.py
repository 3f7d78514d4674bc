"""What a door is: one calling system's wire form, translated to calls and back. HTTP and the service meet here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from gateway.domain.access import System
from gateway.domain.decision import Decision
from gateway.domain.errors import GatewayError
from gateway.domain.identifiers import CorrelationId
from gateway.service.calls import Call
from gateway.service.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """One HTTP request, whole. `system` is None only where it is not proved: such a request is refused, never read."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Case-insensitive."""
    body: bytes = field(repr=False)
    system: System | None
    correlation_id: CorrelationId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WireResponse:
    """One HTTP answer."""

    status: int
    media_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


WARNINGS = "X-SCR-Access-Warnings"


def warned(response: WireResponse, decision: Decision) -> WireResponse:
    """The answer of a view with what its decision warns of, such as `training` (P-77), in a header: every wire form has room there."""
    if not decision.warnings:
        return response
    return replace(response, headers={**response.headers, WARNINGS: " ".join(decision.warnings)})


class Door(Protocol):
    """One calling system's wire form. Pure: bytes to values and back."""

    name: str
    """As in the audit, the metrics and the logs."""
    media_types: frozenset[str]
    """Media types read, without parameters."""
    max_bytes: int
    # Optional: `products`, a frozenset of the products whose systems may call here (P-84); without it any registered system.

    def read(self, wire: WireRequest) -> Call:
        """The call in the message. Raises MessageInvalid, AccessDenied."""

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """The answer in the caller's own form; validated where it is XML. Raises InternalError, SpineUnavailable."""

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """Any error in the caller's own form; `call` is None where the message could not be read."""
