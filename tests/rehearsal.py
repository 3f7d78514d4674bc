"""The processes of docker-compose.yml by hand: stubs, and gateways with deploy/compose.toml, on this machine's addresses."""

import asyncio
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import ROOT, free_base

START_SECONDS = 240


@dataclass
class Rehearsal:
    """Gateways started by `serve --rehearsal` and where they stand. Gateway n is at `base + 3 n`, its metrics one above."""

    base: int
    state: Path
    database: str
    gateways: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def certs(self) -> Path:
        """What `dev-certs` wrote."""
        return self.state / "certs"

    @property
    def identity(self) -> str:
        """The identity stub."""
        return f"http://127.0.0.1:{self.base + 2}"

    @property
    def url(self) -> str:
        """The first gateway."""
        return self.at(0)

    @property
    def config(self) -> Path:
        """The first gateway's settings."""
        return self.state / "gateway-0.toml"

    def port(self, number: int) -> int:
        """A gateway's port; its metrics are one above."""
        return self.base + 3 * (number + 1)

    def at(self, number: int) -> str:
        """A gateway's address."""
        return f"https://127.0.0.1:{self.port(number)}"

    def tls(self, system: str | None) -> ssl.SSLContext:
        """A client context, with that system's certificate."""
        context = ssl.create_default_context(cafile=str(self.certs / "ca.pem"))
        if system is not None:
            context.load_cert_chain(self.certs / "clients" / f"{system}.pem", self.certs / "clients" / f"{system}.key")
        return context

    def start(self, number: int, *options: str) -> "subprocess.Popen[bytes]":
        """One gateway, answering. Raises AssertionError with its output where it does not come up."""
        config, log = self.state / f"gateway-{number}.toml", self.state / f"gateway-{number}.log"
        text = compose_settings(self.port(number), self.base, self.state, self.database)
        config.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--rehearsal", *options]
        with log.open("ab") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        self.gateways.append(process)
        self.until_alive(process, self.port(number) + 1, log)
        return process

    @staticmethod
    def until_alive(process: "subprocess.Popen[bytes]", internal: int, log: Path) -> None:
        """Waits for its internal listener, the last that opens."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{internal}/health/live", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(log.read_text(errors="replace")[-3000:])


def compose_settings(port: int, stubs: int, state: Path, database: str) -> str:
    """deploy/compose.toml with this machine's addresses: nothing else is changed."""
    text = (ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8")
    for old, new in (
        ("/state", str(state)),
        ("https://127.0.0.1:8443", f"https://127.0.0.1:{port}"),
        ("port = 8443", f"port = {port}"),
        ('host = "0.0.0.0"', 'host = "127.0.0.1"'),
        ("port = 9090", f"port = {port + 1}"),
        ("http://spine:8081", f"http://127.0.0.1:{stubs + 1}"),
        ("http://identity:8082", f"http://127.0.0.1:{stubs + 2}"),
        ("http://127.0.0.1:8082", f"http://127.0.0.1:{stubs + 2}"),
        ("postgresql+asyncpg://scr@postgres/scr", database),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def _prepare(state: Path) -> None:
    """What deploy/compose-prepare.sh does, by the same script."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    command = ["sh", str(ROOT / "deploy" / "compose-prepare.sh"), str(state)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env={"PATH": path})


async def listening(port: int) -> None:
    """Until something listens there. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@contextmanager
def rehearsing(state: Path, database: str, gateways: int = 1, *options: str) -> Iterator[Rehearsal]:
    """Stubs and so many gateways over one database, all ended with the block."""
    place = Rehearsal(free_base(16), state, database)
    _prepare(state)
    with ExitStack() as stack:
        for name, port in (("spine", place.base + 1), ("identity", place.base + 2)):
            command = [sys.executable, "-m", "vendor_stubs", "serve", name, "--port", str(port)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
            stack.callback(_end, process)
            asyncio.run(listening(port))
        try:
            for number in range(gateways):
                place.start(number, *options)
            yield place
        finally:
            for gateway in place.gateways:
                _end(gateway)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
