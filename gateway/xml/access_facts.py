"""The AccessFacts header block (urn:scr-gateway:access-facts:1) <-> a frozen value of texts.

It carries what a caller states; whether any of it holds is for token checks and policy. Nothing here turns an absent
part into a statement.
"""

from dataclasses import dataclass, field, fields, replace

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml.catalogue import ACCESS_FACTS_BLOCK, Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import gateway_code
from gateway.xml.names import ACCESS_FACTS, qname
from gateway.xml.paths import first, line_of, path_of, text_of
from gateway.xml.soap import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFactsBlock:
    """The parts of the block as texts of the forms its schema allows; None where absent. Dates are YYYY-MM-DD."""

    user_token: str | None = field(default=None, repr=False)
    role_profile: str | None = None
    purpose: str | None = None
    setting: str | None = None
    relationship: str | None = None
    permission: str | None = None
    legal_basis: str | None = None
    emergency_reason: str | None = None
    note: str | None = field(default=None, repr=False)
    condition_changed: bool | None = None
    condition_changed_note: str | None = field(default=None, repr=False)
    confirm_deceased: bool | None = None
    date_of_birth: str | None = field(default=None, repr=False)
    until: str | None = None


ACCESS_FACTS_TAG = qname(ACCESS_FACTS, "AccessFacts")


def _element_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


_NAMES = {one.name: _element_name(one.name) for one in fields(AccessFactsBlock)}
_FLAGS = {"condition_changed", "confirm_deceased"}


def read_access_facts(envelope: Envelope, catalogue: Catalogue) -> AccessFactsBlock | None:
    """The block in the envelope's header, or None where there is none. Raises MessageInvalid where it breaks its
    schema.
    """
    block = envelope.block(ACCESS_FACTS_TAG)
    return read_block(block, catalogue) if block is not None else None


def read_block(block: etree._Element, catalogue: Catalogue) -> AccessFactsBlock:
    """AccessFacts element -> value. An empty part counts as absent. Raises MessageInvalid where it breaks its schema."""
    if findings := catalogue.validate(ACCESS_FACTS_BLOCK, block):
        raise MessageInvalid(gateway_code(findings), findings)
    texts = {name: text_of(first(block, qname(ACCESS_FACTS, local))) or None for name, local in _NAMES.items()}
    plain = {name: text for name, text in texts.items() if name not in _FLAGS}
    flags = {name: None if texts[name] is None else texts[name] in {"true", "1"} for name in _FLAGS}
    return AccessFactsBlock(**plain, **flags)  # type: ignore[arg-type]


def placed(found: Finding, block: etree._Element) -> Finding:
    """A finding whose path is a member's name, placed at that part of the block; without such a part, at the block."""
    part = first(block, qname(ACCESS_FACTS, _NAMES.get(found.path, "")))
    clause, node = found.clause or Fault.ACCESS_FACT.entry.clause, part if part is not None else block
    path, namespaces = path_of(node)
    return replace(found, path=path, namespaces=namespaces, line=line_of(node), clause=clause)


def write_block(block: AccessFactsBlock) -> etree._Element:
    """Value -> AccessFacts element, its parts in the schema's order; absent parts are left out."""
    root = etree.Element(qname(ACCESS_FACTS, "AccessFacts"), nsmap={"af": ACCESS_FACTS})
    for name, local in _NAMES.items():
        value = getattr(block, name)
        if value is not None:
            text = str(value).lower() if name in _FLAGS else value
            etree.SubElement(root, qname(ACCESS_FACTS, local)).text = text
    return root
