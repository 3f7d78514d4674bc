"""Launches that come by the browser: which registered system each is from, and its proof. Reads the registry in force at each call.

A system is looked up by what a token or issuer says; only its own registered keys then prove it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.access import System, SystemState
from gateway.domain.identifiers import SystemId
from gateway.domain.suspension import SystemSuspended
from gateway.identity.launch_keys import LaunchKey
from gateway.identity.launch_tokens import LaunchRules, claimed_issuer, invalid, opened, verify_launch
from gateway.identity.smart import Asked, SmartClient
from gateway.service.launching import LaunchClaims


class Registered(Protocol):
    """The registry in force."""

    def system(self, system_id: SystemId) -> System | None:
        """A calling system, or None."""

    def smart_system(self, issuer: str) -> System | None:
        """The system that launches from this SMART issuer, or None."""


def active(system: System) -> System:
    """The system, where it is not suspended. Raises SystemSuspended."""
    if system.state is SystemState.SUSPENDED:
        raise SystemSuspended(system)
    return system


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTokens:
    """Verifies launch tokens by the registry's keys."""

    registry: Registered
    rules: LaunchRules
    key: LaunchKey | None = None
    """What encrypted launches are sealed to; None: none can be opened."""

    def system(self, token: str, product: str) -> System:
        """The system a token says it is from. Raises AccessDenied (LAUNCH_INVALID), SystemSuspended."""
        system = self.registry.system(claimed_issuer(token))
        if system is None:
            invalid("iss is not registered")
        active(system)
        if system.product != product:
            invalid("the system does not launch at this address")
        return system

    def opened(self, token: str) -> str:
        """The signed token within an encrypted one. Raises AccessDenied (LAUNCH_INVALID)."""
        if self.key is None:
            invalid("this gateway has no key for encrypted launches")
        return opened(token, self.key.key, self.key.kid)

    def verify(self, token: str, system: System, product: str, now: datetime) -> LaunchClaims:
        """A token of a proved or looked-up system. Raises AccessDenied (LAUNCH_INVALID, LAUNCH_EXPIRED), MessageInvalid."""
        return verify_launch(token, system, product, self.rules, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartLaunches:
    """SMART launches from the issuers of the registry."""

    registry: Registered
    client: SmartClient

    def system(self, issuer: str) -> System:
        """The system of a registered issuer. Raises AccessDenied (LAUNCH_INVALID), SystemSuspended."""
        system = self.registry.smart_system(issuer)
        if system is None:
            invalid("iss is not registered")
        return active(system)

    async def begin(self, issuer: str, launch: str, secret: Callable[[], str]) -> tuple[System, str, dict[str, str]]:
        """(system, where the browser goes, what to keep). `secret`: makes one. Raises AccessDenied, NotPossibleNow."""
        system, asked = self.system(issuer), Asked(state=secret(), nonce=secret(), verifier=secret())
        address, token_url = await self.client.address(system, launch, asked)
        kept = {"state": asked.state, "nonce": asked.nonce, "verifier": asked.verifier, "token_url": token_url}
        return system, address, kept

    async def finish(self, kept: dict[str, str], code: str, now: datetime) -> tuple[System, LaunchClaims]:
        """What `begin` kept, with the host's code, as a launch. Raises AccessDenied, MessageInvalid, NotPossibleNow."""
        system = self.system(kept["issuer"])
        asked = Asked(state=kept["state"], nonce=kept["nonce"], verifier=kept["verifier"])
        return system, await self.client.finish(system, kept["token_url"], code, asked, now)
