"""Which operation a mini-service message is for: read from every place that names it, so that the odd one out is blamed.

SOAPAction, wsa:Action and header/@service name a service; interaction, profile and payload root name an operation.
Where they disagree the majority is believed, for what is said about the fault only: no such message is ever answered.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import missing_header
from gateway.xml.itk_parts import manifest_items, payload_wrappers, specs
from gateway.xml.names import HL7, ITK, ITK_INTERACTION_KEY, ITK_SEND_RECV, ITK_SERVICES, WSA, qname
from gateway.xml.operations import (
    BY_PROFILE,
    BY_ROOT,
    OPERATIONS,
    PDS_BY_SERVICE,
    SCR_BY_INTERACTION,
    Family,
    Operation,
)
from gateway.xml.paths import elements, first
from gateway.xml.soap import Envelope
from gateway.xml.spoken import said_value

T = TypeVar("T")
_SERVICES = (ITK_SEND_RECV, *PDS_BY_SERVICE)


@dataclass(frozen=True, slots=True)
class Named:
    """The operations that a distribution envelope names; None where a place names none that is known."""

    interaction: Operation | None
    profile: Operation | None
    root: Operation | None

    @property
    def operations(self) -> list[Operation]:
        """Those that are known."""
        return [one for one in (self.interaction, self.profile, self.root) if one is not None]


def named(distribution: etree._Element) -> Named:
    """What interaction, profile and payload root name."""
    written = _interactions(distribution)
    profiles = [item.get("profileid", "").strip() for item in manifest_items(distribution)]
    payload = next((one for wrapper in payload_wrappers(distribution) for one in elements(wrapper)), None)
    root = etree.QName(payload) if payload is not None else None
    return Named(
        interaction=SCR_BY_INTERACTION.get(written[0]) if written else None,
        profile=BY_PROFILE.get(profiles[0]) if profiles else None,
        root=BY_ROOT.get(root.localname) if root is not None and root.namespace == HL7 else None,
    )


def _interactions(distribution: etree._Element) -> list[str]:
    return [value.strip() for key, value in specs(distribution) if key.strip() == ITK_INTERACTION_KEY]


def _majority(votes: Iterable[T]) -> T | None:
    """What at least two say, and more than say anything else."""
    counted = Counter(votes).most_common(2)
    if not counted or counted[0][1] < 2 or (len(counted) > 1 and counted[1][1] == counted[0][1]):
        return None
    return counted[0][0]


def _over_http(soap_action: str | None) -> str:
    return (soap_action or "").strip().strip('"').strip()


def _service_of(distribution: etree._Element) -> str | None:
    header = first(distribution, qname(ITK, "header"))
    return header.get("service") if header is not None else None


def service_meant(envelope: Envelope, soap_action: str | None = None) -> str | None:
    """The URN of the service a message is for, or None where no place names one.

    Without a majority header/@service is believed, or where that is unknown wsa:Action.
    """
    service, action = _service_of(envelope.payload), envelope.addressing.action
    places = (_over_http(soap_action), action, service)
    votes = [urn for urn in places if urn in _SERVICES]
    votes += [one.service for one in named(envelope.payload).operations]
    believed = next((urn for urn in (service, action) if urn in _SERVICES), service)
    return _majority(votes) or believed


def scr_meant(distribution: etree._Element, operation: Operation) -> Operation:
    """The SCR operation that most of interaction, profile and root name; without a majority the interaction's."""
    return _majority(one for one in named(distribution).operations if one.family is Family.SCR) or operation


def action_findings(envelope: Envelope, soap_action: str | None) -> Iterator[Finding]:
    """Row 4: wsa:Action is there and is the service the message is for; SOAPAction, where it says anything, too.

    Where wsa:Action and header/@service agree on a wrong service, that is one fault, found at header/@service.
    """
    action = envelope.addressing.action
    if action is None:
        yield missing_header(envelope, "wsa:Action", "Action")
        return
    meant = service_meant(envelope, soap_action)
    if meant is not None and action not in {meant, _service_of(envelope.payload)}:
        fragment = f"<wsa:Action>{meant}</wsa:Action>" if meant in _SERVICES else ""
        block = envelope.block(qname(WSA, "Action"))
        yield finding(Fault.ACTION, block, expected=said_value(meant), found=said_value(action), fragment=fragment)
    over_http = _over_http(soap_action)
    agreed = over_http == action == _service_of(envelope.payload)
    if (
        over_http and over_http != (meant or action) and not agreed
    ):  # no node of the message is wrong: the finding names none
        yield finding(Fault.SOAP_ACTION, expected=said_value(meant or action), found=said_value(over_http))


