"""The view: decide on local facts, audit, PDS, decide, event list, decide, event, decide, build the answer, audit, answer (I1-I4, P-13).

Nothing about the patient is asked of Spine before the first entry is durable, no event is fetched unless the third
decision allows, nothing is shown that a no or an ended relationship has closed meanwhile, and nothing is handed out before
the outcome entry and any alert are durable together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from gateway.domain.access import Operation
from gateway.domain.codes import Code
from gateway.domain.decision import Alert, AuditEntry, ConsentFacts, Decision, Facts, Verdict
from gateway.domain.errors import GatewayError, InternalError, NoRecord, PolicyRefused, SpineUnavailable
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import EndPermissions, Spend, Successor, Write
from gateway.domain.permission import HowAsked, PermissionClaim, RecordedKind, RecordedPermission
from gateway.domain.spine import Confidentiality, Consent, Demographics, EventDocument, EventList, SpineCall
from gateway.service.answers import asked_permission
from gateway.service.calls import Call, Context, PrintCall, StatusCall, ViewCall
from gateway.service.entries import EntryMaker, refused
from gateway.service.identify import Caller
from gateway.service.outcomes import Status, Viewed
from gateway.service.parts import Parts
from gateway.service.recording import spends, spent_notes
from gateway.service.resting import resting, rests, under_way
from gateway.service.successors import learned, patient_facts

T = TypeVar("T")

CLOSED = frozenset({Code.SCR_NOT_AVAILABLE, Code.UNDER_REVIEW})
"""Codes of rules about the patient and their consent alone: they hold whoever asks."""
FIRST = CLOSED | {Code.BIRTH_DATE_MISMATCH}
"""What the first step of a view is refused for, once Spine was asked."""


class Audited(PolicyRefused):
    """A refusal whose audit entry is already durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request on its way through, with what is known so far."""

    context: Context
    caller: Caller
    facts: Facts
    maker: EntryMaker
    spine: SpineCall
    patient: Demographics | None = None
    permission: RecordedPermission | None = None
    """An answer that this request itself put on record."""
    successors: tuple[Successor, ...] = ()
    """Which numbers are on record as this patient's."""

    def met(self, patient: Demographics) -> "Visit":
        """The same with PDS's answer."""
        base = replace(self.maker.base, patient=patient.nhs_number, requested_patient=patient.requested)
        facts = replace(self.facts, patient=patient_facts(patient, self.successors))
        given = self.permission
        if given is not None and given.kind is not RecordedKind.PROXY and patient.deceased is not None:
            given = replace(given, how_asked=HowAsked.OTHER)  # nobody was asked face to face who has died
        maker = replace(self.maker, base=base)
        return replace(self, patient=patient, facts=facts, maker=maker, permission=given)


