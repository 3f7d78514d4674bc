"""How each code of the catalogue is answered at the door for EMIS Web: as Spine refuses, by an issue or by a fault.

One table. An issue answers a message that was understood; a fault one that was not, or a Spine that could not be asked.
"""

from dataclasses import dataclass

from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.xml.faults import Fault

GENERAL = {
    "210": "Success with Warning",
    "400": "Invalid Request",
    "401": "Duplicate message id",
    "420": "Access control prevents the action",
}
"""Spine's general classes, with their display names."""
SPECIFIC = {
    "30312": "[PSIS-30312] - Case instance not found",
    "30418": "[PSIS-30418] - ACF does not permit access to resource",
    "35160": "[PSIS-35160] - Mandatory NHS number is missing or incorrect",
}
"""Spine's own specific codes, with their display names; none names a patient."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Answer AE: a general class, Spine's specific code where it has one, and whether it is an error (ER) or warning (WG)."""

    general: str
    specific: str | None = None
    qualifier: str = "ER"


@dataclass(frozen=True, slots=True)
class SpineFault:
    """A SOAP fault with this TMS error code. 200, 206 and 208 say that the same query may be sent again."""

    code: str
    faultcode: str = "Server"


REFUSED = Issue("420")
CLOSED = Issue("420", "30418")
NOTHING = Issue("210", "30312", "WG")
INVALID = Issue("400")
BAD_NUMBER = Issue("400", "35160")
NOT_PROCESSABLE = SpineFault("300")
SYSTEM_FAILURE = SpineFault("200")

_C = Code
ANSWERS: dict[Code, Issue | SpineFault] = {
    **dict.fromkeys(
        (
            _C.SYSTEM_UNKNOWN,
            _C.SYSTEM_SUSPENDED,
            _C.SYSTEM_CERTIFICATE,
            _C.SYSTEM_SIGNATURE,
            _C.SYSTEM_NETWORK,
            _C.SYSTEM_OPERATION,
            _C.SYSTEM_FORWARDED,
            _C.CREDENTIALS_MISSING,
            _C.CREDENTIALS_INVALID,
            _C.CREDENTIALS_EXPIRED,
            _C.CREDENTIALS_AUDIENCE,
            _C.CREDENTIALS_ASSURANCE,
            _C.CREDENTIALS_REPLAYED,
            _C.USER_UNKNOWN,
            _C.USER_MISMATCH,
            _C.ROLE_NONE,
            _C.ROLE_NOT_CHOSEN,
            _C.ROLE_NOT_HELD,
            _C.ROLE_ORGANISATION,
            _C.ROLE_ACTIVITY,
            _C.USER_TRAINING,
            _C.SESSION_MISSING,
            _C.SESSION_EXPIRED,
            _C.LAUNCH_INVALID,
            _C.LAUNCH_EXPIRED,
            _C.LAUNCH_SPENT,
            _C.FORM_TOKEN,
            _C.ALERT_OWN_ACCESS,
        ),
        REFUSED,
    ),
    **dict.fromkeys(
        (
            _C.ORGANISATION_NOT_LIVE,
            _C.SITE_NOT_AGREED,
            _C.SETTING_NOT_APPROVED,
            _C.SETTING_UNKNOWN,
            _C.SETTING_NOT_REGISTERED,
            _C.PURPOSE_REFUSED,
            _C.PURPOSE_NOT_REGISTERED,
            _C.RELATIONSHIP_MISSING,
            _C.PERMISSION_MISSING,
            _C.PERMISSION_REFUSED,
            _C.PERMISSION_SCOPE,
            _C.EMERGENCY_NOTE,
            _C.EMERGENCY_REASON,
            _C.EMERGENCY_AFTER_REFUSAL,
            _C.LEGAL_BASIS,
            _C.SCR_NOT_AVAILABLE,
            _C.UNDER_REVIEW,
            _C.DECEASED_NOT_CONFIRMED,
            _C.BIRTH_DATE_MISMATCH,
        ),
        CLOSED,
    ),
    **dict.fromkeys(
        (
            _C.SCR_NOT_FOUND,
            _C.PATIENT_NOT_FOUND,
            _C.PATIENT_NOT_UNIQUE,
            _C.PATIENT_NOT_VERIFIED,
            _C.NUMBER_INVALIDATED,
        ),
        NOTHING,
    ),
    **dict.fromkeys(
        (
            _C.MESSAGE_UNKNOWN_SERVICE,
            _C.MESSAGE_EXPIRED,
            _C.MESSAGE_SCHEMA,
            _C.MESSAGE_VALUE,
            _C.MESSAGE_COMBINATION,
            _C.ALERT_CHANGED,
        ),
        INVALID,
    ),
    _C.MESSAGE_REPLAYED: Issue("401"),
    **dict.fromkeys((_C.MESSAGE_NOT_WELL_FORMED, _C.MESSAGE_FORBIDDEN_XML), SpineFault("201")),
    **dict.fromkeys(
        (
            _C.MESSAGE_TOO_LARGE,
            _C.MESSAGE_MEDIA_TYPE,
            _C.MESSAGE_ENVELOPE,
            _C.MESSAGE_HEADERS,
            _C.PAGE_NOT_FOUND,
            _C.METHOD_NOT_ALLOWED,
            _C.NOT_ACCEPTABLE,
        ),
        NOT_PROCESSABLE,
    ),
    _C.MESSAGE_MUST_UNDERSTAND: SpineFault("300", "MustUnderstand"),
    _C.MESSAGE_SOAP_VERSION: SpineFault("300", "VersionMismatch"),
    _C.SPINE_UNREACHABLE: SpineFault("206"),
    **dict.fromkeys(
        (
            _C.RATE_LIMITED,
            _C.OVERLOADED,
            _C.SPINE_FAULT,
            _C.AUDIT_UNAVAILABLE,
            _C.DIRECTORY_UNAVAILABLE,
            _C.IDENTITY_UNAVAILABLE,
        ),
        SYSTEM_FAILURE,
    ),
    **dict.fromkeys(
        (
            _C.SPINE_UNUSABLE,
            _C.SPINE_WRONG_PATIENT,
            _C.SPINE_ACTIVE_CONTENT,
            _C.ANSWER_INVALID,
            _C.INTERNAL,
        ),
        NOT_PROCESSABLE,
    ),
}
"""Every code of the catalogue. Faults of what Spine said are not to be sent again: the same document would come."""

