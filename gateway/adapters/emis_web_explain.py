"""The check of EMIS Web's door for the explain pass: everything wrong with a query to Spine at once.

The same rules as the door's, from the same functions and in their order. Nothing here judges who is calling.
"""

from collections.abc import Iterator

from lxml import etree

from gateway.adapters import emis_web_headers as headers
from gateway.adapters import emis_web_reading as reading
from gateway.adapters.viewer_explain import framed, numbers_of, paths_of
from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.service.claims import claims_from
from gateway.xml.access_facts import ACCESS_FACTS_TAG, AccessFactsBlock, placed, read_block
from gateway.xml.catalogue import ACCESS_FACTS_BLOCK
from gateway.xml.explain import Context, Located, Message
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.itk_explain import catalogue_of, located
from gateway.xml.names import ACCESS_FACTS, HL7, qname
from gateway.xml.paths import first, text_of
from gateway.xml.schema_repair import diagnose_all
from gateway.xml.soap import Envelope, SoapVersion, examine_envelope


def check_emis_web(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a query at EMIS Web's door. Over HTTP, an absent SOAPAction is a fault; for a file it is not known."""
    accepted = frozenset({SoapVersion.V11})
    envelope, broken = examine_envelope(message.root, accept=accepted, understood=headers.UNDERSTOOD)
    yield from framed(broken)
    if envelope is None:
        return
    interaction, unknown = headers.examined_interaction(envelope.payload)
    yield from framed(unknown)
    soap_action = "" if context.soap_action is None and context.content_type is not None else context.soap_action
    told = list(headers.header_findings(envelope, interaction, soap_action))
    yield from framed(told)
    if interaction is not None:
        missing = any(one.code == Fault.HEADER_MISSING.slug for one in told)
        yield from _message(
            envelope, interaction, context, heard=None if missing else headers.heard_of(envelope, interaction)
        )
    yield from _facts(envelope, context)


def _message(
    envelope: Envelope, interaction: headers.Interaction, context: Context, *, heard: headers.Heard | None
) -> Iterator[Located]:
    query = envelope.payload
    version = list(reading.version_findings(query))
    yield from framed(version)
    told = {one.path for one in version}
    broken = list(located(diagnose_all(catalogue_of(context), interaction.name, query), interaction.name))
    yield from (one for one in broken if one.finding.path not in told)
    told |= paths_of(broken)
    rules = [] if heard is None else list(reading.agreement_findings(query, heard))
    rules += [*reading.time_findings(query, context.now), *_number(query, context)]
    rules += reading.stamp_findings(envelope, context.now)
    yield from framed(one for one in rules if one.path not in told)


def _number(query: etree._Element, context: Context) -> Iterator[Finding]:
    steps = ("ControlActEvent", "query", "nHSNumber", "value")
    value = first(query, *(qname(HL7, step) for step in steps))
    if value is None:
        return
    try:
        reading.patient_of(value, numbers_of(context))
    except MessageInvalid as invalid:
        yield from invalid.findings


def _facts(envelope: Envelope, context: Context) -> Iterator[Located]:
    """The block: there, in order, with a token. Without it nobody is proved, so that its absence is worth a line too."""
    block = envelope.block(ACCESS_FACTS_TAG)
    if block is None:
        place = envelope.header if envelope.header is not None else envelope.root
        yield Located(finding(Fault.HEADER_MISSING, place, clause="access-facts", expected="af:AccessFacts"))
        return
    yield from located(diagnose_all(catalogue_of(context), ACCESS_FACTS_BLOCK, block), ACCESS_FACTS_BLOCK)
    if not text_of(first(block, qname(ACCESS_FACTS, "UserToken"))):
        yield Located(
            finding(Fault.HEADER_MISSING, block, clause="access-facts", expected="af:UserToken, the user's ID token")
        )
    try:
        facts = read_block(block, catalogue_of(context))
    except MessageInvalid:
        return  # said already, by its schema
    try:
        claims_from({name: getattr(facts, name) for name in AccessFactsBlock.__slots__})
    except MessageInvalid as invalid:
        yield from framed(placed(one, block) for one in invalid.findings)
