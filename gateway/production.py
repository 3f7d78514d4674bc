"""What separates production from the sandbox: everything that must be refused at start. Pure; no setting turns it off."""

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel

from gateway.config import Settings
from gateway.domain.identifiers import NumberRange
from gateway.identity.keys import KeySet
from gateway.identity.launch_tokens import keys_of
from gateway.identity.registry import Registry


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
    found = _listeners(settings)
    if not settings.limits.rate:
        found.append("limits.rate: rate limits are off only in the sandbox")
    if rehearsal:
        if settings.nhs_number_range is not NumberRange.SYNTHETIC:
            found.append("nhs_number_range: a rehearsal takes synthetic numbers only")
        return tuple(found)
    return (*found, *_of_the_sandbox(settings, registry, keys))


def unreadable(settings: Settings) -> tuple[str, ...]:
    """Every file the settings name that cannot be read, with why."""
    found: list[str] = []
    for name, value in _paths(settings):
        try:
            if value.is_dir():
                next(value.iterdir(), None)
            else:
                with value.open("rb"):
                    pass
        except OSError as error:
            found.append(f"{name}: {value.name} cannot be read ({os.strerror(error.errno or 0)})")
    return tuple(found)


WRITTEN = frozenset({"store.anchor"})
"""Files that the gateway makes itself."""


def _paths(part: BaseModel, before: str = "") -> Iterator[tuple[str, Path]]:
    for name in type(part).model_fields:
        value, at = getattr(part, name), f"{before}{name}"
        if isinstance(value, Path) and at not in WRITTEN:
            yield at, value
        elif isinstance(value, BaseModel):
            yield from _paths(value, f"{at}.")


def _listeners(settings: Settings) -> list[str]:
    found = []
    if settings.listen.plain is not None:
        found.append("listen.plain: plain listeners exist in the sandbox only; use mutual_tls or proxy")
    if settings.listen.mutual_tls is None and settings.listen.proxy is None:
        found.append("listen: neither mutual_tls nor proxy is configured, so no system could be proved")
    return found


def _of_the_sandbox(settings: Settings, registry: Registry | None, keys: KeySet | None) -> list[str]:
    """Whatever belongs to stubs and invented people."""
    found = []
    if settings.nhs_number_range is NumberRange.SYNTHETIC:
        found.append("nhs_number_range: synthetic numbers belong to the sandbox; production is `live`")
    if registry is not None:
        found += [f"registry: {code} belongs to nobody (it contains ZZ)" for code in registry.sandbox_codes]
        found += _launches(settings, registry)
    issuer = urlsplit(settings.identity.issuer)
    if issuer.scheme != "https" or issuer.hostname in {"127.0.0.1", "localhost", "::1"}:
        found.append("identity.issuer: not an https address of an identity service (a stub's, perhaps)")
    if settings.identity.saml_metadata_url is not None:
        found.append("identity.saml_metadata_url: production pins the signing certificate in saml_certificate")
    if keys is not None and keys.has_stub_keys:
        found.append("identity.jwks_url: the keys there are an identity stub's")
    spine = settings.spine
    for name, url in (("sync_url", spine.sync_url), ("pds_url", spine.pds_url), ("alert_url", spine.alert_url)):
        if urlsplit(url).scheme != "https":
            found.append(f"spine.{name}: not an https address")
    return found


def _launches(settings: Settings, registry: Registry) -> list[str]:
    """Launch keys of stub hosts, and what encrypted launches need."""
    found = []
    for system in registry.systems:
        if system.launch_jwks is not None and keys_of(system.launch_jwks).has_stub_keys:
            found.append(f"registry: the launch keys of {system.id.value} are a stub's")
        if system.smart_issuer is not None and urlsplit(system.smart_issuer).scheme != "https":
            found.append(f"registry: the SMART issuer of {system.id.value} is not an https address")
        if system.product == "pharmoutcomes" and settings.identity.launch_key is None:
            found.append(f"identity.launch_key: {system.id.value} launches by encrypted links, which need a key here")
    return found
