"""Which names of a message, and which words beside them, may stand in an answer. What may not is told by its place alone.

A message that is not well-formed makes a name of anything, of a patient's too: behind a stray `<` or a lost quotation mark a value
reads as one. Of such a message only names of the vocabularies are repeated, and those one slip away from them. A well-formed one
says itself what is a name, and its engineer must be told which one nobody knows: it is repeated unless it could hold a number or a
date.
"""

import codecs
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from gateway.xml.names import ITK_SERVICES, PREFIX_OF, PREFIXES

LONGEST = 64
LONGEST_NAMESPACE = 120
MOST_DIGITS = 7
"""In a name of somebody else's: a date of birth has eight, an NHS number ten."""
WITHHELD = "…"
"""Stands where a name is not repeated."""

_NAMESPACES = frozenset(PREFIX_OF)
_SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
_DECLARED = re.compile(r'\bname="([^"]{1,64})"')
_ARTEFACT = re.compile(r"[A-Z]{4}_[A-Z]{2}[0-9]{6}[A-Z]{2}[0-9]{2}")
"""What HL7 V3 calls an interaction or a message type."""
_MADE_UP_PREFIX = re.compile(r"(?:ns|tns|q|[a-z])[0-9]{0,2}(?:p[0-9])?")
"""Prefixes that libraries make up: `ns0`, `q1`, `d2p1`."""
_UUID = re.compile(r"(?:uuid_)?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_IN_ONE = re.compile(r"[A-Za-z0-9:/.#_+-]+")
_ELSEWHERE = (
    "Envelope Header Body Fault mustUnderstand actor role relay encodingStyle Action MessageID RelatesTo To From "
    "ReplyTo FaultTo Address ReferenceParameters Metadata IsReferenceParameter Security Timestamp Created Expires "
    "BinarySecurityToken SecurityTokenReference KeyIdentifier Reference UsernameToken Username Password Nonce "
    "ValueType EncodingType TokenType Id ID URI Type Signature SignedInfo SignatureValue SignatureMethod "
    "CanonicalizationMethod Transforms Transform DigestMethod DigestValue KeyInfo X509Data X509Certificate Algorithm "
    "InclusiveNamespaces PrefixList Assertion Issuer IssueInstant Version Subject NameID Format SubjectConfirmation "
    "SubjectConfirmationData Method Recipient NotBefore NotOnOrAfter InResponseTo Conditions AudienceRestriction "
    "Audience AuthnStatement AuthnInstant SessionIndex AuthnContext AuthnContextClassRef AttributeStatement Attribute "
    "AttributeValue Name NameFormat include fallback parse xpointer xml xmlns xi xsi xsd xs soapenv SOAP-ENV env s "
    "soap12env type nil schemaLocation noNamespaceSchemaLocation lang space base id version encoding standalone"
)
"""Names of SOAP, WS-Addressing, WS-Security, XML Signature, SAML, XInclude and XML itself, which no schema of ours declares."""


@cache
def _known() -> frozenset[str]:
    files = (file for end in ("xsd", "wsdl") for file in _SCHEMAS.rglob(f"*.{end}"))
    declared = {name for file in files for name in _DECLARED.findall(file.read_text(encoding="utf-8"))}
    return frozenset(declared | set(_ELSEWHERE.split()) | set(PREFIXES))


@cache
def _near() -> frozenset[str]:
    return frozenset(one for name in _known() for one in _slips(name.lower()))


def _slips(name: str) -> Iterator[str]:
    """The name, and the name without each one of its characters: two names that share one of these are a slip apart."""
    yield name
    if len(name) > 3:  # shorter ones are near to everything
        yield from (name[:at] + name[at + 1 :] for at in range(len(name)))


@lru_cache(maxsize=4096)
def _one_part(name: str) -> bool:
    return name in _known() or any(one in _near() for one in _slips(name.lower()))


def may_be_said(name: str) -> bool:
    """Whether a name, with or without a prefix, is one of the vocabularies' or a misspelt one of them: all that is repeated of a
    message that is not well-formed.
    """
    *prefixes, local = name.split(":")
    if len(name) > LONGEST or len(prefixes) > 1:
        return False
    return _one_part(local) and all(_one_part(one) or bool(_MADE_UP_PREFIX.fullmatch(one)) for one in prefixes)


def said(name: str) -> str:
    """The name, or `WITHHELD` in its place."""
    return name if may_be_said(name) else WITHHELD


def namespace_may_be_said(uri: str) -> bool:
    """Whether a namespace is one of ours, or another one that cannot hold a number or a date."""
    return uri in _NAMESPACES or _plain(uri, LONGEST_NAMESPACE)


def name_may_be_said(name: str) -> bool:
    """As `may_be_said`, for a name of a message that is well-formed."""
    return _plain(name, LONGEST) or may_be_said(name) or bool(_ARTEFACT.fullmatch(name))


def _plain(text: str, longest: int) -> bool:
    return len(text) <= longest and sum(one.isdigit() for one in text) <= MOST_DIGITS and text.isprintable()


def said_namespace(uri: str) -> str:
    """The namespace, or `WITHHELD` in its place."""
    return uri if namespace_may_be_said(uri) else WITHHELD


def said_value(value: str) -> str:
    """The value of a technical field (an id, a URN), or `WITHHELD` where it has another form: then it may be anything."""
    bare = value.removeprefix(ITK_SERVICES)
    plain = bool(_IN_ONE.fullmatch(value)) and _plain(bare, LONGEST_NAMESPACE)
    return value if plain or _UUID.fullmatch(value) else WITHHELD


def said_encoding(label: str) -> str:
    """The name of an encoding, or `WITHHELD` where there is none of that name."""
    try:
        codecs.lookup(label)
    except (LookupError, ValueError):
        return WITHHELD
    return label.upper()


def qualified(name: str) -> str:
    """A name from a message, `{ns}local` or `local`, as `prefix:local` with this gateway's prefixes; what may not be said withheld."""
    uri, _, written = name[1:].partition("}") if name.startswith("{") else ("", "", name)
    local = written if name_may_be_said(written) else WITHHELD
    if not uri:
        return local
    if prefix := PREFIX_OF.get(uri):
        return f"{prefix}:{local}"
    return f"{{{said_namespace(uri)}}}{local}"
