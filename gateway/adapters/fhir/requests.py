"""What every request of the FHIR door carries beside its subject: headers, search parameters, access facts. Pure.

Each header and parameter counts once, but for headers that are lists (RFC 9110 section 5.3); a fault names its place and
never repeats what was sent.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from gateway.adapters.fhir.datatypes import FHIR_JSON, NHS_NUMBER
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import CorrelationId, NhsNumber, NhsNumbers, RoleProfileId, UserId
from gateway.domain.json_members import once
from gateway.domain.permission import AccessClaims
from gateway.service.calls import Credentials
from gateway.service.claims import NAMES, TOO_LONG, claims_from
from gateway.service.doors import WireRequest

FORM = "application/x-www-form-urlencoded"
ACCESS = "X-SCR-Access"
REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"
UUID_FORM = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_JSON_TYPES = frozenset({FHIR_JSON, "application/json", "text/json", "json"})
_RANGES = (_JSON_TYPES, frozenset({"application/*"}), frozenset({"*/*"}))
"""What names JSON in an Accept header, the most specific first: that one alone counts (RFC 9110 section 12.5.1)."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_HANDLING = re.compile(r"\s*handling\s*=\s*(strict|\"strict\")\s*", re.ASCII | re.IGNORECASE)
_UTF8 = frozenset({"utf-8", "utf8"})
_TAKEN = {"charset": _UTF8, "fhirversion": frozenset({"4.0", "4.0.1"})}
"""Parameters of a media type that say what is in it, and what is here."""
_LONGEST_ACCESS = 6000
_MOST_PARAMETERS = 40


def invalid(path: str, sentence: str, expected: str = "", code: Code = Code.MESSAGE_VALUE) -> MessageInvalid:
    """A request whose part at `path` (http.NAME or a FHIRPath) is wrong."""
    return MessageInvalid(code, (Finding(code="fhir", sentence=sentence, path=path, expected=expected),))


def strict_json(data: bytes | str) -> Any:
    """JSON in UTF-8 in which no member stands twice and no number is out of bounds. Raises ValueError."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data  # left to itself, json would guess an encoding

    def never(_: str) -> Any:
        raise ValueError("not a JSON number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=never)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


# Headers


def header(wire: WireRequest, name: str) -> str | None:
    """A header's text, stripped; None where absent or empty. Raises MessageInvalid where it stands twice."""
    return _once(wire.headers, name)


def _once(headers: Mapping[str, str], name: str) -> str | None:
    found = [value for key, value in headers.items() if key.lower() == name.lower()]
    if len(found) > 1:
        raise invalid(f"http.{name}", f"Header {name} is sent more than once.", "one", Code.MESSAGE_HEADERS)
    return found[0].strip() or None if found else None


def list_header(headers: Mapping[str, str], name: str) -> str | None:
    """A header that is a list: all its lines as one (RFC 9110 section 5.3); None where absent or empty."""
    lines = [value.strip() for key, value in headers.items() if key.lower() == name.lower()]
    return ", ".join(line for line in lines if line) or None


def traced_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """X-Request-ID and X-Correlation-ID as the caller wrote them, where they are UUIDs: mirrored in every answer."""
    mirrored = {}
    for name in (REQUEST_ID, CORRELATION_ID):
        value = headers.get(name, "").strip()
        if re.fullmatch(UUID_FORM, value, re.ASCII):
            mirrored[name] = value
    return mirrored


def check_charset(wire: WireRequest) -> None:
    """A body is in UTF-8 (RFC 8259 section 8.1; FHIR R4 http 3.1.0.1.11) and of R4: a label may say so, and nothing else.

    Raises MessageInvalid (MESSAGE_MEDIA_TYPE).
    """
    media_type = Message()
    media_type["Content-Type"] = header(wire, "Content-Type") or ""
    for name, value in media_type.get_params(failobj=[])[1:]:
        taken = _TAKEN.get(name.lower())
        if taken is not None and not (isinstance(value, str) and value.strip().lower() in taken):
            sentence, expected = Code.MESSAGE_MEDIA_TYPE.sentence, "charset utf-8 and fhirVersion 4.0, or neither"
            raise invalid("http.Content-Type", sentence, expected, Code.MESSAGE_MEDIA_TYPE)


def check_headers(wire: WireRequest) -> None:
    """The ids are UUIDs, and a body's label is UTF-8. Raises MessageInvalid."""
    check_ids(wire.headers)
    if wire.method == "POST":
        check_charset(wire)


