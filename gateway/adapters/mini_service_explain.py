"""The mini-service door's check for the explain pass: what its envelope and schema break, then what its field rules say.

The same rules as the door's, from the same functions. It judges nothing that needs to know who is calling.
"""

from collections.abc import Iterator
from dataclasses import replace

from gateway.adapters.mini_service_identity import identity_findings, read_claims, token_findings, token_type_findings
from gateway.adapters.mini_service_payload import Fields, field_findings
from gateway.adapters.mini_service_pds import EXCHANGES as PDS
from gateway.adapters.mini_service_scr import EXCHANGES as SCR
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumbers, NumberRange
from gateway.domain.permission import AccessClaims
from gateway.xml.access_facts import ACCESS_FACTS_TAG, AccessFactsBlock, read_block
from gateway.xml.explain import Context, Located, Message
from gateway.xml.faults import BY_SLUG
from gateway.xml.itk_envelope_rules import warnings
from gateway.xml.itk_explain import Examined, catalogue_of, examine

_RULES = {name: exchange.rules for name, exchange in (SCR | PDS).items()}


def check_mini_service(message: Message, context: Context) -> Iterator[Located]:
    """Everything wrong with a mini-service request, in the order its door checks it."""
    examined = examine(message, context)
    yield from examined.findings
    if examined.envelope is None:
        return
    told = {(one.finding.path, one.finding.code) for one in examined.findings}
    nodes = {path.partition("/@")[0] for path, _ in told}
    for one in _rules(examined, context):
        combination = BY_SLUG[one.code].entry.code is Code.MESSAGE_COMBINATION
        if one.path.partition("/@")[0] in nodes or (combination and examined.payload_broken):
            continue  # said already, or only seemingly broken because of what was said already
        yield Located(one)
    if context.warnings:
        notes = warnings(examined.envelope, examined.envelope.payload)
        yield from (Located(replace(one, warning=True)) for one in notes if one.path not in {path for path, _ in told})


def _rules(examined: Examined, context: Context) -> Iterator[Finding]:
    envelope = examined.envelope
    assert envelope is not None
    block = envelope.block(ACCESS_FACTS_TAG)
    facts: AccessFactsBlock | None = None
    claims = AccessClaims()
    try:
        facts = read_block(block, catalogue_of(context)) if block is not None else None
        claims = read_claims(facts, block)
    except MessageInvalid as invalid:
        yield from invalid.findings
    yield from token_findings(envelope, facts)
    yield from token_type_findings(envelope)
    yield from identity_findings(envelope)
    if examined.operation is not None and examined.payload is not None:
        numbers = NhsNumbers(NumberRange(context.numbers))
        fields = Fields(payload=examined.payload, claims=claims, numbers=numbers, now=context.now)
        yield from field_findings(_RULES[examined.operation.name], fields)
