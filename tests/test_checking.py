"""Whatever is wrong with the settings, or with a file they name, is told by `check-config` and by `serve`, all at once.

The settings here are a production site's, sound but for what each test spoils.
"""

import datetime as dt
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import ECKey
from pydantic import TypeAdapter, ValidationError

from gateway import production
from gateway.asking import spine_tls
from gateway.checking import AUTHORITIES, PAIRS, SECRETS
from gateway.cli import main
from gateway.config import Settings, load
from gateway.config_forms import places
from gateway.identity.certificates import write_development_certificates
from gateway.identity.launch_keys import write_launch_key
from gateway.store.keys import load_or_create_keys
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.running import free_base
from vendor_stubs.cli import main as stubs_main

EXPIRED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@dataclass
class Site:
    """A folder with everything a gateway of production reads."""

    folder: Path
    values: dict[str, str]

    @property
    def config(self) -> Path:
        """Its settings."""
        return self.folder / "gateway.toml"

    def put(self, name: str, text: str) -> None:
        """Another content for one of its files."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def set(self, setting: str, value: str | None) -> None:
        """Another value for a setting, as TOML writes it; None takes it away."""
        if value is None:
            del self.values[setting]
        else:
            self.values[setting] = value
        self.put(self.config.name, "".join(f"{name} = {said}\n" for name, said in self.values.items()))

    def say(self, command: str, *options: str) -> Result:
        """What a command prints of it."""
        result = CliRunner().invoke(main, [command, "--config", str(self.config), *options])
        assert isinstance(result.exception, SystemExit) or result.exception is None, result.exception
        assert "Traceback" not in result.output
        return result

    def faults(self, command: str, *options: str) -> list[str]:
        """The faults it prints, one a line."""
        result = self.say(command, *options)
        assert result.exit_code == 1, result.output
        return [line for line in result.stderr.splitlines() if "not started" not in line and "warning: " not in line]


def _pair(authority: trustme.CA, folder: Path, name: str, expires: dt.datetime | None = None) -> None:
    issued = authority.issue_cert("scr.site.example", not_after=expires)
    (folder / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key = folder / f"{name}.key"
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)


SETTINGS = """
nhs_number_range = "live"
operator_ods = "RAA01"
public_url = "https://scr.site.example"
registry = "{at}/registry.toml"
training = "{at}/training.csv"
log_level = "INFO"
listen.internal.host = "127.0.0.1"
listen.internal.port = {inside}
listen.mutual_tls.host = "127.0.0.1"
listen.mutual_tls.port = {port}
listen.mutual_tls.certificate = "{at}/server.pem"
listen.mutual_tls.key = "{at}/server.key"
listen.mutual_tls.client_ca = "{at}/ca.pem"
spine.sync_url = "https://spine.example/sync-service"
spine.pds_url = "https://spine.example/pds"
spine.directory_url = "https://spine.example/directory"
spine.alert_url = "https://spine.example/clinical/alert"
spine.asid = "230811201324"
spine.own_asid = "918999199111"
spine.client_certificate = "{at}/client.pem"
spine.client_key = "{at}/client.key"
spine.ca = "{at}/ca.pem"
identity.issuer = "https://identity.example"
identity.jwks_url = "https://identity.example/jwks"
identity.saml_certificate = "{at}/ca.pem"
identity.launch_key = "{at}/launch.pem"
store.url = "postgresql+asyncpg://scr@127.0.0.1:1/scr"
store.password_file = "{at}/password"
store.keys = "{at}/keys"
store.anchor = "{at}/anchor.jsonl"
notices.webhook = "https://hook.example/"
traces.otlp_url = "http://127.0.0.1:4318/v1/traces"
"""


@pytest.fixture(scope="module")
def registry() -> str:
    """The cast's, under codes that could be anybody's."""
    output = CliRunner().invoke(stubs_main, ["cast", "registry"]).output
    return output.replace("ZZ", "AA").replace("zz", "aa")


@pytest.fixture
def site(tmp_path: Path, registry: str) -> Site:
    """A sound site."""
    authority, base = trustme.CA(organization_name="An authority"), free_base()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    _pair(authority, tmp_path, "server")
    _pair(authority, tmp_path, "client")
    _pair(authority, tmp_path, "expired", EXPIRED)
    load_or_create_keys(tmp_path / "keys")
    write_launch_key(tmp_path / "launch.pem")
    text = SETTINGS.format(at=tmp_path, port=base, inside=base + 1)
    values = {name: value for name, _, value in (line.partition(" = ") for line in text.split("\n") if line)}
    site = Site(tmp_path, values)
    site.set("nhs_number_range", '"live"')
    site.put("registry.toml", registry)
    site.put("training.csv", "uid,module,topics_version,passed,date\n")
    site.put("password", "word\n")
    (tmp_path / "password").chmod(0o600)
    return site


def _garbage(name: str) -> Callable[[Site], None]:
    return lambda site: site.put(name, "garbage\n")


def _setting(name: str, value: str | None) -> Callable[[Site], None]:
    return lambda site: site.set(name, value if value is None else value.replace("AT", str(site.folder)))


def _mode(name: str, mode: int) -> Callable[[Site], None]:
    return lambda site: (site.folder / name).chmod(mode)


def _expired(site: Site) -> None:
    for end in ("pem", "key"):
        (site.folder / f"expired.{end}").replace(site.folder / f"server.{end}")


def _empty(setting: str) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        (site.folder / "empty").mkdir()
        site.set(setting, f'"{site.folder}/empty"')

    return spoil


def _taken_port(site: Site) -> None:
    site.set("listen.internal.port", site.values["listen.mutual_tls.port"])


def _locked(site: Site) -> None:
    key = load_pem_private_key((site.folder / "server.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    (site.folder / "server.key").write_bytes(locked)


FAULTS: dict[str, tuple[Callable[[Site], None], str, str]] = {
    # files and what they hold
    "garbage certificate": (_garbage("server.pem"), "listen.mutual_tls.certificate", "server.pem holds no certificate"),
    "garbage key": (_garbage("server.key"), "listen.mutual_tls.key", "server.key holds no private key"),
    "key locked": (_locked, "listen.mutual_tls.key", "passphrase"),
    "key of another": (
        _setting("listen.mutual_tls.key", '"AT/client.key"'),
        "listen.mutual_tls.key",
        "client.key is not the key of the certificate in server.pem",
    ),
    "certificate whose end has passed": (_expired, "listen.mutual_tls.certificate", "has expired: its last day was"),
    "CA file without a certificate": (_garbage("ca.pem"), "listen.mutual_tls.client_ca", "ca.pem holds no certificate"),
    "CA file that is a pipe": (_setting("spine.ca", '"/dev/null"'), "spine.ca", "a pipe or a device"),
    "garbage Spine CA": (_setting("spine.ca", '"AT/training.csv"'), "spine.ca", "training.csv holds no certificate"),
    "client certificate without key": (_setting("spine.client_key", None), "spine.client_key", "client.pem"),
    "client key without certificate": (
        _setting("spine.client_certificate", None), "spine.client_certificate", "client.key",
    ),
    "client key of another": (_setting("spine.client_key", '"AT/server.key"'), "spine.client_key", "not the key of"),
    "bad SAML certificate": (
        _setting("identity.saml_certificate", '"AT/password"'), "identity.saml_certificate", "password holds no",
    ),
    "bad launch key": (_garbage("launch.pem"), "identity.launch_key", "launch.pem is not"),
    "launch key open to others": (_mode("launch.pem", 0o644), "identity.launch_key", "launch.pem may be read by others"),
    "empty keys folder": (_empty("store.keys"), "store.keys", "audit-mac.key cannot be read"),
    "audit key open to others": (_mode("keys/audit-mac.key", 0o644), "store.keys", "audit-mac.key may be read by others"),
    "keys folder that is a file": (_setting("store.keys", '"AT/ca.pem"'), "store.keys", "ca.pem is no folder"),
    "empty password": (lambda site: site.put("password", "\n"), "store.password_file", "password is empty"),
    "anchor in no folder": (_setting("store.anchor", '"AT/away/anchor"'), "store.anchor", "away is not there"),
    "wrong training file": (_garbage("training.csv"), "training", "training.csv: the first line must be"),
    "garbage registry": (_garbage("registry.toml"), "registry", "line 1"),
    "registry away": (_setting("registry", '"AT/none.toml"'), "registry", "none.toml cannot be read (No such file"),
    "empty schemas folder": (_empty("schemas"), "schemas", "is missing or does not compile"),
    # forms
    "log level": (_setting("log_level", '"LOUD"'), "log_level", "one of DEBUG"),
    "Spine address": (_setting("spine.sync_url", '"spine"'), "spine.sync_url", "not an address"),
    "ASID": (_setting("spine.asid", '"hello"'), "spine.asid", "12 digits"),
    "own ASID": (_setting("spine.own_asid", '"hello"'), "spine.own_asid", "12 digits"),
    "store address": (_setting("store.url", '"blah"'), "store.url", "not an address"),
    "other database": (_setting("store.url", '"mysql://h/d"'), "store.url", "postgresql+asyncpg://"),
    "SQLite": (_setting("store.url", '"sqlite+aiosqlite:///AT/x.sqlite"'), "store.url", "PostgreSQL"),
    "SQLite in memory": (_setting("store.url", '"sqlite+aiosqlite:///:memory:"'), "store.url", "in memory"),
    "password in the address": (
        _setting("store.url", '"postgresql+asyncpg://u:hidden@h/d"'), "store.url", "a password stands in it",
    ),
    "issuer": (_setting("identity.issuer", '"zzz"'), "identity.issuer", "not an address"),
    "operator": (_setting("operator_ods", '"yz 9!!"'), "operator_ods", "not an ODS code"),
    "public address": (_setting("public_url", '"not a url"'), "public_url", "not an address"),
    "public address with a stroke": (_setting("public_url", '"https://s.example/"'), "public_url", "without a stroke"),
    "webhook": (_setting("notices.webhook", '"zzz"'), "notices.webhook", "not an address"),
    "recipient": (_setting("notices.recipient", '"{org}@h"'), "notices.recipient", "{organisation}"),
    "recipient without host": (_setting("notices.recipient", '"{organisation}"'), "notices.recipient", "mail address"),
    "listener that is no address": (
        _setting("listen.mutual_tls.host", '"300.1.1.1"'), "listen.mutual_tls.host", "not an IP address",
    ),
    "listener elsewhere": (
        _setting("listen.mutual_tls.host", '"192.0.2.7"'), "listen.mutual_tls.host", "no address of this machine",
    ),
    "one port twice": (_taken_port, "listen.internal.port", "listen.mutual_tls already"),
    # of the sandbox
    "synthetic numbers": (_setting("nhs_number_range", '"synthetic"'), "nhs_number_range", "live"),
    "identity service on this machine": (
        _setting("identity.issuer", '"https://localhost"'), "identity.issuer", "a stub's",
    ),
    "metadata fetched": (
        _setting("identity.saml_metadata_url", '"https://identity.example/m"'), "identity.saml_metadata_url", "pins",
    ),
    "no rate limits": (_setting("limits.rate", "false"), "limits.rate", "sandbox"),
}  # fmt: skip


def test_a_sound_site_is_usable_and_nothing_is_told(site: Site) -> None:
    result = site.say("check-config")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "usable\n", "")
    before = {path.name: path.stat().st_mtime_ns for path in site.folder.rglob("*")}
    site.say("check-config")
    assert {path.name: path.stat().st_mtime_ns for path in site.folder.rglob("*")} == before, "a check writes nothing"


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_by_both_commands(site: Site, name: str) -> None:
    spoil, setting, words = FAULTS[name]
    spoil(site)
    told = site.faults("check-config")
    assert [line for line in told if line.startswith(f"{setting}: ") and words in line], told
    assert site.faults("serve") == told
    assert "hidden" not in "".join(told)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_many_faults_are_told_at_once_those_of_form_beside_those_of_files(site: Site, workers: str) -> None:
    names = [
        "garbage certificate", "empty keys folder", "wrong training file", "garbage registry", "anchor in no folder",
        "log level", "ASID", "Spine address", "store address", "recipient", "synthetic numbers", "listener elsewhere",
        "client key of another", "bad launch key",
    ]  # fmt: skip
    for name in names:
        FAULTS[name][0](site)
    site.set("notices.webhook", '"http://hook.example/"')
    site.set("unknown", "1")
    told = site.faults("check-config")
    for name in names:
        _, setting, words = FAULTS[name]
        assert [line for line in told if line.startswith(f"{setting}: ") and words in line], (name, told)
    for begin in ("unknown: ", "notices.webhook: not an https"):
        assert [line for line in told if line.startswith(begin)], told
    assert site.faults("serve", "--workers", workers) == told


@pytest.mark.parametrize("setting", production.ADDRESSES)
def test_production_takes_no_address_that_is_not_https(site: Site, setting: str) -> None:
    site.set(setting, '"http://somebody.example/x"')
    told = site.faults("check-config")
    assert [line for line in told if line.startswith(f"{setting}: not an https address")], told
    assert site.faults("serve") == told


def test_every_address_there_can_be_is_among_those_that_must_be_https() -> None:
    told = {name for name, field in places(Settings) if _takes_an_address(name, field.rebuild_annotation())}
    assert told - set(production.ADDRESSES) == {"store.url", "identity.saml_metadata_url"}
    assert set(production.ADDRESSES) <= told
    assert {name for name, _ in places(Settings) if name.endswith("url")} <= told


def _takes_an_address(name: str, kind: object) -> bool:
    """Whether a setting's own form takes an address and nothing that is none, or its name says that it is one."""

    def taken(value: str) -> bool:
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            return False
        return True

    return name.endswith("url") or (taken("https://host.example") and not taken("zzz"))


