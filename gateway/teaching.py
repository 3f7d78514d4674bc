"""Which check explains which door's messages: for the answer to a refused message, and for `check-message`.

The slow pass runs only on messages already refused, in a process of its own, and is optional: without it the first
findings of the fast path are answered.
"""

from collections.abc import Awaitable, Callable

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NumberRange
from gateway.service.doors import Door, WireRequest
from gateway.xml.explain import Check, Context
from gateway.xml.explain_process import ExplainProcess

CHECKS: dict[str, Check] = {"mini-service": check_mini_service}
"""Door name -> its check. A door without one answers with what its own reading found."""

Teach = Callable[[Door, WireRequest], Awaitable[tuple[Finding, ...]]]


def teacher(process: ExplainProcess, schemas: str | None, numbers: NumberRange) -> Teach:
    """What the service asks for all findings of a message a door refused; nothing where there is none or no room."""

    async def teach(door: Door, wire: WireRequest) -> tuple[Finding, ...]:
        check = CHECKS.get(door.name)
        if check is None or wire.system is None:
            return ()
        context = Context(
            now=wire.now,
            leniences=tuple(sorted(wire.system.leniences)),
            soap_action=wire.headers.get("SOAPAction"),
            schemas=schemas,
            numbers=numbers.value,
        )
        return await process.explain(wire.body, check, context)

    return teach
