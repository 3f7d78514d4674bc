"""How each code of the catalogue is answered at the mini-service door: one table for faults, one for response codes."""

from dataclasses import dataclass

from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, MessageInvalid, SpineUnavailable
from gateway.xml.operations import Family, Operation

SUCCESS = "SMSP-0000"
CREDENTIALS = "SMSP-0005"
DISPLAY = {
    "SMSP-0000": "Success",
    "SMSP-0001": "Input message validation error",
    "SMSP-0002": "Response message validation error",
    "SMSP-0003": "Data returned from local store, Spine unavailable",
    "SMSP-0004": "Could not connect to Spine",
    "SMSP-0005": "Author credentials error",
    "SMSP-9999": "Generic Spine Mini Service Provider software failure",
    "SCR-0001": "RBAC Check Failed",
    "SCR-0002": "ACS Check Failed",
    "SCR-0003": "PTV Check Failed",
    "SCR-0004": "SCR Not Found",
}
"""Display names as the public vocabulary has them (code system …17.506)."""


@dataclass(frozen=True, slots=True)
class ToolkitFault:
    """A SOAP fault with ToolkitErrorInfo."""

    code: str
    """1000, 2100, 2200 or 3000."""
    faultcode: str | None = None


INVALID = ToolkitFault("1000")
RETRY = ToolkitFault("2100")
FAILED = ToolkitFault("2200")
DENIED = ToolkitFault("3000")

_C = Code
_FAULTS: dict[Code, ToolkitFault] = {
    **dict.fromkeys(
        (
            _C.SYSTEM_UNKNOWN,
            _C.SYSTEM_SUSPENDED,
            _C.SYSTEM_CERTIFICATE,
            _C.SYSTEM_SIGNATURE,
            _C.SYSTEM_NETWORK,
            _C.SYSTEM_OPERATION,
            _C.SYSTEM_FORWARDED,
        ),
        DENIED,
    ),
    **dict.fromkeys((_C.RATE_LIMITED, _C.OVERLOADED), RETRY),
    _C.MESSAGE_MUST_UNDERSTAND: ToolkitFault("1000", "MustUnderstand"),
    _C.MESSAGE_SOAP_VERSION: ToolkitFault("1000", "VersionMismatch"),
    _C.MESSAGE_REPLAYED: INVALID,
    _C.MESSAGE_EXPIRED: INVALID,
    _C.MESSAGE_UNKNOWN_SERVICE: INVALID,
}
"""Faults whatever is known of the message."""

_RESPONSES: dict[Code, str] = {
    **dict.fromkeys(
        (
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
            _C.SESSION_MISSING,
            _C.SESSION_EXPIRED,
        ),
        CREDENTIALS,
    ),
    _C.ROLE_ACTIVITY: "SCR-0001",
    **dict.fromkeys(
        (
            _C.ROLE_ORGANISATION,
            _C.USER_TRAINING,
            _C.ORGANISATION_NOT_LIVE,
            _C.SITE_NOT_AGREED,
            _C.SETTING_NOT_APPROVED,
            _C.SETTING_UNKNOWN,
            _C.SETTING_NOT_REGISTERED,
            _C.PURPOSE_REFUSED,
            _C.PURPOSE_NOT_REGISTERED,
            _C.RELATIONSHIP_MISSING,
            _C.SCR_NOT_AVAILABLE,
            _C.UNDER_REVIEW,
            _C.DECEASED_NOT_CONFIRMED,
            _C.BIRTH_DATE_MISMATCH,
        ),
        "SCR-0002",
    ),
    **dict.fromkeys(
        (
            _C.PERMISSION_MISSING,
            _C.PERMISSION_REFUSED,
            _C.PERMISSION_SCOPE,
            _C.EMERGENCY_NOTE,
            _C.EMERGENCY_REASON,
            _C.EMERGENCY_AFTER_REFUSAL,
            _C.LEGAL_BASIS,
        ),
        "SCR-0003",
    ),
    **dict.fromkeys(
        (_C.SCR_NOT_FOUND, _C.PATIENT_NOT_FOUND, _C.PATIENT_NOT_UNIQUE, _C.PATIENT_NOT_VERIFIED, _C.NUMBER_INVALIDATED),
        "SCR-0004",
    ),
    **dict.fromkeys((_C.SPINE_UNREACHABLE, _C.SPINE_FAULT, _C.DIRECTORY_UNAVAILABLE), "SMSP-0004"),
    **dict.fromkeys(
        (_C.SPINE_UNUSABLE, _C.SPINE_WRONG_PATIENT, _C.SPINE_ACTIVE_CONTENT, _C.ANSWER_INVALID), "SMSP-0002"
    ),
    **dict.fromkeys(
        (
            _C.AUDIT_UNAVAILABLE,
            _C.IDENTITY_UNAVAILABLE,
            _C.INTERNAL,
            _C.PAGE_NOT_FOUND,
            _C.METHOD_NOT_ALLOWED,
            _C.NOT_ACCEPTABLE,
            _C.LAUNCH_INVALID,
            _C.LAUNCH_EXPIRED,
            _C.LAUNCH_SPENT,
            _C.FORM_TOKEN,
            _C.ALERT_OWN_ACCESS,
            _C.ALERT_CHANGED,
        ),
        "SMSP-9999",
    ),
    **dict.fromkeys(
        (
            _C.MESSAGE_TOO_LARGE,
            _C.MESSAGE_MEDIA_TYPE,
            _C.MESSAGE_NOT_WELL_FORMED,
            _C.MESSAGE_FORBIDDEN_XML,
            _C.MESSAGE_ENVELOPE,
            _C.MESSAGE_HEADERS,
            _C.MESSAGE_SCHEMA,
            _C.MESSAGE_VALUE,
            _C.MESSAGE_COMBINATION,
        ),
        "SMSP-0001",
    ),
}
"""Response codes once the operation is known."""

