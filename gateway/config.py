"""Settings: one frozen object, read once from a TOML file and the environment, all faults reported together.

Any value can also come as SCR_GATEWAY_SECTION__NAME. Secrets are files named here, never values.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gateway.config_forms import (
    BaseAddress,
    CollectorAddress,
    DatabaseAddress,
    LocalAddress,
    LogLevel,
    MailAddress,
    MailPattern,
    OperatorOds,
    OptionalWebAddress,
    SpineAsid,
    WebAddress,
    flat,
    merged,
    section_of,
    sound_of,
)
from gateway.domain.identifiers import NumberRange
from gateway.text_files import TextUnreadable, read_text

PREFIX = "SCR_GATEWAY_"
"""Of environment variables that are settings."""


class Part(BaseModel):
    """A section: frozen, and nothing misspelt passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listener(Part):
    """An address to listen on."""

    host: LocalAddress = "127.0.0.1"
    port: int = Field(ge=0, le=65535)


class TlsListener(Listener):
    """Mutual TLS: callers show a client certificate."""

    certificate: Path
    key: Path
    client_ca: Path


class ProxyListener(Listener):
    """A trusted proxy ends TLS and forwards the verified client certificate (RFC 9440)."""

    trusted: tuple[IPvAnyNetwork, ...]
    """Networks the proxy calls from."""


class Listen(Part):
    """Where this gateway listens. `plain` exists in the sandbox only."""

    plain: Listener | None = None
    mutual_tls: TlsListener | None = None
    proxy: ProxyListener | None = None
    internal: Listener | None = None
    """Metrics; never reachable from outside."""


class Spine(Part):
    """Spine's addresses and this gateway's place in it."""

    sync_url: WebAddress
    pds_url: WebAddress
    directory_url: WebAddress
    alert_url: WebAddress
    asid: SpineAsid
    own_asid: SpineAsid
    from_address: str = "127.0.0.1"
    client_certificate: Path | None = None
    client_key: Path | None = None
    ca: Path | None = None
    total_seconds: float = Field(default=8.0, gt=0, le=60)
    connect_seconds: float = Field(default=2.0, gt=0)
    read_seconds: float = Field(default=6.0, gt=0)
    connections: int = Field(default=64, ge=1)
    waiting: int = Field(default=512, ge=0)


class Identity(Part):
    """The identity service."""

    issuer: WebAddress
    jwks_url: WebAddress
    saml_audience: str = "urn:scr-gateway"
    saml_recipient: OptionalWebAddress = ""
    saml_certificate: Path | None = None
    saml_metadata_url: WebAddress | None = None
    """Sandbox only: the signing certificate is fetched from here."""
    authorize_url: OptionalWebAddress = ""
    """Where browsers sign in; empty: `/authorize` of the issuer, and so the two below."""
    token_url: OptionalWebAddress = ""
    userinfo_url: OptionalWebAddress = ""
    launch_key: Path | None = None
    """PEM of the P-256 key that encrypted launches are sealed to; needed where a host launches by encrypted links."""


class Store(Part):
    """Where state lives and the keys that protect it."""

    url: DatabaseAddress
    """SQLAlchemy URL, without a password."""
    password_file: Path | None = None
    keys: Path
    linger_ms: float = Field(default=2.0, ge=0, le=50)
    """How long the audit's writer waits for company behind a busy gateway; a caller alone never waits. 2 ms cost the least
    processor time for each view and gave the most views (`make bench`, section "waits")."""
    queue: int = Field(default=2000, ge=1)
    anchor: Path | None = None
    """A file that also keeps every signed checkpoint; best on a disk that whoever runs the database cannot write."""


class Kept(Part):
    """How long one kind of record is kept, by a decision in force from a date."""

    since: date
    """The decision's first day."""
    years: int = Field(ge=1, le=100)
    decided_by: str = ""
    """Whose decision: a policy's name and version, for the auditor."""


_OWN = Kept(since=date(2026, 1, 1), years=8, decided_by="the project's own choice: no national figure was found")


class Retention(Part):
    """How long evidence is kept, decision by decision. This program deletes none of it: it only says from when it may be."""

    audit: tuple[Kept, ...] = (_OWN,)
    """Audit entries, from the day they were written."""
    alerts: tuple[Kept, ...] = (_OWN,)
    """Alerts with their history, from the day they were closed; open ones are kept."""

    @field_validator("audit", "alerts")
    @classmethod
    def in_order(cls, decisions: tuple[Kept, ...]) -> tuple[Kept, ...]:
        """At least one decision, each later than the one before. Raises ValueError."""
        days = [decision.since for decision in decisions]
        if not days or days != sorted(set(days)):
            raise ValueError("decisions are listed oldest first, one a day, at least one")
        return decisions


class Notices(Part):
    """How privacy officers hear that there is an alert. Only a reference is sent."""

    webhook: WebAddress | None = None
    smtp_host: str | None = None
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_start_tls: bool | None = None
    """None: where the server offers it."""
    sender: MailAddress = "scr-gateway@localhost"
    recipient: MailPattern = "privacy-officer.{organisation}@localhost"
    """Mail address, with the organisation's ODS code in it."""


