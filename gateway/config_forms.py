"""The form of single settings, told in an operator's words, and settings taken apart into one value a name.

Knows no setting by name. Must never quote a value: a misplaced secret would be told along.
"""

import ipaddress
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Asid, OdsCode

DRIVERS = ("postgresql+asyncpg", "sqlite+aiosqlite")
"""What the store speaks, as an SQLAlchemy address begins."""


def web_address(text: str) -> str:
    """An http or https address of a host, without a name and password in it. Raises ValueError."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, or half of an IPv6 address
        sound = False
    if not sound or any(letter.isspace() or not letter.isprintable() for letter in text):
        raise ValueError("not an address such as https://host.example/path")
    if "@" in parts.netloc:
        raise ValueError("an address holds no name and password")
    return text


def _optional_web_address(text: str) -> str:
    return web_address(text) if text else text


def _collector_address(text: str) -> str:
    """One that a path is part of."""
    try:
        sound = not urlsplit(web_address(text)).query
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("write an address such as http://127.0.0.1:4318/v1/traces")
    return text


def _base_address(text: str) -> str:
    """One that paths are put behind."""
    parts = urlsplit(web_address(text))
    if text.endswith("/") or parts.query or parts.fragment:
        raise ValueError("an address without a stroke, a query or a fragment at its end: paths are put behind it")
    return text


def _database_address(text: str) -> str:
    """An address of a database this gateway speaks to. Raises ValueError."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError("not an address such as postgresql+asyncpg://user@host/database") from error
    if url.drivername not in DRIVERS:
        raise ValueError(f"an address begins with {' or '.join(f'{driver}://' for driver in DRIVERS)}")
    if url.password is not None:
        raise ValueError("a password stands in it: put that into a file and name it as store.password_file")
    memory = url.get_backend_name() == "sqlite" and (url.database in (None, "", ":memory:") or "mode=memory" in text)
    if memory or not url.database:
        raise ValueError(
            "an SQLite database in memory is lost with its process" if memory else "it names no database at its end"
        )
    return text


def _local_address(text: str) -> str:
    """An address to listen on: one that needs no name server. Raises ValueError."""
    if text != "localhost":
        try:
            ipaddress.ip_address(text)
        except ValueError as error:
            raise ValueError("not an IP address to listen on, such as 0.0.0.0 or 127.0.0.1") from error
    return text


def _of_operator(text: str) -> str:
    try:
        return OdsCode(text).value
    except InvalidValue as error:
        raise ValueError("not an ODS code: 3 to 12 capital letters and digits") from error


def _asid(text: str) -> str:
    try:
        return Asid(text).value
    except InvalidValue as error:
        raise ValueError("not an ASID: 12 digits") from error


def _log_level(text: str) -> str:
    if text not in LOG_LEVELS:
        raise ValueError(f"one of {', '.join(LOG_LEVELS)}")
    return text


def _mail_address(text: str) -> str:
    name, at, host = text.partition("@")
    if (
        not (name and at and host)
        or "@" in host
        or any(letter.isspace() or not letter.isprintable() for letter in text)
    ):
        raise ValueError("not a mail address")
    return text


def _mail_pattern(text: str) -> str:
    rest = text.replace("{organisation}", "rzz01")
    if "{" in rest or "}" in rest:
        raise ValueError("the only part in braces is {organisation}, for the organisation's ODS code")
    _mail_address(rest)
    return text


LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
WebAddress = Annotated[str, AfterValidator(web_address)]
"""Where something is asked, or told."""
OptionalWebAddress = Annotated[str, AfterValidator(_optional_web_address)]
"""The same, or nothing."""
BaseAddress = Annotated[str, AfterValidator(_base_address)]
CollectorAddress = Annotated[str, AfterValidator(_collector_address)]
DatabaseAddress = Annotated[str, AfterValidator(_database_address)]
LocalAddress = Annotated[str, AfterValidator(_local_address)]
OperatorOds = Annotated[str, AfterValidator(_of_operator)]
SpineAsid = Annotated[str, AfterValidator(_asid)]
LogLevel = Annotated[str, AfterValidator(_log_level)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
MailPattern = Annotated[str, AfterValidator(_mail_pattern)]


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a setting is, needed or not; None where it is a single value."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) in {Union, types.UnionType} else ()
    for kind in (field.annotation, *kinds):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def flat(part: BaseModel, before: str = "") -> dict[str, Any]:
    """Every setting by its dotted name; a section that is not there is None by its own."""
    found: dict[str, Any] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def sound_of(
    model: type[BaseModel], given: Mapping[str, Any], wrong: Collection[str], before: str = ""
) -> dict[str, Any]:
    """As `flat`, of what was given for a section that did not load as a whole: every setting but those that are `wrong`."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        at, section = f"{before}{name}", section_of(field)
        if at in wrong:
            continue
        if section is not None and isinstance(given.get(name), Mapping):
            found |= sound_of(section, given[name], wrong, f"{at}.")
        elif not any(one.startswith(f"{at}.") for one in wrong):
            found |= _single(at, field, given, name)
    return found


def _single(at: str, field: FieldInfo, given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One setting's value, read or its default; nothing where it has neither."""
    if name not in given:
        default = field.get_default(call_default_factory=True)
        if field.is_required():
            return {}
        return flat(default, f"{at}.") if isinstance(default, BaseModel) else {at: default}
    try:
        return {at: TypeAdapter(field.rebuild_annotation()).validate_python(given[name])}
    except ValidationError:
        return {}


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of settings as one; `over` wins, value by value."""
    found = dict(under)
    for name, value in over.items():
        below = found.get(name)
        found[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return found


def places(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """(dotted name, field) of every single setting there can be."""
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield f"{before}{name}", field
        else:
            yield from places(section, f"{before}{name}.")
