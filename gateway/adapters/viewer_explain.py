"""The checks of Adastra's, CLEO's and SystmOne's doors for the explain pass: everything wrong with a request at once.

The same rules as the doors', from the same functions and in their order. Nothing here judges who is calling.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from gateway.adapters import adastra, cleo, systmone
from gateway.adapters.viewer_messages import Operation, examined_operation, meaning_findings, schema_name
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumbers, NumberRange
from gateway.xml.catalogue import SCR_REQUEST, Catalogue
from gateway.xml.explain import Context, Located, Message
from gateway.xml.faults import Fault
from gateway.xml.itk_explain import catalogue_of, located
from gateway.xml.names import ADASTRA, CLEO
from gateway.xml.paths import elements
from gateway.xml.schema_repair import diagnose_all
from gateway.xml.soap import Envelope, SoapVersion, examine_envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapDoor:
    """What a SOAP door takes: its product, namespace and envelopes, and what it says of the headers around an operation."""

    product: str
    namespace: str
    accepted: frozenset[SoapVersion]
    understood: frozenset[str]
    headers: Callable[[Envelope, Operation | None, Context], Iterable[Finding]]


ADASTRA_DOOR = SoapDoor(
    product=adastra.PRODUCT,
    namespace=ADASTRA,
    accepted=adastra.ACCEPTED,
    understood=adastra.UNDERSTOOD,
    headers=lambda envelope, operation, context: adastra.header_findings(
        envelope, operation, context.content_type, context.now
    ),
)
CLEO_DOOR = SoapDoor(
    product=cleo.PRODUCT,
    namespace=CLEO,
    accepted=cleo.ACCEPTED,
    understood=cleo.UNDERSTOOD,
    headers=lambda envelope, operation, context: cleo.header_findings(
        envelope, operation, context.soap_action, context.now
    ),
)


def check_soap(door: SoapDoor, message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at a SOAP door."""
    envelope, broken = examine_envelope(message.root, accept=door.accepted, understood=door.understood)
    yield from framed(broken)
    if envelope is None:
        return
    operation, findings = examined_operation(envelope.payload, door.namespace)
    yield from framed(findings)
    yield from framed(door.headers(envelope, operation, context))
    if operation is not None:
        told = {one.path for one in findings}
        yield from payload(envelope.payload, schema_name(door.product, operation.request), context, told)


def check_adastra(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at Adastra's door."""
    return check_soap(ADASTRA_DOOR, message, context)


def check_cleo(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at CLEO's door."""
    return check_soap(CLEO_DOOR, message, context)


def check_systmone(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at SystmOne's door."""
    root = message.root
    findings = list(systmone.first_findings(root))
    yield from framed(findings)
    told = {one.path for one in findings}
    broken = list(located(diagnose_all(catalogue_of(context), SCR_REQUEST, root), SCR_REQUEST))
    yield from (one for one in broken if one.finding.path not in told)
    told |= paths_of(broken)
    asked, function = next(elements(root), None), root.get("function", "").strip()
    rules: list[Finding] = []
    if asked is not None and function in systmone.FUNCTIONS:
        rules += systmone.agreement_findings(asked, function)
    if root.get("created") is not None:
        rules += systmone.time_findings(root, context.now)
    if asked is not None:
        rules += meaning_findings(asked, numbers_of(context))
    yield from framed(one for one in rules if one.path not in told)


def payload(element: etree._Element, schema: str, context: Context, told: set[str]) -> Iterator[Located]:
    """What the schema says of a payload, then what is wrong with values that the schema finds in order; not of paths that
    were `told` already.
    """
    catalogue: Catalogue = catalogue_of(context)
    broken = list(located(diagnose_all(catalogue, schema, element), schema))
    yield from (one for one in broken if one.finding.path not in told)
    told = told | paths_of(broken)
    yield from framed(one for one in meaning_findings(element, numbers_of(context)) if one.path not in told)


def framed(findings: Iterable[Finding]) -> Iterator[Located]:
    """Findings that bring their own path."""
    return (Located(one, inside=one.code == Fault.TEXT_UNEXPECTED.slug) for one in findings)


def paths_of(found: Iterable[Located]) -> set[str]:
    """The nodes and attributes that were named already."""
    return {one.finding.path for one in found}


def numbers_of(context: Context) -> NhsNumbers:
    """The constructor of NHS numbers of the range that is accepted."""
    return NhsNumbers(NumberRange(context.numbers))