class Tracing(Part):
    """OpenTelemetry traces; none are made where no collector is named."""

    otlp_url: CollectorAddress | None = None
    """Where a collector takes traces by OTLP over HTTP: the whole address, such as http://127.0.0.1:4318/v1/traces."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of all traces; a caller may say that its own is not recorded."""
    ca: Path | None = None
    """Authority of the collector's certificate, where it is not one the system trusts."""


class Limits(Part):
    """Bounds of this process."""

    concurrent: int = Field(default=64, ge=1)
    waiting: int = Field(default=256, ge=0)
    body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    body_seconds: float = Field(default=10.0, gt=0)
    head_seconds: float = Field(default=10.0, gt=0)
    drain_seconds: float = Field(default=30.0, gt=0)
    """A caller that takes next to nothing of its answer for so long is cut off."""
    stop_seconds: float = Field(default=15.0, gt=0)
    """How long a process that stops lets requests it has begun go on."""
    leave_seconds: float = Field(default=2.0, ge=0, le=60)
    """How long a process that stops keeps connections that rest between two requests, and answers what comes by them."""
    rate: bool = True
    """Rate limits per system; off only in the sandbox."""


class Settings(BaseSettings):
    """Everything the composition root needs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")

    nhs_number_range: NumberRange
    operator_ods: OperatorOds
    """ODS code of whoever runs this gateway: the responder named in mini-service answers."""
    public_url: BaseAddress
    """Where callers and browsers reach this gateway."""
    registry: Path
    training: Path | None = None
    """An export of the training service, imported at start."""
    schemas: Path | None = None
    """A folder with an official schema pack to validate against instead of our own."""
    log_level: LogLevel = "INFO"
    listen: Listen
    spine: Spine
    identity: Identity
    store: Store
    notices: Notices = Notices()
    retention: Retention = Retention()
    limits: Limits = Limits()
    traces: Tracing = Tracing()

    def url_at(self, *, tls: bool) -> str:
        """The address of this gateway for callers of one listener: an answer given over TLS must not name the plain one.

        Only the sandbox has both; elsewhere `public_url` is the one address.
        """
        public, secure = urlsplit(self.public_url), self.listen.mutual_tls
        if not tls or public.scheme != "http" or secure is None or not secure.port:
            return self.public_url
        return f"https://{public.hostname}:{secure.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings


class ConfigInvalid(ValueError):
    """The settings cannot be used; `faults` says everything that is wrong with them."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a file and the environment say."""

    settings: Settings | None
    """None where anything is wrong with their form."""
    values: Mapping[str, Any] = field(repr=False)
    """Every setting of sound form by its dotted name, unless said its default: what else can be judged where others are wrong."""
    faults: tuple[str, ...] = ()


def given(path: Path) -> Given:
    """Reads a TOML file and the environment, where every variable with our prefix must be a setting. `faults` says all that
    is wrong with their form. Raises ConfigInvalid where the file is no TOML at all.
    """
    try:
        values: dict[str, Any] = tomllib.loads(read_text(path))
    except TextUnreadable as error:
        raise ConfigInvalid((f"{path.name}: {error}",)) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigInvalid((f"{path.name}: not TOML: {error}",)) from error
    stray = _stray(os.environ)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong = {".".join(map(str, fault["loc"])) for fault in error.errors()}
        wrong |= {
            name.rpartition(".")[0] for name in wrong if name.rpartition(".")[2].isdecimal()
        }  # of a list, one value
        sound = sound_of(Settings, merged(values, EnvSettingsSource(Settings)()), wrong)
        said = tuple(_said(fault["loc"], fault["msg"]) for fault in error.errors())
        return Given(settings=None, values=sound, faults=(*said, *stray))
    except SettingsError as error:
        name = str(error).partition('"')[2].partition('"')[0]
        said = (f"{name}: the variable {PREFIX}{name.upper()} is not JSON (environment)",)
        return Given(settings=None, values=sound_of(Settings, values, {name}), faults=(*said, *stray))
    return Given(settings=None if stray else settings, values=flat(settings), faults=stray)


def load(path: Path) -> Settings:
    """Settings of sound form. Raises ConfigInvalid with every fault of it."""
    found = given(path)
    if found.settings is None:
        raise ConfigInvalid(found.faults)
    return found.settings


def _stray(environment: Iterable[str]) -> tuple[str, ...]:
    """Variables with our prefix that name no setting: pydantic reports a misspelt member of a section, but not these."""
    known, parting = Settings.model_fields, "__"
    found = []
    for variable in sorted(environment):
        name = variable.lower()
        if name.startswith(PREFIX.lower()):
            first, *deeper = name.removeprefix(PREFIX.lower()).split(parting)
            if first not in known or (deeper and section_of(known[first]) is None):
                found.append(f"{variable}: no setting is called so (environment)")
    return tuple(found)


def _said(place: tuple[int | str, ...], message: str) -> str:
    """One fault: which setting, and what is wrong with it."""
    return f"{'.'.join(str(at) for at in place)}: {message.removeprefix('Value error, ')}"
