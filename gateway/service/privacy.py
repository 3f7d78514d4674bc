"""The privacy officer's use cases (P-75, P-90, sections 3d to 3g): alerts, reports, samples, attendance.

Every one is decided by the policy, limited to the officer's own organisation and to the alert types the role may read, and
on record before anything is shown. Must never show or change an alert of another organisation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from gateway.domain.access import Operation, Organisation, User
from gateway.domain.codes import Code
from gateway.domain.decision import AlertType, AuditEntry, Decision, Facts
from gateway.domain.errors import AccessDenied, GatewayError, InvalidValue, MessageInvalid
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Write
from gateway.domain.privacy import (
    AlertAction,
    AlertCase,
    AlertFilter,
    AlertState,
    FileRefused,
    Reconciliation,
    Sample,
    Span,
)
from gateway.service.calls import Call, Context
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.parts import Parts
from gateway.service.privacy_port import WorkbenchPort
from gateway.service.service import Service

MOST_SAMPLES = 1000
"""The newest samples, among which one that is drawn again is looked for."""
_ALERT_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyCall(Call):
    """One thing a privacy officer does. `report`: it reads the audit, which another activity opens (B0011, R0001, R5105)."""

    patient: NhsNumber | None = None
    report: bool = False

    @property
    def operation(self) -> Operation:
        return Operation.ACTIVITY_REPORT if self.report else Operation.PRIVACY


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A decided call: who works where, and what the role may read."""

    organisation: Organisation
    user: User
    types: tuple[AlertType, ...]
    facts: Facts
    decision: Decision
    maker: EntryMaker

    @property
    def alerts(self) -> AlertFilter:
        """Every alert this officer may read."""
        none: tuple[str, ...] = ()
        return AlertFilter(organisation=self.organisation.ods, types=self.types, ids=None if self.types else none)

    def entry(self, event: str, outcome: str, *said: tuple[str, object], **more: object) -> AuditEntry:
        """What was done, on which facts; `said` are further facts, such as the span asked for."""
        entry = self.maker.decided(event, outcome, self.decision, self.facts, **more)
        return replace(entry, facts=(*entry.facts, *said))


