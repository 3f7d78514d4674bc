"""[[system]] tables of the registry -> System values, fault by fault (P-12, P-80 to P-84). Pure."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from gateway.domain.access import Purpose, Setting, System, SystemKind, SystemState, UserProof
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Asid, OdsCode, SystemId
from gateway.identity.registry_reading import Findings, Table

OPERATIONS = (
    "getSCRStatus",
    "getRBACStatus",
    "queryPTV",
    "createPTV",
    "querySCR",
    "querySCRActivity",
    "verifyNHSNumber",
    "getNHSNumber",
    "getPatientDetails",
    "getPatientDetailsByNHSNumber",
    "getPatientDetailsBySearch",
)
"""Public names of the mini-service operations."""
FEEDS = ("relationships",)
LENIENCES = ("missing-to", "reused-ids", "sibling-profile", "long-lifetime")
"""Public names of the tolerances a mini-service system may be granted."""
_NARROWEST_WIDE = {4: 8, 6: 16}
"""Prefix lengths below these are worth a warning; 10.0.0.0/8, the widest private network, is not."""
_MAPPED = ip_network("::ffff:0:0/96")
"""All IPv4 addresses as IPv6 writes them (RFC 4291 section 2.5.5.2)."""
_FINGERPRINT = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?", re.ASCII)
_KNOWN = (
    "id", "product", "supplier", "kind", "organisation", "site", "setting", "purpose", "asid", "client_id", "username", "networks",
    "operations", "user_proof", "state", "feeds", "successor", "certificates", "rate", "leniences",
)  # fmt: skip


def fingerprint(text: str) -> str:
    """`sha256:` and 64 hex digits, colons and case as tools print them -> 64 lower-case hex digits. Raises InvalidValue."""
    scheme, _, digits = text.strip().partition(":")
    match = _FINGERPRINT.fullmatch(f"{scheme.lower()}:{digits.replace(':', '').lower()}")
    if match is None:
        raise InvalidValue("a fingerprint is sha256: and 64 hexadecimal digits")
    return match[1]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise InvalidValue("letters, digits, dots, hyphens and underscores only, at most 64")
    return text


def _username(text: str) -> str:
    """A name as WS-Security carries it: real systems have blanks inside theirs."""
    if not _USERNAME.fullmatch(text):
        raise InvalidValue("letters, digits, dots, hyphens, underscores and blanks between them only, at most 64")
    return text


def _lenience(text: str) -> str:
    if text not in LENIENCES:
        raise InvalidValue(f"no such tolerance is known; known are {', '.join(LENIENCES)}")
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise InvalidValue(
            "a network is an address and a prefix length with no host bits set, such as 10.0.0.0/8"
        ) from error


def _as_ipv4(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """An IPv6 network of mapped IPv4 addresses as the IPv4 network it is, one that holds all of them as all of IPv4."""
    if isinstance(network, IPv4Network) or not network.overlaps(_MAPPED):
        return network
    bits = max(network.prefixlen - _MAPPED.prefixlen, 0)
    return IPv4Network((int(network.network_address) & 0xFFFFFFFF if bits else 0, bits))


def _together(networks: list[IPv4Network | IPv6Network]) -> Iterator[IPv4Network | IPv6Network]:
    """The fewest networks that hold the same addresses: two halves of all addresses are all of them."""
    plain = [_as_ipv4(network) for network in networks]
    yield from collapse_addresses(network for network in plain if isinstance(network, IPv4Network))
    yield from collapse_addresses(network for network in networks if isinstance(network, IPv6Network))


def read_system(row: Any, at: int, findings: Findings, granted: dict[str, list[str]]) -> System | None:
    """One [[system]]; `granted`: fingerprints from [certificates] by system id. None where it cannot be built."""
    table = Table(row, ("system", at), findings, _KNOWN)
    kind = _one_kind(table)
    system_id, purpose = table.build("id", SystemId), table.build("purpose", Purpose)
    product, supplier = table.build("product", _name), table.text("supplier")
    asid, client_id, username = (
        table.build("asid", Asid),
        table.build("client_id", _name),
        table.build("username", _username),
    )
    place = _place(table, kind)
    networks = _networks(table)
    per_second, burst = _rate(table)
    certificates = table.build_all("certificates", fingerprint)
    if system_id is not None:
        certificates += [
            table.made("certificates", fingerprint, text) or "" for text in granted.get(system_id.value, [])
        ]
    if purpose is not None and purpose not in (Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY):
        table.warn("purpose", "Nothing is ever shown for this purpose (P-63).")
    extras = _extras(table, kind)
    if any(value is None for value in (kind, system_id, purpose, product, supplier, asid, client_id, username)):
        return None
    assert kind and system_id and purpose and product and supplier and asid and client_id and username  # noqa: PT018 - told apart above
    return System(
        id=system_id,
        product=product,
        supplier=supplier,
        kind=kind,
        asid=asid,
        client_id=client_id,
        username=username,
        purpose=purpose,
        organisation=place[0],
        site=place[1],
        setting=place[2],
        networks=tuple(networks),
        certificates=frozenset(filter(None, certificates)),
        rate_per_second=per_second,
        burst=burst,
        successor=_successor(table, product),
        leniences=frozenset(table.build_all("leniences", _lenience)),
        state=table.build("state", SystemState, needed=False) or SystemState.ACTIVE,
        **extras,
    )


def _networks(table: Table) -> list[IPv4Network | IPv6Network]:
    """Where the system may call from (P-12): at least one network, none too wide to mean anything."""
    networks = table.build_all("networks", _network, needed=True)
    if table.row.get("networks") == []:
        table.fault("networks", "networks is empty: every call of this system would be refused (P-12).")
    if any(network.prefixlen == 0 for network in _together(networks)):
        table.warn("networks", "Every address is allowed: nothing is left of the secure network (P-12).")
    elif wide := [
        str(network) for network in networks if _as_ipv4(network).prefixlen < _NARROWEST_WIDE[_as_ipv4(network).version]
    ]:
        table.warn("networks", f"Wider than any one network an organisation has (P-12): {', '.join(wide)}.")
    return networks


def _successor(table: Table, product: str | None) -> str | None:
    """The product that takes this one's place, where it is being replaced."""
    successor = table.build("successor", _name, needed=False)
    if successor is not None and successor == product:
        table.fault("successor", "successor is the name of the product that replaces this one, not its own.")
    return successor


