"""Memory that is free inside the process goes back to the system now and then.

Every view builds and frees documents of some hundred kilobytes in the C library's heap. glibc keeps what is freed in the middle
of it, and what the process holds grows by some MB over a day; `malloc_trim` (3) gives whole free pages back.
"""

import asyncio
import ctypes
from collections.abc import Callable

EVERY_SECONDS = 30.0

Trim = Callable[[], None]


def trimmer() -> Trim | None:
    """What gives free pages back, in under a millisecond here; None where the C library has nothing of the kind."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return lambda: trim(0)


async def given_back(trim: Trim, seconds: float = EVERY_SECONDS) -> None:
    """Trims every so many seconds; never ends."""
    while True:
        await asyncio.sleep(seconds)
        trim()
