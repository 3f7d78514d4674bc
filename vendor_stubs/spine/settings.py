"""What one Spine stub is told when it starts. Time and ids are given here, so that nothing inside asks for them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def _now() -> datetime:
    return datetime.now(LONDON)


def _new_id() -> str:
    return str(uuid.uuid4()).upper()


@dataclass(frozen=True, kw_only=True)
class SpineSettings:
    """own_asid: 12 digits; waits in seconds; clock gives aware instants, new_id upper-case UUIDs."""

    own_asid: str = "230811201324"
    slow_seconds: float = 3.0
    hang_seconds: float = 120.0
    webhook: bool = True
    clock: Callable[[], datetime] = field(default=_now, repr=False)
    new_id: Callable[[], str] = field(default=_new_id, repr=False)

    def __post_init__(self) -> None:
        if len(self.own_asid) != 12 or not self.own_asid.isdigit():
            raise ValueError("own_asid is 12 digits")