class View:
    """The use case of viewing a record, and of its first half, the status of a record."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def view(self, call: ViewCall, context: Context, caller: Caller, write: Callable[[Viewed], T]) -> T:
        """Shows a record. `write` builds the door's answer; it runs before the outcome entry is committed.

        Raises PolicyRefused, NoRecord, SpineUnavailable, NotPossibleNow, MessageInvalid (replay), InternalError.
        """
        visit = await self._open(call, call.patient, context, caller)
        try:
            visit = await self._meet(visit, call)
            assert visit.patient is not None
            events = await self._parts.spine.event_list(visit.patient.nhs_number, visit.spine)
            visit = replace(visit, facts=replace(visit.facts, consent=ConsentFacts(consent=events.consent)))
            await self._allowed(visit)
            document = await self._newest(call, events, visit.spine)
            visit = await self._read_again(visit, call)
            decision = await self._allowed(visit)
            answer = write(self._viewed(call, visit, document, decision))
            await self._commit_view(call, decision, visit, document)
        except GatewayError as error:
            await self._failed(error, visit)
            raise
        return answer

    async def status(self, call: StatusCall, context: Context, caller: Caller) -> Status:
        """Whether a viewable summary exists (getSCRStatus, the first step of listing doors). Raises as `view`.

        A patient whose demographics are protected, under review or unknown has none to view; nothing more is said.
        """
        visit = await self._open(call, call.patient, context, caller)
        try:
            if call.first_step:
                await self._check_said(visit)
            status = await self._looked_up(call.patient, visit)
            if call.first_step:
                await self._check_open(status, visit)
        except GatewayError as error:
            if call.first_step or not isinstance(error, NoRecord):
                await self._failed(error, visit)
                raise
            status = Status(exists=False, consent=Consent.NO)
        spine_ids = tuple(visit.spine.message_ids)
        entry = visit.maker.entry("status", "answered", self._parts.clock(), spine_message_ids=spine_ids)
        await self._parts.journal.commit(Write(entries=(entry,)))
        return status

    async def _looked_up(self, asked: NhsNumber, visit: Visit) -> Status:
        patient = await self._parts.spine.demographics(asked, visit.spine)
        await self._learn(asked, patient, visit)
        if patient.confidentiality is not Confidentiality.UNRESTRICTED:
            return Status(exists=False, consent=Consent.NO, patient=patient)
        events = await self._parts.spine.event_list(patient.nhs_number, visit.spine)
        return Status(exists=bool(events.events), consent=events.consent, events=events, patient=patient)

    async def _check_said(self, visit: Visit) -> None:
        """What a first step says already that binds a view: a no, which is recorded here as there, and a date of birth, which
        is held against the patient's only for whoever could view (else it could be guessed here). And a role of another
        organisation. Raises Audited, as the view itself would be refused.
        """
        facts = replace(visit.facts, operation=Operation.VIEW)
        claims = facts.claims
        binds = claims.permission is PermissionClaim.NO or claims.birth_date is not None
        reasons = self._parts.decide(facts).reasons
        if binds or any(reason.code is Code.ROLE_ORGANISATION for reason in reasons):
            await self._decide(facts, visit.maker)

    async def _check_open(self, status: Status, visit: Visit) -> None:
        """What the policy's own rules say of this patient's state and consent, whoever asks. Raises PolicyRefused, NoRecord.

        The first step of a view is an attempt at it: the alert of a refused one is raised here, where the caller stops.
        """
        assert status.patient is not None
        facts = replace(visit.facts, operation=Operation.VIEW, patient=patient_facts(status.patient))
        if status.events is not None:
            facts = replace(facts, consent=ConsentFacts(consent=status.consent))
        decision = self._parts.decide(facts)
        closed = tuple((reason.rule, reason.code) for reason in decision.reasons if reason.code in FIRST)
        if closed and decision.alert is not None and visit.caller.user is not None:
            error = Audited(closed[0][1], closed)
            entry = visit.maker.failed(error, self._parts.clock(), spine_message_ids=tuple(visit.spine.message_ids))
            entry, alert = visit.maker.raising(decision.alert, entry, visit.spine.asid.value)
            await self._parts.journal.commit(Write(entries=(entry,), alerts=(alert,)))
            raise error
        if closed:
            raise PolicyRefused(closed[0][1], closed)
        if not status.exists:
            raise NoRecord(Code.SCR_NOT_FOUND)

    async def _open(self, call: Call, patient: NhsNumber, context: Context, caller: Caller) -> Visit:
        """The first decision, on local facts, and the first durable entry: what was asked, and an answer just given."""
        maker = EntryMaker.of(call, context, caller, patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, (patient,))
        facts = resting(call, self._parts.facts(call, context, caller, state))
        spent = spends(call, caller, context)
        decision = await self._decide(facts, maker, spent)
        permission = None
        if isinstance(call, ViewCall) and call.renews is None and not isinstance(call, PrintCall):
            permission = asked_permission(call, caller, context, self._parts.ids)
        entry = maker.decided("asked", "asked", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=spent))
        spine = SpineCall(asid=context.system.asid, correlation_id=context.correlation_id, deadline=context.deadline)
        return Visit(
            context=context,
            caller=caller,
            facts=facts,
            maker=maker,
            spine=spine,
            permission=permission,
            successors=state.successors,
        )

    async def _meet(self, visit: Visit, call: ViewCall) -> Visit:
        """PDS and the second decision; where PDS tells of another number, with what is recorded under all of them."""
        patient = await self._parts.spine.demographics(call.patient, visit.spine)
        if await self._learn(call.patient, patient, visit):
            numbers = (call.patient, patient.nhs_number)
            state = await self._parts.state_of(visit.caller, visit.context, numbers)
            facts = replace(visit.facts, permissions=state.permissions, relationships=state.relationships)
            visit = replace(visit, facts=resting(call, facts), successors=state.successors)
        visit = visit.met(patient)
        await self._decide(visit.facts, visit.maker)
        return visit

    async def _read_again(self, visit: Visit, call: ViewCall) -> Visit:
        """With the answers and relationships on record now: Spine may have taken seconds. Raises NotPossibleNow."""
        assert visit.patient is not None
        now = max(visit.context.now, self._parts.clock())
        numbers = tuple(dict.fromkeys((call.patient, visit.patient.nhs_number)))
        state = await self._parts.answers_of(visit.caller, numbers, now)
        found = replace(visit.facts, now=now, permissions=state.permissions, relationships=state.relationships)
        if not rests(call):
            found = replace(found, recent_notes=state.recent_notes)
        facts = under_way(call, visit.facts, found)
        given = visit.permission if facts.claims.permission is visit.facts.claims.permission else None
        return replace(visit, facts=facts, permission=given)

    async def _learn(self, asked: NhsNumber, patient: Demographics, visit: Visit) -> bool:
        """Puts on record which number PDS says stands for the one asked for; whether that was news. Raises NotPossibleNow."""
        news = learned(asked, patient, visit.successors, self._parts.clock())
        if news:
            await self._parts.journal.commit(Write(successors=news))
        return bool(news)

    async def _newest(self, call: ViewCall, events: EventList, spine: SpineCall) -> EventDocument:
        """The newest summary; a listed id that is gone is listed once more, then reported."""
        number = events.nhs_number
        for listed in (events, None):
            current = listed or await self._parts.spine.event_list(number, spine)
            if not current.events or (
                call.event_id is not None and call.event_id.upper() != current.events[0].id.upper()
            ):
                raise NoRecord(Code.SCR_NOT_FOUND)
            document = await self._parts.spine.event(number, current.events[0].id, spine)
            if document is not None:
                return document
        raise SpineUnavailable(Code.SPINE_UNUSABLE)

    def _viewed(self, call: ViewCall, visit: Visit, document: EventDocument, decision: Decision) -> Viewed:
        """The outcome: read whole for doors that show it, checked for active content for doors that pass it on (I8)."""
        record = self._parts.read_summary(document) if call.rendered else None
        if not call.rendered and self._parts.active_content(document):
            raise SpineUnavailable(Code.SPINE_ACTIVE_CONTENT)
        assert visit.patient is not None
        return Viewed(patient=visit.patient, document=document, record=record, decision=decision)

    async def _commit_view(self, call: ViewCall, decision: Decision, visit: Visit, document: EventDocument) -> None:
        """The outcome entry, its alert and the use of a permission for one view: one transaction (I4).

        A print is an entry of its own; its alert was the view's.
        """
        printed = isinstance(call, PrintCall)
        alert = None if printed else decision.alert
        used = visit.permission or next((p for p in visit.facts.permissions if p.id == decision.permission_id), None)
        entry = visit.maker.decided(
            "print" if printed else "viewed",
            "record",
            decision,
            visit.facts,
            at=self._parts.clock(),
            permission_id=used.id if used else None,
            document_id=document.document_id,
            spine_message_ids=tuple(visit.spine.message_ids),
        )
        alerts: tuple[Alert, ...] = ()
        if alert is not None:
            entry, raised = visit.maker.raising(alert, entry, visit.spine.asid.value)
            alerts = (raised,)
        once = used is not None and used.kind is not RecordedKind.EXTENDED
        given = visit.permission
        await self._parts.journal.commit(
            Write(
                entries=(entry,),
                spend=spent_notes(call, visit.caller, visit.facts),
                alerts=alerts,
                # an answer given with this request goes on record with the view it opened, already used where it is for one
                permissions=(replace(given, consumed=once),) if given is not None else (),
                consume_permission=used.id if used is not None and once and given is None else None,
            )
        )

    async def _allowed(self, visit: Visit) -> Decision:
        """The decision on all facts, which is allow. Raises Audited; InternalError where a rule still waits."""
        decision = await self._decide(visit.facts, visit.maker)
        if decision.verdict is not Verdict.ALLOW:
            raise InternalError
        return decision

    async def _decide(self, facts: Facts, maker: EntryMaker, spent: tuple[Spend, ...] = ()) -> Decision:
        """Asks the policy; a deny is audited here, with its alert and with a refusal's end of standing permissions."""
        decision = self._parts.decide(facts)
        if decision.verdict is not Verdict.DENY:
            return decision
        code = decision.code.slug
        entry = maker.decided("refused", "refused", decision, facts, at=self._parts.clock(), code=code)
        alerts: tuple[Alert, ...] = ()
        if decision.alert is not None:
            entry, raised = maker.raising(decision.alert, entry, facts.system.asid.value)
            alerts = (raised,)
        write = Write(entries=(entry,), alerts=alerts, spend=spent)
        await self._parts.journal.commit(self._with_refusal(write, facts, maker.base))
        refusal = refused(decision)
        raise Audited(refusal.code, refusal.reasons, refusal.detail)

    def _with_refusal(self, write: Write, facts: Facts, base: AuditEntry) -> Write:
        """A patient's no is recorded and ends what stood, whatever else the view is refused for (P-03)."""
        if facts.claims.permission is not PermissionClaim.NO or base.patient is None or facts.organisation is None:
            return write
        if not self._parts.no_binds(facts):
            return write
        ended = EndPermissions(patients=(base.patient,), organisation=facts.organisation.ods, at=facts.now)
        answer = self._parts.refusal(facts, base.patient)
        return replace(write, permissions=(answer,), end_permissions=(ended,))

    async def _failed(self, error: GatewayError, visit: Visit) -> None:
        """Audits how an asked request ended, unless the refusal already is."""
        if isinstance(error, Audited):
            return
        spine_ids = tuple(visit.spine.message_ids)
        entry = visit.maker.failed(error, self._parts.clock(), spine_message_ids=spine_ids)
        await self._parts.journal.commit(Write(entries=(entry,)))