def test_every_certificate_and_key_file_is_looked_at() -> None:
    files = {name for name, field in places(Settings) if "Path" in str(field.annotation)}
    other = {
        "registry",
        "training",
        "schemas",
        "store.keys",
        "store.anchor",
        "store.password_file",
        "identity.launch_key",
    }
    assert {*AUTHORITIES, *(one for pair in PAIRS for one in pair)} == files - other
    assert set(SECRETS) < files


def test_a_rehearsal_takes_plain_addresses_and_development_certificates_and_production_neither(site: Site) -> None:
    made = site.folder / "made"
    write_development_certificates(made, [])
    for name, file in (("certificate", "server.pem"), ("key", "server.key"), ("client_ca", "ca.pem")):
        site.set(f"listen.mutual_tls.{name}", f'"{made / file}"')
    told = site.faults("check-config")
    assert told == site.faults("serve")
    assert told == [
        "listen.mutual_tls.certificate: server.pem was made by `dev-certs`: not for live use",
        "listen.mutual_tls.client_ca: ca.pem was made by `dev-certs`: not for live use",
    ]
    site.set("nhs_number_range", '"synthetic"')
    site.set("spine.sync_url", '"http://127.0.0.1:1/"')
    result = site.say("check-config", "--rehearsal")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_private_key_that_others_may_read_is_a_warning(site: Site) -> None:
    for name in ("server.key", "password"):
        (site.folder / name).chmod(0o644)
    result = site.say("check-config")
    assert (result.exit_code, result.stdout) == (0, "usable\n")
    assert result.stderr.splitlines() == [
        "warning: listen.mutual_tls.key: server.key may be read by others: give it mode 0600",
        "warning: store.password_file: password may be read by others: give it mode 0600",
    ]


