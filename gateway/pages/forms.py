"""Posted forms as bytes: bounded, each field once. Pure; says nothing of what a field means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 32 * 1024
MOST_FIELDS = 60
_OWN_SITE = frozenset({"same-origin", "none"})


def of_own_site(request: web.Request) -> bool:
    """Whether a page of ours, or the person at the browser, sent a request (Fetch Metadata)."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in _OWN_SITE


def asked_ahead(request: web.Request) -> bool:
    """Whether a browser fetches a page that nobody has opened yet."""
    return any(
        word in request.headers.get(name, "").lower()
        for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
        for word in ("prefetch", "prerender", "preview")
    )


def read_form(body: bytes) -> Mapping[str, str]:
    """A form's fields. Raises MessageInvalid: not a form, a field twice, too many."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
            strict_parsing=True,
        )
    except ValueError as error:
        if not body:
            return {}
        raise MessageInvalid(Code.MESSAGE_VALUE) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MessageInvalid(Code.MESSAGE_VALUE)
    return fields


WRITTEN = ("note", "condition_changed_note")
"""Fields in which a user writes words of their own."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """A form that could not be taken for the moment, to be shown and sent once more: nothing that was typed is lost."""

    action: str
    kept: tuple[tuple[str, str], ...] = field(repr=False)
    """Fields as they came."""
    written: tuple[tuple[str, str], ...] = field(repr=False)
    """The user's own words, which may be changed before they are sent."""


def to_send_again(action: str, form: Mapping[str, str]) -> SendAgain | None:
    """What an error page offers after a form that no fault of its own stopped; None where nothing was posted."""
    if not form:
        return None
    written = tuple((name, form[name]) for name in WRITTEN if form.get(name))
    shown = {name for name, _ in written}
    return SendAgain(action, tuple((name, value) for name, value in form.items() if name not in shown), written)
