"""Launch tokens and the registry's launch tables: what proves a launch, what a spoilt one ends in, what production refuses."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import production
from gateway.config import Settings
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InvalidValue, MessageInvalid
from gateway.domain.identifiers import NhsNumbers, NumberRange, SystemId
from gateway.identity.keys import read_key_set
from gateway.identity.launch_keys import LaunchKey, load_launch_key, write_launch_key
from gateway.identity.launch_tokens import LaunchRules, claimed_issuer, opened, verify_launch
from gateway.identity.launching import LaunchTokens
from gateway.identity.registry import CurrentRegistry
from gateway.identity.registry_check import load, read
from gateway.identity.tokens import read_header
from vendor_stubs import cast, launching

NOW = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)
"""Half a minute before a clock change: instants do not care."""
DESK = "http://127.0.0.1:8083"
REGISTRY = load(cast.registry_toml() + "\n" + launching.registry_toml(DESK))
RULES = LaunchRules(public_url="http://127.0.0.1:8080", numbers=NhsNumbers(NumberRange.SYNTHETIC))
SONAR = REGISTRY.systems_of("sonar")[0]
KEY = launching.host_key(SONAR.id.value)


def claims(**changed: Any) -> dict[str, Any]:
    """A good launch of Sonar's, changed; None leaves a claim out."""
    issued = int(NOW.timestamp())
    good = {
        "iss": SONAR.id.value,
        "aud": "http://127.0.0.1:8080/launch/sonar",
        "sub": "910000000166",
        "role": "555000000117",
        "org": "FZZ07",
        "nhs_number": "9000000009",
        "iat": issued,
        "exp": issued + 60,
        "jti": "0123456789abcdef",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def refused(token: str, now: datetime = NOW) -> Code:
    """The code a token is refused with."""
    with pytest.raises(GatewayError) as caught:
        verify_launch(token, SONAR, "sonar", RULES, now)
    assert not token or token not in repr(caught.value) or len(token) < 20
    assert "9000000009" not in str(caught.value) + repr(caught.value.__cause__)
    return caught.value.code


def test_a_good_launch_says_what_it_says() -> None:
    launch = verify_launch(KEY.sign(claims(purpose="direct-care", birthdate="1950-03-31")), SONAR, "sonar", RULES, NOW)
    assert (launch.user.value, launch.patient.value, launch.organisation.value) == (
        "910000000166",
        "9000000009",
        "FZZ07",
    )
    assert (launch.role and launch.role.value, launch.purpose, launch.birth_date) == (
        "555000000117",
        "direct-care",
        "1950-03-31",
    )
    assert launch.expires == NOW + timedelta(seconds=60)
    assert "9000000009" not in repr(launch)
    assert "1950" not in repr(launch)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        *(({name: None}, Code.LAUNCH_INVALID) for name in ("iss", "aud", "iat", "exp", "jti")),
        *(({name: None}, Code.MESSAGE_VALUE) for name in ("sub", "org", "nhs_number")),
        ({"exp": "soon"}, Code.LAUNCH_INVALID),
        ({"exp": True}, Code.LAUNCH_INVALID),
        ({"exp": 10**30}, Code.LAUNCH_INVALID),
        ({"iat": -1}, Code.LAUNCH_INVALID),
        ({"aud": ["http://127.0.0.1:8080/launch/sonar"]}, Code.LAUNCH_INVALID),
        ({"aud": "http://127.0.0.1:8080/launch/rio"}, Code.LAUNCH_INVALID),
        ({"aud": "http://127.0.0.1:8080/launch/sonar/"}, Code.LAUNCH_INVALID),
        ({"iss": "rio-rzz02"}, Code.LAUNCH_INVALID),
        ({"jti": "short"}, Code.LAUNCH_INVALID),
        ({"jti": "x" * 129}, Code.LAUNCH_INVALID),
        ({"permission": "yes"}, Code.LAUNCH_INVALID),
        ({"nhs_number": "9999999998"}, Code.MESSAGE_VALUE),
        ({"nhs_number": "4857773457"}, Code.MESSAGE_VALUE),
        ({"nhs_number": 9000000009}, Code.MESSAGE_VALUE),
        ({"nhs_number": "900 000 0009"}, Code.MESSAGE_VALUE),
        ({"sub": "x" * 500}, Code.MESSAGE_VALUE),
        ({"role": "12"}, Code.MESSAGE_VALUE),
        ({"role": ["555000000117"]}, Code.MESSAGE_VALUE),
        ({"birthdate": "31/03/1950"}, Code.MESSAGE_VALUE),
        ({"birthdate": 1950}, Code.MESSAGE_VALUE),
        ({"purpose": "Direct Care"}, Code.MESSAGE_VALUE),
    ],
)
def test_a_claim_that_cannot_be_is_refused(changed: dict[str, Any], code: Code) -> None:
    assert refused(KEY.sign(claims(**changed))) is code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (-6, Code.LAUNCH_INVALID),
        (-5, None),
        (0, None),
        (64, None),
        (65, Code.LAUNCH_EXPIRED),
        (10**6, Code.LAUNCH_EXPIRED),
    ],
)
def test_a_launch_lives_a_minute_and_five_seconds_of_skew(seconds: int, code: Code | None) -> None:
    token, now = KEY.sign(claims()), NOW + timedelta(seconds=seconds)
    if code is not None:
        assert refused(token, now) is code
    else:
        assert verify_launch(token, SONAR, "sonar", RULES, now).token_id == "0123456789abcdef"


