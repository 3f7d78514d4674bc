"""Sending a file as it is, and the whole answer as text. Changes nothing in the file; refreshing a template is the product's."""

from dataclasses import dataclass

from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.result import EXIT_STATUS


@dataclass(frozen=True, kw_only=True)
class RawResult:
    """The answer to a file, and what it comes to."""

    exchange: Exchange
    outcome: str

    @property
    def exit_status(self) -> int:
        """Exit status of the command."""
        return EXIT_STATUS[self.outcome]

    def printed(self) -> bytes:
        """Status, the gateway's own headers, a blank line, the body as received."""
        told = [
            f"{name}: {value}"
            for name, value in self.exchange.headers.items()
            if name.lower().startswith("x-scr-") or name.lower() in {"x-correlation-id", "content-type", "retry-after"}
        ]
        return "\n".join([f"HTTP {self.exchange.status}", *told, "", ""]).encode() + self.exchange.body + b"\n"


async def send_file(calls: Calls, path: str, body: bytes, content_type: str, **headers: str) -> Exchange:
    """POST of the bytes as they are. Raises NoAnswer."""
    return await calls.send_to_door("POST", path, headers={"Content-Type": content_type, **headers}, body=body)
