"""The sandbox: the gateway with stubs for everything around it, on loopback, for invented patients only.

Another composition than `serve`: no setting leads from one to the other. The stubs are separate programs.
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings, load
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import SystemId
from gateway.identity import registry_check
from gateway.identity.certificates import write_development_certificates
from gateway.identity.launch_keys import write_launch_key
from gateway.sandbox_folder import ANCHOR, LOOPBACK, MARK, SandboxFault, alone, refuse_taken, remove

SPINE_ASID = "230811201324"
OWN_ASID = "918999199111"
START_SECONDS = 120.0
LAUNCH_KEY = "launch.pem"


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

    @property
    def all(self) -> range:
        """All of them."""
        return range(self.base, self.base + 7)


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
    return f"""{MARK}
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
        start_new_session=True,  # Ctrl-C at the terminal is for the sandbox, which then ends its stubs
    )
    watching = None
    try:
        await _answers(process, name, port)
        watching = asyncio.create_task(_watch(process, name))
        yield
    finally:
        if watching is not None:
            watching.cancel()
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


@asynccontextmanager
async def surroundings(
    ports: Ports, data: Path, spine_url: str | None, *, fresh: bool = False
) -> AsyncIterator[Settings]:
    """All stubs running and the gateway's settings ready. `fresh`: what earlier sandboxes left in the folder is forgotten first.

    Raises SandboxFault, also where the folder or a port is in use, and ConfigInvalid where the environment spoils the settings.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(data))
        refuse_taken(port for port in ports.all if spine_url is None or port != ports.spine)
        if fresh:
            remove(data)
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


def _stub_command() -> str:
    """As whoever started this can paste it: by its name where the shell finds it, else by its place."""
    beside = Path(sys.argv[0]).with_name("vendor-stub")
    return str(beside) if shutil.which("vendor-stub") is None and beside.exists() else "vendor-stub"


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
        {
        _stub_command()
    } mini-service view --nhs-number 9992000481 --as 910000000281 --permission yes --relationship referral{
        "" if ports.base == 8080 else f" --gateway {gateway}"
    }

ready"""
