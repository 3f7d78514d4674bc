"""How the stub refuses: SOAP faults for messages it cannot process, HL7 issues for business outcomes.

The texts name no patient: the number that real display texts end with is left out.
"""

from dataclasses import dataclass

from vendor_stubs.spine.names import PDS_ISSUE, PSIS_ISSUE

SYSTEM_FAILURE = 200  # retriable
NOT_WELL_FORMED = 201
NOT_PROCESSABLE = 300  # not retriable


class SpineFault(Exception):
    """The message is answered by a SOAP fault with this TMS error code; http_status 500 as the transport says."""

    def __init__(self, code: int, description: str, http_status: int = 500) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.http_status = http_status


@dataclass(frozen=True)
class Issue:
    """One justifyingDetectedIssueEvent: qualifier ER (error) or WG (warning)."""

    code: str
    display: str
    system: str = PSIS_ISSUE
    qualifier: str = "ER"


class NotFulfilled(Exception):
    """The message is answered AE with these issues, the general class first."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__(", ".join(issue.code for issue in issues))
        self.issues = issues


def invalid_request(what: str) -> NotFulfilled:
    """400: a rule of the message is broken; what names the element, never its content."""
    return NotFulfilled(Issue("400", f"Invalid Request: {what}"))


def bad_nhs_number() -> NotFulfilled:
    """400 with 35160: the NHS number is missing or incorrect."""
    return NotFulfilled(
        Issue("400", "Invalid Request"),
        Issue("35160", "[PSIS-35160] - Mandatory NHS number is missing or incorrect"),
    )


def duplicate_message() -> NotFulfilled:
    """401: this message id was used before."""
    return NotFulfilled(Issue("401", "Duplicate message id"))


def nothing_found() -> NotFulfilled:
    """210 with 30312, both warnings: no record, or no such event."""
    return NotFulfilled(
        Issue("210", "Success with Warning", qualifier="WG"),
        Issue("30312", "[PSIS-30312] - Case instance not found", qualifier="WG"),
    )


def access_refused() -> NotFulfilled:
    """420 with 30418: access control does not permit it."""
    return NotFulfilled(
        Issue("420", "Access control does not allow PSIS to perform the action"),
        Issue("30418", "[PSIS-30418] - ACF does not permit access to resource"),
    )


def no_match() -> NotFulfilled:
    """PDS 1 with RT003: nobody matches."""
    return NotFulfilled(Issue("1", "No match found", PDS_ISSUE), Issue("RT003", "No match found", PDS_ISSUE))


def several_matches() -> NotFulfilled:
    """PDS 7: more than one person matches."""
    return NotFulfilled(Issue("7", "More than one match found", PDS_ISSUE))


def number_invalidated() -> NotFulfilled:
    """PDS 22: the number has been invalidated."""
    return NotFulfilled(Issue("22", "NHS number is invalid", PDS_ISSUE))
