"""A privacy alert that a calling system posts itself (P-75, P-79): on record once, for its own organisation, under the proved user.

It adds to what views raise and replaces nothing: no alert of the gateway's own waits for it or is spared by it.
"""

from datetime import timedelta

from gateway.domain.codes import Code
from gateway.domain.decision import AlertPlan, SentWith
from gateway.domain.errors import AccessDenied, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.journal import Spend, SpendKind, Write
from gateway.service.calls import Context, RecordAlertCall
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.outcomes import Recorded
from gateway.service.parts import Parts

POSTED = "posted"
"""Mark of an alert that a system wrote, not a view."""
REMEMBERED = timedelta(days=3660)
"""How long a posted alert is known again."""
ORGANISATION = "organisation"
"""Place of the finding about an alert in another organisation's name; its door says where that stands on the wire."""


class Alerting:
    """The use case that puts a posted alert on record."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def record(self, call: RecordAlertCall, context: Context, caller: Caller) -> Recorded:
        """Records the alert; the very same alert again changes nothing (no ids in the outcome).

        Raises PolicyRefused; AccessDenied: another user than the proved one; MessageInvalid: another organisation than
        the caller's; NotPossibleNow.
        """
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        facts = self._parts.facts(call, context, caller, await self._parts.state_of(caller, context, (call.patient,)))
        decision = await self._parts.allowed(facts, maker)
        self._check_agents(call, caller)
        alert = call.alert
        sent = SentWith(id=alert.id, recorded=alert.recorded, message=alert.message, action=alert.action)
        plan = AlertPlan(alert.type, alert.reason, marks=(POSTED,), sent=sent)
        entry = maker.decided(
            "alert",
            "recorded",
            decision,
            facts,
            document_id=alert.subject,
            note=alert.note,
        )
        key = f"alert:{context.system.id.value}:{alert.id}:{alert.digest}"
        spend = Spend(kind=SpendKind.MESSAGE, key=key, expires=context.now + REMEMBERED)
        entry, raised = maker.raising(plan, entry, context.system.asid.value)
        try:
            await self._parts.journal.commit(Write(entries=(entry,), spend=(spend,), alerts=(raised,)))
        except MessageInvalid as known:
            if known.code is not Code.MESSAGE_REPLAYED:
                raise
            again = maker.decided("alert", "known", decision, facts, document_id=alert.subject)
            await self._parts.journal.commit(Write(entries=(again,)))
            return Recorded(ids=())
        return Recorded(ids=(raised.id,))

    @staticmethod
    def _check_agents(call: RecordAlertCall, caller: Caller) -> None:
        """The alert names the proved user and their organisation, nobody else."""
        if caller.user is None or caller.user.id != call.alert.user:
            raise AccessDenied(Code.USER_MISMATCH, rules=("P-07",))
        if caller.organisation is None or caller.organisation.ods != call.alert.organisation:
            expected = "the ODS code of the organisation that the calling system is registered for"
            finding = Finding(
                code="posted-alert",
                sentence="The alert names another organisation than the caller's.",
                path=ORGANISATION,
                expected=expected,
            )
            raise MessageInvalid(Code.MESSAGE_VALUE, (finding,), rules=("P-14",))
