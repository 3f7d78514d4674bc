"""What the use cases are built from, and the one place where a request becomes the facts of a decision."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from gateway.domain.access import Operation, Purpose, Scope, Setting
from gateway.domain.codes import Code
from gateway.domain.decision import Decision, Facts, Verdict
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Spend, ViewState, Write
from gateway.domain.permission import HowAsked, PermissionAnswer, RecordedKind, RecordedPermission
from gateway.service.calls import Call, Context
from gateway.service.doors import Door, WireRequest
from gateway.service.entries import EntryMaker, refused
from gateway.service.identify import Caller, Identify
from gateway.service.ports import ActiveContent, DirectoryPort, Ids, JournalPort, SpinePort, StatePort, SummaryReader
from gateway.service.rejections import Rejections

REFUSAL_COUNTS = timedelta(hours=24)
"""How long a recorded no needs the statement that the condition has changed (P-03)."""

IN_DOUBT = frozenset(
    code
    for code in Code
    if code.name.startswith(("SYSTEM_", "CREDENTIALS_", "SESSION_"))
    or code in {Code.USER_UNKNOWN, Code.USER_MISMATCH, Code.ROLE_NONE, Code.ROLE_NOT_HELD, Code.ROLE_ORGANISATION}
)
"""What leaves open who asks, or for which organisation. Setting, purpose, training or activity do not: a patient's no binds there too."""

EMPTY = ViewState(
    permissions=(),
    relationships=(),
    recent_notes=(),
    override_count_24h=0,
    trained=False,
    privacy_officers_trained=0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The outside, through its ports, and the policy."""

    identify: Identify
    directory: DirectoryPort
    spine: SpinePort
    journal: JournalPort
    rejections: Rejections
    state: StatePort
    decide: Callable[[Facts], Decision]
    held: Callable[[Facts], RecordedPermission | None]
    """The recorded permission that would cover a view now, by the policy's own rule."""
    read_summary: SummaryReader
    active_content: ActiveContent
    ids: Ids
    clock: Callable[[], datetime]
    teach: Callable[[Door, WireRequest], Awaitable[tuple[Finding, ...]]] | None = None
    """All findings of a message that a door refused; None or an empty answer: the door's own first findings stand."""

    async def state_of(self, caller: Caller, context: Context, patients: tuple[NhsNumber, ...]) -> ViewState:
        """What the store holds for these numbers in the caller's organisation. Raises NotPossibleNow."""
        if caller.organisation is None:
            return EMPTY
        return await self.state.view_state(
            patients=patients,
            organisation=caller.organisation.ods,
            user=caller.user.id if caller.user else None,
            officers=caller.organisation.privacy_officers,
            now=context.now,
        )

    async def answers_of(self, caller: Caller, patients: tuple[NhsNumber, ...], now: datetime) -> ViewState:
        """The same at a later instant, without what the organisation's officers have done. Raises NotPossibleNow."""
        if caller.organisation is None:
            return EMPTY
        ods, user = caller.organisation.ods, caller.user.id if caller.user else None
        return await self.state.view_state(patients=patients, organisation=ods, user=user, officers=(), now=now)

    def facts(self, call: Call, context: Context, caller: Caller, state: ViewState) -> Facts:
        """The local facts of a request (stage 1). Raises MessageInvalid: purpose or setting that cannot be one."""
        system = context.system
        return Facts(
            now=context.now,
            operation=call.operation,
            action=call.action,
            system=system,
            system_proved=context.system_proved,
            network_allowed=context.network_allowed,
            organisation=caller.organisation,
            site=system.site,
            setting=self._setting(call, context),
            purpose=self._purpose(call, context),
            user=caller.user,
            proof=caller.proof,
            role=caller.role,
            trained=state.trained,
            privacy_officers_trained=state.privacy_officers_trained,
            claims=call.claims,
            permissions=state.permissions,
            relationships=state.relationships,
            recent_notes=state.recent_notes,
            override_count_24h=state.override_count_24h,
        )

    @staticmethod
    def _purpose(call: Call, context: Context) -> Purpose:
        """The purpose named, else the system's. A closed list: unknown is invalid (P-15)."""
        if call.claims.purpose is None:
            return context.system.purpose
        try:
            return Purpose(call.claims.purpose)
        except ValueError as error:
            raise MessageInvalid(Code.MESSAGE_VALUE, rules=("P-15",)) from error

    @staticmethod
    def _setting(call: Call, context: Context) -> Setting | None:
        """The setting named, else the system's."""
        if call.claims.setting is None:
            return context.system.setting
        try:
            return Setting(call.claims.setting)
        except InvalidValue as error:
            raise MessageInvalid(Code.MESSAGE_VALUE, rules=("P-58",)) from error

    async def allowed(self, facts: Facts, maker: EntryMaker, spend: tuple[Spend, ...] = ()) -> Decision:
        """The decision where it is allow. Raises PolicyRefused, its entry durable; NotPossibleNow."""
        decision = self.decide(facts)
        if decision.verdict is not Verdict.ALLOW:
            await self.refuse(decision, facts, maker, spend)
        return decision

    async def refuse(
        self, decision: Decision, facts: Facts, maker: EntryMaker, spend: tuple[Spend, ...] = ()
    ) -> NoReturn:
        """Raises PolicyRefused for a deny, once its entry is durable; NotPossibleNow where it cannot be."""
        entry = maker.decided("refused", "refused", decision, facts, code=decision.code.slug)
        await self.journal.commit(Write(entries=(entry,), spend=spend))
        raise refused(decision)

    def no_binds(self, facts: Facts) -> bool:
        """Whether a no told here goes on record: who told it, and at which organisation, is proved, whatever else is refused."""
        if facts.user is None or facts.organisation is None:
            return False
        reasons = self.decide(replace(facts, operation=Operation.RECORD_PERMISSION)).reasons
        return not any(reason.code in IN_DOUBT for reason in reasons)

    def refusal(self, facts: Facts, patient: NhsNumber) -> RecordedPermission:
        """The record of a patient's no, told to this caller, in force for the whole organisation."""
        assert facts.organisation is not None
        assert facts.user is not None
        return RecordedPermission(
            id=self.ids.new(),
            patient=patient,
            organisation=facts.organisation.ods,
            answer=PermissionAnswer.NO,
            kind=RecordedKind.SINGLE,
            scope=Scope.ORGANISATION,
            user=None,
            role=None,
            team=None,
            start=facts.now,
            end=facts.now + REFUSAL_COUNTS,
            how_asked=HowAsked.FACE_TO_FACE,
            question_version=facts.organisation.permission.question_version,
            recorded_by=facts.user.id,
            recorded_role=facts.role.id if facts.role else None,
            system=facts.system.id,
        )
