"""Who may ask the stub for a sign-in: the calling systems of the cast, each under its own client id.

A redirect goes only to a registered path on the loopback address; anything else is answered with a page, never a redirect.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from vendor_stubs import cast

CALLBACKS = ("/viewer/callback", "/launch/callback", "/privacy/callback")
AFTER_SIGN_OUT = (
    "/",
    "/viewer",
    "/viewer/",
    "/viewer/signed-out",
    "/launch/signed-out",
    "/privacy",
    "/privacy/",
    "/privacy/signed-out",
)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: public, so it proves itself by PKCE alone."""

    client_id: str
    name: str
    callbacks: tuple[str, ...]

    def accepts(self, redirect_uri: str) -> bool:
        """Whether the address is one of this client's, character by character but for the port."""
        return _loopback_path(redirect_uri) in self.callbacks

    def accepts_after_sign_out(self, uri: str) -> bool:
        """The same for where to go after signing out."""
        return bool(self.callbacks) and _loopback_path(uri) in AFTER_SIGN_OUT


def _loopback_path(uri: str) -> str | None:
    """The path of a plain loopback address; None for anything with more or less in it."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    authority = LOOPBACK if port is None else f"{LOOPBACK}:{port}"
    # written back together: what a lenient parser would have skipped or repaired no longer fits
    same = uri == f"{parts.scheme}://{authority}{parts.path}"
    return parts.path if same and parts.scheme in {"http", "https"} else None


def find(client_id: str) -> Client | None:
    """The client of this id. A feed signs nobody in, so it has no callback."""
    for system in cast.systems():
        if system.client_id == client_id:
            return Client(client_id, f"{system.supplier} ({system.id})", () if system.kind == "feed" else CALLBACKS)
    return None
