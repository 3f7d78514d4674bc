"""The one way through for every door: read, who is it, use case, answer; rejected messages leave a trace too.

Each door's bytes become one Call; each Call ends in one Outcome or one GatewayError; both are written by the door.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gateway.domain.codes import Kind
from gateway.domain.decision import AuditEntry
from gateway.domain.errors import AccessDenied, GatewayError, InternalError, MessageInvalid
from gateway.domain.journal import Write
from gateway.domain.spine import Demographics
from gateway.service.activity import Reports
from gateway.service.alerts import Alerting
from gateway.service.calls import (
    ActivityCall,
    Call,
    Context,
    EndRelationshipsCall,
    FeedRelationshipCall,
    QueryPermissionCall,
    RbacCall,
    RecordAlertCall,
    RecordPermissionCall,
    StatusCall,
    TraceCall,
    ViewCall,
)
from gateway.service.doors import Door, WireRequest, WireResponse, warned
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.launching import ArrivalCall, LaunchCall, Launching
from gateway.service.outcomes import Outcome, Viewed
from gateway.service.parts import Parts
from gateway.service.paths import OpenPaths, Paths
from gateway.service.recording import Recording
from gateway.service.view import View

T = TypeVar("T")


class Service:
    """The use cases, ready to be called by any door."""

    def __init__(self, parts: Parts, launching: Launching | None = None) -> None:
        self._parts = parts
        self._view = View(parts)
        self._paths = OpenPaths(parts)
        recording, reports = Recording(parts), Reports(parts)
        self._use_cases: dict[type[Call], Callable[[Any, Context, Caller], Awaitable[Outcome]]] = {
            StatusCall: self._view.status,
            RecordPermissionCall: recording.record_permission,
            QueryPermissionCall: recording.query_permission,
            FeedRelationshipCall: recording.feed,
            EndRelationshipsCall: recording.end_relationships,
            RbacCall: reports.rbac,
            ActivityCall: reports.activity,
            TraceCall: reports.trace,
            RecordAlertCall: Alerting(parts).record,
        }
        if launching is not None:
            self._use_cases |= {LaunchCall: launching.launch, ArrivalCall: launching.arrive}

    async def answer(self, door: Door, wire: WireRequest, context: Context) -> tuple[WireResponse, GatewayError | None]:
        """The door's answer, and the error behind it where it is a refusal. Never raises a GatewayError."""
        call: Call | None = None
        try:
            call = door.read(wire)
            return await self._answered(door, wire, call, context), None
        except GatewayError as refusal:
            error = await self._traced(refusal, call, context)
            if call is None:
                await self._taught(error, door, wire)
        except Exception as bug:  # noqa: BLE001 - I6: whatever went wrong is a refusal with a code, and leaves a trace
            error = InternalError()
            error.__cause__ = bug
            error = await self._traced(error, call, context)
        return door.refuse(wire, call, error), error

    async def _taught(self, error: GatewayError, door: Door, wire: WireRequest) -> None:
        """Puts all findings of an unreadable message in place of the first ones, where they can be had."""
        if isinstance(error, MessageInvalid) and self._parts.teach is not None:
            error.findings = await self._parts.teach(door, wire) or error.findings

    async def refuse_unread(
        self, door: Door, wire: WireRequest, error: GatewayError, context: Context
    ) -> tuple[WireResponse, GatewayError]:
        """A message refused before it was read: too large, of another media type, too slow."""
        traced = await self._traced(error, None, context)
        return door.refuse(wire, None, traced), traced

    async def _answered(self, door: Door, wire: WireRequest, call: Call, context: Context) -> WireResponse:
        caller = await self.caller(call, context)
        if isinstance(call, ViewCall):

            def write(viewed: Viewed) -> WireResponse:
                return warned(door.write(wire, call, viewed), viewed.decision)

            return await self._view.view(call, context, caller, write)
        return door.write(wire, call, await self.outcome(call, context, caller))

    async def ask(self, call: Call, context: Context) -> Outcome:
        """A page's call, which is no view: the outcome itself. Raises GatewayError, its trace already in the audit."""
        try:
            return await self.outcome(call, context, await self.caller(call, context))
        except GatewayError as error:
            raise await self._traced(error, call, context) from error

    async def show(self, call: ViewCall, context: Context, write: Callable[[Viewed], T]) -> T:
        """A page's view or print: decided, audited and alerted as at any door; `write` builds the page before it is. Raises as `ask`."""
        try:
            return await self._view.view(call, context, await self.caller(call, context), write)
        except GatewayError as error:
            raise await self._traced(error, call, context) from error

    async def paths(self, call: Call, context: Context, patient: Demographics) -> Paths:
        """Which ways to this patient's record stand open to a page's user; decides nothing. Raises as `ask`."""
        try:
            return await self._paths.paths(call, context, await self.caller(call, context), patient)
        except GatewayError as error:
            raise await self._traced(error, call, context) from error

    async def admit(self, call: Call, context: Context, patient: Demographics) -> None:
        """Whether a page's user may go on from the first page of a patient. Raises PolicyRefused, audited, and as `ask`."""
        try:
            await self._paths.admit(call, context, await self.caller(call, context), patient)
        except GatewayError as error:
            raise await self._traced(error, call, context) from error

    async def note_session(self, action: str, outcome: str, call: Call, context: Context) -> None:
        """Audits a browser session's begin or end (`signIn`, `signOut` …). Raises as `ask`."""
        try:
            caller = await self.caller(call, context)
            maker = EntryMaker.of(call, context, caller, None, self._parts.ids)
            entry = maker.entry("session", outcome, context.now, operation=action)
            await self._parts.journal.commit(Write(entries=(entry,)))
        except GatewayError as error:
            raise await self._traced(error, call, context) from error

    async def caller(self, call: Call, context: Context) -> Caller:
        """The proved caller. Raises AccessDenied, NotPossibleNow."""
        return await self._parts.identify.caller(
            call.credentials, call.claims.role, context, prove=isinstance(call, (StatusCall, TraceCall))
        )

    async def outcome(self, call: Call, context: Context, caller: Caller) -> Outcome:
        """Every use case but the view, which needs its writer. Raises GatewayError."""
        use_case = self._use_cases.get(type(call))
        if use_case is None:
            raise InternalError
        return await use_case(call, context, caller)

    async def _traced(self, error: GatewayError, call: Call | None, context: Context) -> GatewayError:
        """A message that fails before the decision is audited as rejected, ids that nobody proved marked as claimed only.

        Returns the error to answer with: where even this entry cannot be written, that the audit is away.
        """
        untraced = isinstance(error, (AccessDenied, InternalError)) or error.code.kind is Kind.INVALID
        if not untraced:
            return error
        try:
            await self.reject(error, call, context)
        except GatewayError as unwritten:
            return unwritten
        return error

    async def reject(self, error: GatewayError, call: Call | None, context: Context) -> None:
        """Writes the `rejected` entry of a message that failed before the decision. Raises NotPossibleNow.

        Its user is only claimed, unless somebody signed in to the browser session it came by: that person is named.
        """
        patient, call = getattr(call, "patient", None), call or UNREAD
        maker = EntryMaker.of(call, context, None, patient, self._parts.ids)
        outcome, code = error.code.kind.value, error.code.slug
        entry = maker.entry("rejected", outcome, context.now, code=code, rules=error.rules, facts=call.told)
        await self._parts.rejections.note(entry, context.system.id.value)

    async def reject_unproved(self, error: GatewayError, wire: WireRequest, door: str, peer: str) -> GatewayError:
        """Traces a request whose calling system is not proved. Returns the error to answer with."""
        entry = AuditEntry(
            id=self._parts.ids.new(),
            at=wire.now,
            event="rejected",
            door=door,
            correlation_id=wire.correlation_id.value,
            operation="unread",
            outcome=error.code.kind.value,
            code=error.code.slug,
            rules=error.rules,
            network=peer,
            claimed=True,
        )
        try:
            await self._parts.rejections.note(entry, peer)
        except GatewayError as unwritten:
            return unwritten
        return error


class Unread(Call):
    """Stands for a message that could not be read."""


UNREAD = Unread(action="unread")
"""What is audited of a message whose operation is not known."""
