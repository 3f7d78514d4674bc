"""Settings: one frozen object, read once from a TOML file and the environment, all faults reported together.

Any value can also come as SCR_GATEWAY_SECTION__NAME. Secrets are files named here, never values.
"""

import os
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url

from gateway.domain.identifiers import NumberRange
from gateway.text_files import TextUnreadable, read_text

PREFIX = "SCR_GATEWAY_"
"""Of environment variables that are settings."""


class Part(BaseModel):
    """A section: frozen, and nothing misspelt passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listener(Part):
    """An address to listen on."""

    host: str = "127.0.0.1"
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

    sync_url: str
    pds_url: str
    directory_url: str
    alert_url: str
    asid: str
    own_asid: str
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

    issuer: str
    jwks_url: str
    saml_audience: str = "urn:scr-gateway"
    saml_recipient: str = ""
    saml_certificate: Path | None = None
    saml_metadata_url: str | None = None
    """Sandbox only: the signing certificate is fetched from here."""
    authorize_url: str = ""
    """Where browsers sign in; empty: `/authorize` of the issuer, and so the two below."""
    token_url: str = ""
    userinfo_url: str = ""
    launch_key: Path | None = None
    """PEM of the P-256 key that encrypted launches are sealed to; needed where a host launches by encrypted links."""


class Store(Part):
    """Where state lives and the keys that protect it."""

    url: str
    """SQLAlchemy URL, without a password."""
    password_file: Path | None = None
    keys: Path
    linger_ms: float = Field(default=2.0, ge=0, le=50)
    """How long the audit's writer waits for company behind a busy gateway; a caller alone never waits. 2 ms cost the least
    processor time for each view and gave the most views (`make bench`, section "waits")."""
    queue: int = Field(default=2000, ge=1)
    anchor: Path | None = None
    """A file that also keeps every signed checkpoint; best on a disk that whoever runs the database cannot write."""

    def address(self) -> str:
        """The URL with the password from its file. Raises OSError."""
        if self.password_file is None:
            return self.url
        url = make_url(self.url).set(password=self.password_file.read_text(encoding="utf-8").strip())
        return url.render_as_string(hide_password=False)


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

    webhook: str | None = None
    smtp_host: str | None = None
    smtp_port: int = 25
    smtp_start_tls: bool | None = None
    """None: where the server offers it."""
    sender: str = "scr-gateway@localhost"
    recipient: str = "privacy-officer.{organisation}@localhost"
    """Mail address, with the organisation's ODS code in it."""


class Tracing(Part):
    """OpenTelemetry traces; none are made where no collector is named."""

    otlp_url: str | None = None
    """Where a collector takes traces by OTLP over HTTP: the whole address, such as http://127.0.0.1:4318/v1/traces."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of all traces; a caller may say that its own is not recorded."""
    ca: Path | None = None
    """Authority of the collector's certificate, where it is not one the system trusts."""

    @field_validator("otlp_url")
    @classmethod
    def plain(cls, url: str | None) -> str | None:
        """An http or https address without a name and password in it. Raises ValueError."""
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
                raise ValueError("write an address such as http://127.0.0.1:4318/v1/traces")
        return url


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
    operator_ods: str
    """ODS code of whoever runs this gateway: the responder named in mini-service answers."""
    public_url: str
    """Where callers and browsers reach this gateway."""
    registry: Path
    training: Path | None = None
    """An export of the training service, imported at start."""
    schemas: Path | None = None
    """A folder with an official schema pack to validate against instead of our own."""
    log_level: str = "INFO"
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


def load(path: Path) -> Settings:
    """Reads a TOML file and the environment, where every variable with our prefix must be a setting. Raises ConfigInvalid
    with every fault.
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
        raise ConfigInvalid((*(_said(fault["loc"], fault["msg"]) for fault in error.errors()), *stray)) from error
    if stray:
        raise ConfigInvalid(stray)
    return settings


def _stray(environment: Iterable[str]) -> tuple[str, ...]:
    """Variables with our prefix that name no setting: pydantic reports a misspelt member of a section, but not these."""
    known, parting = Settings.model_fields, "__"
    found = []
    for variable in sorted(environment):
        name = variable.lower()
        if name.startswith(PREFIX.lower()):
            first, *deeper = name.removeprefix(PREFIX.lower()).split(parting)
            if first not in known or (deeper and not _is_section(known[first])):
                found.append(f"{variable}: no setting is called so (environment)")
    return tuple(found)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Part)


def _said(place: tuple[int | str, ...], message: str) -> str:
    """One fault: which setting, and what is wrong with it."""
    return f"{'.'.join(str(at) for at in place)}: {message.removeprefix('Value error, ')}"
