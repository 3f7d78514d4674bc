"""Messages signed as a calling system signs them, for the tests of the SOAP doors: Body and Timestamp, by a certificate of its own."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import SignatureConstructionMethod, XMLSigner
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

from gateway.xml.names import DS, WSSE, WSU
from gateway.xml.signatures import X509_TOKEN
from tests.xml.wire import NOW

BODY, STAMP = "id-body", "id-stamp"
Change = Callable[[etree._Element], None]
_WSU_ID = f"{{{WSU}}}Id"


class Signer:
    """A key with its certificate, made here or a system's own."""

    def __init__(self, until: datetime = NOW + timedelta(days=1), *, files: tuple[Path, Path] | None = None) -> None:
        if files is not None:
            certificate, key = (one.read_bytes() for one in files)
            self.certificate = x509.load_pem_x509_certificate(certificate)
            self.key: Any = serialization.load_pem_private_key(key, None)
            return
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ward-system")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(7).not_valid_before(NOW - timedelta(days=9)).not_valid_after(until)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def fingerprint(self) -> str:
        """As in the registry."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def signed(
        self,
        message: bytes,
        *,
        before: Change | None = None,
        references: tuple[str, ...] = (BODY, STAMP),
        method: str = "RSA_SHA256",
    ) -> etree._Element:
        """The message with its parts signed by this key; Body and Timestamp get ids where they have none."""
        root = etree.fromstring(message)
        security = next(root.iter(f"{{{WSSE}}}Security"))
        for part, name in ((root[-1], BODY), (next(security.iter(f"{{{WSU}}}Timestamp")), STAMP)):
            part.set(_WSU_ID, part.get(_WSU_ID, name))
        token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", ValueType=X509_TOKEN)
        token.text = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        etree.SubElement(security, f"{{{DS}}}Signature", Id="placeholder")
        if before is not None:
            before(root)
        signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=SignatureMethod[method],
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        return signer.sign(root, key=self.key, cert=[self.certificate], reference_uri=[f"#{one}" for one in references])
