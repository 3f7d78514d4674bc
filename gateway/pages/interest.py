"""/interest: an organisation asks to be set up, or says that a care setting not yet approved should be (P-59, P-70, P-88).

Open to anybody, so it takes little, keeps it for the operator and sends nothing anywhere. No patient's data belongs in it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue, NotPossibleNow
from gateway.domain.identifiers import OdsCode
from gateway.pages.frame import Handler, Turn
from gateway.pages.sessions import Cookie, form_token, form_token_fits

Keep = Callable[[str, Mapping[str, str], Turn], Awaitable[str]]
"""(kind, answers, turn) -> the reference under which the form is kept."""

KINDS = {"organisation": "Set up my organisation", "setting": "Express interest for a new care setting"}
FIELDS = {
    "organisation": ("organisation", "ods", "setting", "system", "name", "email"),
    "setting": ("organisation", "setting", "reason", "name", "email"),
}
LABELS = {
    "organisation": "Name of the organisation",
    "ods": "ODS code",
    "setting": "Care setting",
    "system": "The system it would view with (if known)",
    "reason": "Why staff there need Summary Care Records for direct care",
    "name": "Your name",
    "email": "Your work e-mail address",
}
OPTIONAL = frozenset({"system"})
LONGEST = {"reason": 1000}
_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9.-]{3,190}", re.ASCII)


def faults(kind: str, form: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field. Pure."""
    wrong: dict[str, str] = {}
    for field in FIELDS[kind]:
        value = form.get(field, "").strip()
        if not value and field not in OPTIONAL:
            wrong[field] = f"Fill in: {LABELS[field].lower()}"
        elif len(value) > LONGEST.get(field, 120) or any(ord(letter) < 32 and letter not in "\r\n" for letter in value):
            wrong[field] = f"Write at most {LONGEST.get(field, 120)} characters"
    if "email" not in wrong and not _EMAIL.fullmatch(form.get("email", "").strip()):
        wrong["email"] = "Enter an e-mail address, such as name@example.org"
    if kind == "organisation" and "ods" not in wrong:
        try:
            OdsCode(form.get("ods", "").strip().upper())
        except InvalidValue:
            wrong["ods"] = "Enter an ODS code, 3 to 12 letters and digits"
    return wrong


def _cookie(turn: Turn) -> Cookie:
    return Cookie(name="scr-form", secure=turn.frame.sessions.cookie.secure)


def _page(turn: Turn, *, kind: str | None = None, wrong: Mapping[str, str] | None = None) -> web.Response:
    """Both forms; the one sent with what was typed and what is wrong. Its token belongs to a cookie of this page."""
    cookie = _cookie(turn)
    secret = cookie.read(turn.request) or turn.frame.seal.secret()
    problems = [{"text": text, "href": f"#{kind}-{field}"} for field, text in (wrong or {}).items()] or None
    response = turn.page(
        "interest.jinja",
        kinds=KINDS,
        fields=FIELDS,
        labels=LABELS,
        optional=OPTIONAL,
        token=form_token(secret),
        sent=kind,
        given=dict(turn.form),
        wrong=dict(wrong or {}),
        problems=problems,
        status=Code.MESSAGE_VALUE.entry.http if wrong else 200,
    )
    cookie.write(response, secret)
    return response


def _too_many(turn: Turn, kind: str, error: NotPossibleNow) -> web.Response:
    """The form again, with what was typed: so many have come from this address, or today, that this one was not kept."""
    wait = error.retry_after or 60
    text = f"This form has not been kept: too many have been sent. Try again in {-(-wait // 60)} minutes"
    response = _page(turn, kind=kind, wrong={FIELDS[kind][0]: text})
    response.set_status(error.code.entry.http)
    response.headers["Retry-After"] = str(wait)
    return response


async def show(turn: Turn) -> web.StreamResponse:
    """GET /interest."""
    return _page(turn)


async def _receive(keep: Keep, turn: Turn) -> web.StreamResponse:
    secret = _cookie(turn).read(turn.request)
    if secret is None or not form_token_fits(secret, turn.form.get("csrf", "")):
        raise AccessDenied(Code.FORM_TOKEN)
    kind = turn.form.get("kind", "")
    if kind not in KINDS:
        return _page(turn)
    wrong = faults(kind, turn.form)
    if wrong:
        return _page(turn, kind=kind, wrong=wrong)
    answers = {field: turn.form.get(field, "").strip() for field in FIELDS[kind]}
    try:
        reference = await keep(kind, answers, turn)
    except NotPossibleNow as error:
        if error.code is not Code.RATE_LIMITED:
            raise
        return _too_many(turn, kind, error)
    return turn.page(
        "message.jinja",
        title="Thank you",
        text=f"Your form has been kept under the reference {reference}. The operator of this gateway reads it; nothing is sent by e-mail.",
        link="/viewer",
        link_text="Go on",
    )


def receive(keep: Keep) -> Handler:
    """POST /interest."""
    return partial(_receive, keep)
