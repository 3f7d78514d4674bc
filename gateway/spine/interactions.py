"""Names of Spine's wire: interactions, services, namespaces and OIDs, and where a Spine is to be found.

Values only. Interaction ids, ASIDs and addresses are configuration: the defaults are those of the national service's
read queries, and a site may name others.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Asid

WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
PSIS: Final = "urn:npfit:psisqr"
EBXML: Final = "http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd"

_NPFIT: Final = "2.16.840.1.113883.2.1.3.2.4"
OID_INTERACTION: Final = f"{_NPFIT}.12"
OID_SNOMED: Final = f"{_NPFIT}.15"
OID_HISTORIC_INDICATOR: Final = f"{_NPFIT}.17.36"
OID_DISSENT_OVERRIDE: Final = f"{_NPFIT}.17.60"
OID_PDS_ORGANISATION: Final = "2.16.840.1.113883.2.1.4.3"

GP_SUMMARY: Final = "196981000000101"
GP_INITIAL_SUMMARY: Final = "196971000000103"
EVENT_NORMAL: Final = "1"

NOT_FULFILLED: Final = frozenset({"QUQI_IN010000UK14", "MCCI_IN010000UK13"})
"""Answers that carry an issue instead of what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One query: its id, service URN and version code, and the ids its answer may have."""

    name: str
    service: str
    version: str
    answers: frozenset[str]

    def __post_init__(self) -> None:
        if not self.name or not self.service or not self.answers:
            raise InvalidValue("an interaction has a name, a service and at least one answer")

    @property
    def action(self) -> str:
        """SOAPAction and wsa:Action of the request."""
        return f"{self.service}/{self.name}"


EVENT_LIST: Final = Interaction(
    name="QUPC_IN180000SM04",
    service="urn:nhs:names:services:psisquery",
    version="V3NPfIT4.2.00",
    answers=frozenset({"QUPC_IN200000SM04", "QUPC_IN200000UK04"}),
)
EVENT: Final = Interaction(
    name="QUPC_IN190000UK04",
    service="urn:nhs:names:services:psisquery",
    version="V3NPfIT4.2.00",
    answers=frozenset({"QUPC_IN210000UK04"}),
)
PDS_RETRIEVAL: Final = Interaction(
    name="QUPA_IN000008UK02",
    service="urn:nhs:names:services:pdsquery",
    version="V3NPfIT3.0",
    answers=frozenset({"QUPA_IN000009UK03"}),
)
PDS_TRACE: Final = Interaction(
    name="QUPA_IN000005UK01",
    service="urn:nhs:names:services:pdsquery",
    version="V3NPfIT3.0",
    answers=frozenset({"QUPA_IN000007UK01"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineAddressing:
    """Where Spine is and how it is spoken to."""

    psis_url: str
    pds_url: str
    alert_url: str
    spine_asid: Asid
    """Receiver of every HL7 message."""
    from_address: str = ""
    """wsa:From and wsa:ReplyTo; empty is allowed."""
    event_list: Interaction = field(default=EVENT_LIST)
    event: Interaction = field(default=EVENT)
    pds_retrieval: Interaction = field(default=PDS_RETRIEVAL)
    pds_trace: Interaction = field(default=PDS_TRACE)

    def __post_init__(self) -> None:
        for url in (self.psis_url, self.pds_url, self.alert_url):
            if not url.startswith(("http://", "https://")):
                raise InvalidValue("an address of Spine is an http or https URL")

    @classmethod
    def under(cls, base: str, spine_asid: Asid, *, from_address: str = "") -> "SpineAddressing":
        """The usual paths under one base URL: /sync-service, /pds and /clinical/alert."""
        root = base.rstrip("/")
        return cls(
            psis_url=f"{root}/sync-service",
            pds_url=f"{root}/pds",
            alert_url=f"{root}/clinical/alert",
            spine_asid=spine_asid,
            from_address=from_address,
        )
