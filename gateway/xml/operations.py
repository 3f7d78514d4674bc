"""The eleven public mini-service operations: every name each of them has on the wire, in one table.

Names only; what an operation does is the mini-service door's business.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.xml.names import ITK_INTERACTION, ITK_PROFILE, ITK_SEND_RECV, ITK_SERVICES


class Family(Enum):
    """The two mini services."""

    SCR = "scr"
    PDS = "pds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `request_root` and `response_root` are local names in the HL7 V3 namespace and also the names of
    their schemas in the catalogue.
    """

    name: str
    family: Family
    service: str
    """URN in wsa:Action and header/@service of the request; the response's is the same + `Response`."""
    request_root: str
    response_root: str
    request_profile: str
    response_profile: str
    request_interaction: str | None = None
    """SCR only: all six share one service, the interaction tells them apart."""
    response_interaction: str | None = None

    @property
    def response_service(self) -> str:
        """wsa:Action and header/@service of the response."""
        return self.service + "Response"

    @property
    def request_profiles(self) -> frozenset[str]:
        """The spellings of the request's profile id that are accepted: `-v-1-0` and `-v1-0` both occur for SCR."""
        return frozenset(
            {self.request_profile, other_spelling(self.request_profile)}
            if self.family is Family.SCR
            else {self.request_profile}
        )

    @property
    def request_interactions(self) -> frozenset[str]:
        """The spellings of the request's interaction that are accepted; empty for PDS."""
        if self.request_interaction is None:
            return frozenset()
        return frozenset({self.request_interaction, other_spelling(self.request_interaction)})


def other_spelling(name: str) -> str:
    """`…-v-1-0` for `…-v1-0` and the other way round; both are in use for SCR profiles and interactions."""
    if name.endswith("-v-1-0"):
        return name.removesuffix("-v-1-0") + "-v1-0"
    return name.removesuffix("-v1-0") + "-v-1-0"


def _scr(name: str) -> Operation:
    root = name[0].upper() + name[1:]
    return Operation(
        name=name,
        family=Family.SCR,
        service=ITK_SEND_RECV,
        request_root=f"{root}Request",
        response_root=f"{root}Response",
        request_profile=f"{ITK_PROFILE}{name}Request-v-1-0",
        response_profile=f"{ITK_PROFILE}{name}Response-v-1-0",
        request_interaction=f"{ITK_INTERACTION}{name}Request-v1-0",
        response_interaction=f"{ITK_INTERACTION}{name}Response-v1-0",
    )


def _pds(name: str, *, request_root: str | None = None, response: str | None = None) -> Operation:
    response = response or f"{name}Response"
    return Operation(
        name=name,
        family=Family.PDS,
        service=f"{ITK_SERVICES}{name}-v1-0",
        request_root=request_root or f"{name}Request-v1-0",
        response_root=f"{response}-v1-0",
        request_profile=f"{ITK_PROFILE}{name}Request-v1-0",
        response_profile=f"{ITK_PROFILE}{response}-v1-0",
    )


OPERATIONS: tuple[Operation, ...] = (
    _scr("getSCRStatus"),
    _scr("getRBACStatus"),
    _scr("queryPTV"),
    _scr("createPTV"),
    _scr("querySCR"),
    _scr("querySCRActivity"),
    _pds("verifyNHSNumber"),
    _pds("getNHSNumber"),
    _pds("getPatientDetailsByNHSNumber", response="getPatientDetailsResponse"),
    _pds("getPatientDetailsBySearch", response="getPatientDetailsResponse"),
    _pds("getPatientDetails", request_root="getPatientDetails-v1-0"),  # the one root without "Request"
)

BY_ROOT: dict[str, Operation] = {operation.request_root: operation for operation in OPERATIONS}
BY_NAME: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS}
PDS_BY_SERVICE: dict[str, Operation] = {
    operation.service: operation for operation in OPERATIONS if operation.family is Family.PDS
}
SCR_BY_INTERACTION: dict[str, Operation] = {
    interaction: operation for operation in OPERATIONS for interaction in operation.request_interactions
}
BY_PROFILE: dict[str, Operation] = {
    profile: operation for operation in OPERATIONS for profile in operation.request_profiles
}
