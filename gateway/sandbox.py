"""The sandbox: the gateway with stubs for everything around it, on loopback, for invented patients only.

Another composition than `serve`: no setting leads from one to the other. The stubs are separate programs.
"""

import asyncio
import fcntl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings, load
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import SystemId
from gateway.identity import registry_check
from gateway.identity.certificates import write_development_certificates
from gateway.identity.launch_keys import write_launch_key

LOOPBACK = "127.0.0.1"
SPINE_ASID = "230811201324"
OWN_ASID = "918999199111"
START_SECONDS = 120.0
LAUNCH_KEY = "launch.pem"
ANCHOR = "anchor.jsonl"
"""File that keeps every signed checkpoint apart from the database."""


class SandboxFault(RuntimeError):
    """The sandbox cannot start; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The sandbox's ports, counted from one base."""

    base: int

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65529:
            raise SandboxFault("--port-base is between 1024 and 65529")

    gateway = property(lambda self: self.base)
    spine = property(lambda self: self.base + 1)
    identity = property(lambda self: self.base + 2)
    desk = property(lambda self: self.base + 3)
    tls = property(lambda self: self.base + 4)
    mail = property(lambda self: self.base + 5)
    metrics = property(lambda self: self.base + 6)


async def _stub_output(*arguments: str) -> str:
    """What `vendor-stub ARGUMENTS` prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vendor_stubs", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise SandboxFault(f"vendor-stub {' '.join(arguments)} ended with {process.returncode}")
    return output.decode("utf-8")


async def prepare(ports: Ports, data: Path, spine_url: str | None) -> Path:
    """Writes what the gateway reads: registry, certificates, training, settings. Returns the settings' path."""
    registry, training, launches = await asyncio.gather(
        _stub_output("cast", "registry"),
        _stub_output("cast", "training"),
        _stub_output("cast", "launches", "--desk", f"http://{LOOPBACK}:{ports.desk}"),
    )
    return _write(ports, data, spine_url, registry + "\n" + launches, training)


def _write(ports: Ports, data: Path, spine_url: str | None, registry: str, training: str) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    certificates = data / "certs"
    if not (certificates / "ca.pem").exists():
        sound = registry_check.load(registry)
        try:
            write_development_certificates(certificates, [SystemId(one.id.value) for one in sound.systems])
        except InvalidValue as error:
            raise SandboxFault(f"{certificates.name}: {error}; start with --fresh") from error
    granted = (certificates / "certificates.toml").read_text(encoding="utf-8")
    (data / "registry.toml").write_text(registry + "\n" + granted, encoding="utf-8")
    (data / "training.csv").write_text(training, encoding="utf-8")
    write_launch_key(data / "keys" / LAUNCH_KEY)
    path = data / "gateway.toml"
    path.write_text(settings_text(ports, data, spine_url), encoding="utf-8")
    return path


def settings_text(ports: Ports, data: Path, spine_url: str | None) -> str:
    """The sandbox's settings as TOML: everything on loopback, synthetic numbers, stubs around."""
    spine = (spine_url or f"http://{LOOPBACK}:{ports.spine}").rstrip("/")
    identity = f"http://{LOOPBACK}:{ports.identity}"
    certs = data / "certs"
    return f"""# Written by `scr-gateway sandbox`; made anew at every start.
nhs_number_range = "synthetic"
operator_ods = "YZZ99"
public_url = "http://{LOOPBACK}:{ports.gateway}"
registry = "{data / "registry.toml"}"
training = "{data / "training.csv"}"

[listen]
plain = {{ host = "{LOOPBACK}", port = {ports.gateway} }}
internal = {{ host = "{LOOPBACK}", port = {ports.metrics} }}

[listen.mutual_tls]
host = "{LOOPBACK}"
port = {ports.tls}
certificate = "{certs / "server.pem"}"
key = "{certs / "server.key"}"
client_ca = "{certs / "ca.pem"}"

[spine]
sync_url = "{spine}/sync-service"
pds_url = "{spine}/pds"
directory_url = "{spine}/directory"
alert_url = "{spine}/clinical/alert"
asid = "{SPINE_ASID}"
own_asid = "{OWN_ASID}"

[identity]
issuer = "{identity}"
jwks_url = "{identity}/jwks"
saml_metadata_url = "{identity}/saml/metadata"
launch_key = "{data / "keys" / LAUNCH_KEY}"

[store]
url = "sqlite+aiosqlite:///{data / "gateway.sqlite"}"
keys = "{data / "keys"}"
anchor = "{data / ANCHOR}"

[notices]
webhook = "http://{LOOPBACK}:{ports.spine}/webhook"
smtp_host = "{LOOPBACK}"
smtp_port = {ports.mail}
smtp_start_tls = false

[limits]
rate = false
"""


