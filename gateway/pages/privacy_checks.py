"""Checks that need no single alert: answers recorded too quickly, emergency thresholds, samples, and charts.

Shows figures and references; judges nobody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.identifiers import UserId
from gateway.domain.instants import LONDON
from gateway.domain.privacy import DayCount, Sample, Span, Unreadable
from gateway.pages import privacy_words as words
from gateway.pages.charts import Chart, by_day, by_label
from gateway.pages.frame import Turn
from gateway.pages.privacy import Bench, again, shown
from gateway.service.privacy import Desk

THRESHOLD = "threshold"
SAMPLES = 50
DRAWN_SHOWN = 500
_SEED = re.compile(r"[A-Za-z0-9_-]{0,100}", re.ASCII)


def _given(turn: Turn, days: int) -> dict[str, str]:
    """The span asked for in the address, else the last so many days."""
    query = turn.request.query
    if "from" in query or "to" in query:
        return {"from": query.get("from", ""), "to": query.get("to", "")}
    return words.last_days(turn.now, days)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPages:
    """The handlers of the permissions page and the charts."""

    bench: Bench

    async def permissions(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/permissions: yes-rates, a yes used within two seconds, a yes after a no, overrides beyond the threshold."""
        desk = await self.bench.desk(turn, "permissionsReport", report=True)
        span, response = self._span(turn, "permissions")
        if span is None:
            return response
        await self.bench.privacy.note(desk, "report", _said(span))
        store, ods = self.bench.privacy.store, desk.organisation.ods
        quick = await store.self_recorded(ods, span)
        turned = await store.after_refusal(ods, span)
        by_user: dict[UserId | None, int] = {}
        for one in quick:
            by_user[one.permission.recorded_by] = by_user.get(one.permission.recorded_by, 0) + 1
        return shown(
            turn,
            "permissions",
            "permissions",
            given=_given(turn, 31),
            answers=await store.answers(ods, span),
            quick=quick[:DRAWN_SHOWN],
            quick_found=len(quick),
            quick_by_user=sorted(by_user.items(), key=lambda item: -item[1]),
            turned=turned[:DRAWN_SHOWN],
            turned_found=len(turned),
            overrides=await store.overrides(ods, span, THRESHOLD),
            names=await store.names(ods),
            unreadable=await store.unreadable(ods, span),
        )

    def _span(self, turn: Turn, template: str) -> tuple[Span | None, web.Response]:
        """The span, or the page that says what is wrong with it."""
        given = _given(turn, 31)
        try:
            return words.span_of(given), web.Response()
        except InvalidValue as error:
            problems = [{"text": str(error), "href": "#from"}]
            return None, again(shown(turn, template, template, given=given, problems=problems))

    async def charts(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/charts: views and alerts by day, reason, user and system."""
        desk = await self.bench.desk(turn, "charts", report=True)
        span, response = self._span(turn, "charts")
        if span is None:
            return response
        await self.bench.privacy.note(desk, "report", _said(span))
        unreadable = await self.bench.privacy.store.unreadable(desk.organisation.ods, span)
        charts = await self._charts(desk, span)
        return shown(turn, "charts", "charts", given=_given(turn, 31), charts=charts, unreadable=unreadable)

    async def _charts(self, desk: Desk, span: Span) -> tuple[Chart, ...]:
        store, ods = self.bench.privacy.store, desk.organisation.ods
        views, alerts = await store.views(ods, span), await store.alerts_per_day(ods, span)
        names = await store.names(ods)
        first, last = span.start.astimezone(LONDON).date(), span.end.astimezone(LONDON).date()
        last = last.fromordinal(last.toordinal() - 1)
        # days of the figures are UTC: in summer the first of them may begin on the evening before
        first = min([first, *(one.day for one in views), *(one.day for one in alerts)])
        return (
            by_day("views-day", "Views by day", ((one.day, one.count) for one in views), first, last),
            by_label(
                "views-reason",
                "Views by what they rest on",
                "Shown because",
                ((words.BASES.get(one.basis, one.basis or "not stated"), one.count) for one in views),
            ),
            by_label("views-user", "Views by user", "User", ((_name(one.user, names), one.count) for one in views)),
            by_label("views-system", "Views by system", "System", ((one.system, one.count) for one in views)),
            by_day("alerts-day", "Alerts by day", ((one.day, one.count) for one in alerts), first, last),
            by_label(
                "alerts-reason", "Alerts by type and reason", "Alert", ((_kind(one), one.count) for one in alerts)
            ),
            by_label("alerts-user", "Alerts by user", "User", ((_name(one.user, names), one.count) for one in alerts)),
            by_label("alerts-system", "Alerts by system", "System", ((one.system, one.count) for one in alerts)),
        )


def _kind(one: DayCount) -> str:
    return f"{words.TYPES[AlertType(one.type)]}: {words.REASONS[AlertReason(one.reason)]}"


def _said(span: Span) -> tuple[str, object]:
    return ("span", [span.start.isoformat(), span.end.isoformat()])


def _name(user: UserId | None, names: Mapping[UserId, str]) -> str:
    if user is None:
        return "not proved"
    return f"{names[user]} ({user.value})" if user in names else user.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePages:
    """The handlers of samples."""

    bench: Bench

    async def listed(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/samples."""
        desk = await self.bench.desk(turn, "listSamples")
        await self.bench.privacy.note(desk, "privacy")
        return await self._listed(turn, desk, given={"percent": "50", **words.last_days(turn.now, 7)})

    async def _listed(self, turn: Turn, desk: Desk, **values: Any) -> web.Response:
        found = await self.bench.privacy.store.samples(desk.organisation.ods, SAMPLES)
        samples = [one for one in found if isinstance(one, Sample)]
        unreadable = [one for one in found if isinstance(one, Unreadable)]
        return shown(turn, "samples", "samples", samples=samples, unreadable=unreadable, **values)

    async def draw(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/samples: so many per cent of the alerts of a span, by a seed that stays on record: a new one, or one given
        to draw a sample again."""
        desk = await self.bench.desk(turn, "drawSample")
        typed, seed = turn.form.get("percent", "").strip().removesuffix("%"), turn.form.get("seed", "").strip()
        problems = []
        if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:4]) <= 100):
            problems.append({"text": "Enter a percentage from 1 to 100", "href": "#percent"})
        if not _SEED.fullmatch(seed):
            said = "Enter the seed as the sample's page shows it, or leave it empty for a new sample"
            problems.append({"text": said, "href": "#seed"})
        try:
            span = words.span_of(turn.form)
        except InvalidValue as error:
            problems.append({"text": str(error), "href": "#from"})
        # a seed of one's own choosing could be tried until it draws what is wanted
        if seed and not problems and await self.bench.privacy.first_drawn(desk, int(typed), seed, span) is None:
            said = "No sample was drawn with this seed, share and dates: enter them as that sample's page shows them"
            problems.append({"text": said, "href": "#seed"})
        if problems:
            await self.bench.privacy.note(desk, "privacy")  # the samples before it are shown all the same
            return again(await self._listed(turn, desk, given=dict(turn.form), problems=problems))
        sample = await self.bench.privacy.sample(desk, int(typed), seed or turn.frame.seal.secret(), span)
        return turn.go(f"/privacy/samples/{sample.id}")

    async def one(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/samples/{id}: the alerts drawn and where they stand. Raises MessageInvalid(PAGE_NOT_FOUND)."""
        desk = await self.bench.desk(turn, "readSample")
        store = self.bench.privacy.store
        sample = await store.sample(turn.request.match_info["id"], desk.organisation.ods)
        if sample is None:
            raise MessageInvalid(Code.PAGE_NOT_FOUND)
        await self.bench.privacy.note(desk, "privacy", ("sample", sample.id))
        span = sample.span
        first = await self.bench.privacy.first_drawn(desk, sample.percent, sample.seed, span) if span else None
        found = await store.all(
            replace(desk.alerts, ids=sample.alerts[:DRAWN_SHOWN] if desk.types else ()), DRAWN_SHOWN
        )
        return shown(
            turn,
            "sample",
            "samples",
            sample=sample,
            first=first if first is not None and first.id != sample.id else None,
            cases=found.cases,
            unreadable=found.unreadable,
            most=DRAWN_SHOWN,
        )