def test_neither_kind_of_token_passes_as_the_other() -> None:
    with pytest.raises(AccessDenied):
        read_header(KEY.sign(claims()), 8192)
    assert refused(KEY.sign(claims(), {"typ": "JWT"})) is Code.LAUNCH_INVALID


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10**6), letter=st.sampled_from("AZaz09-_.=+/ é\n"))
def test_a_token_with_one_character_changed_is_no_launch(at: int, letter: str) -> None:
    token = KEY.sign(claims())
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        assert refused(changed) in {Code.LAUNCH_INVALID, Code.LAUNCH_EXPIRED}


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_at_all_is_refused_with_a_code(text: str) -> None:
    assert refused(text) is Code.LAUNCH_INVALID
    tokens = LaunchTokens(registry=CurrentRegistry(REGISTRY), rules=RULES)
    with pytest.raises(AccessDenied):
        tokens.system(text, "sonar")
    with pytest.raises(AccessDenied):
        tokens.opened(text)


def test_a_system_without_launch_keys_or_of_another_product_launches_nothing() -> None:
    token = KEY.sign(claims())
    for system in (replace(SONAR, launch_jwks=None), replace(SONAR, product="rio")):
        with pytest.raises(AccessDenied) as caught:
            verify_launch(token, system, "sonar", RULES, NOW)
        assert caught.value.code is Code.LAUNCH_INVALID


def test_the_claimed_issuer_is_only_a_name() -> None:
    assert claimed_issuer(launching.unsigned(claims())) == SystemId("sonar-fzz07")
    other = CurrentRegistry(REGISTRY)
    tokens = LaunchTokens(registry=other, rules=RULES)
    with pytest.raises(AccessDenied) as caught:
        tokens.system(launching.unsigned(claims(iss="portal-rzz09-suspended")), "sonar")
    assert caught.value.code is Code.SYSTEM_SUSPENDED


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory) -> LaunchKey:
    path = tmp_path_factory.mktemp("keys") / "launch.pem"
    write_launch_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    write_launch_key(path)
    assert path.read_bytes() == before
    return load_launch_key(path)


def test_an_encrypted_launch_is_opened_by_its_key_alone(sealing: LaunchKey) -> None:
    public = sealing.public()["keys"][0]
    assert "d" not in public
    token = KEY.sign(claims())
    assert opened(launching.sealed(token, public), sealing.key, sealing.kid) == token
    stranger = launching.host_key("somebody-else")
    sealed = launching.sealed(token, {**stranger.public(), "kid": sealing.kid})
    with pytest.raises(AccessDenied):
        opened(sealed, sealing.key, sealing.kid)
    for changed in ({"kid": "another"},):
        with pytest.raises(AccessDenied):
            opened(launching.sealed(token, {**public, **changed}), sealing.key, sealing.kid)


def test_an_encrypted_token_tells_nothing_of_the_patient(sealing: LaunchKey) -> None:
    sealed = launching.sealed(KEY.sign(claims()), sealing.public()["keys"][0])
    for part in sealed.split("."):
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        assert b"9000000009" not in raw
        assert b"910000000166" not in raw


