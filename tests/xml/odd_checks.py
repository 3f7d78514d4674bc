"""Checks that misbehave, for the tests of the explaining process; it imports them by name, so they stand in a module
of their own.
"""

import os
import time
from collections.abc import Iterator

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.xml.explain import Context, Located, Message


def sleepy(message: Message, context: Context) -> Iterator[Located]:
    """A check that never ends."""
    time.sleep(60)
    yield from ()


def greedy(message: Message, context: Context) -> Iterator[Located]:
    """A check that wants more memory than there is."""
    _ = [bytearray(64 * 1024 * 1024) for _ in range(64)]
    yield from ()


def dying(message: Message, context: Context) -> Iterator[Located]:
    """A check that takes its process with it."""
    os._exit(3)


def telling(message: Message, context: Context) -> Iterator[Located]:
    """A check that fails when its environment holds more than it should."""
    assert set(os.environ) <= {"PYTHONPATH", "PATH", "LANG", "LC_CTYPE"}
    return check_mini_service(message, context)  # type: ignore[return-value]
