"""The registry of organisations and calling systems as one frozen value, with the look-ups identity needs. Pure.

Reading and explaining the TOML is registry_check.py's work; a registry that exists has no fault. It must never be widened at run
time by anything a message says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gateway.domain.access import Organisation, System, SystemKind
from gateway.domain.identifiers import Asid, OdsCode, SystemId


@dataclass(frozen=True)
class Registry:
    """Everything registered. Look-ups answer None for what is not."""

    organisations: tuple[Organisation, ...]
    systems: tuple[System, ...]
    revoked: frozenset[str] = frozenset()
    """SHA-256 fingerprints (lower-case hex) of client certificates that are no longer accepted, whatever else is said of them."""

    @cached_property
    def _by_ods(self) -> dict[OdsCode, Organisation]:
        return {row.ods: row for row in self.organisations}

    @cached_property
    def _by_id(self) -> dict[SystemId, System]:
        return {row.id: row for row in self.systems}

    @cached_property
    def _by_certificate(self) -> dict[str, System]:
        return {print_: row for row in self.systems for print_ in row.certificates}

    @cached_property
    def _by_client(self) -> dict[str, System]:
        return {row.client_id: row for row in self.systems}

    @cached_property
    def _by_username(self) -> dict[str, System]:
        return {row.username: row for row in self.systems}

    @cached_property
    def _by_asid(self) -> dict[Asid, System]:
        return {row.asid: row for row in self.systems}

    def organisation(self, ods: OdsCode) -> Organisation | None:
        """By ODS code of the organisation itself, not of a site."""
        return self._by_ods.get(ods)

    def system(self, system_id: SystemId) -> System | None:
        """By its id in the registry."""
        return self._by_id.get(system_id)

    def system_by_certificate(self, fingerprint: str) -> System | None:
        """By the SHA-256 fingerprint (lower-case hex) of its client certificate. A revoked one belongs to nobody."""
        return None if fingerprint in self.revoked else self._by_certificate.get(fingerprint)

    def system_by_client_id(self, client_id: str) -> System | None:
        """By its client id at the identity service."""
        return self._by_client.get(client_id)

    def system_by_username(self, username: str) -> System | None:
        """By the user name in its WS-Security UsernameToken."""
        return self._by_username.get(username)

    def system_by_asid(self, asid: Asid) -> System | None:
        """By its accredited system id."""
        return self._by_asid.get(asid)

    def systems_of(self, product: str) -> tuple[System, ...]:
        """All systems of a product, in the registry's order."""
        return tuple(row for row in self.systems if row.product == product)

    @property
    def sandbox_codes(self) -> tuple[str, ...]:
        """ODS codes that belong to nobody (they contain ZZ): with any of these in it a registry is a sandbox's."""
        codes: Iterable[OdsCode] = (
            code for row in self.organisations for code in (row.ods, *(site.ods for site in row.sites))
        )
        return tuple(sorted({code.value for code in codes if "ZZ" in code.value}))


class CurrentRegistry:
    """The registry in force, replaced whole at reload: a request keeps the one it began with, no request is dropped."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def organisation(self, ods: OdsCode) -> Organisation | None:
        """The organisation as registered now."""
        return self.registry.organisation(ods)

    def organisations(self) -> tuple[Organisation, ...]:
        """Every organisation, in the registry's order."""
        return self.registry.organisations

    def system(self, system_id: SystemId) -> System | None:
        """The calling system as registered now."""
        return self.registry.system(system_id)

    def smart_system(self, issuer: str) -> System | None:
        """The system that launches from this SMART issuer, or None."""
        return next((row for row in self.registry.systems if row.smart_issuer == issuer), None)

    def standalone(self) -> System | None:
        """The standalone viewer: the first system of that kind."""
        return next((row for row in self.registry.systems if row.kind is SystemKind.STANDALONE), None)

    def replace(self, registry: Registry) -> None:
        """Put another registry in force."""
        self.registry = registry
