"""Interactions, object identifiers and codes of Spine's messages, by the names the stub's code uses.

Facts of the wire only (HL7 V3 NPfIT messages QUPC, QUPA, MCCI, GP Summary REPC_MT150007UK05); no behaviour.
"""

from dataclasses import dataclass

ASID = "1.2.826.0.1285.0.2.0.107"
ROLE_PROFILE = "1.2.826.0.1285.0.2.0.67"
USER = "1.2.826.0.1285.0.2.0.65"
JOB_ROLE = "1.2.826.0.1285.0.2.1.104"
ODS_ORGANISATION = "1.2.826.0.1285.0.1.10"
NHS_NUMBER = "2.16.840.1.113883.2.1.4.1"
PDS_ORGANISATION = "2.16.840.1.113883.2.1.4.3"
_NPFIT = "2.16.840.1.113883.2.1.3.2.4"
INTERACTION = f"{_NPFIT}.12"
SNOMED = f"{_NPFIT}.15"
RELATIONSHIP = f"{_NPFIT}.16.15"
DOSAGE = f"{_NPFIT}.17.30"
PSIS_ISSUE = f"{_NPFIT}.17.33"
PDS_ATTRIBUTE = f"{_NPFIT}.17.35"
HISTORIC_INDICATOR = f"{_NPFIT}.17.36"
CARE_PROVISION = f"{_NPFIT}.17.37"
PDS_ISSUE = f"{_NPFIT}.17.42"
EVENT_STATUS = f"{_NPFIT}.17.59"
DISSENT_OVERRIDE = f"{_NPFIT}.17.60"
PERSON_JOB_ROLE_NAME = f"{_NPFIT}.17.124"
ORGANISATION_TYPE = f"{_NPFIT}.17.125"
TEXT_KIND = f"{_NPFIT}.17.126"
TEMPLATE = f"{_NPFIT}.18.2"
PERFORMER_MODE = "2.16.840.1.113883.5.1064"

GP_SUMMARY = "196981000000101"
GP_INITIAL_SUMMARY = "196971000000103"
PAYLOAD = "REPC_MT150007UK05"

PSIS_QUERY = "urn:nhs:names:services:psisquery"
PDS_QUERY = "urn:nhs:names:services:pdsquery"
ACCESS_CONTROL = "urn:nhs:names:services:lrs"
NOT_FULFILLED = "QUQI_IN010000UK14"
APPLICATION_ACK = "MCCI_IN010000UK13"

PSIS_VERSION = "V3NPfIT4.2.00"
CORE_VERSION = "V3NPfIT3.0"


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """A request the stub knows: its service, answer, SOAP body wrapper and the version codes it may carry."""

    name: str
    service: str
    answer: str
    wrapper: str
    versions: tuple[str, ...]
    is_query: bool = True

    @property
    def action(self) -> str:
        """SOAPAction and wsa:Action of the request."""
        return f"{self.service}/{self.name}"


EVENT_LIST = ("QUPC_IN180000SM04", "QUPC_IN180000UK04")
EVENT = ("QUPC_IN190000UK04",)
RETRIEVAL = ("QUPA_IN000008UK02",)
TRACE = ("QUPA_IN000005UK01",)
SET_PERMISSIONS = ("SET_RESOURCE_PERMISSIONS_INUK01",)

_PDS_VERSIONS = (CORE_VERSION, "3NPfIT6.3.00")

INTERACTIONS = {
    row.name: row
    for row in (
        Interaction(
            name="QUPC_IN180000SM04",
            service=PSIS_QUERY,
            answer="QUPC_IN200000SM04",
            wrapper="eventListQueryResponse",
            versions=(PSIS_VERSION,),
        ),
        Interaction(
            name="QUPC_IN180000UK04",
            service=PSIS_QUERY,
            answer="QUPC_IN200000UK04",
            wrapper="eventListQueryResponse",
            versions=(PSIS_VERSION,),
        ),
        Interaction(
            name="QUPC_IN190000UK04",
            service=PSIS_QUERY,
            answer="QUPC_IN210000UK04",
            wrapper="eventQueryResponse",
            versions=(PSIS_VERSION,),
        ),
        Interaction(
            name="QUPA_IN000008UK02",
            service=PDS_QUERY,
            answer="QUPA_IN000009UK03",
            wrapper="retrievalQueryResponse",
            versions=_PDS_VERSIONS,
        ),
        Interaction(
            name="QUPA_IN000005UK01",
            service=PDS_QUERY,
            answer="QUPA_IN000007UK01",
            wrapper="traceQueryResponse",
            versions=_PDS_VERSIONS,
        ),
        Interaction(
            name="SET_RESOURCE_PERMISSIONS_INUK01",
            service=ACCESS_CONTROL,
            answer=APPLICATION_ACK,
            wrapper="setResourcePermissionsResponse",
            versions=(CORE_VERSION,),
            is_query=False,
        ),
    )
}
