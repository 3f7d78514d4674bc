"""Namespaces, OIDs and fixed URIs of the wire forms, each written down once.

Holds names only: no reading, no building. Prefixes are this gateway's own choice; readers match by namespace, never
by prefix.
"""

from typing import Final

SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XML: Final = "http://www.w3.org/XML/1998/namespace"
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP11: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
WSDL_SOAP12: Final = "http://schemas.xmlsoap.org/wsdl/soap12/"

ITK: Final = "urn:nhs-itk:ns:201005"
HL7: Final = "urn:hl7-org:v3"
NPFITLC: Final = "NPFIT:HL7:Localisation"
NPFITLC_SHORT: Final = "NPFIT:Localisation"  # the form most real summaries carry
PRESENTATION_TEXT: Final = "xhtml:NPfIT:PresentationText"
ACCESS_FACTS: Final = "urn:scr-gateway:access-facts:1"
RECORD: Final = "urn:scr-gateway:record:1"
CODES: Final = "urn:scr-gateway:codes:1"
ADASTRA: Final = "urn:scr-gateway:adastra:1"
CLEO: Final = "urn:scr-gateway:cleo:1"
SYSTMONE: Final = "urn:scr-gateway:systmone:1"
PROBLEM: Final = "urn:ietf:rfc:7807"

# Spine's own wire, where a calling system speaks it
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
PSIS: Final = "urn:npfit:psisqr"
NASP: Final = "http://national.carerecords.nhs.uk/schema/"

PREFIXES: Final[dict[str, str]] = {
    "soap": SOAP11,
    "soap12": SOAP12,
    "wsa": WSA,
    "wsse": WSSE,
    "wsu": WSU,
    "saml": SAML,
    "ds": DS,
    "xsi": XSI,
    "itk": ITK,
    "hl7": HL7,
    "npfitlc": NPFITLC,
    "npfit": NPFITLC_SHORT,
    "pt": PRESENTATION_TEXT,
    "af": ACCESS_FACTS,
    "rec": RECORD,
    "codes": CODES,
    "adastra": ADASTRA,
    "cleo": CLEO,
    "s1": SYSTMONE,
    "problem": PROBLEM,
    "wsa04": WSA_2004,
    "psis": PSIS,
    "nasp": NASP,
}
"""Prefix -> namespace, used in XPaths and in what this gateway writes."""
PREFIX_OF: Final = {uri: prefix for prefix, uri in PREFIXES.items()}
"""The reverse."""

# WS-Addressing 1.0 fixed addresses
WSA_ANONYMOUS: Final = "http://www.w3.org/2005/08/addressing/anonymous"
WSA_NONE: Final = "http://www.w3.org/2005/08/addressing/none"
WSA_FAULT: Final = "http://www.w3.org/2005/08/addressing/soap/fault"

# WS-Security token profiles
BASE64_BINARY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
JWT_TOKEN: Final = "urn:ietf:params:oauth:token-type:jwt"  # noqa: S105 - a token type, not a token

# ITK 2010-05
ITK_SERVICES: Final = "urn:nhs-itk:services:201005:"
ITK_SEND_RECV: Final = ITK_SERVICES + "sendRecvDistEnvelope"
ITK_INTERACTION: Final = "urn:nhs-itk:interaction:"
ITK_INTERACTION_KEY: Final = "urn:nhs-itk:ns:201005:interaction"
ITK_PROFILE: Final = "urn:nhs-en:profile:"
ITK_ADDRESS_URI: Final = "urn:nhs-uk:addressing:"
ITK_IDENTITY_URI: Final = "urn:nhs-uk:identity:"

# OIDs of identifiers
OID_NHS_NUMBER: Final = "2.16.840.1.113883.2.1.4.1"
OID_ORGANISATION: Final = "1.2.826.0.1285.0.1.10"
OID_SDS_USER: Final = "1.2.826.0.1285.0.2.0.65"
OID_SDS_ROLE_PROFILE: Final = "1.2.826.0.1285.0.2.0.67"
OID_SDS_JOB_ROLE: Final = "1.2.826.0.1285.0.2.1.104"
OID_ASID: Final = "1.2.826.0.1285.0.2.0.107"
OID_GP_PRACTICE: Final = "2.16.840.1.113883.2.1.3.2.4.19.2"

# Code systems (OIDs)
OID_GENDER: Final = "2.16.840.1.113883.2.1.3.2.4.16.25"
OID_PDS_MESSAGE: Final = "2.16.840.1.113883.2.1.3.2.4.17.284"
OID_PDS_RESPONSE: Final = "2.16.840.1.113883.2.1.3.2.4.17.285"
OID_VALID_IDENTIFIER: Final = "2.16.840.1.113883.2.1.3.2.4.17.287"
OID_GENERIC_RESPONSE: Final = "2.16.840.1.113883.2.1.3.2.4.17.500"
OID_SCR_CONSENT: Final = "2.16.840.1.113883.2.1.3.2.4.17.502"
OID_SCR_MESSAGE: Final = "2.16.840.1.113883.2.1.3.2.4.17.503"
OID_SCR_ACTIVITY_QUERY: Final = "2.16.840.1.113883.2.1.3.2.4.17.505"
OID_SCR_RESPONSE: Final = "2.16.840.1.113883.2.1.3.2.4.17.506"
OID_INTERACTION: Final = "2.16.840.1.113883.2.1.3.2.4.12"
OID_PSIS_ISSUE: Final = "2.16.840.1.113883.2.1.3.2.4.17.33"
OID_DISSENT_OVERRIDE: Final = "2.16.840.1.113883.2.1.3.2.4.17.60"
OID_GATEWAY_CODES: Final = (
    "2.25.65069915666354956995515005997182709648"  # this gateway's stable codes: the OID of a UUID
)
OID_TOOLKIT_ERROR: Final = "2.16.840.1.113883.2.1.3.2.4.17.268"
OID_ADDRESS_TYPE: Final = "2.16.840.1.113883.2.1.3.2.4.18.22"
OID_IDENTITY_TYPE: Final = "2.16.840.1.113883.2.1.3.2.4.18.27"


def qname(namespace: str, local: str) -> str:
    """`{namespace}local`, as lxml names elements and attributes."""
    return f"{{{namespace}}}{local}"
