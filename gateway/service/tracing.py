"""One question to PDS, and the entry of how it ended, durable before anybody hears."""

from collections.abc import Awaitable, Callable

from gateway.domain.errors import GatewayError
from gateway.domain.journal import Write
from gateway.domain.spine import Demographics, SpineCall
from gateway.service.calls import Context
from gateway.service.entries import EntryMaker
from gateway.service.outcomes import Traced
from gateway.service.parts import Parts
from gateway.service.successors import superseded


async def traced(
    parts: Parts, maker: EntryMaker, context: Context, find: Callable[[SpineCall], Awaitable[Demographics]]
) -> Traced:
    """Whom `find` finds, for a request whose `asked` entry is durable already.

    Raises what `find` raises (NoRecord, SpineUnavailable), audited; NotPossibleNow.
    """
    spine = SpineCall(asid=context.system.asid, correlation_id=context.correlation_id, deadline=context.deadline)
    try:
        patient = await find(spine)
    except GatewayError as error:
        failed = maker.failed(error, parts.clock(), spine_message_ids=tuple(spine.message_ids))
        await parts.journal.commit(Write(entries=(failed,)))
        raise
    found = maker.entry(
        "trace",
        "answered",
        parts.clock(),
        patient=patient.nhs_number,
        requested_patient=patient.requested,
        spine_message_ids=tuple(spine.message_ids),
    )
    await parts.journal.commit(Write(entries=(found,), successors=superseded(patient, found.at)))
    return Traced(patient=patient)
