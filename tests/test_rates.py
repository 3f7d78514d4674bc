"""Rate limit per system: a burst, then its rate, told when to come back; systems do not share."""

from dataclasses import replace

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import SystemId
from gateway.identity import registry_check
from gateway.rates import BURST, PER_SECOND, Rates
from vendor_stubs import cast

SYSTEM = next(s for s in registry_check.load(cast.registry_toml()).systems if s.id == SystemId("portal-rzz09"))


def test_a_burst_passes_and_the_next_is_told_to_wait() -> None:
    rates = Rates()
    for _ in range(BURST):
        rates.take(SYSTEM, 100.0)
    with pytest.raises(NotPossibleNow) as refused:
        rates.take(SYSTEM, 100.0)
    assert refused.value.code is Code.RATE_LIMITED
    assert refused.value.retry_after == 1


def test_tokens_come_back_at_the_rate_and_never_beyond_the_burst() -> None:
    rates = Rates()
    for _ in range(BURST):
        rates.take(SYSTEM, 0.0)
    rates.take(SYSTEM, 1 / PER_SECOND)
    with pytest.raises(NotPossibleNow):
        rates.take(SYSTEM, 1 / PER_SECOND)
    for _ in range(BURST):
        rates.take(SYSTEM, 1000.0)
    with pytest.raises(NotPossibleNow):
        rates.take(SYSTEM, 1000.0)


def test_each_system_has_its_own() -> None:
    rates, slow = Rates(), replace(SYSTEM, id=SystemId("slow"), rate_per_second=0.1, burst=1)
    rates.take(slow, 0.0)
    with pytest.raises(NotPossibleNow) as refused:
        rates.take(slow, 0.0)
    assert refused.value.retry_after is not None
    assert 10 <= refused.value.retry_after <= 11
    rates.take(SYSTEM, 0.0)
