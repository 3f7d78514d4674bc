"""Launches that are wrong in exactly one named way, for every one-click host, and what the gateway must answer to each.

The launch lab shows them one by one; the tests run them all. Each is sent over the same HTTP steps as a good launch.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from vendor_stubs import cast, launching
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.cast import System
from vendor_stubs.launch_checks import OK
from vendor_stubs.launching import HostKey

Claims = dict[str, Any]
TOKEN_HOSTS = frozenset({"rio", "sonar", "pharmoutcomes"})
BROWSER_HOSTS = frozenset({"sonar", "pharmoutcomes"})
EVERY = TOKEN_HOSTS | {"lorenzo"}
SUSPENDED = "portal-rzz09-suspended"
LONG_AGO, AHEAD = -900, 900


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to be wrong. What is not said is as in a good launch."""

    name: str
    title: str
    expected: str
    hosts: frozenset[str] = EVERY
    claims: Callable[[Claims], Claims] | None = None
    sign: Callable[[HostKey, Claims], str] | None = None
    wrap: Callable[[str], str] | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    """Further parameters beside the token."""
    system: str | None = None
    """Who sends it, instead of the host."""
    host_fault: str | None = None
    """What a SMART host does wrong."""
    request: Callable[[ViewRequest], ViewRequest] | None = None
    """The host asks for something else."""
    signs_in: Callable[[ViewRequest, System], ViewRequest] | None = None
    """Somebody else, or the same person in another role, signs in."""
    script: str = "launch"
    """launch | twice | open-twice | other-browser | cross-site | unknown-issuer."""


def _shift(seconds: int) -> Callable[[Claims], Claims]:
    return lambda said: {**said, **{name: said[name] + seconds for name in ("iat", "nbf", "exp")}}


def _with(**changed: Any) -> Callable[[Claims], Claims]:
    return lambda said: {**said, **changed}


def _wrong_key(key: HostKey, said: Claims) -> str:
    return launching.host_key("somebody-else").sign(said, {"kid": key.kid})


def _hs256(key: HostKey, said: Claims) -> str:
    """The public key, which everybody has, as an HMAC secret."""
    header = {"alg": "HS256", "kid": key.kid, "typ": launching.TYPE}
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, said))
    return f"{signed}.{_b64(hmac.digest(key.key.as_pem(private=False), signed.encode(), 'sha256'))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _doubled(key: HostKey, said: Claims) -> str:
    """A payload that names the patient twice: readers differ on which one counts."""
    text = json.dumps(said)[:-1] + ', "nhs_number": "9000000033"}'
    return launching.sign_text(key, text)


def _tampered(key: HostKey, said: Claims) -> str:
    """Another patient under the old signature."""
    head, _, signature = key.sign(said).split(".")
    return f"{head}.{_b64(json.dumps({**said, 'nhs_number': '9000000033'}).encode())}.{signature}"


def _another_user(request: ViewRequest, system: System) -> ViewRequest:
    other = next(
        user
        for user in cast.users()
        if user.uid != request.uid and any(role.ods == system.organisation for role in user.roles)
    )
    role = next(role for role in other.roles if role.ods == system.organisation)
    return replace(request, uid=other.uid, role=role.roleid)


def _another_role(request: ViewRequest, system: System) -> ViewRequest:
    """The same person in a role elsewhere."""
    user = cast.user(request.uid)
    others = [role for role in user.roles if role.ods != system.organisation] if user is not None else []
    return replace(request, role=others[0].roleid if others else request.role)


def two_roles(request: ViewRequest, system: System) -> ViewRequest:
    """Asked for by a person who also works elsewhere."""
    for user in cast.users():
        here = [role for role in user.roles if role.ods == system.organisation]
        if here and len(user.roles) > len(here):
            return replace(request, uid=user.uid, role=here[0].roleid)
    return request


def _born_otherwise(request: ViewRequest) -> ViewRequest:
    return replace(request, date_of_birth=date(1900, 1, 1))


def _elsewhere(request: ViewRequest) -> ViewRequest:
    """The role of a colleague at another organisation."""
    return replace(request, role="555000000124" if request.role != "555000000124" else "555000000125")