class Privacy:
    """The use cases. All raise AccessDenied, PolicyRefused, NotPossibleNow, each already on record."""

    def __init__(
        self, parts: Parts, service: Service, store: WorkbenchPort, seen: Callable[[Facts], frozenset[AlertType]]
    ) -> None:
        self._parts, self._service, self._seen = parts, service, seen
        self.store = store

    async def open(self, call: PrivacyCall, context: Context) -> Desk:
        """The decision on one call; a deny is audited and raised."""
        try:
            caller = await self._service.caller(call, context)
        except AccessDenied as error:
            await self._service.reject(error, call, context)
            raise
        return await self._decided(self._placed(call, caller), context, caller)

    @staticmethod
    def _placed(call: PrivacyCall, caller: Caller) -> PrivacyCall:
        """A report is made in one of the organisation's settings; which one makes no difference to what it holds."""
        settings = caller.organisation.settings if caller.organisation else ()
        if not call.report or call.claims.setting is not None or not settings:
            return call
        return replace(call, claims=replace(call.claims, setting=settings[0].code))

    async def _decided(self, call: PrivacyCall, context: Context, caller: Caller) -> Desk:
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        facts = self._parts.facts(call, context, caller, await self._parts.state_of(caller, context, ()))
        decision = await self._parts.allowed(facts, maker)
        assert caller.organisation is not None  # P-70
        assert caller.user is not None  # P-07
        types = tuple(sorted(self._seen(facts)))
        return Desk(
            organisation=caller.organisation,
            user=caller.user,
            types=types,
            facts=facts,
            decision=decision,
            maker=maker,
        )

    async def note(self, desk: Desk, event: str, *said: tuple[str, object], **more: object) -> None:
        """Puts on record what is about to be shown. Raises NotPossibleNow, and then nothing may be shown."""
        await self.store.record(Write(entries=(desk.entry(event, "answered", *said, **more),)))

    async def alert(self, desk: Desk, alert_id: str) -> AlertCase:
        """One alert with its history, on record as looked at. Raises MessageInvalid(PAGE_NOT_FOUND)."""
        case = await self._own(desk, alert_id)
        await self.note(desk, "privacy", alert_id=alert_id, patient=case.alert.patient)
        return case

    async def _own(self, desk: Desk, alert_id: str) -> AlertCase:
        """One of this officer's alerts; the attempt at any other is on record before it is answered."""
        case = await self.store.one(alert_id, desk.organisation.ods)
        if case is None or case.alert.type not in desk.types:
            error = MessageInvalid(Code.PAGE_NOT_FOUND)
            # one form of id only: what else stands in an address is whatever its sender wrote
            named = alert_id if _ALERT_ID.fullmatch(alert_id) else None
            entry = desk.entry("refused", error.code.kind.value, code=error.code.slug, alert_id=named)
            await self.store.record(Write(entries=(entry,)))
            raise error
        return case

    async def act(
        self, desk: Desk, alert_id: str, version: int, to: AlertState, note: str, *, adds: bool = False
    ) -> None:
        """Takes an alert on, adds a note to it, or closes it, as it was shown. A refused act is on record too.

        Raises MessageInvalid: PAGE_NOT_FOUND, ALERT_CHANGED, MESSAGE_VALUE (no note, too long);
        PolicyRefused(ALERT_OWN_ACCESS) where it would be closed by the person whose access raised it (P-90).
        """
        case = await self._own(desk, alert_id)
        at = self._parts.clock()
        try:
            action = AlertAction(
                alert_id=alert_id,
                organisation=desk.organisation.ods,
                version=version,
                actor=desk.user.id,
                actor_name=desk.user.name,
                at=at,
                to=to,
                note=note.strip(),
                adds=adds,
            )
        except InvalidValue as error:
            raise MessageInvalid(Code.MESSAGE_VALUE) from error
        told = {"alert_id": alert_id, "patient": case.alert.patient, "note": action.note, "at": at}
        added: tuple[tuple[str, object], ...] = (("note_alone", True),) if adds else ()
        entry = desk.entry("privacy", to.value, ("version", version), *added, **told)
        try:
            await self.store.record(Write(entries=(entry,)), action)
        except GatewayError as error:
            failed = desk.entry("refused", error.code.kind.value, **(told | {"code": error.code.slug}))
            await self.store.record(Write(entries=(replace(failed, rules=error.rules),)))
            raise

    async def sample(self, desk: Desk, percent: int, seed: str, span: Span) -> Sample:
        """Draws and keeps a sample of the alerts of this span. Raises MessageInvalid(MESSAGE_VALUE) outside 1 to 100 per cent.

        With the seed, share and span of one that was drawn before it is that one again: what was raised after that was not
        drawn from, on the last day too.
        """
        at = self._parts.clock()
        before = await self.first_drawn(desk, percent, seed, span)
        end = min(span.end, before.at if before is not None else at)
        ids = await self.store.alert_ids(replace(desk.alerts, start=span.start, end=end))
        try:
            drawn = self.store.draw(ids, percent, seed)
        except InvalidValue as error:
            raise MessageInvalid(Code.MESSAGE_VALUE) from error
        sample = Sample(
            id=self._parts.ids.new(),
            organisation=desk.organisation.ods,
            officer=desk.user.id,
            at=at,
            percent=percent,
            seed=seed,
            alerts=drawn,
            span=span,
        )
        said: list[tuple[str, object]] = [("percent", percent), ("seed", seed), ("of", len(ids)), ("drawn", len(drawn))]
        said += [("sample", sample.id), ("span", [span.start.isoformat(), end.isoformat()])]
        said += [("again", before.id)] if before is not None else []
        await self.store.record(Write(entries=(desk.entry("privacy", "sampled", *said),)), sample)
        return sample

    async def first_drawn(self, desk: Desk, percent: int, seed: str, span: Span) -> Sample | None:
        """The first sample drawn so, where there is one: those that draw it again come after it."""
        found = await self.store.samples(desk.organisation.ods, MOST_SAMPLES)
        same = [
            one
            for one in found
            if isinstance(one, Sample) and (one.percent, one.seed, one.span) == (percent, seed, span)
        ]
        return min(same, key=lambda one: one.at, default=None)

    async def reconcile(self, desk: Desk, file: BinaryIO) -> Reconciliation:
        """Holds an attendance file against the open alerts; closes nothing. Raises FileRefused, which is on record too."""
        try:
            found = await self.store.reconcile(file, desk.alerts)
        except FileRefused:
            code = Code.MESSAGE_VALUE.slug
            await self.store.record(Write(entries=(desk.entry("privacy", "invalid", code=code),)))
            raise
        said = (("file", found.digest), ("rows", found.rows), ("matched", len(found.matched)))
        await self.note(desk, "privacy", *said)
        return found