@pytest.mark.parametrize(
    "words", [("db", "upgrade"), ("audit", "verify"), ("audit", "export", "--output", "x"), ("interest", "list")]
)
def test_no_command_ends_in_a_traceback_by_wrong_settings(site: Site, words: tuple[str, ...]) -> None:
    site.set("spine.asid", '"hello"')
    result = CliRunner().invoke(main, [*words, "--config", str(site.config)])
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert "spine.asid: not an ASID" in result.output


def test_what_the_environment_spoils_is_told_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("server.pem", "garbage")
    monkeypatch.setenv("SCR_GATEWAY_SPINE__ASID", "hello")
    told = site.faults("serve")
    assert [line.partition(":")[0] for line in told] == ["spine.asid", "listen.mutual_tls.certificate"]
    monkeypatch.setenv("SCR_GATEWAY_TRACES", "{")
    told = site.faults("serve")
    assert told == site.faults("check-config")
    assert told[0].startswith("traces: the variable SCR_GATEWAY_TRACES is not JSON")
    assert any(line.startswith("listen.mutual_tls.certificate: ") for line in told)


class _Keys(http.server.BaseHTTPRequestHandler):
    """An identity service's published keys."""

    def do_GET(self) -> None:
        """The one key, wherever it is asked for."""
        key = ECKey.generate_key("P-256", {"kid": "live-1", "use": "sig", "alg": "ES256"})
        body = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _identity(authority: trustme.CA) -> Iterator[int]:
    """Keys over https, on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Keys)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.postgres
def test_what_is_usable_starts_in_production_and_takes_no_sandbox_later(
    site: Site,
    registry: str,
    postgres_cluster: Cluster,  # noqa: F811 - a fixture
) -> None:
    """No rehearsal: live numbers, an identity service over https with keys of its own, PostgreSQL."""
    postgres_cluster.sql("CREATE DATABASE production")
    identity = trustme.CA()
    identity.cert_pem.write_to_path(str(site.folder / "identity-ca.pem"))
    site.set("store.url", f'"{postgres_cluster.url("production")}"')
    with _identity(identity) as port:
        site.set("identity.jwks_url", f'"https://127.0.0.1:{port}/jwks"')
        assert site.say("check-config").stdout == "usable\n"
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--config", str(site.config)],
            env=os.environ | {"SSL_CERT_FILE": str(site.folder / "identity-ca.pem")},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            inside = f"http://127.0.0.1:{site.values['listen.internal.port']}"
            _until(process, f"{inside}/health/ready", '"writable"')
            site.put("registry.toml", registry.replace("RAA01", "RZZ01"))
            process.send_signal(signal.SIGHUP)
            _until(process, f"{inside}/metrics", 'scr_alarms_total{alarm="registry-not-reloaded"} 1.0')
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert '"listener":"tls"' in said, said
        [alarm] = [json.loads(line) for line in said.splitlines() if '"registry-not-reloaded"' in line]
        assert alarm["command"] == "scr-gateway check-config"


def _until(process: "subprocess.Popen[str]", url: str, words: str) -> None:
    """Waits until an address answers with these words."""
    end, found = time.monotonic() + 60, ""
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = answer.read().decode()
        except OSError:
            found = ""
        if words in found:
            return
        time.sleep(0.1)
    raise AssertionError(found)


def test_a_client_certificate_for_spine_needs_no_authority_of_its_own(site: Site) -> None:
    site.set("spine.ca", None)
    assert site.say("check-config").stdout == "usable\n"
    assert spine_tls(load(site.config)) is not None
    for setting in ("spine.client_certificate", "spine.client_key"):
        site.set(setting, None)
    assert spine_tls(load(site.config)) is None, "then the system's own trust is asked"