def check_ids(headers: Mapping[str, str]) -> None:
    """X-Correlation-ID and X-Request-ID are UUIDs where they are sent, each once. Raises MessageInvalid."""
    for name in (CORRELATION_ID, REQUEST_ID):
        value = _once(headers, name)
        if value is not None and not re.fullmatch(UUID_FORM, value, re.ASCII):
            sentence = f'Invalid {name}. Should be a UUIDv4 matching "{UUID_FORM}"'
            raise invalid(f"http.{name}", sentence, "a UUID", Code.MESSAGE_HEADERS)


def check_acceptable(accept: str | None, wanted: str | None) -> None:
    """`_format` counts before Accept; both name JSON or leave it open. Raises MessageInvalid (NOT_ACCEPTABLE)."""
    # `+` in a query may have become a blank on its way
    asked = wanted.replace("fhir json", "fhir+json") if wanted is not None else accept or "*/*"
    said = [_preference(kind) for kind in asked.split(",")]
    for names in _RANGES:
        answers = [possible for media, possible in said if media in names]
        if any(answers):
            return
        if answers:
            break
    raise invalid(
        "http._format" if wanted is not None else "http.Accept",
        Code.NOT_ACCEPTABLE.sentence,
        FHIR_JSON,
        Code.NOT_ACCEPTABLE,
    )


def _preference(kind: str) -> tuple[str, bool]:
    """(media range, whether its parameters leave it possible: a weight above 0, and R4 and UTF-8 where such are named)."""
    media, *parameters = (part.strip().lower() for part in kind.split(";"))
    refused = any(re.fullmatch(r"q=0(\.0{0,3})?", part) for part in parameters)
    named = [
        (name.strip(), value.strip().strip('"')) for name, _, value in (part.partition("=") for part in parameters)
    ]
    return media, not refused and all(value in _TAKEN.get(name, {value}) for name, value in named)


# Search parameters


def parameters_of(wire: WireRequest, known: frozenset[str]) -> dict[str, str]:
    """Search parameters of the address and, for `_search`, of the form. Unknown ones are ignored as FHIR's default is,
    or refused under `Prefer: handling=strict`. Raises MessageInvalid: one stands twice, too many, not a form.
    """
    pairs = list(wire.query.items())
    if wire.method == "POST":
        try:
            text = wire.body.decode("utf-8")
            pairs += parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
        except ValueError as error:
            raise invalid("http.body", "The body is not a form.", FORM, Code.MESSAGE_SCHEMA) from error
    if len(pairs) > _MOST_PARAMETERS:
        raise invalid("http.query", "Too many request parameters.", f"at most {_MOST_PARAMETERS}")
    strict = _strictly(list_header(wire.headers, "Prefer") or "")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            if strict:
                raise invalid("http.query", "A request parameter is not known here.", ", ".join(sorted(known)))
            continue
        if name in found:
            raise repeated(name)
        found[name] = value
    check_acceptable(list_header(wire.headers, "Accept"), found.get("_format") or None)
    return found


def _strictly(prefer: str) -> bool:
    """Whether `handling=strict` is among the preferences, its value bare or quoted (RFC 7240 section 2)."""
    return any(_HANDLING.fullmatch(part) for part in re.split("[,;]", prefer))


def parameter(query: Mapping[str, str], name: str) -> str | None:
    """A parameter of the address alone; None where absent. Raises MessageInvalid where it is given twice."""
    found = [value for key, value in query.items() if key == name]
    if len(found) > 1:
        raise repeated(name)
    return found[0] if found else None


def repeated(name: str) -> MessageInvalid:
    """A parameter that is given more than once."""
    return invalid(f"http.{name}", f"Request parameter '{name}' is given more than once.", "one value")


def required(parameters: Mapping[str, str], name: str) -> str:
    """A parameter that must be there. Raises MessageInvalid."""
    value = parameters.get(name)
    if value is None:
        raise invalid(
            f"http.{name}",
            f"Required request parameter '{name}' for method parameter type String is not present",
            "this parameter, once",
        )
    return value


def check_parameter(
    parameters: Mapping[str, str], name: str, allowed: frozenset[str], field: str | None = None
) -> None:
    """An optional parameter of fixed values. Raises MessageInvalid."""
    value = parameters.get(name)
    if value is not None and value not in allowed:
        raise wrong_value(name, " or ".join(sorted(allowed)), field)