def _one_kind(table: Table) -> SystemKind | None:
    if isinstance(table.row.get("kind"), list):
        table.fault(
            "kind", "A registration names exactly one kind (P-84); register the system once for each way it connects."
        )
        return None
    return table.build("kind", SystemKind, why="a registration names exactly one kind (P-84)")


def _place(table: Table, kind: SystemKind | None) -> tuple[OdsCode | None, OdsCode | None, Setting | None]:
    """Organisation, site and setting: fixed for every kind but the standalone viewer, whose users bring theirs."""
    if kind is SystemKind.STANDALONE:
        for name in ("organisation", "site", "setting"):
            if name in table:
                table.fault(name, f"The standalone viewer has no {name} of its own: it is the session's.")
        return None, None, None
    needed = kind is not None
    setting = table.build("setting", Setting, needed=needed and kind is not SystemKind.FEED)
    return table.build("organisation", OdsCode, needed=needed), table.build("site", OdsCode, needed=needed), setting


def _extras(table: Table, kind: SystemKind | None) -> dict[str, Any]:
    """What only some kinds have: operations and vouching (mini service), feeds (feed)."""
    operations, feeds = table.texts("operations"), table.texts("feeds")
    proof = table.build("user_proof", UserProof, needed=False) or UserProof.TOKEN
    for name, given, known, owner in (
        ("operations", operations, OPERATIONS, SystemKind.MINI_SERVICE),
        ("feeds", feeds, FEEDS, SystemKind.FEED),
    ):
        unknown = [value for value in given if value not in known]
        if unknown:
            table.fault(name, f"Not known: {', '.join(unknown)}. Known: {', '.join(known)}.")
        if kind is owner and not given:
            table.fault(name, f"{name} is missing: a system of kind {owner.value} says which it uses.")
        if kind is not None and kind is not owner and given:
            table.fault(name, f"Only a system of kind {owner.value} has {name}.")
    if proof is UserProof.VOUCHED and kind is not SystemKind.MINI_SERVICE:
        table.fault("user_proof", "Only a mini-service system may name users by its own word.")
    return {"operations": frozenset(operations), "feeds": frozenset(feeds), "user_proof": proof}


def _rate(table: Table) -> tuple[float | None, int | None]:
    """`rate = 5` or `rate = { per_second = 5, burst = 20 }`."""
    given = table.row.get("rate")
    if given is None:
        return None, None
    if not isinstance(given, dict):
        per_second, burst = table.number("rate"), None
    else:
        rate = Table(given, (*table.path, "rate"), table.findings, ("per_second", "burst"))
        per_second, burst = rate.number("per_second"), rate.number("burst", needed=False)
    if per_second is not None and not 0 < per_second <= 10_000:
        table.fault("rate", "A rate is more than 0 and at most 10000 requests a second.")
    if burst is not None and (burst != int(burst) or not 1 <= burst <= 100_000):
        table.fault("rate", "A burst is a whole number from 1 to 100000.")
    return per_second, None if burst is None else int(burst)
