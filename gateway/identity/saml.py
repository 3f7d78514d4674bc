"""SAML 2.0 assertions in WS-Security -> a proved user. The signature is checked by signxml under a pinned certificate.

SAML Core 2.3-2.7, XML Signature, "On Breaking SAML" (wrapping). Shape is checked first, on the one assertion of the whole document;
then the signature; then only what was signed is read. Must never read the received tree for anything it says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NoReturn

from cryptography import x509
from lxml.etree import QName, _Element
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from gateway.domain.access import Assurance, ProvedUser
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InvalidValue
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.identity.refusals import refused
from gateway.xml.names import DS, SAML
from gateway.xml.parser import Limits, parse, serialize

ASSURANCE: Mapping[str, Assurance] = MappingProxyType(
    {f"urn:nhs:names:assurance:{level.name}": level for level in Assurance},
)
"""What an AuthnContextClassRef proves; a value not named here proves nothing."""

_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{7,127}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z", re.ASCII)
_LIMITS = Limits(max_bytes=64 * 1024, max_depth=20, max_nodes=500)
_CONFIGURATION = SignatureConfiguration(
    require_x509=True,
    location="./",
    expect_references=1,
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256}),
)


def _saml(name: str) -> str:
    return f"{{{SAML}}}{name}"


def _ds(name: str) -> str:
    return f"{{{DS}}}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionRules:
    """What an assertion must keep to."""

    issuer: str
    audience: str
    """This gateway's own name (entity id)."""
    recipients: frozenset[str]
    """Addresses of this gateway's doors that take assertions."""
    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    """The identity service's pinned signing certificates: usually one, two while it changes."""
    assurance: Mapping[str, Assurance] = field(default_factory=lambda: ASSURANCE)
    least: Assurance = Assurance.AAL2
    skew: timedelta = timedelta(seconds=5)
    longest_life: timedelta = timedelta(minutes=5)
    oldest_sign_in: timedelta = timedelta(hours=12)

    def __post_init__(self) -> None:
        if not self.certificates or not self.recipients or not self.audience:
            raise InvalidValue("assertions need a pinned certificate, an audience and a recipient")


def _invalid(why: str) -> NoReturn:
    raise refused(Code.CREDENTIALS_INVALID, why)


# ---- shape: on the received tree, before anything is believed


def _check_alone(assertion: _Element) -> str:
    """The assertion's ID, where it is the only assertion of its document and nothing else there bears its ID."""
    if assertion.tag != _saml("Assertion") or assertion.get("Version") != "2.0":
        _invalid("not a SAML 2.0 assertion")
    name = assertion.get("ID", "")
    if not _ID.fullmatch(name):
        _invalid("the assertion's ID is missing or malformed")
    assertions, bearers = 0, 0
    for element in assertion.getroottree().getroot().iter("*"):
        assertions += QName(element).localname in {"Assertion", "EncryptedAssertion"}
        bearers += sum(
            value == name and QName(key).localname.lower().endswith("id") for key, value in element.attrib.items()
        )
    if assertions != 1:
        _invalid("there is not exactly one assertion in the document")
    if bearers != 1:
        _invalid("the assertion's ID is not unique in the document")
    return name


def _alone(assertion: _Element) -> _Element:
    """A copy of the assertion in a document, and so an ID space, of its own; within its limits, without comments or PIs."""
    try:
        copy = parse(serialize(assertion), _LIMITS)
    except GatewayError as error:
        raise refused(Code.CREDENTIALS_INVALID, "the assertion is too large") from error
    if any(not isinstance(node.tag, str) for node in copy.iter()):
        _invalid("the assertion holds comments or processing instructions")
    return copy


def _check_signature_shape(assertion: _Element, name: str) -> None:
    """One signature, right after the Issuer, over this very assertion by its ID, with exclusive c14n and nothing else."""
    signatures = list(assertion.iter(_ds("Signature")))
    if (
        len(signatures) != 1
        or len(assertion) < 3
        or assertion[1] is not signatures[0]
        or assertion[0].tag != _saml("Issuer")
    ):
        _invalid("the assertion is not signed once, right after its Issuer")
    signature = signatures[0]
    if next(signature.iter(_ds("Object"), _ds("Manifest"), _ds("RetrievalMethod")), None) is not None:
        _invalid("the signature holds objects")
    references = list(signature.iter(_ds("Reference")))
    if len(references) != 1 or references[0].get("URI") != f"#{name}":
        _invalid("the signature is not over this assertion alone")
    transforms = [transform.get("Algorithm") for transform in signature.iter(_ds("Transform"))]
    if sorted(map(str, transforms)) != sorted((_ENVELOPED, _EXCLUSIVE)):
        _invalid("the signature's transforms are not enveloped and exclusive c14n")
    methods = [method.get("Algorithm") for method in signature.iter(_ds("CanonicalizationMethod"))]
    if methods != [_EXCLUSIVE]:
        _invalid("the signature's canonicalization is not exclusive c14n")


