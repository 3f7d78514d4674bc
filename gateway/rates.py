"""Rate limit per calling system: a token bucket each, in this process. Production's default is 5 a second with a burst.

What is refused is told when to come back, in the door's own form. Limits of several processes add up; the operator
divides by the number of workers.
"""

from dataclasses import dataclass, field

from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import SystemId

PER_SECOND = 5.0
BURST = 10


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class Rates:
    """One bucket per system; as many as there are registered systems, so bounded by the registry."""

    buckets: dict[SystemId, _Bucket] = field(default_factory=dict)

    def take(self, system: System, now: float) -> None:
        """One request of `system` at loop time `now` (seconds). Raises NotPossibleNow RATE_LIMITED with its wait."""
        rate = system.rate_per_second or PER_SECOND
        burst = float(system.burst or BURST)
        bucket = self.buckets.setdefault(system.id, _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / rate
            raise NotPossibleNow(Code.RATE_LIMITED, retry_after=max(1, round(wait + 0.5)))
        bucket.tokens -= 1