NOT_NEW_STYLE = "DEMOG-0042"
_PDS: dict[Code, str] = {
    _C.PATIENT_NOT_FOUND: "DEMOG-0001",
    _C.PATIENT_NOT_UNIQUE: "DEMOG-0007",
    _C.NUMBER_INVALIDATED: "DEMOG-0022",
    _C.PATIENT_NOT_VERIFIED: "DEMOG-0040",
}
"""What the PDS operations have codes of their own for (code system …17.285)."""
SUPERSEDED = "DEMOG-0017"
PDS_FAILED = "DEMOG-9999"

_USER_TROUBLE = frozenset({_C.ROLE_ACTIVITY, _C.ROLE_ORGANISATION, _C.USER_TRAINING})


def answer_for(error: GatewayError, operation: Operation | None) -> ToolkitFault | str:
    """The fault or response code of an error; `operation` None where it is not known.

    Only querySCR has SCR-… codes: elsewhere user trouble is SMSP-0005 and any other refusal a fault 3000. The PDS
    operations have codes for what a trace may end in.
    """
    code = error.code
    fault = _FAULTS.get(code)
    if fault is not None:
        return fault
    if operation is None:
        return _fault_unread(code)
    response = _RESPONSES[code]
    if operation.family is Family.PDS:
        if code is _C.SPINE_FAULT and isinstance(error, SpineUnavailable) and error.answered:
            return PDS_FAILED
        response = _PDS.get(code, response)
    if response.startswith("SCR-") and operation.name != "querySCR":
        if code in _USER_TROUBLE:
            return CREDENTIALS
        return DENIED if code.kind is Kind.REFUSED else "SMSP-9999"
    return response


def _fault_unread(code: Code) -> ToolkitFault:
    """An error before the operation was known."""
    by_kind = {Kind.REFUSED: DENIED, Kind.INVALID: INVALID, Kind.NO_RECORD: FAILED, Kind.UNAVAILABLE: RETRY}
    return FAILED if code in {_C.INTERNAL, _C.ANSWER_INVALID} else by_kind[code.kind]


def diagnostic(error: GatewayError) -> str | None:
    """ErrorDiagnosticText: the stable code, where to read about it, and for an invalid message where its faults are."""
    lines = [f"{error.code.slug}: see /errors/{error.code.slug}"]
    if error.rules:
        lines.append("rules: " + " ".join(error.rules))
    if isinstance(error, MessageInvalid):
        for finding in error.findings[:20]:
            place = f"line {finding.line}" if finding.line else "message"
            if finding.line and finding.column:
                place += f", column {finding.column}"
            text = f"{place}: {finding.path or '/'}: {finding.sentence} [{finding.code}; {finding.clause}]"
            lines.append(text + (f" Expected: {finding.expected}." if finding.expected else ""))
    return "\n".join(lines)