def find_operation(
    envelope: Envelope, *, any_profile: bool = False, soap_action: str | None = None
) -> tuple[Operation | None, tuple[Finding, ...]]:
    """Rows 4 and 20: the operation that service, interaction and profile name, and what is wrong with these names.

    For SCR the interaction decides and a profile of another operation is a fault of the payload, found later; for PDS
    the service decides and the profile must be its own, or with `any_profile` that of any PDS operation. An operation
    beside findings is for explaining only.
    """
    distribution = envelope.payload
    header = first(distribution, qname(ITK, "header"))
    if header is None:
        missing = finding(Fault.HEADER_MISSING, distribution, clause="ITK Distribution Envelope", expected="itk:header")
        return None, (missing,)
    service, meant = header.get("service", ""), service_meant(envelope, soap_action)
    findings: list[Finding] = []
    if service != meant:
        fault = Fault.SERVICE_MISMATCH if service in _SERVICES else Fault.SERVICE_UNKNOWN
        fragment = f'service="{meant}"' if meant in _SERVICES else ""
        findings.append(
            finding(
                fault,
                header,
                "service",
                expected=meant or f"a service, {ITK_SERVICES}…",
                found=said_value(service),
                fragment=fragment,
            )
        )
    if operation := PDS_BY_SERVICE.get(meant or ""):
        findings += _pds_profile(distribution, operation, any_profile=any_profile)
        return operation, tuple(findings)
    if meant == ITK_SEND_RECV:
        scr, wrong = _scr_operation(distribution, header)
        return scr, (*findings, *wrong)
    expected = f"one of: {', '.join(_SERVICES)}"
    return None, (*findings, finding(Fault.SERVICE_UNKNOWN, header, "service", expected=expected))


def _pds_profile(distribution: etree._Element, operation: Operation, *, any_profile: bool) -> Iterator[Finding]:
    for item in manifest_items(distribution):
        profile = item.get("profileid", "").strip()
        expected = operation.request_profile
        if not profile:
            yield finding(Fault.PROFILE_MISSING, item, expected=expected, fragment=f'profileid="{expected}"')
        elif profile not in operation.request_profiles:
            sibling = BY_PROFILE.get(profile)
            if not (any_profile and sibling is not None and sibling.family is Family.PDS):
                fragment = f'profileid="{expected}"'
                yield finding(Fault.PROFILE_MISMATCH, item, "profileid", expected=expected, fragment=fragment)


def _scr_operation(
    distribution: etree._Element, header: etree._Element
) -> tuple[Operation | None, tuple[Finding, ...]]:
    values = _interactions(distribution)
    others = named(distribution)
    agreed = _majority(one for one in (others.profile, others.root) if one and one.family is Family.SCR)
    handling = first(header, qname(ITK, "handlingSpecification"))
    place = handling if handling is not None else header
    if not values or not values[0]:
        expected = f"itk:spec with key {ITK_INTERACTION_KEY}"
        if agreed is None:
            return None, (finding(Fault.INTERACTION_MISSING, place, expected=expected),)
        fragment = f'<itk:spec key="{ITK_INTERACTION_KEY}" value="{agreed.request_interaction}"/>'
        return agreed, (finding(Fault.INTERACTION_MISSING, place, expected=expected, fragment=fragment),)
    operation = SCR_BY_INTERACTION.get(values[0])
    if operation is None or len(set(values)) > 1:
        expected = "one of: " + ", ".join(str(o.request_interaction) for o in OPERATIONS if o.family is Family.SCR)
        fragment = ""
        if agreed is not None:
            expected, fragment = str(agreed.request_interaction), f'value="{agreed.request_interaction}"'
        spec = interaction_spec(distribution)
        return agreed, (finding(Fault.INTERACTION_UNKNOWN, spec, "value", expected=expected, fragment=fragment),)
    return operation, ()


def interaction_spec(distribution: etree._Element) -> etree._Element | None:
    """The first itk:spec that names the interaction."""
    handling = first(distribution, qname(ITK, "header"), qname(ITK, "handlingSpecification"))
    found = elements(handling, qname(ITK, "spec")) if handling is not None else iter(())
    return next((spec for spec in found if spec.get("key", "").strip() == ITK_INTERACTION_KEY), None)


def contradiction_findings(distribution: etree._Element, operation: Operation) -> Iterator[Finding]:
    """For SCR, an interaction or a profile that is not the operation's the rest names; the profile may be absent.

    PDS profiles are part of the envelope's rules, and a payload of another operation is the schema's finding.
    """
    if operation.family is not Family.SCR:
        return
    meant = scr_meant(distribution, operation)
    interaction = SCR_BY_INTERACTION.get(next(iter(_interactions(distribution)), ""))
    if interaction is not None and interaction != meant:
        expected = str(meant.request_interaction)
        spec, fragment = interaction_spec(distribution), f'value="{expected}"'
        found = next(iter(_interactions(distribution)))
        yield finding(Fault.CONTRADICTION, spec, "value", expected=expected, found=found, fragment=fragment)
    for item in manifest_items(distribution):
        profile = item.get("profileid", "").strip()
        if profile and profile not in meant.request_profiles:
            fault = Fault.CONTRADICTION if profile in BY_PROFILE else Fault.PROFILE_MISMATCH
            fragment = f'profileid="{meant.request_profile}"'
            found = profile if profile in BY_PROFILE else ""
            yield finding(fault, item, "profileid", expected=meant.request_profile, found=found, fragment=fragment)