# ---- signature


def _signed(assertion: _Element, name: str, rules: AssertionRules, now: datetime) -> _Element:
    """What was signed, as signxml hands it back: the same assertion, under a pinned certificate in its life."""
    configuration = replace(_CONFIGURATION, verification_time=now)  # signxml would look at the clock
    for certificate in rules.certificates:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            continue
        try:
            found = XMLVerifier().verify(
                assertion, x509_cert=certificate, id_attribute="ID", expect_config=configuration
            )
        except Exception:  # noqa: BLE001, S112 - signxml's errors are no single family; whatever it says, this certificate did not sign
            continue
        signed = getattr(found, "signed_xml", None)
        if signed is None or signed.tag != _saml("Assertion") or signed.get("ID") != name:
            _invalid("what was signed is not this assertion")
        return parse(serialize(signed), _LIMITS)
    _invalid("the assertion is not signed by the identity service")


# ---- meaning: on what was signed only


def _only(parent: _Element, name: str) -> _Element:
    """The one child of that name."""
    found = parent.findall(_saml(name))
    if len(found) != 1:
        _invalid(f"there is not exactly one {name}")
    return found[0]


def _text(element: _Element) -> str:
    if len(element):
        _invalid(f"{QName(element).localname} holds elements")
    return (element.text or "").strip(" \t\r\n")


def _instant(element: _Element, name: str) -> datetime:
    value = element.get(name, "")
    try:
        if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value[:19]).replace(tzinfo=UTC)
    except ValueError as error:
        raise refused(Code.CREDENTIALS_INVALID, f"{name} is not a real time") from error
    _invalid(f"{name} is missing or not in UTC")


def _check_life(ends: datetime, issued: datetime, rules: AssertionRules, now: datetime) -> None:
    if not timedelta() < ends - issued <= rules.longest_life:
        _invalid("NotOnOrAfter is not within the longest life after IssueInstant")
    if now >= ends + rules.skew:
        raise refused(Code.CREDENTIALS_EXPIRED, "NotOnOrAfter has passed")


def _check_conditions(signed: _Element, issued: datetime, rules: AssertionRules, now: datetime) -> datetime:
    """The end of the assertion's life, where it may be used here and now."""
    conditions = _only(signed, "Conditions")
    if any(child.tag not in (_saml("AudienceRestriction"), _saml("OneTimeUse")) for child in conditions):
        _invalid("there is a condition not known here")
    ends = _instant(conditions, "NotOnOrAfter")
    _check_life(ends, issued, rules, now)
    if _instant(conditions, "NotBefore") > now + rules.skew:
        _invalid("NotBefore lies in the future")
    if _text(_only(_only(conditions, "AudienceRestriction"), "Audience")) != rules.audience:
        raise refused(Code.CREDENTIALS_AUDIENCE, "the audience is not this gateway")
    return ends


def _check_subject(signed: _Element, issued: datetime, rules: AssertionRules, now: datetime) -> tuple[UserId, datetime]:
    """Who it is about, confirmed as bearer at one of our doors; and until when."""
    subject = _only(signed, "Subject")
    confirmation = _only(subject, "SubjectConfirmation")
    if confirmation.get("Method") != _BEARER:
        _invalid("the subject is not confirmed as bearer")
    data = _only(confirmation, "SubjectConfirmationData")
    if data.get("Recipient") not in rules.recipients:
        raise refused(Code.CREDENTIALS_AUDIENCE, "the recipient is not a door of this gateway")
    if "NotBefore" in data.attrib:
        _invalid("a bearer confirmation has no NotBefore")
    ends = _instant(data, "NotOnOrAfter")
    _check_life(ends, issued, rules, now)
    try:
        return UserId(_text(_only(subject, "NameID"))), ends
    except InvalidValue as error:
        raise refused(Code.CREDENTIALS_INVALID, "NameID is not a user id") from error


