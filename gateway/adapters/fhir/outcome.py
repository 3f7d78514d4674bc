"""How each code of the catalogue is answered over FHIR: one table, and the OperationOutcome made from it. Pure.

One issue each, in the form of the national API (severity, code, details.text); its words never repeat a value that was sent.
"""

from dataclasses import dataclass

from gateway.adapters.fhir.datatypes import OWN, Json, coding, without_nothing
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid, PolicyRefused
from gateway.domain.findings import Finding
from gateway.domain.notes import NoteFlaw

_SPINE_CODES = "https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode"
CODES = f"{OWN}:code"
"""System of the gateway's own stable codes in details.coding."""


@dataclass(frozen=True, slots=True)
class Issue:
    """HTTP status, issue type (R4 IssueType), severity, and the national error code where there is one."""

    status: int
    code: str
    severity: str = "error"
    national: str | None = None


_INVALID = Issue(400, "value")
_FORBIDDEN = Issue(403, "forbidden")
_SIGN_IN = Issue(401, "login", national="ACCESS_DENIED")
_ROLE = Issue(403, "forbidden", national="INVALID_VALUE")
_BUSY = Issue(503, "transient")
_UNUSABLE = Issue(502, "exception", "fatal")
_OURS = Issue(500, "exception", "fatal", "UNKNOWN_ERROR")

