"""Prometheus metrics. Labels are doors, outcomes, codes and rules, never an identifier."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from gateway import logs
from gateway.spine.breaker import BreakerState

LOG = logs.get("metrics")

ALARMS = (
    "active-content", "alert-undeliverable", "anchor-not-kept", "audit-chain-unreadable", "audit-not-writable", "background-ended",
    "bug", "certificate-not-reloaded", "checkpoints-stopped", "registry-not-reloaded", "uncorrelated-answer", "wrong-patient",
)  # fmt: skip
"""All that are counted, each from 0 on: a count that first appears as 1 is no increase to whoever watches it."""
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class OutboxMetrics:
    """What the outbox tells (its meter)."""

    def __init__(self, registry: CollectorRegistry, alarms: Counter) -> None:
        self._messages = Counter(
            "scr_outbox_messages_total", "Deliveries of alerts and notices.", ("kind", "result"), registry=registry
        )
        self._alarms = alarms

    def delivered(self, kind: str, attempt: int) -> None:  # noqa: ARG002 - the outbox's meter says both
        """A message was taken by its receiver."""
        self._messages.labels(kind, "delivered").inc()

    def postponed(self, kind: str, attempt: int, fault: str) -> None:  # noqa: ARG002
        """A message will be tried again."""
        self._messages.labels(kind, "postponed").inc()

    def refused(self, kind: str, fault: str) -> None:  # noqa: ARG002
        """A message was refused for good."""
        self._messages.labels(kind, "refused").inc()
        self._alarms.labels("alert-undeliverable").inc()


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._refusing = False
        self.requests = Counter(
            "scr_requests_total", "Requests answered.", ("door", "outcome", "code"), registry=self.registry
        )
        self.rules = Counter("scr_refusals_total", "Refusals by policy rule.", ("door", "rule"), registry=self.registry)
        self.seconds = Histogram(
            "scr_request_seconds", "Time to answer.", ("door",), buckets=_SECONDS, registry=self.registry
        )
        self.active = Gauge("scr_requests_active", "Requests being answered.", registry=self.registry)
        self.waiting = Gauge("scr_requests_waiting", "Requests waiting for a place.", registry=self.registry)
        self.tasks = Gauge("scr_tasks", "Tasks of the process; steady where nothing leaks.", registry=self.registry)
        self.spine_seconds = Histogram(
            "scr_spine_seconds",
            "Time of calls to Spine.",
            ("interaction", "outcome"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.spine_retries = Counter(
            "scr_spine_retries_total", "Retried calls to Spine.", ("interaction",), registry=self.registry
        )
        self.breaker_open = Gauge(
            "scr_spine_breaker_open", "1 while the breaker is open.", ("endpoint",), registry=self.registry
        )
        self.uncorrelated_answers = Counter(
            "scr_spine_uncorrelated_total",
            "Answers that name another request.",
            ("interaction",),
            registry=self.registry,
        )
        self.audit_failures = Counter(
            "scr_audit_failures_total", "Audit transactions that failed.", ("fault",), registry=self.registry
        )
        self.checkpoints_stopped = Gauge(
            "scr_audit_checkpoints_stopped", "1 while no signed checkpoint can be made.", registry=self.registry
        )
        self.audit_refusing = Gauge(
            "scr_audit_refusing",
            "1 while the audit takes no writes, so that nobody sees a record.",
            registry=self.registry,
        )
        self.alarms = Counter("scr_alarms_total", "Operator alarms.", ("alarm",), registry=self.registry)
        for alarm in ALARMS:
            self.alarms.labels(alarm)
        ProcessCollector(registry=self.registry)
        self.outbox = OutboxMetrics(self.registry, self.alarms)
        self.audit_batch = Histogram(
            "scr_audit_batch_size",
            "Writes sharing one commit.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.audit_seconds = Histogram(
            "scr_audit_commit_seconds", "Time of one audit commit.", buckets=_SECONDS, registry=self.registry
        )
        self.audit_queue = Gauge("scr_audit_queue", "Writes waiting for the journal.", registry=self.registry)

    def answered(self, door: str, outcome: str, code: str, rules: tuple[str, ...], seconds: float) -> None:
        """One request answered."""
        self.requests.labels(door, outcome, code).inc()
        self.seconds.labels(door).observe(seconds)
        for rule in rules:
            self.rules.labels(door, rule).inc()

    def observe(self, interaction: str, seconds: float, outcome: str) -> None:
        """One call to Spine (the Spine client's meter)."""
        self.spine_seconds.labels(interaction, outcome).observe(seconds)

    def retried(self, interaction: str) -> None:
        """One retry of a call to Spine."""
        self.spine_retries.labels(interaction).inc()

    def uncorrelated(self, interaction: str) -> None:
        """An answer of Spine that names another request."""
        self.alarms.labels("uncorrelated-answer").inc()
        self.uncorrelated_answers.labels(interaction).inc()

    def breaker(self, endpoint: str, state: BreakerState) -> None:
        """The state of the breaker of one of Spine's endpoints."""
        self.breaker_open.labels(endpoint).set(0 if state is BreakerState.CLOSED else 1)
        if state is not BreakerState.HALF_OPEN:
            LOG.warning("spine breaker", endpoint=endpoint, state=state.value)

    def committed(self, units: int, seconds: float) -> None:
        """One audit transaction acknowledged (the journal's meter)."""
        self.audit_batch.observe(units)
        self.audit_seconds.observe(seconds)

    def failed(self, fault: str) -> None:
        """One audit transaction failed."""
        self.audit_failures.labels(fault.split(" ", maxsplit=1)[0]).inc()

    def writing(self, going: bool, fault: str = "") -> None:
        """The audit takes writes from now on, or none because of this kind of error."""
        refused = self._refusing
        self._refusing = not going
        self.audit_refusing.set(0 if going else 1)
        if not going:
            self.alarms.labels("audit-not-writable").inc()
            LOG.error("alarm", alarm="audit-not-writable", fault=fault)
        elif refused:
            LOG.warning("audit takes writes again")

    def alarmed(self, alarm: str) -> None:
        """The journal asks for an operator."""
        self.alarms.labels(alarm).inc()
        LOG.error("alarm", alarm=alarm)

    def vouching(self, going: bool) -> None:
        """Whether signed checkpoints are being made."""
        self.checkpoints_stopped.set(0 if going else 1)

    def watch(self, waiting: Callable[[], int], endpoints: Iterable[str]) -> None:
        """What is asked for at each scrape, and the breakers that are told from the start on: none is open then."""
        self.audit_queue.set_function(waiting)
        for endpoint in endpoints:
            self.breaker_open.labels(endpoint).set(0)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)
