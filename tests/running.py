"""A whole sandbox for tests: the gateway and its stubs as real processes on ports of their own."""

import asyncio
import fcntl
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from click.testing import CliRunner

from vendor_stubs.cli import main as stubs

START_SECONDS = 240
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class RunningSandbox:
    """Where a running sandbox answers and where it keeps its state."""

    base: int
    data: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def gateway(self) -> str:
        """Plain HTTP."""
        return f"http://127.0.0.1:{self.base}"

    @property
    def secure(self) -> str:
        """The gateway with mutual TLS."""
        return f"https://127.0.0.1:{self.base + 4}"

    def certificate(self, system: str) -> tuple[Path, Path]:
        """A system's client certificate and its key."""
        clients = self.data / "certs" / "clients"
        return clients / f"{system}.pem", clients / f"{system}.key"

    def tls(self, system: str) -> ssl.SSLContext:
        """A client's context with this system's certificate."""
        context = ssl.create_default_context(cafile=str(self.data / "certs" / "ca.pem"))
        context.load_cert_chain(*self.certificate(system))
        return context

    @property
    def spine(self) -> str:
        """The Spine stub."""
        return f"http://127.0.0.1:{self.base + 1}"

    @property
    def identity(self) -> str:
        """The identity stub."""
        return f"http://127.0.0.1:{self.base + 2}"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "gateway.sqlite"


LOWEST, HIGHEST, APART = 20000, 32704, 16
"""Bases lie below the ports that Linux gives to outgoing connections: those come and go while a gateway is down."""
_kept: list[IO[str]] = []


def free_base(width: int = 8) -> int:
    """A port base with `width` free ports from it on, this process's own for as long as it lives."""
    count = (HIGHEST - LOWEST) // APART
    for step in range(count):
        base = LOWEST + (os.getpid() + step) % count * APART
        claim = _claimed(base)
        if claim is None:
            continue
        if all(_free(base + offset) for offset in range(width)):
            _kept.append(claim)
            return base
        claim.close()
    raise RuntimeError("no free ports")


def _claimed(base: int) -> IO[str] | None:
    """A lock that other runs of the tests see, also before anything listens; None where one of them holds it."""
    folder = Path(tempfile.gettempdir()) / f"scr-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = (folder / str(base)).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def sandbox_running(
    data: Path, *arguments: str, base: int | None = None, level: str = "INFO", module: str = "gateway"
) -> Iterator[RunningSandbox]:
    """`scr-gateway sandbox` until the block ends. Raises RuntimeError with its output where it does not come up.

    `module`: what is run instead of the gateway's own command, with the same words after it.
    """
    base = base or free_base()
    data.mkdir(parents=True, exist_ok=True)
    log = data / "sandbox.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                module,
                "sandbox",
                "--port-base",
                str(base),
                "--data-dir",
                str(data),
                "--log-level",
                level,
                *arguments,
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
        try:
            _wait(process, log)
            yield RunningSandbox(base=base, data=data, process=process, log=log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if b"\nready" in log.read_bytes():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the sandbox did not come up:\n{log.read_text(errors='replace')[-4000:]}")


async def vendor_stub(sandbox: RunningSandbox, *arguments: str) -> tuple[int, str, str]:
    """Runs `vendor-stub ARGUMENTS --gateway …` in a thread of its own; returns exit status, output and error output.

    The stub still speaks to the sandbox over sockets only; starting an interpreter for each call would cost more than the call.
    """
    result = await asyncio.to_thread(CliRunner().invoke, stubs, [*arguments, "--gateway", sandbox.gateway])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def gateway_command(*arguments: str) -> tuple[int, str]:
    """Runs `scr-gateway ARGUMENTS`; returns exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
