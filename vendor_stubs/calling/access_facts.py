"""The AccessFacts header block (urn:scr-gateway:access-facts:1) of a view: what a message's own fields have no place for."""

from collections.abc import Mapping

from lxml import etree

from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.xml import Element, add, qname

ACCESS_FACTS = "urn:scr-gateway:access-facts:1"

ORDER = (
    "UserToken",
    "RoleProfile",
    "Purpose",
    "Setting",
    "Relationship",
    "Permission",
    "LegalBasis",
    "EmergencyReason",
    "Note",
    "ConditionChanged",
    "ConditionChangedNote",
    "ConfirmDeceased",
    "DateOfBirth",
    "Until",
)


def block(facts: Mapping[str, str]) -> Element | None:
    """Names and texts -> the block, its parts in the schema's order; None where there is nothing to say."""
    unknown = facts.keys() - set(ORDER)
    if unknown:
        raise ValueError(f"AccessFacts has no {sorted(unknown)[0]}")
    if not facts:
        return None
    root = etree.Element(qname(ACCESS_FACTS, "AccessFacts"), nsmap={"af": ACCESS_FACTS})
    for name in ORDER:
        if name in facts:
            add(root, name, facts[name])
    return root


def said(request: ViewRequest) -> dict[str, str]:
    """Every fact of the request that a message may need the block for, by its name there."""
    facts: dict[str, str | None] = {
        "RoleProfile": request.role,
        "Purpose": request.purpose,
        "Setting": request.setting,
        "Relationship": None if request.relationship == "none" else request.relationship,
        "Permission": None if request.permission == "not-asked" else request.permission,
        "LegalBasis": request.basis,
        "EmergencyReason": request.reason,
        "Note": request.note,
        "ConditionChanged": "true" if request.condition_changed else None,
        "ConditionChangedNote": request.changed_note,
        "ConfirmDeceased": "true" if request.confirm_deceased else None,
        "DateOfBirth": request.date_of_birth.isoformat() if request.date_of_birth else None,
        "Until": request.until.isoformat() if request.until else None,
    }
    return {name: text for name, text in facts.items() if text is not None}