def wrong_value(name: str, expected: str, field: str | None = None) -> MessageInvalid:
    """A parameter whose value is not allowed."""
    return invalid(f"http.{name}", f"Invalid value in field '{field or name}'", expected)


def patient_parameter(text: str, name: str, numbers: NhsNumbers) -> NhsNumber:
    """`https://fhir.nhs.uk/Id/nhs-number|NUMBER`. Raises MessageInvalid."""
    system, _, number = text.partition("|")
    expected = f"{NHS_NUMBER}| and a valid NHS number of this installation's range"
    if system != NHS_NUMBER:
        raise wrong_value(name, expected, "patient")
    try:
        return numbers.read(number)
    except InvalidValue as error:
        raise wrong_value(name, expected, "patient") from error


# Who asks, and why


def credentials_of(wire: WireRequest, facts: Mapping[str, object] | None = None) -> Credentials:
    """Bearer token (RFC 6750), NHSD-Session-URID as the role, NHSD-Identity-UUID as the user named. Raises MessageInvalid."""
    scheme, _, rest = (header(wire, "Authorization") or "").partition(" ")
    token = rest.strip() or None if scheme.lower() == "bearer" else None
    said = (facts or {}).get("user_token")
    if said is not None:
        if not isinstance(said, str) or (token is not None and said != token):
            raise invalid(
                f"http.{ACCESS}", "userToken and Authorization differ.", "one token", Code.MESSAGE_COMBINATION
            )
        token = said or None
    role, user = header(wire, "NHSD-Session-URID"), header(wire, "NHSD-Identity-UUID")
    profile = (facts or {}).get("role_profile")
    if role and isinstance(profile, str) and profile.strip() not in {"", role}:
        sentence = "roleProfile and NHSD-Session-URID differ."
        raise invalid(f"http.{ACCESS}", sentence, "one role profile", Code.MESSAGE_COMBINATION)
    try:
        return Credentials(
            token=token,
            named_role=RoleProfileId(role) if role else None,
            named_user=UserId(user) if user else None,
        )
    except InvalidValue as error:
        raise invalid(
            "http.NHSD-Session-URID",
            "A header that names the user or the role is not valid.",
            "twelve digits",
            Code.MESSAGE_HEADERS,
        ) from error


def access_facts(wire: WireRequest) -> dict[str, object]:
    """X-SCR-Access: one JSON object in base64url, lowerCamelCase members -> the same facts by their inner names.

    Raises MessageInvalid: not base64url, not one object, a member twice or not known.
    """
    text = header(wire, ACCESS)
    if text is None:
        return {}
    wrong = invalid(f"http.{ACCESS}", f"Invalid {ACCESS}.", "one JSON object in base64url", Code.MESSAGE_HEADERS)
    if len(text) > _LONGEST_ACCESS:
        sentence = f"Header {ACCESS} is too long."
        raise invalid(f"http.{ACCESS}", sentence, f"at most {_LONGEST_ACCESS} characters", Code.MESSAGE_HEADERS)
    if not _BASE64URL.fullmatch(text):
        raise wrong
    bare = text.rstrip("=")
    try:
        members = strict_json(base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True).decode())
    except (ValueError, binascii.Error) as error:
        raise wrong from error
    if not isinstance(members, dict):
        raise wrong
    unknown = members.keys() - _MEMBERS.keys()
    if unknown:
        raise invalid(
            f"http.{ACCESS}", f"{ACCESS} has a member that is not known.", ", ".join(_MEMBERS), Code.MESSAGE_HEADERS
        )
    return {_MEMBERS[name]: value for name, value in members.items()}


def claims_of(facts: Mapping[str, object]) -> AccessClaims:
    """The claims in the access facts; faults are placed at the header. Raises MessageInvalid."""
    try:
        return claims_from(facts)
    except MessageInvalid as error:
        found = tuple(
            replace(
                one,
                code="fhir",
                path=f"http.{ACCESS}.{_camel(one.path)}",
                sentence=(
                    f"The value in field '{_camel(one.path)}' is too long."
                    if one.expected == TOO_LONG
                    else f"Invalid value in field '{_camel(one.path)}'"
                ),
            )
            for one in error.findings
        )
        raise MessageInvalid(error.code, found, rules=error.rules) from error


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_MEMBERS = {_camel(name): name for name in sorted(NAMES)}


def request_id(wire: WireRequest, new: str) -> str:
    """The caller's X-Request-ID, else a new one."""
    return traced_headers(wire.headers).get(REQUEST_ID, CorrelationId(new).value)
