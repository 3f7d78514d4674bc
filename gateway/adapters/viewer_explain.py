"""The checks of Adastra's, CLEO's and SystmOne's doors for the explain pass: everything wrong with a request at once.

The same rules as the doors', from the same functions and in their order. Nothing here judges who is calling.
"""

from collections.abc import Iterable, Iterator

from lxml import etree

from gateway.adapters import adastra, cleo, systmone
from gateway.adapters.viewer_messages import examined_operation, meaning_findings, schema_name
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumbers, NumberRange
from gateway.xml.catalogue import SCR_REQUEST, Catalogue
from gateway.xml.explain import Context, Located, Message
from gateway.xml.findings import Fault
from gateway.xml.itk_explain import catalogue_of, located
from gateway.xml.names import ADASTRA, CLEO
from gateway.xml.paths import elements
from gateway.xml.schema_repair import diagnose_all
from gateway.xml.soap import examine_envelope


def check_adastra(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at Adastra's door."""
    envelope, broken = examine_envelope(message.root, accept=adastra.ACCEPTED, understood=adastra.UNDERSTOOD)
    yield from framed(broken)
    if envelope is None:
        return
    operation, findings = examined_operation(envelope.payload, ADASTRA)
    yield from framed(findings)
    yield from framed(adastra.header_findings(envelope, operation, context.content_type, context.now))
    if operation is not None and not findings:
        yield from payload(envelope.payload, schema_name(adastra.PRODUCT, operation.request), context)


def check_cleo(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at CLEO's door."""
    envelope, broken = examine_envelope(message.root, accept=cleo.ACCEPTED, understood=cleo.UNDERSTOOD)
    yield from framed(broken)
    if envelope is None:
        return
    operation, findings = examined_operation(envelope.payload, CLEO)
    yield from framed(findings)
    yield from framed(cleo.header_findings(envelope, operation, context.soap_action, context.now))
    if operation is not None and not findings:
        yield from payload(envelope.payload, schema_name(cleo.PRODUCT, operation.request), context)


def check_systmone(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a request at SystmOne's door."""
    root = message.root
    findings = list(systmone.first_findings(root))
    yield from framed(findings)
    if findings:
        return
    broken = list(located(diagnose_all(catalogue_of(context), SCR_REQUEST, root), SCR_REQUEST))
    yield from broken
    told = paths_of(broken)
    asked, function = next(elements(root), None), root.get("function", "").strip()
    rules: list[Finding] = []
    if asked is not None and function in systmone.FUNCTIONS:
        rules += systmone.agreement_findings(asked, function)
    if root.get("created") is not None:
        rules += systmone.time_findings(root, context.now)
    if asked is not None:
        rules += meaning_findings(asked, numbers_of(context))
    yield from framed(one for one in rules if one.path not in told)


def payload(element: etree._Element, schema: str, context: Context) -> Iterator[Located]:
    """What the schema says of a payload, then what is wrong with values that the schema finds in order."""
    catalogue: Catalogue = catalogue_of(context)
    broken = list(located(diagnose_all(catalogue, schema, element), schema))
    yield from broken
    told = paths_of(broken)
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
