"""Reports over the audit for the privacy officer: one patient, one user, look-ups, and who has looked at a patient's record.

A patient's number is posted, never in an address. What is shown and what is saved as a file come from the same question.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.privacy import Entries, EntryFilter, EventCount, Span
from gateway.pages import privacy_words as words
from gateway.pages.frame import Turn
from gateway.pages.privacy import MOST_EXPORTED, Bench, again, exported, number_of, shown
from gateway.service.privacy import Desk

SHOWN = 100
ENQUIRIES = ("trace",)
"""Events of a patient looked up."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One report: its part of the navigation, and the action as audited."""

    name: str
    action: str


PATIENT, USER = Kind("patient", "patientAccessReport"), Kind("user", "userAccessReport")
ENQUIRY = Kind("enquiries", "patientEnquiryReport")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form asks for."""

    span: Span
    patient: NhsNumber | None = None
    user: UserId | None = None
    events: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[tuple[str, object], ...]:
        """For the audit; the patient stands in the entry's own place."""
        span = [self.span.start.isoformat(), self.span.end.isoformat()]
        return (("span", span), ("wanted_user", self.user.value if self.user else None))


def _asked(turn: Turn, kind: Kind) -> Asked:
    """Raises InvalidValue, whose text is for the person."""
    span = words.span_of(turn.form)
    if kind is PATIENT:
        return Asked(span=span, patient=number_of(turn, turn.form))
    if kind is ENQUIRY:
        return Asked(span=span, events=ENQUIRIES)
    try:
        return Asked(span=span, user=UserId(turn.form.get("user", "").replace(" ", "")))
    except InvalidValue as error:
        raise InvalidValue("Enter the user's id: 12 digits") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPages:
    """The handlers of one kind of report."""

    bench: Bench
    kind: Kind

    async def form(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/reports/…: what to ask for."""
        desk = await self.bench.desk(turn, self.kind.action, report=True)
        await self.bench.privacy.note(desk, "report", ("form", True))
        return self._page(turn, given=words.last_days(turn.now))

    def _page(self, turn: Turn, **values: Any) -> web.Response:
        return shown(turn, "report", self.kind.name, kind=self.kind.name, limit=SHOWN, **values)

    async def run(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/reports/…: the first rows, and counts by day for look-ups."""
        try:
            asked = _asked(turn, self.kind)
        except InvalidValue as error:
            await self.bench.desk(turn, self.kind.action, report=True)
            return self._wrong(turn, error)
        desk = await self.bench.desk(turn, self.kind.action, patient=asked.patient, report=True)
        await self.bench.privacy.note(desk, "report", *asked.said)
        found = await self._entries(desk, asked, SHOWN)
        counts: tuple[EventCount, ...] = ()
        if self.kind is ENQUIRY:
            per_day = await self.bench.privacy.store.events_per_day(desk.organisation.ods, asked.span)
            counts = tuple(one for one in per_day if one.event in ENQUIRIES)
        return self._page(turn, given=dict(turn.form), found=found, counts=counts)

    def _wrong(self, turn: Turn, error: InvalidValue) -> web.Response:
        text = str(error)
        place = "#nhs-number" if "NHS number" in text else "#user" if "user" in text else "#from"
        return again(self._page(turn, given=dict(turn.form), problems=[{"text": text, "href": place}]))

    async def _entries(self, desk: Desk, asked: Asked, limit: int) -> Entries:
        wanted = EntryFilter(
            organisation=desk.organisation.ods,
            span=asked.span,
            events=asked.events,
            patient=asked.patient,
            user=asked.user,
        )
        return await self.bench.privacy.store.entries(wanted, limit)

    async def export(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/reports/…/export: all rows as a file; too many are refused, never cut off."""
        try:
            asked = _asked(turn, self.kind)
        except InvalidValue as error:
            await self.bench.desk(turn, self.kind.action, report=True)
            return self._wrong(turn, error)
        desk = await self.bench.desk(turn, self.kind.action, patient=asked.patient, report=True)
        form = turn.form.get("format", "")
        await self.bench.privacy.note(desk, "report", *asked.said, ("format", form))
        found = await self._entries(desk, asked, MOST_EXPORTED)
        if found.found > MOST_EXPORTED:
            return self._wrong(turn, InvalidValue(f"More than {MOST_EXPORTED:,} rows: choose a shorter span"))
        return exported(form, f"scr-{self.kind.name}", self.bench.files.entries(form, found))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedPages:
    """Who has looked at one patient's record here, whenever: the answer to a patient's own request."""

    bench: Bench

    async def form(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/looked."""
        desk = await self.bench.desk(turn, "whoHasLooked", report=True)
        await self.bench.privacy.note(desk, "report", ("form", True))
        return shown(turn, "looked", "looked", given={})

    async def run(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/looked, and with a format /privacy/looked/export."""
        try:
            numbers = self._numbers(turn)
        except InvalidValue as error:
            await self.bench.desk(turn, "whoHasLooked", report=True)
            problems = [{"text": str(error), "href": "#nhs-number"}]
            return again(shown(turn, "looked", "looked", given=dict(turn.form), problems=problems))
        desk = await self.bench.desk(turn, "whoHasLooked", patient=numbers[0], report=True)
        form = turn.form.get("format", "")
        await self.bench.privacy.note(desk, "report", ("format", form or None), ("numbers", len(numbers)))
        found = await self.bench.privacy.store.looked(numbers, desk.organisation.ods, MOST_EXPORTED)
        if form:
            return exported(form, "scr-who-has-looked", self.bench.files.entries(form, found))
        return shown(turn, "looked", "looked", given=dict(turn.form), found=found)

    @staticmethod
    def _numbers(turn: Turn) -> tuple[NhsNumber, ...]:
        """The number, and the one before it where there was one. Raises InvalidValue."""
        numbers = [number_of(turn, turn.form)]
        if turn.form.get("earlier", "").strip():
            numbers.append(number_of(turn, turn.form, "earlier"))
        return tuple(dict.fromkeys(numbers))
