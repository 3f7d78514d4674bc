"""What proves systems and users, built from the settings: the registry and the identity service's keys and certificates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from cryptography import x509

from gateway import logs, production
from gateway.config import ConfigInvalid, Settings
from gateway.config_forms import flat
from gateway.domain.errors import InvalidValue
from gateway.identity import registry_check
from gateway.identity.jwks import JwksCache, JwksRules
from gateway.identity.oidc import OidcAddresses, SignIn
from gateway.identity.proofs import Proofs
from gateway.identity.registry import CurrentRegistry, Registry
from gateway.identity.registry_reading import Fault
from gateway.identity.saml import AssertionRules, read_metadata
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from gateway.production import Mode
from gateway.text_files import TextUnreadable, read_text

LOG = logs.get("proving")
MOST_PLACES = 5
"""Faults of a registry that one line of the log points to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """Everything that says who is asking."""

    registry: CurrentRegistry
    proofs: Proofs
    signing_in: SignIn
    jwks: JwksCache
    mode: Mode


async def proving(
    settings: Settings,
    mode: Mode,
    registry: CurrentRegistry,
    session: aiohttp.ClientSession,
    clock: Callable[[], datetime],
) -> Proving:
    """Built and, outside the sandbox, found fit for production. Raises ConfigInvalid, NotPossibleNow."""
    identity = settings.identity
    jwks = JwksCache(session, JwksRules(url=identity.jwks_url, allow_stub_keys=mode is not Mode.SERVE))
    await _refuse_unsafe(settings, mode, registry, jwks, clock())
    tokens = IdTokenVerifier(TokenRules(issuer=identity.issuer), jwks)
    addresses = OidcAddresses(
        authorize_url=identity.authorize_url or f"{identity.issuer}/authorize",
        token_url=identity.token_url or f"{identity.issuer}/token",
        userinfo_url=identity.userinfo_url or f"{identity.issuer}/userinfo",
    )
    return Proving(
        registry=registry,
        proofs=Proofs(tokens, await _assertion_rules(settings, session)),
        signing_in=SignIn(session, addresses, tokens),
        jwks=jwks,
        mode=mode,
    )


class RegistryInvalid(ConfigInvalid):
    """The registry file has faults. `places`: where each is, without a value."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(tuple(map(str, faults)))
        self.places = tuple(fault.place for fault in faults)


def load_registry(path: Path) -> CurrentRegistry:
    """The registry in force. Raises RegistryInvalid with every fault and its line."""
    try:
        text = read_text(path)
    except TextUnreadable as error:
        raise RegistryInvalid((Fault(error.line, "", error.sentence),)) from error
    registry, faults = registry_check.read(text)
    if registry is None:
        raise RegistryInvalid(tuple(fault for fault in faults if not fault.warning))
    return CurrentRegistry(registry)


def reload_registry(settings: Settings, known: Proving) -> bool:
    """Puts the registry file's present content in force; where it has faults the registry stays as it is, and so it does in
    production where the file holds what belongs to the sandbox.

    Either way the identity service's keys are asked for again, and every token is checked anew. Returns whether it was sound.
    """
    known.proofs.clear()
    known.jwks.expire()
    try:
        found = load_registry(settings.registry).registry
    except RegistryInvalid as error:
        _not_reloaded(settings.registry, error.places)
        return False
    if known.mode is Mode.SERVE and (wrong := _of_the_sandbox(settings, found)):
        _not_reloaded(settings.registry, ("what production refuses",) * wrong, "scr-gateway check-config")
        return False
    known.registry.replace(found)
    LOG.warning("registry reloaded", count=len(known.registry.registry.systems))
    return True


def _of_the_sandbox(settings: Settings, registry: Registry) -> int:
    """How much of a registry production refuses."""
    try:
        return len(production.registry_faults(flat(settings), registry))
    except InvalidValue:  # a launch key that cannot be read
        return 1


def _not_reloaded(path: Path, places: tuple[str, ...], command: str = "scr-gateway registry check") -> None:
    """The alarm: which file, how many faults, where the first ones are, and what tells the rest. No value of the file."""
    LOG.error(
        "alarm",
        alarm="registry-not-reloaded",
        path=str(path),
        count=len(places),
        fault=list(places[:MOST_PLACES]),
        command=command,
    )


async def _refuse_unsafe(
    settings: Settings, mode: Mode, registry: CurrentRegistry, jwks: JwksCache, now: datetime
) -> None:
    """Production starts with nothing of the sandbox in it. Raises ConfigInvalid."""
    if mode is Mode.SANDBOX:
        return
    keys = await jwks.keys(now)
    faults = production.faults(settings, registry.registry, keys, rehearsal=mode is Mode.REHEARSAL)
    if faults:
        raise ConfigInvalid(faults)


async def _assertion_rules(settings: Settings, session: aiohttp.ClientSession) -> AssertionRules | None:
    """The pinned signing certificate of assertions: a file, or in the sandbox what the stub publishes."""
    identity = settings.identity
    if identity.saml_certificate is not None:
        certificates: tuple[x509.Certificate, ...] = (
            x509.load_pem_x509_certificate(identity.saml_certificate.read_bytes()),
        )
    elif identity.saml_metadata_url is not None:
        async with session.get(identity.saml_metadata_url) as answer:
            certificates = read_metadata(await answer.read(), identity.issuer)
    else:
        return None
    known = {f"{settings.url_at(tls=tls)}/viewers/adastra" for tls in (False, True)}  # two in the sandbox alone
    return AssertionRules(
        issuer=identity.issuer,
        audience=identity.saml_audience,
        recipients=frozenset({identity.saml_recipient} if identity.saml_recipient else known),
        certificates=certificates,
    )
