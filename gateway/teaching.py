"""Which check explains which door's messages: for the answer to a refused message, and for `check-message`.

The slow pass runs only on messages already refused, in a process of its own, and is optional: without it the first
findings of the fast path are answered.
"""

import re
from collections.abc import Awaitable, Callable

from gateway.adapters import adastra, cleo, emis_web_reading, mini_service, systmone
from gateway.adapters.emis_web_explain import check_emis_web
from gateway.adapters.mini_service_explain import check_mini_service
from gateway.adapters.viewer_charset import charset_findings
from gateway.adapters.viewer_clauses import CLAUSES, cited
from gateway.adapters.viewer_explain import check_adastra, check_cleo, check_systmone
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NumberRange
from gateway.service.doors import Door, WireRequest
from gateway.xml.explain import Check, Context, explain
from gateway.xml.explain_process import ExplainProcess
from gateway.xml.parser import DEFAULT_LIMITS, Limits

CHECKS: dict[str, Check] = {
    "mini-service": check_mini_service,
    "adastra": check_adastra,
    "cleo": check_cleo,
    "emis-web": check_emis_web,
    "systmone": check_systmone,
}
"""Door name -> its check. A door without one answers with what its own reading found."""

LIMITS: dict[str, Limits] = {
    "mini-service": mini_service.LIMITS,
    "adastra": adastra.LIMITS,
    "cleo": cleo.LIMITS,
    "emis-web": emis_web_reading.LIMITS,
    "systmone": systmone.LIMITS,
}
"""What a door's own reading allows, where it is less than the parser's usual."""

_SIGNS = (
    ("adastra", rb"urn:scr-gateway:adastra|http://www\.w3\.org/2003/05/soap-envelope"),
    ("cleo", rb"urn:scr-gateway:cleo"),
    ("systmone", rb"urn:scr-gateway:systmone|<(?:\w+:)?ScrRequest\b"),
    ("mini-service", rb"urn:nhs-itk:|DistributionEnvelope"),
    ("emis-web", rb"QUPC_IN1[0-9]0000|urn:nhs:names:services:psisquery"),
)
"""Door -> what only its messages hold; the first that fits."""

Teach = Callable[[Door, WireRequest], Awaitable[tuple[Finding, ...]]]


def recognised(data: bytes) -> str:
    """The door a message is for, told by its namespaces, however broken it is; the mini service where nothing tells."""
    plain = data.replace(b"\0", b"")  # also of UTF-16
    return next((door for door, sign in _SIGNS if re.search(sign, plain)), "mini-service")


def explained(door: str, data: bytes, context: Context) -> tuple[Finding, ...]:
    """All findings of a message for this door, each citing the door's own standards. Raises KeyError for no such door."""
    labelled = charset_findings(context.content_type, data) if door in CLAUSES else ()
    return cited(door, (*labelled, *explain(data, CHECKS[door], context, LIMITS.get(door, DEFAULT_LIMITS))))


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
            content_type=wire.headers.get("Content-Type"),
            schemas=schemas,
            numbers=numbers.value,
        )
        labelled = charset_findings(context.content_type, wire.body) if door.name in CLAUSES else ()
        limits = LIMITS.get(door.name, DEFAULT_LIMITS)
        return (*labelled, *await process.explain(wire.body, check, context, limits))

    return teach
