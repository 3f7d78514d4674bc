"""What separates production from the sandbox: everything that must be refused at start. Pure; no setting turns it off."""

import os
import stat
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.config import Settings
from gateway.config_forms import flat
from gateway.domain.identifiers import NumberRange
from gateway.identity.keys import KeySet
from gateway.identity.launch_tokens import keys_of
from gateway.identity.registry import Registry

Values = Mapping[str, Any]
"""Settings by their dotted names."""


class Mode(StrEnum):
    """Which composition this is. Nothing but the command line chooses it."""

    SANDBOX = "sandbox"
    SERVE = "serve"
    REHEARSAL = "rehearsal"
    """`serve` against stubs: everything proved as in production, invented patients only."""


def faults(
    settings: Settings, registry: Registry | None, keys: KeySet | None, *, rehearsal: bool = False
) -> tuple[str, ...]:
    """Why `serve` may not start with these; empty where it may. `keys`: the identity service's, where they are known;
    no `registry`: it cannot be read, and whatever else is wrong is told.

    A rehearsal proves systems and users exactly as production does, against stubs and for invented patients only:
    the sandbox's codes and the stub's keys may be there, live NHS numbers may not.
    """
    return found(flat(settings), registry, keys, rehearsal=rehearsal)


def found(
    values: Values, registry: Registry | None, keys: KeySet | None, *, rehearsal: bool = False
) -> tuple[str, ...]:
    """As `faults`, of settings by their dotted names; of those that are missing nothing is said."""
    told = _listeners(values)
    if values.get("limits.rate") is False:
        told.append("limits.rate: rate limits are off only in the sandbox")
    numbers = values.get("nhs_number_range")
    if rehearsal:
        if numbers is NumberRange.LIVE:
            told.append("nhs_number_range: a rehearsal takes synthetic numbers only")
        return tuple(told)
    if numbers is NumberRange.SYNTHETIC:
        told.append("nhs_number_range: synthetic numbers belong to the sandbox; production is `live`")
    if registry is not None:
        told += registry_faults(values, registry)
    if keys is not None and keys.has_stub_keys:
        told.append("identity.jwks_url: the keys there are an identity stub's")
    return (*told, *_open_to_the_way(values), *_of_the_sandbox(values))


def registry_faults(values: Values, registry: Registry) -> list[str]:
    """What production refuses in a registry that is sound in itself; asked again whenever it is read again."""
    told = [f"registry: {code} belongs to nobody (it contains ZZ)" for code in registry.sandbox_codes]
    return told + _launches(values, registry)


def unreadable(values: Values) -> Iterator[tuple[str, str]]:
    """(setting, why) of every file or folder that the settings name and that cannot be read."""
    for name, value in values.items():
        if isinstance(value, Path) and name not in WRITTEN and (why := _unreadable(value, name in FOLDERS)) is not None:
            yield name, f"{value.name} {why}"


def _unreadable(path: Path, folder: bool) -> str | None:
    try:
        mode = path.stat().st_mode
        if folder != stat.S_ISDIR(mode):
            return "is no folder" if folder else "is a folder, not a file"
        if folder:
            next(path.iterdir(), None)
        elif not stat.S_ISREG(mode):
            return "is no file but a pipe or a device"
        else:
            with path.open("rb"):
                pass
    except OSError as error:
        return f"cannot be read ({os.strerror(error.errno or 0)})"
    return None


WRITTEN = frozenset({"store.anchor"})
"""Files that the gateway makes itself."""
FOLDERS = frozenset({"store.keys", "schemas"})

ADDRESSES = (
    "public_url",
    "spine.sync_url",
    "spine.pds_url",
    "spine.directory_url",
    "spine.alert_url",
    "identity.issuer",
    "identity.jwks_url",
    "identity.authorize_url",
    "identity.token_url",
    "identity.userinfo_url",
    "identity.saml_recipient",
    "notices.webhook",
    "traces.otlp_url",
)
"""Every address that this gateway asks or tells, or that others reach it by. In production each is https: whoever is on the way
to the identity service's keys, to the directory of roles or to an alert's receiver could put his own in their place.
"""
HERE = frozenset({"traces.otlp_url"})
"""Those that may be plain on this machine itself: a collector beside the gateway. A span holds nothing about a patient."""


def _listeners(values: Values) -> list[str]:
    told = []
    if any(name.startswith("listen.plain.") for name in values):
        told.append("listen.plain: plain listeners exist in the sandbox only; use mutual_tls or proxy")
    if values.get("listen.mutual_tls", ...) is None and values.get("listen.proxy", ...) is None:
        told.append("listen: neither mutual_tls nor proxy is configured, so no system could be proved")
    return told


def _open_to_the_way(values: Values) -> Iterator[str]:
    """Addresses that are not https."""
    for name in ADDRESSES:
        address = values.get(name)
        if not address or urlsplit(address).scheme == "https":
            continue
        if not (name in HERE and urlsplit(address).hostname in _LOOPBACK):
            yield f"{name}: not an https address: whoever is on the way could read and change what passes"


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _of_the_sandbox(values: Values) -> Iterator[str]:
    """Whatever belongs to stubs and invented people."""
    issuer = values.get("identity.issuer")
    if issuer is not None and urlsplit(issuer).hostname in _LOOPBACK:
        yield "identity.issuer: not an address of an identity service but of this machine (a stub's, perhaps)"
    if values.get("identity.saml_metadata_url") is not None:
        yield "identity.saml_metadata_url: production pins the signing certificate in saml_certificate"
    if (values.get("store.url") or "").startswith("sqlite"):
        yield "store.url: an SQLite file belongs to the sandbox; production keeps its state in PostgreSQL"


def _launches(values: Values, registry: Registry) -> list[str]:
    """Launch keys of stub hosts, and what encrypted launches need."""
    told = []
    for system in registry.systems:
        if system.launch_jwks is not None and keys_of(system.launch_jwks).has_stub_keys:
            told.append(f"registry: the launch keys of {system.id.value} are a stub's")
        if system.smart_issuer is not None and urlsplit(system.smart_issuer).scheme != "https":
            told.append(f"registry: the SMART issuer of {system.id.value} is not an https address")
        if system.product == "pharmoutcomes" and values.get("identity.launch_key", ...) is None:
            told.append(f"identity.launch_key: {system.id.value} launches by encrypted links, which need a key here")
    return told