_UNREAD = {Kind.UNAVAILABLE: SYSTEM_FAILURE}


def answer_for(error: GatewayError, *, heard: bool) -> Issue | SpineFault:
    """How an error is answered; without a message that was heard, always by a fault."""
    answer = ANSWERS[error.code]
    if isinstance(answer, Issue) and not heard:
        return _UNREAD.get(error.code.kind, NOT_PROCESSABLE)
    if isinstance(answer, SpineFault) and heard and error.code.kind is Kind.INVALID:
        answer = INVALID  # its headers were in order, so that it can be answered
    if answer == INVALID and isinstance(error, MessageInvalid) and _about_number(error):
        return BAD_NUMBER
    return answer


def _about_number(error: MessageInvalid) -> bool:
    """Whether the NHS number is what is missing or wrong."""
    return any(
        one.code == Fault.NHS_NUMBER.slug or "hl7:nHSNumber" in one.path or "hl7:nHSNumber" in one.expected
        for one in error.findings
    )


def sentence_of(error: GatewayError, *, facts: bool) -> str:
    """What people are told, in one line: what is missing where the block is, and what to do next."""
    if error.code is Code.CREDENTIALS_MISSING:
        what = "The AccessFacts header block has no UserToken." if facts else "The AccessFacts header block is missing."
        return f"{what} {error.sentence}"
    findings = error.findings if isinstance(error, MessageInvalid) else ()
    if findings and findings[0].code == Fault.VERSION_UNKNOWN.slug:
        return f"{error.sentence} Versions spoken here: {findings[0].expected}."
    return f"{error.sentence} {error.next_step}".strip()
