"""Spine as the service sees it: demographics, search, event list, event and alert, each one awaitable call.

A read is repeated only for a fault that Spine itself calls transient or a broken connection, inside the caller's
deadline, and with a NEW message id each time. An alert is sent once: its outbox repeats it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError
from gateway.domain.identifiers import Asid, CorrelationId, MessageId, NhsNumber, NhsNumbers, RoleProfileId, UserId
from gateway.domain.spine import Demographics, EventDocument, EventList, SpineCall, Traits
from gateway.spine.envelope import Answer, read_answer, read_fault
from gateway.spine.interactions import Interaction, SpineAddressing
from gateway.spine.outcomes import SpineFailure, fault
from gateway.spine.pds import demographics_of, pds_retrieval, pds_trace
from gateway.spine.psis import event_list_of, event_list_query, event_of, event_query
from gateway.spine.transport import Meter, NoMeter, Reply, SpineLimits, SpineTransport
from gateway.xml.parser import Limits

T = TypeVar("T")
Write = Callable[[MessageId], bytes]
PSIS_ENDPOINT, PDS_ENDPOINT, ALERT_ENDPOINT = "psis", "pds", "alert"


class SpineClient:
    """All calls to Spine, over one transport.

    `new_id`, `now` (aware) and `jitter` (0 <= x < 1) are the sources of ids, time and chance.
    """

    def __init__(
        self,
        transport: SpineTransport,
        addressing: SpineAddressing,
        numbers: NhsNumbers,
        *,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        limits: SpineLimits | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._transport = transport
        self._addressing = addressing
        self._numbers = numbers
        self._new_id = new_id
        self._now = now
        self._jitter = jitter
        self._limits = limits or SpineLimits()
        self._meter = meter or NoMeter()
        self._xml_limits = Limits(max_bytes=self._limits.max_answer_bytes)

    async def demographics(self, number: NhsNumber, call: SpineCall) -> Demographics:
        """The PDS record under a number. Raises NoRecord, WrongPatient, SpineUnavailable, NotPossibleNow."""

        def write(message_id: MessageId) -> bytes:
            return pds_retrieval(self._addressing, number, message_id=message_id, sender=call.asid, moment=self._now())

        return await self._read(
            self._addressing.pds_retrieval,
            PDS_ENDPOINT,
            write,
            lambda answer: demographics_of(answer, number, self._numbers),
            call,
        )

    async def search(self, traits: Traits, call: SpineCall) -> Demographics:
        """The one person these details find. Raises as `demographics`."""

        def write(message_id: MessageId) -> bytes:
            return pds_trace(self._addressing, traits, message_id=message_id, sender=call.asid, moment=self._now())

        return await self._read(
            self._addressing.pds_trace,
            PDS_ENDPOINT,
            write,
            lambda answer: demographics_of(answer, None, self._numbers),
            call,
        )

    async def event_list(self, number: NhsNumber, call: SpineCall) -> EventList:
        """Listed summaries and consent. Raises WrongPatient, SpineUnavailable, NotPossibleNow."""

        def write(message_id: MessageId) -> bytes:
            return event_list_query(
                self._addressing, number, message_id=message_id, sender=call.asid, moment=self._now()
            )

        return await self._read(
            self._addressing.event_list, PSIS_ENDPOINT, write, lambda answer: event_list_of(answer, number), call
        )

    async def event(self, number: NhsNumber, event_id: str, call: SpineCall) -> EventDocument | None:
        """One document, or None where Spine no longer has it. Raises PolicyRefused (Spine's access control) and as above."""

        def write(message_id: MessageId) -> bytes:
            return event_query(
                self._addressing, number, event_id, message_id=message_id, sender=call.asid, moment=self._now()
            )

        return await self._read(
            self._addressing.event, PSIS_ENDPOINT, write, lambda answer: event_of(answer, number, event_id), call
        )

    async def send_alert(
        self,
        audit_event: Mapping[str, Any],
        *,
        asid: Asid,
        user: UserId,
        role: RoleProfileId,
        correlation_id: CorrelationId,
        deadline: float | None = None,
    ) -> None:
        """One privacy alert (FHIR AuditEvent), sent once. Returns when Spine has it (2xx).

        Raises SpineFailure SPINE_FAULT (`transient` False: Spine refused this alert, repeating it will not help),
        SPINE_UNREACHABLE; NotPossibleNow.
        """
        headers = {
            "Content-Type": "application/fhir+json",
            "nhsd-asid": asid.value,
            "NHSD-Identity-UUID": user.value,
            "NHSD-Session-URID": role.value,
            "NHSD-Correlation-ID": correlation_id.value,
            "NHSD-Request-ID": str(self._new_id()).upper(),
            "Correlation-Id": correlation_id.value,
        }
        loop = asyncio.get_running_loop()
        latest = loop.time() + self._limits.total_seconds if deadline is None else deadline
        url, body = self._addressing.alert_url, orjson.dumps(audit_event)

        async def send() -> None:
            reply = await self._transport.post(ALERT_ENDPOINT, url, body, headers, deadline=latest)
            if not 200 <= reply.status < 300:
                refused = 400 <= reply.status < 500 and reply.status not in {408, 429}
                raise SpineFailure(Code.SPINE_FAULT, fault_codes=_outcome_codes(reply.body), transient=not refused)

        await self._metered("AuditEvent", send())

    async def _read(
        self,
        interaction: Interaction,
        endpoint: str,
        write: Write,
        meaning: Callable[[Answer], T],
        call: SpineCall,
    ) -> T:
        """Ask until there is an answer or no reason to ask again, then take its meaning.

        The controller of the tries is only built once the first has failed: nearly all reads need one try.
        """

        async def ask() -> T:
            try:
                return meaning(await self._ask(interaction, endpoint, write, call))
            except SpineFailure as error:
                if not error.transient:
                    raise
                first: SpineFailure | None = error
            async for attempt in self._attempts(interaction, call):
                with attempt:
                    if first is not None:
                        failed, first = first, None
                        raise failed
                    return meaning(await self._ask(interaction, endpoint, write, call))
            raise InternalError  # tenacity raises or returns; this line is for the type checker

        return await self._metered(interaction.name, ask())

    async def _ask(self, interaction: Interaction, endpoint: str, write: Write, call: SpineCall) -> Answer:
        message_id = MessageId(str(self._new_id()).upper())
        call.message_ids.append(message_id.value)
        url = self._addressing.pds_url if endpoint == PDS_ENDPOINT else self._addressing.psis_url
        headers = {
            "Content-Type": "text/xml",
            "SOAPAction": interaction.action,
            "nhsd-asid": call.asid.value,
            "Correlation-Id": call.correlation_id.value,
        }
        reply = await self._transport.post(endpoint, url, write(message_id), headers, deadline=call.deadline)
        answer = self._answer(reply, interaction)
        if not answer.answers_to(message_id):
            # The national service's own answers have been seen to name another request, so the ids of patient and
            # event decide whether this one is used; the mismatch is counted.
            self._meter.uncorrelated(interaction.name)
        return answer

    def _answer(self, reply: Reply, interaction: Interaction) -> Answer:
        if reply.status == 200:
            return read_answer(reply.body, interaction, self._xml_limits)
        raise fault(read_fault(reply.body, self._xml_limits) if reply.status == 500 else ())

    def _attempts(self, interaction: Interaction, call: SpineCall) -> AsyncRetrying:
        """A new controller for one read: bounded by number and by the deadline, with a jittered, doubling pause."""
        loop = asyncio.get_running_loop()

        def pause(state: RetryCallState) -> float:
            return self._limits.first_pause_seconds * float(2 ** (state.attempt_number - 1)) * (0.5 + self._jitter())

        def over(state: RetryCallState) -> bool:
            return state.attempt_number >= self._limits.attempts or loop.time() + state.upcoming_sleep >= call.deadline

        return AsyncRetrying(
            stop=over,
            wait=pause,
            retry=retry_if_exception(lambda error: isinstance(error, SpineFailure) and error.transient),
            before_sleep=lambda _: self._meter.retried(interaction.name),
            reraise=True,
        )

    async def _metered(self, name: str, work: Awaitable[T]) -> T:
        loop = asyncio.get_running_loop()
        start = loop.time()
        outcome = "abandoned"
        try:
            result = await work
            outcome = "answered"
        except GatewayError as error:
            outcome = error.code.slug
            raise
        else:
            return result
        finally:
            self._meter.observe(name, loop.time() - start, outcome)


def _outcome_codes(body: bytes) -> tuple[str, ...]:
    """The codes of an OperationOutcome; its texts may speak of the patient and are left."""
    try:
        outcome = orjson.loads(body)
        return tuple(
            str(coding["code"])
            for issue in outcome["issue"]
            for coding in issue["details"]["coding"]
            if "code" in coding
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ()