_C = Code
ISSUES: dict[Code, Issue] = {
    **dict.fromkeys(
        (
            _C.MESSAGE_NOT_WELL_FORMED, _C.MESSAGE_FORBIDDEN_XML, _C.MESSAGE_ENVELOPE, _C.MESSAGE_HEADERS,
            _C.MESSAGE_EXPIRED, _C.MESSAGE_UNKNOWN_SERVICE, _C.MESSAGE_SCHEMA, _C.MESSAGE_VALUE,
            _C.MESSAGE_COMBINATION, _C.MESSAGE_MUST_UNDERSTAND, _C.MESSAGE_SOAP_VERSION,
        ),
        _INVALID,
    ),
    _C.MESSAGE_REPLAYED: Issue(400, "duplicate"),
    _C.MESSAGE_TOO_LARGE: Issue(413, "too-long"),
    _C.MESSAGE_MEDIA_TYPE: Issue(415, "not-supported"),
    _C.PAGE_NOT_FOUND: Issue(404, "not-found"),
    _C.METHOD_NOT_ALLOWED: Issue(405, "not-supported"),
    _C.NOT_ACCEPTABLE: Issue(406, "not-supported"),
    _C.ALERT_CHANGED: Issue(409, "conflict"),
    _C.RATE_LIMITED: Issue(429, "throttled"),
    **dict.fromkeys((_C.SYSTEM_UNKNOWN, _C.SYSTEM_CERTIFICATE, _C.SYSTEM_SIGNATURE), Issue(401, "security", national="ACCESS_DENIED")),
    **dict.fromkeys(
        (
            _C.CREDENTIALS_MISSING, _C.CREDENTIALS_INVALID, _C.CREDENTIALS_EXPIRED, _C.CREDENTIALS_AUDIENCE,
            _C.CREDENTIALS_REPLAYED, _C.SESSION_MISSING, _C.SESSION_EXPIRED,
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys((_C.ROLE_NONE, _C.ROLE_NOT_CHOSEN, _C.ROLE_NOT_HELD, _C.ROLE_ORGANISATION), _ROLE),
    **dict.fromkeys(
        (
            _C.SYSTEM_SUSPENDED, _C.SYSTEM_NETWORK, _C.SYSTEM_OPERATION, _C.SYSTEM_FORWARDED,
            _C.CREDENTIALS_ASSURANCE, _C.USER_UNKNOWN, _C.USER_MISMATCH, _C.ROLE_ACTIVITY, _C.USER_TRAINING,
            _C.ORGANISATION_NOT_LIVE, _C.SITE_NOT_AGREED, _C.SETTING_NOT_APPROVED, _C.SETTING_UNKNOWN,
            _C.SETTING_NOT_REGISTERED, _C.PURPOSE_REFUSED, _C.PURPOSE_NOT_REGISTERED, _C.RELATIONSHIP_MISSING,
            _C.PERMISSION_MISSING, _C.PERMISSION_REFUSED, _C.PERMISSION_SCOPE, _C.EMERGENCY_NOTE,
            _C.EMERGENCY_REASON, _C.EMERGENCY_AFTER_REFUSAL, _C.LEGAL_BASIS, _C.SCR_NOT_AVAILABLE,
            _C.UNDER_REVIEW, _C.DECEASED_NOT_CONFIRMED, _C.BIRTH_DATE_MISMATCH, _C.LAUNCH_INVALID,
            _C.LAUNCH_EXPIRED, _C.LAUNCH_SPENT, _C.FORM_TOKEN, _C.ALERT_OWN_ACCESS,
        ),
        _FORBIDDEN,
    ),
    **dict.fromkeys(
        (
            _C.SCR_NOT_FOUND, _C.PATIENT_NOT_FOUND, _C.PATIENT_NOT_UNIQUE, _C.PATIENT_NOT_VERIFIED,
            _C.NUMBER_INVALIDATED,
        ),
        Issue(404, "not-found", "warning"),
    ),
    **dict.fromkeys(
        (
            _C.SPINE_UNREACHABLE, _C.SPINE_FAULT, _C.AUDIT_UNAVAILABLE, _C.OVERLOADED, _C.DIRECTORY_UNAVAILABLE,
            _C.IDENTITY_UNAVAILABLE,
        ),
        _BUSY,
    ),
    **dict.fromkeys((_C.SPINE_UNUSABLE, _C.SPINE_WRONG_PATIENT, _C.SPINE_ACTIVE_CONTENT), _UNUSABLE),
    **dict.fromkeys((_C.ANSWER_INVALID, _C.INTERNAL), _OURS),
}  # fmt: skip
"""Every code; a search answers those of kind no_record with total 0 instead."""


def operation_outcome(error: GatewayError, correlation_id: str | None = None) -> tuple[int, Json]:
    """(HTTP status, OperationOutcome) of an error: one issue, or for an invalid message one for each finding."""
    findings = error.findings if isinstance(error, MessageInvalid) else ()
    issues = [_issue(error, correlation_id, one) for one in findings or (None,)]
    return ISSUES[error.code].status, {"resourceType": "OperationOutcome", "issue": issues}


def _issue(error: GatewayError, correlation_id: str | None, finding: Finding | None) -> Json:
    code = error.code
    issue = ISSUES[code]
    codings = [coding(code.slug, CODES, code.sentence)]
    if issue.national is not None:
        codings.append(coding(issue.national, _SPINE_CODES))
    place = finding.path if finding is not None else ""
    return without_nothing(
        {
            "severity": issue.severity,
            "code": issue.code,
            "details": {"coding": codings, "text": finding.sentence if finding is not None else code.sentence},
            "diagnostics": _diagnostics(error, correlation_id, finding.expected if finding is not None else ""),
            "location": [place] if place.startswith("http.") else [],
            "expression": [place] if place and not place.startswith("http.") else [],
        }
    )


def _diagnostics(error: GatewayError, correlation_id: str | None, expected: str) -> str:
    parts = [f"{error.code.slug}: see /errors/{error.code.slug}"]
    if error.rules:
        parts.append("rules: " + " ".join(error.rules))
    if isinstance(error, PolicyRefused) and error.detail in set(NoteFlaw):
        parts.append(f"the note: {error.detail}")
    if expected:
        parts.append(f"expected: {expected}")
    if error.next_step:
        parts.append(f"next: {error.next_step}")
    if correlation_id is not None:
        parts.append(f"correlation id: {correlation_id}")
    return "; ".join(parts)