@asynccontextmanager
async def stub(name: str, port: int, *options: str) -> AsyncIterator[None]:
    """A stub process, ready; ended with the block. Raises SandboxFault where it does not come up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vendor_stubs", "serve", "--with-parent", name),
        *("--host", LOOPBACK, "--port", str(port), *options),
        stdin=asyncio.subprocess.PIPE,
    )
    try:
        await _answers(process, name, port)
        watching = asyncio.create_task(_watch(process, name))
        yield
        watching.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _watch(process: asyncio.subprocess.Process, name: str) -> None:
    """Says so where a stub ends while the sandbox runs."""
    status = await process.wait()
    message = f"the {name} stub has ended (status {status}): stop the sandbox and start it again"
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - the person at the terminal must see it


async def _answers(process: asyncio.subprocess.Process, name: str, port: int) -> None:
    """Waits until the stub listens: each stub opens its port when it is ready. Raises SandboxFault."""
    loop = asyncio.get_running_loop()
    end = loop.time() + START_SECONDS
    while loop.time() < end:
        if process.returncode is not None:
            raise SandboxFault(f"the {name} stub ended at once: is port {port} in use? Try --port-base")
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise SandboxFault(f"the {name} stub did not answer on port {port} within {START_SECONDS:.0f} s")


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keeps a second sandbox out of the same folder. Raises SandboxFault."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SandboxFault(f"{data.name} is in use by another sandbox: choose another --data-dir") from error
        yield


@asynccontextmanager
async def surroundings(ports: Ports, data: Path, spine_url: str | None) -> AsyncIterator[Settings]:
    """All stubs running and the gateway's settings ready. Raises SandboxFault, also where the folder is in use, and
    ConfigInvalid where the environment spoils the settings.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone(data))
        settings = load(await prepare(ports, data, spine_url))
        starting = [
            stub("identity", ports.identity),
            stub("mail", ports.mail, "--folder", str(data / "mail")),
            stub("desk", ports.desk, "--gateway", f"http://{LOOPBACK}:{ports.gateway}"),
        ]
        if spine_url is None:
            starting.append(stub("spine", ports.spine))
        await asyncio.gather(*(stack.enter_async_context(one) for one in starting))
        yield settings


def banner(ports: Ports, spine_url: str | None = None) -> str:
    """What a person needs to know once everything answers."""
    gateway = f"http://{LOOPBACK}:{ports.gateway}"
    return f"""
  SCR gateway sandbox: invented patients only. Systems are NOT authenticated on the plain listener.

  gateway            {gateway}
  gateway, mutual TLS https://{LOOPBACK}:{ports.tls}   (certificates in the data folder, certs/)
  {"Spine (given)     " if spine_url else "Spine stub        "} {spine_url or f"http://{LOOPBACK}:{ports.spine}"}
  identity stub      http://{LOOPBACK}:{ports.identity}
  vendor desk        http://{LOOPBACK}:{ports.desk}   (nine clinical systems, and the launch lab)
  mail catcher       {LOOPBACK}:{ports.mail} (SMTP; messages in the data folder, mail/)
  metrics            http://{LOOPBACK}:{ports.metrics}/metrics

  Try:  curl -s {gateway}/health/ready
        vendor-stub mini-service view --nhs-number 9992000481 --as 910000000281 --permission yes --relationship referral{
        "" if ports.base == 8080 else f" --gateway {gateway}"
    }

ready"""


def remove(data: Path) -> None:
    """Forgets an earlier sandbox's state: only files the sandbox itself makes."""
    database = ("gateway.sqlite", "gateway.sqlite-wal", "gateway.sqlite-shm")
    for name in (*database, ANCHOR, "registry.toml", "gateway.toml"):
        (data / name).unlink(missing_ok=True)
    for folder in ("keys", "certs/clients", "certs"):
        for file in sorted((data / folder).glob("*")):
            if file.is_file():
                file.unlink()
        with suppress(OSError):
            (data / folder).rmdir()
