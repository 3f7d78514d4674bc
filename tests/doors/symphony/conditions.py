"""What the national API answers to each condition, and what this door answers: the table of the documentation and of the test.

The status and the issue code are the national ones but where a row says why not; words differ only as a row says.
"""

from dataclasses import dataclass, field

NUMBER = "9000000009"
TOKEN = f"https://fhir.nhs.uk/Id/nhs-number|{NUMBER}"
SUBJECT = "composition.subject:Patient.identifier"
LIST = [("patient", TOKEN)]
UUID_FORM = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
NO_VALUES = "Values are never repeated: they may hold an NHS number."
NO_FRAMEWORK = "The words of a framework say nothing of use."
MISSING = "Required request parameter '{}' for method parameter type String is not present"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`national`: (status, issue code, text) there; `here`: the same of this door. A request that shows it, where one can."""

    national: tuple[int, str, str]
    here: tuple[int, str, str]
    why: str = ""
    door: int = 0
    """Of fhir_answers.doors(); -1 for what a running gateway alone can show."""
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    spoilt: tuple[str, object] | None = None
    """Member of the sample AuditEvent (steps with /) and its value; None takes it away."""
    live: tuple[str, str] = ("", "")
    """(method, path) for a running gateway."""


def _same(text: str) -> dict[str, tuple[int, str, str]]:
    return {"national": (400, "value", text), "here": (400, "value", text)}


def _value(name: str, field_name: str | None = None) -> dict[str, tuple[int, str, str]]:
    field_name = field_name or name
    return {
        "national": (400, "value", f"Invalid value - … in field '{field_name}'"),
        "here": (400, "value", f"Invalid value in field '{field_name}'"),
    }


def _agent(text: str, system: str) -> dict[str, tuple[int, str, str]]:
    return _same(text.format(f"'agent' entry with 'who.identifier.system' 'https://fhir.nhs.uk/Id/{system}'"))


CONDITIONS: dict[str, Condition] = {
    "X-Correlation-ID or X-Request-ID is not a UUID": Condition(
        **_same(f'Invalid X-Request-ID. Should be a UUIDv4 matching "{UUID_FORM}"'),
        query=LIST,
        headers={"X-Request-ID": "1-2-3"},
    ),
    "a required parameter is missing": Condition(**_same(MISSING.format("patient"))),
    "the document's id is missing": Condition(
        **_same(MISSING.format("composition.identifier")), door=1, query=[(SUBJECT, TOKEN)]
    ),
    "the patient without system": Condition(**_value("patient"), why=NO_VALUES, query=[("patient", NUMBER)]),
    "the patient without number": Condition(**_value("patient"), why=NO_VALUES, query=[("patient", TOKEN[:-10])]),
    "an NHS number that fails its check digit": Condition(
        national=(200, "", "total 0"),
        here=(400, "value", "Invalid value in field 'patient'"),
        why="The published specification says 400; nobody has such a number.",
        query=[("patient", TOKEN[:-1] + "8")],
    ),
    "another type": Condition(**_value("type"), why=NO_VALUES, query=[*LIST, ("type", "1")]),
    "another _sort": Condition(**_value("_sort"), why=NO_VALUES, query=[*LIST, ("_sort", "-date")]),
    "another _count": Condition(**_value("_count"), why=NO_VALUES, query=[*LIST, ("_count", "2")]),
    "a _count that is no number": Condition(**_value("_count", "count"), why=NO_VALUES, query=[*LIST, ("_count", "x")]),
    "an address that is not known": Condition(
        national=(404, "not-found", "… not found"),
        here=(404, "not-found", "There is nothing at this address."),
        why=NO_VALUES,
        door=-1,
        live=("GET", "/Patient"),
    ),
    "a wrong method": Condition(
        national=(405, "not-supported", "(framework)"),
        here=(405, "not-supported", "This address does not answer that method."),
        why=NO_FRAMEWORK,
        door=-1,
        live=("PUT", "/Bundle"),
    ),
    "a body of another media type": Condition(
        national=(415, "not-supported", "Content type '…' not supported"),
        here=(415, "not-supported", "The message's media type is not one this door reads."),
        why=NO_VALUES,
        door=-1,
        live=("POST", "/AuditEvent"),
    ),
    "a body that is not FHIR": Condition(
        national=(400, "value", "(parser)"),
        here=(400, "value", "The body is not an AuditEvent."),
        why=NO_FRAMEWORK,
        door=2,
        spoilt=("resourceType", "Patient"),
    ),
    "alert: type out of range": Condition(
        **_same("Invalid or missing value in field 'type.code'. Supported values are: 1, 2"),
        door=2,
        spoilt=("type/code", "3"),
    ),
    "alert: subtype out of range": Condition(
        **_same("Invalid or missing value in field 'subtype.code'. Supported values are: 1, 2, 3, 4, 5, 6"),
        door=2,
        spoilt=("subtype/0/code", "7"),
    ),
    "alert: type and subtype do not go together": Condition(
        **_same("Invalid combination of alert type '2' and alert subtype '4'."), door=2, spoilt=("subtype/0/code", "4")
    ),
    "alert: an agent is missing": Condition(
        **_agent("Missing {} and non-empty 'value'", "sds-user-id"), door=2, spoilt=("agent/2", None)
    ),
    "alert: an agent's value is empty": Condition(
        **_agent("Missing {} and non-empty 'value'", "nhs-number"),
        door=2,
        spoilt=("agent/0/who/identifier/value", ""),
    ),
    "alert: an agent twice": Condition(
        **_agent("Expecting exactly one {}", "nhs-number"),
        door=2,
        spoilt=("agent/1/who/identifier/system", "https://fhir.nhs.uk/Id/nhs-number"),
    ),
    "alert: requestor missing or true": Condition(
        **_same(
            "Missing or unsupported 'requestor' value for 'agent' with 'who.identifier.system'"
            " 'https://fhir.nhs.uk/Id/ods-organization-code'"
        ),
        door=2,
        spoilt=("agent/1/requestor", True),
    ),
}
"""Condition -> the two answers."""

OTHERS = (
    (
        "`Authorization` is missing",
        "401 `ACCESS_DENIED` (gateway)",
        "401 error/login, `credentials-missing` and `ACCESS_DENIED`",
        "Equal.",
    ),
    (
        "`NHSD-Session-URID` is missing",
        "400, framework words",
        "no fault where the sign-in chose a role or the user has one only; else 403 `role-not-chosen`",
        "The token says the role; the header chooses where it does not.",
    ),
    (
        "the role is not the user's",
        "403 `INVALID_VALUE` (gateway)",
        "403 error/forbidden, `role-not-held` and `INVALID_VALUE`",
        "Equal.",
    ),
    (
        "Spine refuses access (420)",
        "403 error/forbidden, Spine's words",
        "403 error/forbidden, `scr-not-available`",
        "Spine's words may hold an NHS number and tell why a record is closed.",
    ),
    (
        "Spine finds nothing (210, 30312), or the id is not the newest",
        "200, total 0",
        "200, total 0; `X-SCR-Code` says which",
        "Equal.",
    ),
    (
        "Spine: service not available (502)",
        "503 error/transient",
        "503 error/transient, `spine-fault`",
        "Equal but for Spine's words.",
    ),
    (
        "Spine: any other error (400, 401, 410, 430 …)",
        "400 error/value or 500 fatal/exception",
        "503 error/transient, `spine-fault`",
        "The message to Spine is the gateway's: the client cannot mend it.",
    ),
    (
        "Spine's answer lacks an element, or is of another patient",
        "400 error/value, or shown",
        "502 fatal/exception",
        "A fault of the server, never shown as the client's, and never shown as a record.",
    ),
    ("more requests than agreed", "429", "429 error/throttled with `Retry-After`", "Equal, with the time to wait."),
)
"""(condition, national answer, answer here, why): shown by tests of the identity service, of Spine's answers and of rates."""
