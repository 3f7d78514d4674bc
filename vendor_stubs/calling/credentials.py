"""Mutual TLS for the stubs: which client certificate is shown for which system, and whose server certificates are trusted.

Must never show a certificate to an address that is not https, nor take a server unchecked.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from vendor_stubs.calling.errors import WrongUsage


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Certificates of one calling system. A feed of its organisation shows its own, where that lies beside."""

    system: str | None = None
    """The calling system's id."""
    certificate: Path | None = None
    """PEM, with its chain."""
    key: Path | None = None
    """PEM; None: the certificate's name with `.key` at its end."""
    ca: Path | None = None
    """PEM of the authority of server certificates; None: those this machine trusts."""
    _made: dict[Path | None, ssl.SSLContext] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises WrongUsage where the files are not usable."""
        if self.key is not None and self.certificate is None:
            raise WrongUsage("--key goes with --certificate")
        self._context(self.certificate)

    @classmethod
    def of_folder(cls, folder: Path, system: str) -> "Credentials":
        """From a folder that `scr-gateway dev-certs` made. Raises WrongUsage."""
        return cls(system=system, certificate=folder / "clients" / f"{system}.pem", ca=folder / "ca.pem")

    def context(self, system: str | None) -> ssl.SSLContext:
        """What a request speaks TLS with that is sent as `system`; None: as a browser at the calling system."""
        if self.certificate is None or system is None or system == self.system:
            return self._context(self.certificate)
        beside = self.certificate.with_name(f"{system}.pem")
        return self._context(beside if beside.name == f"{system}.pem" and beside.is_file() else self.certificate)

    def _context(self, certificate: Path | None) -> ssl.SSLContext:
        made = self._made.get(certificate)
        if made is None:
            made = self._made[certificate] = self._read(certificate)
        return made

    def _read(self, certificate: Path | None) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except OSError as error:
            raise WrongUsage("--ca is not a file of certificates (PEM)") from error
        if certificate is not None:
            own = self.key if certificate == self.certificate else None
            try:
                context.load_cert_chain(certificate, own or certificate.with_suffix(".key"), password="")
            except (OSError, ValueError) as error:
                raise WrongUsage(
                    f"{certificate.name} and its key cannot be used: both are PEM files, the key without a passphrase"
                ) from error
        return context
