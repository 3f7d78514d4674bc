"""WS-Security signatures of a whole message by a system's own certificate, the same at every SOAP door: row 11 of the
Toolkit tester's list.

A signature is optional; one that is there and does not hold condemns the message. It proves no user.
"""

import base64
import binascii
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from gateway.domain.access import System
from gateway.xml.names import DS, WSSE, WSU, qname
from gateway.xml.paths import elements
from gateway.xml.soap import Envelope

X509_TOKEN = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"  # noqa: S105 - a token type
_SIGNATURE, _ID = qname(DS, "Signature"), qname(WSU, "Id")
_MOST_REFERENCES = 10
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
    }
)


def condemned(envelope: Envelope, system: System | None, now: datetime) -> bool:
    """Whether the message is signed, and not as the calling system signs. `system` None, as nobody, has signed nothing."""
    certificates = system.certificates if system is not None else frozenset()
    return is_signed(envelope) and not signature_holds(envelope, certificates, now)


def is_signed(envelope: Envelope) -> bool:
    """Whether the message carries a signature, wherever it stands: one outside the Security header never holds.

    Not one inside a SAML assertion, which is the assertion's own.
    """
    return bool(_signatures(envelope))


def _signatures(envelope: Envelope) -> list[etree._Element]:
    """The message's own signatures."""
    return [
        one
        for one in envelope.root.iter(_SIGNATURE)
        if not any(etree.QName(above).localname == "Assertion" for above in one.iterancestors())
    ]


def signature_holds(envelope: Envelope, fingerprints: frozenset[str], now: datetime) -> bool:
    """Whether the one signature covers Body and Timestamp and is by a certificate of these.

    `fingerprints`: SHA-256 in lower-case hex. False for anything else, also for what cannot be read.
    """
    security = envelope.block(qname(WSSE, "Security"))
    signatures = _signatures(envelope)
    if security is None or len(signatures) != 1 or signatures[0].getparent() is not security:
        return False
    wanted = _wanted(envelope, security)
    references = [one.get("URI", "") for one in signatures[0].iter(qname(DS, "Reference"))]
    if wanted is None or not wanted <= set(references) or len(references) > _MOST_REFERENCES:
        return False
    certificate = _certificate(envelope)
    if certificate is None or certificate.fingerprint(hashes.SHA256()).hex() not in fingerprints:
        return False
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    return _verified(envelope, certificate, len(references), now)


def _wanted(envelope: Envelope, security: etree._Element) -> set[str] | None:
    """References that must be signed: Body and Timestamp, each by an id that nothing else in the message bears."""
    body = envelope.payload.getparent()
    parts = [body, *elements(security, qname(WSU, "Timestamp"))]
    ids = [part.get(_ID, "") if part is not None else "" for part in parts]
    bearers = [str(value) for each in envelope.root.iter("*") for name, value in each.attrib.items() if _names(name)]
    if len(parts) != 2 or any(not one or bearers.count(one) != 1 for one in ids):
        return None
    return {f"#{one}" for one in ids}


def _names(attribute: object) -> bool:
    return etree.QName(str(attribute)).localname.lower() == "id"


def _certificate(envelope: Envelope) -> x509.Certificate | None:
    """The certificate in the one X.509 BinarySecurityToken."""
    tokens = [one for one in envelope.security.tokens if one.value_type == X509_TOKEN] if envelope.security else []
    if len(tokens) != 1:
        return None
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(tokens[0].value.split()), validate=True))
    except (binascii.Error, ValueError):
        return None


def _verified(envelope: Envelope, certificate: x509.Certificate, references: int, now: datetime) -> bool:
    soap = envelope.version.namespace
    configuration = SignatureConfiguration(
        require_x509=True,
        location=f"./{qname(soap, 'Header')}/{qname(WSSE, 'Security')}/",  # not an assertion's own, which may stand before it
        expect_references=references,
        digest_algorithms=_DIGESTS,
        signature_methods=_METHODS,
        verification_time=now,
    )
    try:
        XMLVerifier().verify(envelope.root, x509_cert=certificate, expect_config=configuration)
    except Exception:  # noqa: BLE001 - signxml's errors are no single family; whatever it says, the signature does not hold
        return False
    return True
