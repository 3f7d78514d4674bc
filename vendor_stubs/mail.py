"""The sandbox's mail catcher: takes every message, keeps it as a file, delivers nothing. A stub, and says so."""

import asyncio
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Catcher:
    """Keeps messages, numbered, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """One message."""
        self._count += 1
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        await asyncio.to_thread((self._folder / f"{self._count:06}.eml").write_bytes, data)
        return "250 caught"


async def serve(host: str, port: int, folder: Path) -> None:
    """Catches mail until cancelled."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    catcher = Catcher(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(catcher, hostname="catcher.invalid", data_size_limit=1_000_000), host, port
    )
    print(f"STUB mail catcher on {host}:{port}: delivers nothing, keeps messages as files", flush=True)  # noqa: T201 - said at start
    async with server:
        await server.serve_forever()
