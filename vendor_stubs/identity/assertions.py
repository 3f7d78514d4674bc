"""SAML 2.0 assertions of the stub: built as trees, signed RSA-SHA256 with exclusive c14n, Signature right after Issuer.

The wrong ones are in assertion_faults.py. Nothing here checks an assertion: that is the gateway's work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from vendor_stubs.identity.keys import SamlKey

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ASSURANCE = "urn:nhs:names:assurance:"
"""Prefix of the AuthnContextClassRef values; the level follows (AAL1, AAL2, AAL3). This project's own."""
LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an assertion says. Times are aware instants."""

    assertion_id: str
    issuer: str
    uid: str
    audience: str
    recipient: str
    assurance: str
    issued: datetime
    signed_in: datetime
    roleid: str | None = None
    life: timedelta = LIFE


def saml(name: str) -> str:
    """Clark name in the assertion namespace."""
    return f"{{{SAML}}}{name}"


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, saml(name), attributes)
    child.text = text
    return child


def build(statement: Statement) -> etree._Element:
    """The unsigned assertion (SAML Core 2.3.3), valid for five minutes from its issue unless told otherwise."""
    issued, ends = _instant(statement.issued), _instant(statement.issued + statement.life)
    root = etree.Element(
        saml("Assertion"),
        {"Version": "2.0", "ID": statement.assertion_id, "IssueInstant": issued},
        nsmap={"saml2": SAML},
    )
    _add(root, "Issuer", statement.issuer, Format=ENTITY_FORMAT)
    subject = _add(root, "Subject")
    _add(subject, "NameID", statement.uid, Format=PERSISTENT)
    confirmation = _add(subject, "SubjectConfirmation", Method=BEARER)
    _add(confirmation, "SubjectConfirmationData", Recipient=statement.recipient, NotOnOrAfter=ends)
    conditions = _add(root, "Conditions", NotBefore=issued, NotOnOrAfter=ends)
    _add(_add(conditions, "AudienceRestriction"), "Audience", statement.audience)
    authentication = _add(root, "AuthnStatement", AuthnInstant=_instant(statement.signed_in))
    _add(_add(authentication, "AuthnContext"), "AuthnContextClassRef", ASSURANCE + statement.assurance)
    if statement.roleid is not None:
        attribute = _add(_add(root, "AttributeStatement"), "Attribute", Name="selected_roleid")
        _add(attribute, "AttributeValue", statement.roleid)
    return root


def sign(assertion: etree._Element, key: SamlKey) -> etree._Element:
    """A signed copy. Exclusive c14n, so that it may be moved into a SOAP header."""
    placeholder = etree.Element(f"{{{DS}}}Signature", {"Id": "placeholder"}, nsmap={"ds": DS})
    assertion.insert(1, placeholder)
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return signer.sign(
        assertion, key=key.key, cert=[key.certificate], reference_uri=assertion.get("ID"), id_attribute="ID"
    )


def issue(statement: Statement, key: SamlKey) -> etree._Element:
    """A signed assertion."""
    return sign(build(statement), key)


def write(element: etree._Element) -> str:
    """XML text of one element, without a declaration: ready to stand inside another document."""
    return etree.tostring(element, encoding="unicode")


def metadata(issuer: str, key: SamlKey) -> bytes:
    """SAML metadata of the stub (SAML Metadata 2.4.3): who issues, and the signing certificate to pin."""
    root = etree.Element(f"{{{METADATA}}}EntityDescriptor", {"entityID": issuer}, nsmap={"md": METADATA, "ds": DS})
    root.append(etree.Comment(" STUB identity service of a sandbox: not for live use "))
    service = etree.SubElement(
        root, f"{{{METADATA}}}IDPSSODescriptor", {"protocolSupportEnumeration": "urn:oasis:names:tc:SAML:2.0:protocol"}
    )
    descriptor = etree.SubElement(service, f"{{{METADATA}}}KeyDescriptor", {"use": "signing"})
    data = etree.SubElement(etree.SubElement(descriptor, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
    etree.SubElement(data, f"{{{DS}}}X509Certificate").text = key.certificate_base64()
    etree.SubElement(service, f"{{{METADATA}}}NameIDFormat").text = PERSISTENT
    binding = {"Binding": "urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "Location": f"{issuer}/sandbox/saml"}
    etree.SubElement(service, f"{{{METADATA}}}SingleSignOnService", binding)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


Fault = Callable[[Statement, SamlKey], list[_Element]]
"""Makes the elements to put into a WS-Security header, in order; the first is the one a naive reader takes."""
