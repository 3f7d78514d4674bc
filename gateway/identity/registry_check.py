"""Reads the registry's TOML and explains every fault in it at once, each with its line, in plain words.

`read` gives a registry only where nothing is wrong; warnings (an organisation that is not live yet) do not stop it.
"""

import tomllib
from collections.abc import Iterable
from typing import Any

from gateway.domain.access import Organisation, System
from gateway.domain.errors import InvalidValue
from gateway.identity.registry import Registry
from gateway.identity.registry_launches import read_launches
from gateway.identity.registry_lines import Lines
from gateway.identity.registry_organisations import Known, read_organisation
from gateway.identity.registry_reading import Fault, Findings, rows_of
from gateway.identity.registry_systems import fingerprint, read_system

_LARGEST = 8 * 1024 * 1024
_KNOWN = ("organisation", "system", "certificates", "launch", "revoked")

Numbered = list[tuple[int, Any]]


def read(text: str, *, known: Known | None = None) -> tuple[Registry | None, tuple[Fault, ...]]:
    """(registry, warnings) of a sound TOML text, else (None, every fault and warning). Raises nothing, whatever the text.

    `known`: what policy knows; what it would refuse all the same, on that day, is warned of (P-57, P-58, P-76).
    """
    if len(text) > _LARGEST:
        return None, (Fault(None, "", "The registry is larger than 8 MiB."),)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = str(error).rpartition("at line ")[2].partition(",")[0]
        return None, (Fault(int(line) if line.isdecimal() else None, "", f"This is not TOML: {error}."),)
    findings = Findings(Lines(text))
    for name in sorted(document.keys() - set(_KNOWN)):
        findings.fault((name,), f"Nothing called {name!r} is known here. Known: {', '.join(_KNOWN)}.")
    organisations = [
        (at, read_organisation(row, at, findings, known))
        for at, row in enumerate(rows_of(document, "organisation", findings))
    ]
    granted = _granted(document, findings)
    systems = [
        (at, read_system(row, at, findings, granted)) for at, row in enumerate(rows_of(document, "system", findings))
    ]
    if not organisations and not systems and not findings.wrong:
        findings.fault((), "The registry names no organisation and no system: with it nobody could view anything.")
    revoked = _revoked(document, findings)
    sound_organisations = [(at, row) for at, row in organisations if row is not None]
    sound_systems = read_launches(
        document.get("launch", {}), [(at, row) for at, row in systems if row is not None], findings
    )
    _check_unique(sound_organisations, sound_systems, findings)
    _check_places(sound_organisations, sound_systems, findings)
    _check_certificates(sound_systems, granted, revoked, findings)
    if findings.wrong:
        return None, findings.sorted()
    return Registry(
        tuple(row for _, row in sound_organisations), tuple(row for _, row in sound_systems), revoked
    ), findings.sorted()


def check(text: str, *, known: Known | None = None) -> tuple[Fault, ...]:
    """Every fault and warning of a registry's TOML text, in the file's order."""
    return read(text, known=known)[1]


def load(text: str) -> Registry:
    """The registry of a sound text. Raises InvalidValue, which says how many faults there are; `check` tells them."""
    registry, faults = read(text)
    if registry is None:
        raise InvalidValue(
            f"the registry has {sum(not fault.warning for fault in faults)} faults: `registry check` explains them"
        )
    return registry


def _granted(document: dict[str, Any], findings: Findings) -> dict[str, list[str]]:
    """The [certificates] table: system id -> fingerprints, kept apart so that it can be made by a tool."""
    table = document.get("certificates", {})
    if not isinstance(table, dict):
        findings.fault(
            ("certificates",), "Write certificates as a table: [certificates], then system = [fingerprints]."
        )
        return {}
    granted: dict[str, list[str]] = {}
    for name, prints in table.items():
        if isinstance(prints, list) and all(isinstance(text, str) for text in prints):
            granted[name] = prints
        else:
            findings.fault(("certificates", name), "Write a list of fingerprints.")
    return granted


def _revoked(document: dict[str, Any], findings: Findings) -> frozenset[str]:
    texts = document.get("revoked", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        findings.fault(("revoked",), "Write a list of fingerprints.")
        return frozenset()
    read_ones = set()
    for text in texts:
        try:
            read_ones.add(fingerprint(text))
        except InvalidValue as error:
            findings.fault(("revoked",), f"{text!r} cannot stand here: {error}.")
    return frozenset(read_ones)


def _check_unique(
    organisations: list[tuple[int, Organisation]], systems: list[tuple[int, System]], findings: Findings
) -> None:
    """Nothing that tells one from another is given to two."""
    _once([(("organisation", at, "ods"), row.ods.value) for at, row in organisations], findings)
    _once(
        [(("organisation", at, "sites"), site.ods.value) for at, row in organisations for site in row.sites], findings
    )
    for name in ("id", "asid", "client_id", "username"):
        _once(
            [(("system", at, name), getattr(getattr(row, name), "value", getattr(row, name))) for at, row in systems],
            findings,
        )
    _once(
        [(("system", at, "certificates"), print_) for at, row in systems for print_ in sorted(row.certificates)],
        findings,
    )


def _once(given: Iterable[tuple[tuple[str, int, str], str]], findings: Findings) -> None:
    first: dict[str, tuple[str, int, str]] = {}
    for path, value in given:
        before = first.setdefault(value, path)
        if before is not path:
            findings.fault(path, f"{value} is already given to {before[0]}[{before[1]}].")


def _check_places(
    organisations: list[tuple[int, Organisation]], systems: list[tuple[int, System]], findings: Findings
) -> None:
    """Each system stands in a registered organisation, at one of its sites, in a setting of that site (P-14, P-71)."""
    by_ods = {row.ods: row for _, row in organisations}
    for at, row in systems:
        if row.organisation is None:
            continue
        organisation = by_ods.get(row.organisation)
        if organisation is None:
            findings.fault(
                ("system", at, "organisation"),
                f"No organisation {row.organisation.value} is registered here without fault.",
            )
            continue
        site = next((site for site in organisation.sites if site.ods == row.site), None)
        if site is None:
            findings.fault(("system", at, "site"), f"This is not a site of organisation {row.organisation.value}.")
        elif row.setting is not None and row.setting not in site.settings:
            findings.fault(
                ("system", at, "setting"), f"Site {site.ods.value} does not have the setting {row.setting.code}."
            )


def _check_certificates(
    systems: list[tuple[int, System]], granted: dict[str, list[str]], revoked: frozenset[str], findings: Findings
) -> None:
    known = {row.id.value for _, row in systems}
    for name in sorted(granted.keys() - known):
        findings.fault(("certificates", name), f"No system {name} is registered here without fault.")
    for at, row in systems:
        if row.certificates & revoked:
            findings.warn(("system", at, "certificates"), "One of its certificates is revoked and is not accepted.")
