"""`vendor-stub HOST raw FILE`: a host's launch sent as it is, by its back channel or as a browser carries it; `--fresh` renews its token.

Redirects are not followed: the answer printed is the gateway's to the launch itself.
"""

import base64
import json
from urllib.parse import urlsplit

from vendor_stubs import cast, launching
from vendor_stubs.calling import answers
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import RawRequest
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.pages import OPENING

TAKEN = frozenset({200, 201, 303})
"""How the gateway answers a launch it goes on with."""


async def result(calls: Calls, done: Exchange) -> RawResult:
    """What an answer comes to. Raises NoAnswer."""
    if done.status in TAKEN and done.code is None:
        return RawResult(exchange=done, outcome="answered")
    return RawResult(exchange=done, outcome=(await answers.explain(calls, done.code)).kind or "failed")


async def opened(calls: Calls, address: str) -> RawResult:
    """A link as a browser opens it. Raises NoAnswer."""
    return await result(calls, await calls.send_to_door("GET", address, headers=OPENING, body=b""))


def link_in(request: RawRequest, door: str) -> str:
    """The link a file holds, whole or from its path on; it is sent to the gateway the command names. Raises WrongUsage."""
    if request.content_type is not None:
        raise WrongUsage("--content-type: a link has none")
    try:
        parts = urlsplit(request.body.decode("ascii").strip())
    except ValueError as error:
        raise WrongUsage(f"the file holds no link to {door}") from error
    if parts.path != door:
        raise WrongUsage(f"the file holds no link to {door}")
    return f"{door}?{parts.query}"


def refreshed(token: str, request: RawRequest, calls: Calls) -> str:
    """A launch token anew: its times, id and audience, signed by the calling system; by another user where --as says so.

    Raises WrongUsage where it is no signed token.
    """
    try:
        _, payload, _ = token.strip().split(".")
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError as error:
        raise WrongUsage("--fresh renews a signed launch token, which the file does not hold") from error
    if not isinstance(said, dict):
        raise WrongUsage("--fresh renews a signed launch token, which the file does not hold")
    issued = int(calls.now().timestamp())
    said |= {"iat": issued, "exp": issued + launching.LIFE, "jti": calls.new_id()}
    said |= {"nbf": issued} if "nbf" in said else {}
    said["aud"] = f"{calls.gateway}/launch/{calls.system.product}"
    if request.uid is not None:
        said = {name: value for name, value in said.items() if name != "role"} | {"sub": request.uid}
        role = request.role or _role_here(request.uid, calls)
        said |= {"role": role} if role is not None else {}
    return launching.host_key(calls.system.id).sign(said)


def _role_here(uid: str, calls: Calls) -> str | None:
    """The person's first role at the calling system's organisation."""
    user = cast.user(uid)
    held = user.roles if user is not None else ()
    return next((role.roleid for role in held if role.ods == calls.system.organisation), None)