FAULTS: tuple[Fault, ...] = (
    Fault(name="none", title="Nothing: a good launch", expected=OK),
    Fault(
        name="expired",
        title="The launch is fifteen minutes old",
        expected="launch-expired",
        claims=_shift(LONG_AGO),
        host_fault="expired",
    ),
    Fault(
        name="skewed-clock",
        title="The host's clock is fifteen minutes ahead",
        expected="launch-invalid",
        claims=_shift(AHEAD),
        host_fault="skewed-clock",
    ),
    Fault(
        name="long-life",
        title="The launch would be good for a day",
        expected="launch-invalid",
        claims=lambda said: {**said, "exp": said["iat"] + 86_400},
        host_fault="long-life",
    ),
    Fault(
        name="replayed",
        title="The same launch is sent twice",
        expected="launch-spent",
        hosts=TOKEN_HOSTS,
        script="twice",
    ),
    Fault(
        name="code-replayed",
        title="The same code is opened twice",
        expected="launch-spent",
        hosts=frozenset({"rio"}),
        script="open-twice",
    ),
    Fault(
        name="handle-replayed",
        title="The host's launch handle is used twice",
        expected="launch-invalid",
        hosts=frozenset({"lorenzo"}),
        script="twice",
    ),
    Fault(
        name="wrong-audience",
        title="The launch is made for another application",
        expected="launch-invalid",
        claims=_with(aud="https://other.example/launch"),
        host_fault="wrong-audience",
    ),
    Fault(
        name="wrong-issuer",
        title="The launch is said to come from another host",
        expected="launch-invalid",
        claims=_with(iss="lorenzo-rzz01"),
        host_fault="wrong-issuer",
    ),
    Fault(
        name="patient-mismatch",
        title="The host's date of birth is not the patient's",
        expected="birth-date-mismatch",
        request=_born_otherwise,
    ),
    Fault(
        name="number-beside",
        title="A patient's number stands beside the signed launch",
        expected="message-combination",
        hosts=BROWSER_HOSTS,
        beside={"nhs_number": "9000000033"},
    ),
    Fault(
        name="tampered",
        title="Another patient under the old signature",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        sign=_tampered,
    ),
    Fault(
        name="doubled",
        title="The patient is named twice in one launch",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        sign=_doubled,
    ),
    Fault(
        name="unsigned",
        title="The signature is missing",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        wrap=lambda token: token.rpartition(".")[0] + ".",
    ),
    Fault(
        name="alg-none",
        title="The launch says that it needs no signature (alg none)",
        expected="launch-invalid",
        sign=lambda _, said: launching.unsigned(said),
        host_fault="alg-none",
    ),
    Fault(
        name="hs256",
        title="The host's public key is used as a shared secret (HS256)",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        sign=_hs256,
    ),
    Fault(
        name="wrong-key",
        title="A stranger's key under the host's key id",
        expected="launch-invalid",
        sign=_wrong_key,
        host_fault="wrong-key",
    ),
    Fault(
        name="unknown-key",
        title="A key id nobody has registered",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        sign=lambda key, said: key.sign(said, {"kid": "stub-launch-unknown"}),
    ),
    Fault(
        name="wrong-type",
        title="A token of another kind (typ)",
        expected="launch-invalid",
        sign=lambda key, said: key.sign(said, {"typ": "JWT"}),
        host_fault="wrong-type",
    ),
    Fault(
        name="double-encoding",
        title="The launch is encoded twice",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        wrap=lambda token: _b64(token.encode()),
    ),
    Fault(
        name="over-long",
        title="A field is far too long",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        claims=lambda said: {**said, "jti": "a" * 300},
    ),
    Fault(
        name="unknown-claim",
        title="The launch says something that is not known here",
        expected="launch-invalid",
        hosts=TOKEN_HOSTS,
        claims=_with(permission="yes"),
    ),
    Fault(
        name="check-digit",
        title="The NHS number's check digit is wrong",
        expected="message-value",
        request=lambda request: replace(request, nhs_number="9000000008"),
    ),
    Fault(
        name="user-mismatch",
        title="Somebody else signs in",
        expected="user-mismatch",
        signs_in=_another_user,
    ),
    Fault(
        name="role-mismatch",
        title="The user signs in, in another role than the launch's",
        expected="role-not-held",
        signs_in=_another_role,
    ),
    Fault(
        name="role-not-held",
        title="The launch names a role that is not the user's",
        expected="role-not-held",
        request=_elsewhere,
    ),
    Fault(
        name="suspended-system",
        title="The calling system is suspended",
        expected="system-suspended",
        hosts=TOKEN_HOSTS,
        claims=_with(iss=SUSPENDED),
        system=SUSPENDED,
    ),
    Fault(
        name="refused-purpose",
        title="The record is wanted for a purpose that is never allowed",
        expected="purpose-refused",
        request=lambda request: replace(request, purpose="police"),
    ),
    Fault(
        name="other-browser",
        title="The launch goes on in another browser",
        expected="launch-invalid",
        script="other-browser",
    ),
    Fault(
        name="cross-site",
        title="Another site presses the button",
        expected="form-token",
        hosts=frozenset({"rio"}),
        script="cross-site",
    ),
    Fault(
        name="unknown-issuer",
        title="An issuer that nobody has registered",
        expected="launch-invalid",
        hosts=frozenset({"lorenzo"}),
        script="unknown-issuer",
    ),
    Fault(
        name="wrong-state",
        title="The host answers another request (state)",
        expected="launch-invalid",
        hosts=frozenset({"lorenzo"}),
        host_fault="wrong-state",
    ),
    Fault(
        name="wrong-nonce",
        title="The host's token was made for another request (nonce)",
        expected="launch-invalid",
        hosts=frozenset({"lorenzo"}),
        host_fault="wrong-nonce",
    ),
)
BY_NAME: dict[str, Fault] = {fault.name: fault for fault in FAULTS}


def faults_of(host: str) -> tuple[Fault, ...]:
    """The faults a host's wire form can have."""
    return tuple(fault for fault in FAULTS if host in fault.hosts)
