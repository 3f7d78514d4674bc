"""What the stub remembers while it runs: messages seen, permissions set, one-shot cases, alerts, and how it is told to fail.

Everything is bounded and lost when the process ends; nothing is written to disk.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

_SEEN = 200_000
_RECEIVED = 20_000
_KEPT = 10_000


@dataclass(kw_only=True)
class Control:
    """How the stub is told to behave: extra latency in ms, and the share of requests answered by a SOAP fault."""

    latency_ms: int = 0
    error_rate: float = 0.0
    fault_code: int = 200


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as the control interface tells it. nhs_number may be there: this is a stub."""

    time: str
    path: str
    interaction: str
    message_id: str
    status: int
    from_asid: str
    correlation_id: str
    traceparent: str
    """W3C trace context, where the caller traces."""
    nhs_number: str = field(default="", repr=False)
    outcome: str = ""


class State:
    """One running stub's memory."""

    def __init__(self) -> None:
        self.control = Control()
        self.started_faults: set[str] = set()
        self.stale_missed: set[str] = set()
        self.alerts: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.webhooks: deque[dict[str, Any]] = deque(maxlen=1000)
        self.permissions: OrderedDict[str, str] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._received: deque[tuple[int, Received]] = deque(maxlen=_RECEIVED)
        self._count = 0
        self._owed_errors = 0.0

    def reset(self) -> None:
        """Back to how the process started, but for the numbering of what was received and the message ids seen."""
        self.control = Control()
        self.started_faults.clear()
        self.stale_missed.clear()
        self.alerts.clear()
        self.webhooks.clear()
        self.permissions.clear()
        self._received.clear()
        self._owed_errors = 0.0

    def is_new(self, message_id: str) -> bool:
        """Whether this message id was not used among the last 200,000; it counts as used from now on."""
        if message_id in self._seen:
            return False
        self._seen[message_id] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        return True

    def owes_error(self) -> bool:
        """Whether this request is one of the share to fail: evenly spread, not by chance."""
        self._owed_errors += self.control.error_rate
        if self._owed_errors < 1:
            return False
        self._owed_errors -= 1
        return True

    def record(self, received: Received) -> None:
        """Notes one request."""
        self._count += 1
        self._received.append((self._count, received))

    def received_since(self, number: int) -> list[tuple[int, Received]]:
        """Requests noted after the given number."""
        return [row for row in self._received if row[0] > number]

    @property
    def received_count(self) -> int:
        """How many requests were noted since the start."""
        return self._count

    def keep_alert(self, alert_id: str, alert: dict[str, Any]) -> bool:
        """Keeps a privacy alert once; False when it was there already."""
        if alert_id in self.alerts:
            return False
        self.alerts[alert_id] = alert
        if len(self.alerts) > _KEPT:
            self.alerts.popitem(last=False)
        return True

    def set_permission(self, nhs: str, permission: str) -> None:
        """Remembers a patient's permission to view."""
        self.permissions[nhs] = permission
        if len(self.permissions) > _KEPT:
            self.permissions.popitem(last=False)