def test_keys_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    path = tmp_path / "launch.pem"
    with pytest.raises(InvalidValue):
        load_launch_key(path)
    path.write_text("no key")
    with pytest.raises(InvalidValue):
        load_launch_key(path)
    path.unlink()
    write_launch_key(path)
    path.chmod(0o644)
    with pytest.raises(InvalidValue, match="0600"):
        load_launch_key(path)


def test_the_sandbox_registry_knows_every_one_click_host() -> None:
    hosts = [row for row in REGISTRY.systems if row.launch_jwks is not None]
    assert sorted(row.product for row in hosts) == ["lorenzo", "pharmoutcomes", "rio", "sonar"]
    assert {row.product: row.smart_issuer for row in hosts if row.smart_issuer} == {
        "lorenzo": f"{DESK}/fhir/lorenzo-rzz01"
    }
    for row in hosts:
        assert row.launch_jwks is not None
        assert read_key_set(json.loads(row.launch_jwks)).has_stub_keys


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("[launch]\nrio-rzz02 = 3", "launch.rio-rzz02"),
        ("[launch.nobody]\njwks = { keys = [] }", "launch.nobody"),
        ("[launch.scra]\njwks = { keys = [] }", "launch.scra"),
        ("[launch.rio-rzz02]\nsmart_issuer = 'https://host.example'", "launch.rio-rzz02.jwks"),
        ("[launch.rio-rzz02]\njwks = { keys = [] }", "launch.rio-rzz02.jwks"),
        ("[launch.rio-rzz02]\njwks = 'x'", "launch.rio-rzz02.jwks"),
        ("[launch.rio-rzz02]\njwks = { keys = [] }\nsecret = 'x'", "launch.rio-rzz02.secret"),
        (
            '[launch.rio-rzz02]\njwks = { keys = [{ kty = "oct", kid = "a", k = "c2VjcmV0" }] }',
            "launch.rio-rzz02.jwks",
        ),
    ],
)
def test_a_wrong_launch_table_is_explained(table: str, path: str) -> None:
    registry, faults = read(cast.registry_toml() + "\n" + table + "\n")
    assert registry is None
    assert path in {fault.path for fault in faults if not fault.warning}


@pytest.mark.parametrize(
    "issuer",
    ["http://host.example/fhir", "https://host.example/", "https://a@host.example", "ftp://x", "https://h?x", ""],
)
def test_an_issuer_is_an_https_address_or_on_loopback(issuer: str) -> None:
    text = launching.registry_toml(DESK).replace(f"{DESK}/fhir/lorenzo-rzz01", issuer)
    registry, faults = read(cast.registry_toml() + "\n" + text)
    assert registry is None
    assert any(fault.path == "launch.lorenzo-rzz01.smart_issuer" for fault in faults)


def test_message_errors_do_not_repeat_values() -> None:
    with pytest.raises(MessageInvalid) as caught:
        verify_launch(KEY.sign(claims(nhs_number="9999999998")), SONAR, "sonar", RULES, NOW)
    assert "9999999998" not in str(caught.value)


def test_production_refuses_stub_keys_plain_issuers_and_a_missing_key() -> None:
    settings = Settings.model_validate(
        {
            "operator_ods": "X26",
            "nhs_number_range": "live",
            "public_url": "https://scr.example",
            "registry": "registry.toml",
            "listen": {"proxy": {"port": 8443, "trusted": ["10.0.0.1/32"]}},
            "spine": dict.fromkeys(("sync_url", "pds_url", "directory_url", "alert_url"), "https://spine.example")
            | {"asid": "230811201324", "own_asid": "918999199111"},
            "identity": {"issuer": "https://identity.example", "jwks_url": "https://identity.example/jwks"},
            "store": {"url": "sqlite+aiosqlite:///x", "keys": "keys"},
        }
    )
    told = "\n".join(production.faults(settings, REGISTRY, None))
    for system in ("rio-rzz02", "lorenzo-rzz01", "sonar-fzz07", "pharmoutcomes-fzz08"):
        assert f"the launch keys of {system} are a stub's" in told
    assert "the SMART issuer of lorenzo-rzz01 is not an https address" in told
    assert "identity.launch_key" in told
