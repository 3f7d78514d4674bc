"""The privacy officer's queue and the single alert: read, take on, close with a note (P-75, P-90).

What is typed is never lost: where somebody else acted meanwhile, the alert is shown as it is now with the note still there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.decision import AlertType
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import OdsCode
from gateway.domain.notes import STRAIGHT, says, turns
from gateway.domain.privacy import LONGEST_NOTE, AlertCase, AlertFilter, AlertState
from gateway.pages import privacy_words as words
from gateway.pages.frame import Turn
from gateway.pages.privacy import MOST_EXPORTED, Bench, again, exported, shown
from gateway.service.privacy import Desk

SIZE = 10
MOST_TOLD = 50
"""Ids of unreadable alerts that the entry about an export names."""
OPEN = (AlertState.NEW, AlertState.INVESTIGATING)
STATES: Mapping[str, tuple[AlertState, ...]] = {
    "open": OPEN,
    "new": (AlertState.NEW,),
    "under-investigation": (AlertState.INVESTIGATING,),
    "closed": (AlertState.CLOSED,),
    "all": (),
}
AGES = {"": None, "1": timedelta(days=1), "7": timedelta(days=7), "28": timedelta(days=28)}
MARKED = ("", "threshold", "after-refusal", "s-flag-attempt")


NOTE = "note"
_ACTS = {
    NOTE: AlertState.INVESTIGATING,
    "under-investigation": AlertState.INVESTIGATING,
    "closed": AlertState.CLOSED,
}
_SPOILT = (
    "The form came back damaged: it does not say which state of the alert you saw. Your note is below. Look at the alert as it is "
    "now, then send it again"
)
_ALREADY = {
    AlertState.NEW: "This alert is new: to write about it, mark it as under investigation",
    AlertState.INVESTIGATING: "This alert is under investigation already: add a note, or close it",
    AlertState.CLOSED: "This alert is closed already: nothing is added to it any more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePages:
    """The handlers of the queue and of one alert."""

    bench: Bench

    async def queue(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/alerts. Filters stand in the address; none of them names a patient."""
        desk = await self.bench.desk(turn, "listAlerts")
        asked = _asked(turn.request.query)
        wanted = _filter(asked, desk, turn)
        page = _page(turn.request.query.get("page", "1"))
        store = self.bench.privacy.store
        found = await store.page(wanted, page)
        pages = max(1, -(-found.found // SIZE))
        if page > pages:  # alerts were closed since, or the address was typed
            return turn.go(_address(asked, pages))
        counts = await store.counts(desk.alerts)
        await self.bench.privacy.note(desk, "privacy", ("filter", sorted(asked.items())), ("page", page))
        return shown(
            turn,
            "queue",
            "alerts",
            cases=found.cases,
            unreadable=found.unreadable,
            found=found.found,
            new_count=counts[AlertState.NEW],
            open_count=sum(counts[state] for state in OPEN),
            asked=asked,
            types=desk.types,
            sites=desk.organisation.sites,
            page=page,
            pages=pages,
            link=partial(_address, asked),
            states=STATES,
            ages=AGES,
            marked=MARKED,
        )

    async def export(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/alerts/export: every alert of the filter as a file. Raises MessageInvalid where there are too many."""
        desk = await self.bench.desk(turn, "exportAlerts")
        asked = _asked(turn.form)
        wanted = _filter(asked, desk, turn)
        found = await self.bench.privacy.store.all(wanted, MOST_EXPORTED)
        if found.found > MOST_EXPORTED:
            raise MessageInvalid(Code.MESSAGE_TOO_LARGE)
        form = turn.form.get("format", "")
        body = self.bench.files.alerts(form, found)
        response = exported(form, "privacy-alerts", body)
        said: list[tuple[str, object]] = [
            ("filter", sorted(asked.items())),
            ("format", form),
            ("rows", len(found.cases)),
        ]
        if found.unreadable:
            said.append(("unreadable", [one.id for one in found.unreadable[:MOST_TOLD]]))
            said.append(("unreadable_rows", len(found.unreadable)))
        await self.bench.privacy.note(desk, "privacy", *said)
        return response

    async def one(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/alerts/{id}."""
        desk = await self.bench.desk(turn, "readAlert")
        alert_id = turn.request.match_info["id"]
        try:
            case = await self.bench.privacy.alert(desk, alert_id)
        except InternalError as error:
            return await self._unreadable(turn, desk, alert_id, error)
        return await self._alert(turn, desk, case)

    async def _unreadable(self, turn: Turn, desk: Desk, alert_id: str, error: InternalError) -> web.Response:
        """The page of an alert that somebody made unreadable: says that, and nothing of it. Raises any other error."""
        found = await self.bench.privacy.store.all(replace(desk.alerts, ids=(alert_id,)), 1)
        lost = [one for one in found.unreadable if one.id == alert_id]
        if not lost:
            raise error
        await self.bench.privacy.note(desk, "privacy", ("unreadable", [alert_id]))
        return again(shown(turn, "unreadable", "alerts", unreadable=lost), error.code)

    async def _alert(self, turn: Turn, desk: Desk, case: AlertCase, **values: Any) -> web.Response:
        raised, ods = case.alert, desk.organisation.ods
        trail = await self.bench.privacy.store.trail(raised.correlation_id, ods, raised.at)
        return shown(
            turn,
            "alert",
            "alerts",
            case=case,
            trail=trail,
            around=words.around(case.alert.at),
            own=case.alert.user == desk.user.id,
            longest=LONGEST_NOTE,
            **({"given": {}} | values),
        )

    async def act(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/alerts/{id}: what is to become of it, and a note."""
        alert_id, given = turn.request.match_info["id"], turn.form
        desk = await self.bench.desk(turn, "actOnAlert")
        to, version = _ACTS.get(given.get("to", "")), _version(given)
        note = given.get("note", "").strip()
        problems = [] if to is not None else [{"text": "Choose what happens with this alert", "href": "#to"}]
        problems += _wrong(note)
        if version is None:
            problems.append({"text": _SPOILT, "href": "#act"})
        if problems or to is None or version is None:
            case = await self.bench.privacy.alert(desk, alert_id)
            return again(await self._alert(turn, desk, case, problems=problems, given=given))
        try:
            await self.bench.privacy.act(desk, alert_id, version, to, note, adds=given["to"] == NOTE)
        except (MessageInvalid, PolicyRefused) as error:
            return await self._not_done(turn, desk, error, version)
        except InternalError as error:
            return await self._unreadable(turn, desk, alert_id, error)
        return turn.go(f"/privacy/alerts/{alert_id}")

    async def _not_done(self, turn: Turn, desk: Desk, error: GatewayError, version: int) -> web.Response:
        """The alert as it is now, with the note still in the form. Raises what is about no alert of ours."""
        if error.code not in {Code.ALERT_CHANGED, Code.ALERT_OWN_ACCESS}:
            raise error
        case = await self.bench.privacy.alert(desk, turn.request.match_info["id"])
        said = f"{error.sentence} {error.code.entry.next_step}"
        if error.code is Code.ALERT_CHANGED and case.version == version:  # nobody acted meanwhile
            said = _ALREADY[case.state]
        problems = [{"text": said, "href": "#act"}]
        response = await self._alert(turn, desk, case, problems=problems, given=turn.form)
        response.headers["X-SCR-Rules"] = " ".join(error.rules)
        return again(response, error.code)


def _asked(values: Mapping[str, str]) -> dict[str, str]:
    """The filter asked for, each part one of those offered; anything else counts as not asked."""
    return {
        "state": values.get("state", "open") if values.get("state") in STATES else "open",
        "type": values.get("type", "") if values.get("type") in set(AlertType) else "",
        "site": values.get("site", "")[:12],
        "age": values.get("age", "") if values.get("age") in AGES else "",
        "mark": values.get("mark", "") if values.get("mark") in MARKED else "",
    }


def _filter(asked: Mapping[str, str], desk: Desk, turn: Turn) -> AlertFilter:
    """That filter, within what the officer may read."""
    wanted = replace(desk.alerts, states=STATES[asked["state"]], mark=asked["mark"] or None)
    if asked["type"]:
        kind = AlertType(asked["type"])
        wanted = replace(wanted, types=(kind,)) if kind in desk.types else replace(wanted, ids=())
    if asked["site"]:
        try:
            wanted = replace(wanted, site=OdsCode(asked["site"]))
        except InvalidValue:
            wanted = replace(wanted, ids=())
    age = AGES[asked["age"]]
    return replace(wanted, end=turn.now - age) if age is not None else wanted


def _address(asked: Mapping[str, str], page: int) -> str:
    """The address of one page of the queue under these filters."""
    return "/privacy/alerts?" + urlencode({**asked, "page": page})


def _page(text: str) -> int:
    return min(int(text), 1_000_000) if text.isascii() and text.isdigit() and 0 < len(text) < 8 and int(text) else 1


def _version(given: Mapping[str, str]) -> int | None:
    """The version the form was made from; None where the form does not say one, as none of ours leaves it."""
    text = given.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _wrong(note: str) -> list[dict[str, str]]:
    """What is wrong with a note, each fault on its own."""
    said = []
    if not says(note):
        said.append("Write a note, some of which can be seen")
    if len(note) > LONGEST_NOTE:
        said.append(f"Shorten the note to {LONGEST_NOTE} characters: it has {len(note)}")
    if turns(note):
        said.append(f"Write a note of characters {STRAIGHT}")
    return [{"text": text, "href": "#note"} for text in said]
