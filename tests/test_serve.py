"""Production's composition: what it refuses to start with, and mutual TLS against stubs as the compose file runs it."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import yaml
from click.testing import CliRunner

from gateway import production
from gateway.cli import main
from gateway.config import Settings, load
from gateway.identity import registry_check
from gateway.identity.keys import read_key_set
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.rehearsal import Rehearsal, compose_settings, listening, rehearsing
from tests.running import ROOT, free_base
from vendor_stubs.cast import default_system
from vendor_stubs.cli import main as stubs_main
from vendor_stubs.identity.keys import KeyRing

NUMBER, UID, SYSTEM, FEED = "9000000009", "910000000281", "portal-rzz09", "pas-rzz09"


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster) -> Iterator[Rehearsal]:  # noqa: F811
    """The processes of docker-compose.yml by hand, PostgreSQL as there."""
    postgres_cluster.sql("CREATE DATABASE serve")
    with rehearsing(tmp_path_factory.mktemp("state"), postgres_cluster.url("serve")) as place:
        yield place


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession() as client:
        yield client


async def _token(session: aiohttp.ClientSession, rehearsal: Rehearsal, client_id: str) -> str:
    async with session.post(f"{rehearsal.identity}/sandbox/token", json={"uid": UID, "client_id": client_id}) as answer:
        return str((await answer.json())["id_token"])


async def _record(
    session: aiohttp.ClientSession, rehearsal: Rehearsal, system: str | None, token: str, **headers: str
) -> tuple[int, dict[str, object]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.post(
        f"{rehearsal.url}/permissions",
        json={"nhs_number": NUMBER, "answer": "yes", "kind": "single"},
        headers={"Authorization": f"Bearer {token}", **names},
        ssl=rehearsal.tls(system),
    ) as answer:
        return answer.status, json.loads(await answer.read())


async def test_a_system_is_its_certificate(session: aiohttp.ClientSession, rehearsal: Rehearsal) -> None:
    status, answer = await _record(session, rehearsal, SYSTEM, await _token(session, rehearsal, SYSTEM))
    assert (status, bool(answer.get("permission_id"))) == (201, True), answer


async def test_a_feed_feeds_over_mutual_tls(session: aiohttp.ClientSession, rehearsal: Rehearsal) -> None:
    end = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    document = {"nhs_number": NUMBER, "kind": "referral", "user": UID, "end": end}
    async with session.post(f"{rehearsal.url}/relationships", json=document, ssl=rehearsal.tls(FEED)) as answer:
        assert answer.status == 201
    async with session.post(f"{rehearsal.url}/relationships", json=document, ssl=rehearsal.tls(SYSTEM)) as answer:
        assert (answer.status, answer.headers["X-SCR-Code"]) == (403, "system-operation")


async def test_why_a_decision_is_what_it_is_can_be_asked_in_the_sandbox_only(
    session: aiohttp.ClientSession, rehearsal: Rehearsal
) -> None:
    async with session.post(f"{rehearsal.url}/policy/explain", json={}, ssl=rehearsal.tls(SYSTEM)) as answer:
        assert answer.status == 404


async def test_another_systems_name_or_a_forwarded_certificate_is_refused(
    session: aiohttp.ClientSession, rehearsal: Rehearsal
) -> None:
    token = await _token(session, rehearsal, SYSTEM)
    for header, code in (({"X_SCR_System": FEED}, "system-unknown"), ({"Client_Cert": ":AAAA:"}, "system-forwarded")):
        status, answer = await _record(session, rehearsal, SYSTEM, token, **header)
        assert (status in {401, 403}, answer["code"]) == (True, code)


async def test_a_token_made_for_another_system_is_refused(session: aiohttp.ClientSession, rehearsal: Rehearsal) -> None:
    status, answer = await _record(session, rehearsal, SYSTEM, await _token(session, rehearsal, "symphony-rzz01"))
    assert (status, answer["code"]) == (401, "credentials-audience")


async def test_without_a_certificate_there_is_no_conversation(
    session: aiohttp.ClientSession, rehearsal: Rehearsal
) -> None:
    with pytest.raises(aiohttp.ClientError):
        await _record(session, rehearsal, None, "x")


# The stubs as clients over mutual TLS


def _stub(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vendor_stubs", *words]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)


def _at(rehearsal: Rehearsal, certificate: str | None, ca: bool = True) -> list[str]:
    """Where a stub calls, and what it shows."""
    place = ["--gateway", rehearsal.url, "--identity", rehearsal.identity]
    place += ["--ca", str(rehearsal.certs / "ca.pem")] if ca else []
    return place + (["--certificate", str(rehearsal.certs / "clients" / f"{certificate}.pem")] if certificate else [])


def test_the_command_of_the_compose_file_shows_a_record(rehearsal: Rehearsal) -> None:
    """The words at its head, with this machine's addresses; the feed before the view shows the feed's own certificate."""
    head = (ROOT / "docker-compose.yml").read_text(encoding="utf-8").partition("x-stub:")[0].replace("#", " ")
    [told] = re.findall(r"^ +vendor-stub ((?:.*\\\n)*.*)", head, re.MULTILINE)
    places = {
        "https://127.0.0.1:8443": rehearsal.url,
        "http://127.0.0.1:8082": rehearsal.identity,
        "certs/": f"{rehearsal.certs}/",
    }
    for old, new in places.items():
        assert old in told
        told = told.replace(old, new)
    done = _stub(*shlex.split(told.replace("\\\n", " ")), "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "record"


VIEW = ("--nhs-number", "9992000481", "--as", "910000000281", "--permission", "yes", "--relationship", "referral")


@pytest.mark.parametrize(
    ("product", "uid"),
    [
        ("adastra", "910000000117"),
        ("cleo", "910000000125"),
        ("emis-web", "910000000133"),
        ("systmone", "910000000141"),
        ("symphony", "910000000018"),
        ("rio", "910000000158"),
        ("sonar", "910000000166"),
        ("pharmoutcomes", "910000000273"),
        ("scra", "910000000018"),
    ],
)
def test_every_stub_shows_a_record_over_mutual_tls(rehearsal: Rehearsal, product: str, uid: str) -> None:
    """Lorenzo's alone is left out: its SMART host is the desk, where the registry says."""
    words = (*VIEW[:3], uid, *VIEW[4:])
    done = _stub(product, "view", *words, *_at(rehearsal, default_system(product).id), "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "record"), done.stdout + done.stderr


def test_what_a_stub_shows_is_judged(rehearsal: Rehearsal) -> None:
    for certificate, ca, status, words in (
        (None, True, 1, "--certificate"),
        ("portal-rzz09", False, 1, "--ca"),
        (FEED, True, 3, "system-unknown"),
    ):
        place = _at(rehearsal, certificate, ca)
        done = _stub("mini-service", "view", *VIEW, "--system", SYSTEM, *place)
        assert (done.returncode, words in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr
    plain = ["--certificate", str(rehearsal.certs / "server.pem"), "--gateway", "http://127.0.0.1:1"]
    done = _stub("mini-service", "view", *VIEW, *plain)
    assert (done.returncode, "https://" in done.stderr) == (2, True)


@pytest.fixture
def desk(rehearsal: Rehearsal) -> Iterator[str]:
    """The desk as the compose file starts it, on this machine's addresses."""
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["desk"]["command"]
    port = rehearsal.base + 1 + 14
    new = {
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - what the file says
        "8083": str(port),
        "http://127.0.0.1:8083": f"http://127.0.0.1:{port}",
        "/state/certs": str(rehearsal.certs),
        "https://127.0.0.1:8443": rehearsal.url,
        "http://identity:8082": rehearsal.identity,
        "http://127.0.0.1:8082": rehearsal.identity,
    }
    assert set(new) <= set(command)
    words = [new.get(word, word) for word in command]
    process = subprocess.Popen([sys.executable, "-m", "vendor_stubs", *words], cwd=ROOT)
    try:
        asyncio.run(listening(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def test_a_screen_of_the_desk_shows_a_record_through_mutual_tls(
    session: aiohttp.ClientSession, desk: str
) -> None:
    form = {"nhs_number": "9992000481", "permission": "yes", "relationship": "referral"}
    headers = {"Origin": desk}
    async with session.post(f"{desk}/desk/systmone/open", data=form, headers=headers) as answer:
        page = await answer.text()
    assert answer.status == 200, page
    assert "Allergies" in page


# What production refuses to start with


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings as the sandbox writes them, for pure checks."""
    path = tmp_path / "gateway.toml"
    path.write_text(compose_settings(20001, 20001, tmp_path, "postgresql+asyncpg://scr@db/scr"), encoding="utf-8")
    return load(path)


def _registry() -> registry_check.Registry:
    output = CliRunner().invoke(stubs_main, ["cast", "registry"]).output
    return registry_check.load(output)


@pytest.mark.parametrize(
    ("named", "word"),
    [
        ("nhs_number_range", "synthetic"),
        ("registry", "ZZ"),
        ("identity.issuer", "https"),
        ("identity.saml_metadata_url", "saml_certificate"),
        ("spine.sync_url", "https"),
        ("spine.pds_url", "https"),
        ("spine.alert_url", "https"),
    ],
)
def test_serve_refuses_what_belongs_to_the_sandbox(settings: Settings, named: str, word: str) -> None:
    faults = production.faults(settings, _registry(), None)
    assert any(fault.startswith(named) and word in fault for fault in faults), faults


def test_serve_refuses_a_plain_listener_and_no_listener(settings: Settings) -> None:
    plain = settings.model_copy(
        update={"listen": settings.listen.model_copy(update={"plain": settings.listen.internal})}
    )
    assert any(
        fault.startswith("listen.plain") for fault in production.faults(plain, _registry(), None, rehearsal=True)
    )
    none = settings.model_copy(update={"listen": settings.listen.model_copy(update={"mutual_tls": None})})
    assert any(fault.startswith("listen:") for fault in production.faults(none, _registry(), None, rehearsal=True))


def test_serve_refuses_an_identity_stubs_keys(settings: Settings) -> None:
    """Found by the key's own mark, wherever it is published and whatever the issuer is called."""
    elsewhere = {"issuer": "https://identity.nhs.example", "jwks_url": "https://identity.nhs.example/jwks"}
    renamed = settings.model_copy(update={"identity": settings.identity.model_copy(update=elsewhere)})
    stub = read_key_set(KeyRing().jwks())
    told = production.faults(renamed, _registry(), stub)
    assert any(fault.startswith("identity.jwks_url") and "stub" in fault for fault in told), told
    assert not any(fault.startswith(("identity.jwks_url", "identity.issuer")) for fault in _faults(renamed))


@pytest.mark.parametrize("rehearsal", [True, False])
def test_serve_refuses_to_run_without_rate_limits(settings: Settings, rehearsal: bool) -> None:
    unlimited = settings.model_copy(update={"limits": settings.limits.model_copy(update={"rate": False})})
    told = production.faults(unlimited, _registry(), None, rehearsal=rehearsal)
    assert any(fault.startswith("limits.rate") for fault in told), told
    assert not any(fault.startswith("limits.rate") for fault in _faults(settings))


def test_serve_refuses_plain_addresses_on_loopback_as_an_issuer(settings: Settings) -> None:
    for issuer in ("http://identity.nhs.example", "https://127.0.0.1:8082", "https://localhost"):
        named = settings.model_copy(update={"identity": settings.identity.model_copy(update={"issuer": issuer})})
        assert any(fault.startswith("identity.issuer") for fault in _faults(named)), issuer


def _faults(settings: Settings) -> tuple[str, ...]:
    return production.faults(settings, _registry(), None)


def test_a_rehearsal_takes_no_live_numbers(settings: Settings) -> None:
    live = Settings.model_validate(settings.model_dump() | {"nhs_number_range": "live"})
    assert production.faults(settings, _registry(), None, rehearsal=True) == ()
    assert any("synthetic" in fault for fault in production.faults(live, _registry(), None, rehearsal=True))


def test_serve_says_why_it_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("nhs_number_range = 'synthetic'\nunknown = 1\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["serve", "--config", str(path)])
    assert result.exit_code == 1
    for word in ("operator_ods", "listen", "spine", "identity", "store", "unknown"):
        assert word in result.output


def _not_started(rehearsal: Rehearsal, changes: dict[str, str], *options: str) -> str:
    """What `serve` says on its way out, with these settings changed."""
    text = rehearsal.config.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = rehearsal.state / "changed.toml"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(path), "--rehearsal", *options]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_says_what_it_could_not_reach_or_have(rehearsal: Rehearsal, workers: str) -> None:
    port, free = str(rehearsal.port(0)), free_base()
    elsewhere = {f"port = {port}": f"port = {free}", f"port = {rehearsal.port(0) + 1}": f"port = {free + 2}"}
    options = ("--workers", workers)
    told = _not_started(
        rehearsal, elsewhere | {rehearsal.database: "postgresql+asyncpg://scr@127.0.0.1:1/scr"}, *options
    )
    assert "store.url: the database cannot be used: nothing answers at the database's address" in told
    told = _not_started(rehearsal, elsewhere | {f"{rehearsal.identity}/jwks": "http://127.0.0.1:1/jwks"}, *options)
    assert "identity.jwks_url: the identity service's keys could not be fetched" in told


def test_serve_names_an_address_that_is_taken(rehearsal: Rehearsal) -> None:
    inside = rehearsal.port(0) + 1
    assert f"127.0.0.1 port {rehearsal.port(0)}: Address already in use" in _not_started(
        rehearsal, {}, "--workers", "2"
    )
    free = {f"port = {rehearsal.port(0)}": f"port = {free_base()}"}
    told = _not_started(rehearsal, free)
    assert f"listen: 127.0.0.1 port {inside}: Address already in use" in told


# The compose file


def test_the_compose_file_runs_commands_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {"gateway", "spine", "identity", "desk", "postgres"} <= set(services)
    for name in ("spine", "identity", "desk"):
        assert services[name]["entrypoint"] == ["vendor-stub"]
        assert CliRunner().invoke(stubs_main, [*services[name]["command"][:2], "--help"]).exit_code == 0
    assert CliRunner().invoke(main, [services["gateway"]["command"][0], "--help"]).exit_code == 0
    assert services["gateway"]["command"][1:3] == ["--config", "deploy/compose.toml"]
    tomllib.loads((ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/scaled.yml"])
def test_an_engine_neither_kills_a_gateway_that_drains_nor_leaves_an_ill_one_unseen(
    settings: Settings, file: str
) -> None:
    text = (ROOT / file).read_text(encoding="utf-8").replace("!override ", "")
    services = yaml.safe_load(text)["services"]
    gateways = [one for one in services.values() if "command" in one and one["command"][0] == "serve"]
    gateways = [one for one in gateways if "--rehearsal" in one["command"]]
    assert gateways
    inside = tomllib.loads((ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8"))["listen"]["internal"]
    for gateway in gateways:
        drains = settings.limits.stop_seconds + settings.limits.leave_seconds
        assert int(gateway["stop_grace_period"].removesuffix("s")) > drains
        assert f"http://127.0.0.1:{inside['port']}/health/ready" in gateway["healthcheck"]["test"][-1]
    for name, one in services.items():
        assert name in {"prepare", "gateway"} or one["restart"] == "unless-stopped", name


def test_the_image_is_built_from_the_lock_file() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements/build.txt -r requirements/run.txt" in text
    for line in text.splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_the_image_takes_along_nothing_that_was_built_here() -> None:
    def named(path: str) -> set[str]:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        return {line.strip("/").removeprefix("**/") for line in lines if line and not line.startswith("#")}

    ignored = named(".dockerignore")
    assert named(".gitignore") <= ignored
    copied = {
        source.strip("/")
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY")
        for source in line.split()[1:-1]
    }
    assert copied
    assert not copied & ignored
