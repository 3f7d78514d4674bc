"""What every stub does before a view: sign its user in, and let the site's patient administration system feed or end the relationship.

A feed that the gateway refuses is told and the view goes on: what the gateway then says is the point of the exercise.
"""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from vendor_stubs import cast
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import ViewRequest

_JSON = "application/json"
_LONDON = ZoneInfo("Europe/London")


async def prepare(request: ViewRequest, calls: Calls) -> None:
    """Ends (relationship none) or feeds (any other but self-claimed) what `pas-<ods>` knows of this user and patient.

    Raises NoAnswer where the gateway does not answer at all.
    """
    if request.relationship == "self-claimed":
        return
    feed = _feed(request, calls)
    if feed is None:
        if request.relationship != "none":
            calls.tell("no patient administration system feeds relationships for this organisation: none was recorded")
        return
    document: dict[str, Any] = {"nhs_number": request.nhs_number, "user": request.uid}
    path = "/relationships/end"
    if request.relationship != "none":
        path = "/relationships"
        document |= {"kind": request.relationship, "scope": "individual", "end": _tomorrow(calls.now())}
    answer = await calls.wire.send(
        "POST",
        calls.gateway + path,
        headers={"X-SCR-System": feed, "X-Correlation-ID": calls.new_id(), "Content-Type": _JSON, "Accept": _JSON},
        body=json.dumps(document).encode(),
    )
    if answer.status >= 300:
        calls.tell(_not_fed(feed, request, answer))


def _not_fed(feed: str, request: ViewRequest, answer: Exchange) -> str:
    """What became of the feed. It is no answer to the view, which goes on and says its own."""
    what = "ended no relationship" if request.relationship == "none" else f"put no {request.relationship} on record"
    reason = answer.code or f"HTTP {answer.status}"
    rules = f", {' '.join(answer.rules)}" if answer.rules else ""
    return f"Note: {feed} {what} ({reason}{rules}). The view goes on; its own answer follows."


def _tomorrow(now: datetime) -> str:
    return (now.astimezone(_LONDON).date() + timedelta(days=1)).isoformat()


def _feed(request: ViewRequest, calls: Calls) -> str | None:
    """The feed system of the organisation the user works in here, or None where the cast has none."""
    organisation = calls.system.organisation
    if organisation is None:
        role = role_of(request.uid, request.role)
        held = cast.user_of_role(role) if role is not None else None
        organisation = held[1].ods if held is not None else None
    feed = cast.system(f"pas-{organisation.lower()}") if organisation is not None else None
    return feed.id if feed is not None else None


def role_of(uid: str, role: str | None) -> str | None:
    """The role profile a message names: the one asked for, else the only one the user holds. Several and none said: None."""
    if role is not None:
        return role
    user = cast.user(uid)
    return user.roles[0].roleid if user is not None and len(user.roles) == 1 else None


async def id_token(calls: Calls, uid: str, role: str | None = None) -> str:
    """An ID token of the identity stub for this user and the calling system (compact JWT).

    A role the user does not hold is left out of the token and only named in the message, so that its refusal can be seen.
    Raises NoAnswer, WrongUsage (nobody has this uid).
    """
    return str((await _sandbox(calls, "token", {"client_id": calls.system.client_id}, uid, role))["id_token"])


async def assertion(calls: Calls, uid: str, role: str | None = None, *, audience: str, recipient: str) -> str:
    """A signed SAML assertion of the identity stub (XML text). Raises NoAnswer, WrongUsage."""
    wanted = {"audience": audience, "recipient": recipient}
    return str((await _sandbox(calls, "saml", wanted, uid, role))["assertion"])


async def _sandbox(calls: Calls, what: str, wanted: dict[str, str], uid: str, role: str | None) -> dict[str, Any]:
    user = cast.user(uid)
    if role is not None and user is not None and role in {held.roleid for held in user.roles}:
        wanted = {**wanted, "roleid": role}
    answer = await calls.wire.send(
        "POST",
        f"{calls.identity}/sandbox/{what}",
        headers={"Content-Type": _JSON, "Accept": _JSON},
        body=json.dumps({"uid": uid, **wanted}).encode(),
    )
    document = json_object(answer)
    if answer.status == 400:
        raise WrongUsage(f"the identity service says: {document.get('error_description', 'bad request')}")
    if answer.status != 200 or not {"id_token", "assertion"} & document.keys():
        raise NoAnswer(f"the identity service answered with HTTP {answer.status}")
    return document


def json_object(answer: Exchange) -> dict[str, Any]:
    """The JSON object an answer holds; empty where it holds none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