def _check_sign_in(
    signed: _Element, issued: datetime, rules: AssertionRules, now: datetime
) -> tuple[datetime, Assurance]:
    """When the person signed in, and how strongly."""
    statement = _only(signed, "AuthnStatement")
    signed_in = _instant(statement, "AuthnInstant")
    if signed_in > now + rules.skew or signed_in > issued + rules.skew:
        _invalid("AuthnInstant lies in the future")
    if now - signed_in > rules.oldest_sign_in:
        raise refused(Code.CREDENTIALS_EXPIRED, "AuthnInstant is too long ago")
    if "SessionNotOnOrAfter" in statement.attrib and now >= _instant(statement, "SessionNotOnOrAfter"):
        raise refused(Code.CREDENTIALS_EXPIRED, "SessionNotOnOrAfter has passed")
    assurance = rules.assurance.get(_text(_only(_only(statement, "AuthnContext"), "AuthnContextClassRef")))
    if assurance is None or assurance.value < rules.least.value:
        raise refused(Code.CREDENTIALS_ASSURANCE, "the authentication context is unknown or too weak")
    return signed_in, assurance


def _chosen_role(signed: _Element) -> RoleProfileId | None:
    statements = signed.findall(_saml("AttributeStatement"))
    chosen = [
        _text(_only(attribute, "AttributeValue"))
        for statement in statements
        for attribute in statement.findall(_saml("Attribute"))
        if attribute.get("Name") == "selected_roleid"
    ]
    if not chosen:
        return None
    try:
        if len(chosen) == 1:
            return RoleProfileId(chosen[0])
    except InvalidValue as error:
        raise refused(Code.ROLE_NOT_HELD, "selected_roleid is not a role profile id", rules=("P-09",)) from error
    raise refused(Code.ROLE_NOT_HELD, "selected_roleid is given more than once", rules=("P-09",))


def verify_assertion(assertion: _Element, rules: AssertionRules, now: datetime) -> ProvedUser:
    """Check the assertion element, still in the document it came in. Pure.

    The answer's `single_use_id` is the assertion's ID: the caller must spend it, and keep it until `expires` plus the skew.
    Raises AccessDenied: CREDENTIALS_INVALID, _EXPIRED, _AUDIENCE, _ASSURANCE, ROLE_NOT_HELD (a selected_roleid that is none).
    """
    name = _check_alone(assertion)
    copy = _alone(assertion)
    _check_signature_shape(copy, name)
    signed = _signed(copy, name, rules, now)
    if _text(_only(signed, "Issuer")) != rules.issuer:
        _invalid("the issuer is not the identity service")
    issued = _instant(signed, "IssueInstant")
    if issued > now + rules.skew:
        _invalid("IssueInstant lies in the future")
    valid_until = _check_conditions(signed, issued, rules, now)
    user, confirmed_until = _check_subject(signed, issued, rules, now)
    authenticated, assurance = _check_sign_in(signed, issued, rules, now)
    return ProvedUser(
        id=user,
        assurance=assurance,
        authenticated=authenticated,
        expires=min(valid_until, confirmed_until),
        selected_role=_chosen_role(signed),
        single_use_id=name,
    )


def read_metadata(data: bytes, issuer: str) -> tuple[x509.Certificate, ...]:
    """SAML metadata -> the signing certificates of `issuer`, to pin. For the sandbox, which learns them at start.

    Raises InvalidValue where it is another issuer's or holds no signing certificate; MessageInvalid where it is no XML.
    """
    root = parse(data, _LIMITS)
    metadata = "urn:oasis:names:tc:SAML:2.0:metadata"
    if root.tag != f"{{{metadata}}}EntityDescriptor" or root.get("entityID") != issuer:
        raise InvalidValue("the metadata is not the identity service's")
    path = f"{{{metadata}}}IDPSSODescriptor/{{{metadata}}}KeyDescriptor[@use='signing']//{_ds('X509Certificate')}"
    texts = ["".join((element.text or "").split()) for element in root.findall(path)]
    try:
        pems = [f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in texts]
        certificates = tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in pems)
    except ValueError as error:
        raise InvalidValue("a certificate in the metadata is broken") from error
    if not certificates:
        raise InvalidValue("the metadata holds no signing certificate")
    return certificates
