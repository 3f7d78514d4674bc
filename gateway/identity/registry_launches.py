"""[launch.<system>] tables of the registry: the public keys that sign a one-click system's launches, and its SMART issuer. Pure.

Kept apart from [[system]] so that a tool can write them. Must never take a private key.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from gateway.domain.access import System, SystemKind
from gateway.domain.errors import InvalidValue
from gateway.identity.keys import read_key_set
from gateway.identity.registry_reading import Findings, Table

_NAMES = ("jwks", "smart_issuer")

Numbered = list[tuple[int, System]]


def read_launches(tables: Any, systems: Numbered, findings: Findings) -> Numbered:
    """The systems with what [launch.<id>] says of each; every fault is reported."""
    if not isinstance(tables, dict):
        findings.fault(("launch",), "Write one table a system: [launch.SYSTEM].")
        return systems
    known = {row.id.value: row for _, row in systems}
    given: dict[str, System] = {}
    for name, row in tables.items():
        table = Table(row, ("launch", name), findings, _NAMES)
        system = known.get(name)
        if system is None:
            findings.fault(("launch", name), f"No system {name} is registered here without fault.")
        elif system.kind is not SystemKind.ONE_CLICK:
            findings.fault(("launch", name), "Only a system of kind one_click launches.")
        else:
            given[name] = replace(
                system, launch_jwks=_keys(table), smart_issuer=table.build("smart_issuer", _issuer, needed=False)
            )
    _once([(name, row.smart_issuer) for name, row in given.items() if row.smart_issuer], findings)
    return [(at, given.get(row.id.value, row)) for at, row in systems]


def _keys(table: Table) -> str | None:
    document = table.row.get("jwks")
    if document is None:
        table.fault("jwks", "jwks is missing: the public keys that sign the launches, { keys = [...] }.")
        return None
    try:
        read_key_set(document)
        return json.dumps(document, sort_keys=True)
    except (InvalidValue, TypeError) as error:
        table.fault("jwks", f"The keys cannot be used: {error}.")
        return None


def _issuer(text: str) -> str:
    """A base address without query, fragment or user: https, or http on loopback."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidValue("an https address") from error
    loopback = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and not text.endswith("/")
    if not (parts.scheme == "https" or loopback) or not parts.hostname or port == 0 or not plain:
        raise InvalidValue("an https address without query, fragment, user or slash at its end")
    return text


def _once(given: list[tuple[str, str]], findings: Findings) -> None:
    first: dict[str, str] = {}
    for name, issuer in given:
        before = first.setdefault(issuer, name)
        if before != name:
            findings.fault(("launch", name, "smart_issuer"), f"This issuer is already given to {before}.")
