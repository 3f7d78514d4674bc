"""Real mini-service messages for a running sandbox: the good messages of the XML tests, renewed and posted."""

import json
import re
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import requests

from tests.doors.mini_service.offline import Answer
from tests.running import RunningSandbox
from tests.xml import wire
from vendor_stubs.calling.itk import JWT, encoded_token
from vendor_stubs.calling.soap import WSSE

_STAMP = re.compile(r"2030-01-\d\dT\d\d:\d\d:\d\dZ")
_IDS = "-1B2C-4D3E-8F40-5A6B7C8D9E0F"
KATE, KATES_ROLE = "910000000281", "555000000129"
_TOKENS: dict[tuple[str, str, str], str] = {}


def token_of(identity: str, uid: str, client_id: str, **more: str) -> str:
    """An ID token of the identity stub."""
    key = (identity, uid, client_id)
    if more or key not in _TOKENS:
        request = urllib.request.Request(
            f"{identity}/sandbox/token",
            data=json.dumps({"uid": uid, "client_id": client_id} | more).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            token = str(json.loads(answer.read())["id_token"])
        if more:
            return token
        _TOKENS[key] = token
    return _TOKENS[key]


@dataclass(frozen=True)
class Told:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    answer: Answer = field(repr=False)

    @property
    def code(self) -> str:
        """Response or fault code."""
        return self.answer.code


@dataclass(frozen=True)
class Desk:
    """A user at a mini-service system of the sandbox."""

    sandbox: RunningSandbox
    system: str = "portal-rzz09"
    organisation: str = "RZZ09"
    uid: str = KATE
    role: str = KATES_ROLE
    number: str = "9000001234"
    certificate: str | None = None
    """Whose client certificate is shown over mutual TLS; without one the system is named on the plain listener."""

    @property
    def token(self) -> str:
        """The user's proof."""
        return token_of(self.sandbox.identity, self.uid, self.system)

    def renewed(self, body: bytes, *, token: str | None = None, user: bool = True) -> bytes:
        """The message as if written now by this user at this system; whatever is broken in it stays broken.

        A token goes in afterwards, never before: names are replaced wherever they stand, and in a few tokens of a thousand the
        letters of one stand by chance.
        """
        text = body.decode("utf-8")
        moved = datetime.now(UTC).replace(microsecond=0) - wire.NOW
        text = _STAMP.sub(lambda match: _moved(match[0], moved), text)
        fresh = str(uuid.uuid4()).upper()[8:]
        text = text.replace(_IDS, fresh).replace("ward-system", self.system).replace("Z1B", self.organisation)
        text = text.replace('uri="100000000001"', f'uri="{self.uid}"').replace(
            'uri="200000000001"', f'uri="{self.role}"'
        )
        text = text.replace("100000000001", self.uid).replace("200000000001", self.role)
        text = text.replace("9990000018", self.number)
        if user:
            proof = token if token is not None else self.token
            text = text.replace("</wsse:UsernameToken>", f"</wsse:UsernameToken>{binary_token(proof)}")
        return text.encode("utf-8")

    def post(self, body: bytes, **headers: str) -> Told:
        """Sends bytes as they are."""
        sent = {"Content-Type": "text/xml; charset=utf-8", "X-SCR-System": self.system} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        where, tls = self.sandbox.gateway, {}
        if self.certificate is not None:
            where = self.sandbox.secure
            pair = tuple(map(str, self.sandbox.certificate(self.certificate)))
            tls = {"cert": pair, "verify": str(self.sandbox.data / "certs" / "ca.pem")}
        response = requests.post(f"{where}/itk", data=body, headers=sent, timeout=20, **tls)
        answer = Answer.of(response.content)
        return Told(response.status_code, response.headers, response.content, answer)

    def ask(self, name: str, case: str = "", **headers: str) -> Told:
        """A good request, renewed."""
        return self.post(self.renewed(wire.good(name, case)), **headers)


def binary_token(token: str) -> str:
    """The BinarySecurityToken of an ID token."""
    return f'<wsse:BinarySecurityToken xmlns:wsse="{WSSE}" ValueType="{JWT}">{encoded_token(token)}</wsse:BinarySecurityToken>'


def _moved(text: str, by: timedelta) -> str:
    moment = datetime.fromisoformat(text) + by
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
