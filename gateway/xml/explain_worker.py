"""The process that explains: reads one message at a time from its standard input, writes its findings to standard
output.

It runs with no secrets in its environment and bounded memory, and may be killed at any moment. Run as a module by
`explain_process`.
"""

import json
import resource
import struct
import sys
from dataclasses import asdict
from datetime import datetime
from importlib import import_module
from typing import BinaryIO

from gateway.xml.explain import Check, Context, explain
from gateway.xml.parser import Limits

MAX_MEMORY = 768 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def read_frame(stream: BinaryIO) -> bytes | None:
    """One length-prefixed frame, or None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    return stream.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else None


def frame(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return _LENGTH.pack(len(data)) + data


def answer(order: dict[str, object], data: bytes) -> bytes:
    """Findings for one message as JSON. `order`: check (`module:function`), now (ISO 8601), leniences, soap_action,
    schemas, numbers, limits.
    """
    module, _, name = str(order["check"]).partition(":")
    check: Check = getattr(import_module(module), name)
    context = Context(
        now=datetime.fromisoformat(str(order["now"])),
        leniences=tuple(order["leniences"]),  # type: ignore[arg-type]
        soap_action=order["soap_action"],  # type: ignore[arg-type]
        content_type=order["content_type"],  # type: ignore[arg-type]
        schemas=order["schemas"],  # type: ignore[arg-type]
        numbers=str(order["numbers"]),
    )
    findings = explain(data, check, context, Limits(**order["limits"]))  # type: ignore[arg-type]
    return json.dumps([asdict(one) for one in findings]).encode()


def main() -> None:
    """Answer until the input ends. An exception ends the process: its parent starts another."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (order := read_frame(source)) is not None:
        data = read_frame(source)
        if data is None:
            return
        sink.write(frame(answer(json.loads(order), data)))
        sink.flush()


if __name__ == "__main__":
    main()
