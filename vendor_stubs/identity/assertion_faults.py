"""Assertions that are wrong in exactly one named way, the eight published signature-wrapping shapes among them.

For tests and the launch lab. Wrapping shapes follow "On Breaking SAML" (Somorovsky et al., 2012), taken from a Response to a
WS-Security header: each carries a good signature over a good assertion, and an evil assertion where a careless reader looks.
"""

import copy
from dataclasses import replace
from datetime import timedelta

from lxml import etree

from vendor_stubs.identity.assertions import DS, Fault, Statement, build, issue, saml
from vendor_stubs.identity.keys import SamlKey, new_saml_key

EVIL_UID = "910000000174"
"""Whom the wrapped assertions claim to be: a viewer who is also a privacy officer."""


def _evil(statement: Statement, *, same_id: bool = False) -> etree._Element:
    name = statement.assertion_id if same_id else f"{statement.assertion_id}-evil"
    return build(replace(statement, assertion_id=name, uid=EVIL_UID))


def _signature(signed: etree._Element) -> etree._Element:
    found = signed.find(f"{{{DS}}}Signature")
    assert found is not None, "only signed assertions are wrapped"
    return found


def _detached(signed: etree._Element) -> tuple[etree._Element, etree._Element]:
    """The assertion without its signature, and the signature."""
    original = copy.deepcopy(signed)
    signature = _signature(original)
    original.remove(signature)
    return original, signature


def wrapped_1(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The evil assertion takes the signature over; the original hides inside the signature, under the same ID."""
    original, signature = _detached(issue(statement, key))
    evil = _evil(statement, same_id=True)
    signature.append(original)
    evil.insert(1, signature)
    return [evil]


def wrapped_2(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The original stands inside the evil assertion, the signature detached behind it."""
    original, signature = _detached(issue(statement, key))
    evil = _evil(statement)
    evil.insert(1, original)
    evil.insert(2, signature)
    return [evil]


def wrapped_3(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """An unsigned evil assertion before the signed one, as its sibling."""
    return [_evil(statement), issue(statement, key)]


def wrapped_4(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The signed assertion as a child of the evil one."""
    evil = _evil(statement)
    evil.append(issue(statement, key))
    return [evil]


def wrapped_5(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The evil assertion carries the signature; the original follows it as a sibling, without one."""
    original, signature = _detached(issue(statement, key))
    evil = _evil(statement)
    evil.insert(1, signature)
    return [evil, original]


def wrapped_6(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The evil assertion carries the signature, and the original inside it, each with an ID of its own."""
    original, signature = _detached(issue(statement, key))
    evil = _evil(statement)
    signature.append(original)
    evil.insert(1, signature)
    return [evil]


def wrapped_7(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The evil assertion inside an extension element before the signed one."""
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(_evil(statement, same_id=True))
    return [extensions, issue(statement, key)]


def wrapped_8(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """The original inside a ds:Object of the signature that the evil assertion carries."""
    original, signature = _detached(issue(statement, key))
    evil = _evil(statement)
    etree.SubElement(signature, f"{{{DS}}}Object").append(original)
    evil.insert(1, signature)
    return [evil]


def _expired(statement: Statement, key: SamlKey) -> list[etree._Element]:
    return [issue(replace(statement, issued=statement.issued - timedelta(minutes=10)), key)]


def _unsigned(statement: Statement, key: SamlKey) -> list[etree._Element]:  # noqa: ARG001 - one signature for all faults
    return [build(statement)]


def _tampered(statement: Statement, key: SamlKey) -> list[etree._Element]:
    signed = issue(statement, key)
    name = signed.find(f".//{saml('NameID')}")
    assert name is not None, "every assertion names its subject"
    name.text = EVIL_UID
    return [signed]


def _duplicate_id(statement: Statement, key: SamlKey) -> list[etree._Element]:
    signed = issue(statement, key)
    decoy = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions", {"ID": statement.assertion_id})
    return [decoy, signed]


def _comment_in_name(statement: Statement, key: SamlKey) -> list[etree._Element]:
    """Signed for another subject whose name begins like the victim's; a comment cuts the rest off for a careless reader."""
    signed = issue(replace(statement, uid=f"{EVIL_UID}.example"), key)
    name = signed.find(f".//{saml('NameID')}")
    assert name is not None, "every assertion names its subject"
    name.text = EVIL_UID
    cut = etree.Comment("")
    cut.tail = ".example"
    name.append(cut)
    return [signed]


SAML_FAULTS: dict[str, Fault] = {
    "expired": _expired,
    "wrong-audience": lambda s, key: [issue(replace(s, audience="https://another-gateway.example"), key)],
    "wrong-recipient": lambda s, key: [
        issue(replace(s, recipient="https://another-gateway.example/viewers/adastra"), key)
    ],
    "unsigned": _unsigned,
    "wrong-key": lambda s, _: [issue(s, new_saml_key())],
    "tampered": _tampered,
    "duplicate-id": _duplicate_id,
    "comment-in-nameid": _comment_in_name,
    "wrapped-1": wrapped_1,
    "wrapped-2": wrapped_2,
    "wrapped-3": wrapped_3,
    "wrapped-4": wrapped_4,
    "wrapped-5": wrapped_5,
    "wrapped-6": wrapped_6,
    "wrapped-7": wrapped_7,
    "wrapped-8": wrapped_8,
}
