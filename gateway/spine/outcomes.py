"""How Spine says no: issues in an HL7 answer, and failures with what a retry needs to know.

It must never carry a display text: those may hold an NHS number. Codes only.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from gateway.domain.codes import Code
from gateway.domain.errors import SpineUnavailable

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)
TRANSIENT_FAULTS = frozenset({"200", "206", "208"})
"""TMS error codes a read may be repeated for; 201, 207, 300 and all others never."""
SERVICE_NOT_AVAILABLE = "502"
"""The one HL7 issue a read may be repeated for."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One justifyingDetectedIssueEvent: code, code system OID and qualifier (ER error, WG warning)."""

    code: str
    system: str
    qualifier: str

    @property
    def is_warning(self) -> bool:
        """Whether Spine calls it a warning. Anything else counts as an error."""
        return self.qualifier == "WG"


class SpineFailure(SpineUnavailable):
    """Spine was not reached, or answered a fault, or something unusable.

    `fault_codes`: the codes it gave, without texts. `transient`: whether the same read may succeed when repeated.
    """

    def __init__(
        self, code: Code, *, fault_codes: tuple[str, ...] = (), transient: bool = False, answered: bool = False
    ) -> None:
        super().__init__(code, answered=answered)
        self.fault_codes = tuple(text for text in fault_codes if _CODE.fullmatch(text))
        self.transient = transient


def fault(codes: tuple[str, ...]) -> SpineFailure:
    """A SOAP or ebXML fault. Transient only if there are codes and all of them are: a fault without codes is not."""
    return SpineFailure(
        Code.SPINE_FAULT, fault_codes=codes, transient=bool(codes) and all(code in TRANSIENT_FAULTS for code in codes)
    )


def refuse(issues: tuple[Issue, ...]) -> NoReturn:
    """Raise for an AE answer whose issues are no outcome of the query: SPINE_FAULT with the codes."""
    codes = tuple(issue.code for issue in issues)
    transient = bool(issues) and issues[0].code == SERVICE_NOT_AVAILABLE
    raise SpineFailure(Code.SPINE_FAULT, fault_codes=codes, transient=transient, answered=not transient)


def unusable() -> SpineFailure:
    """An answer that breaks its form, or leaves open what it means."""
    return SpineFailure(Code.SPINE_UNUSABLE)


def unreachable(*, transient: bool = False) -> SpineFailure:
    """No answer in time, or a connection that could not be made or broke."""
    return SpineFailure(Code.SPINE_UNREACHABLE, transient=transient)
