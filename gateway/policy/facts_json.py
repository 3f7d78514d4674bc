"""Facts as plain JSON values and back, for engineers who ask why and for replaying decisions under other settings.

Reads by the domain's own types, so a new fact needs nothing here. Holds patient data: never for logs.
"""

import dataclasses
import types
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from gateway.domain.access import Setting
from gateway.domain.decision import Facts
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Identifier
from gateway.domain.instants import aware

_LEAVES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
"""Kinds of a plain value, and what each is called."""
_TIMES = {
    datetime: "a time with its zone, such as 2026-03-29T09:30:00+00:00,",
    date: "a day, such as 2026-03-29,",
}
MOST = 1000
"""Longest list read."""
LARGEST = 1_000_000
"""Largest number read; none that a decision rests on is negative."""
YEARS = range(1900, 3000)
"""Of a date or time read: outside these no zone can be reckoned with."""


def facts_to_json(facts: Facts) -> dict[str, object]:
    """Facts -> JSON values: objects by field name, identifiers and enums as their text, times ISO 8601. Defaults are left out."""
    return cast("dict[str, object]", _write(facts))


def facts_from_json(data: object) -> Facts:
    """JSON values (as from `json.loads`) -> Facts. What is left out has its default.

    Raises InvalidValue, whose text names the path and the fault but no value: an unknown or missing field, a wrong type, a value that cannot be.
    """
    return cast("Facts", _read(Facts, data, "facts"))


def _write(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, Identifier, Setting)):
        return {
            field.name: _write(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, frozenset):
        return sorted((_write(each) for each in value), key=str)
    if isinstance(value, tuple):
        return [_write(each) for each in value]
    return _write_leaf(value)


def _write_leaf(value: object) -> object:
    if isinstance(value, Identifier):
        return value.value
    if isinstance(value, Setting):
        return value.code
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, (IPv4Network, IPv6Network)) else value


def _default(field: "dataclasses.Field[Any]") -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, data: object, path: str) -> object:
    """One value of type `kind`. Raises InvalidValue with the path."""
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _read_union(get_args(kind), data, path)
    if origin in {tuple, frozenset}:
        return _read_many(origin, get_args(kind), data, path)
    if kind in _LEAVES:
        right = isinstance(data, kind) and (kind is bool or not isinstance(data, bool))
        if right or (kind is float and isinstance(data, int) and not isinstance(data, bool)):
            return data if isinstance(data, (str, bool)) else _bounded(data, path)
        raise InvalidValue(f"{path}: {_LEAVES[kind]} is needed")
    if dataclasses.is_dataclass(kind) and not issubclass(cast("type", kind), (Identifier, Setting)):
        return _read_object(cast("type", kind), data, path)
    return _read_text(kind, data, path)


def _bounded(number: object, path: str) -> object:
    """A number that can be one of a decision's."""
    if not 0 <= cast("float", number) <= LARGEST:  # false of NaN too
        raise InvalidValue(f"{path}: a number from 0 to {LARGEST} is needed")
    return number


def _read_time(kind: type[datetime] | type[date], text: str, path: str) -> date:
    """A date, or a time with its zone."""
    try:
        read = kind.fromisoformat(text)
        value = aware(read) if isinstance(read, datetime) else read
    except ValueError as error:
        raise InvalidValue(f"{path}: {_TIMES[kind]} is needed") from error
    if value.year not in YEARS:
        raise InvalidValue(f"{path}: a year from {YEARS.start} to {YEARS.stop - 1} is needed")
    return value


def _read_union(kinds: tuple[Any, ...], data: object, path: str) -> object:
    if data is None and type(None) in kinds:
        return None
    real = [kind for kind in kinds if kind is not type(None)]
    return _read(real[0], data, path)  # the one union of two kinds, IPv4 and IPv6 networks, is read as either below


def _read_many(origin: Any, inner: tuple[Any, ...], data: object, path: str) -> object:
    if not isinstance(data, (list, tuple)) or len(data) > MOST:
        raise InvalidValue(f"{path}: a list of at most {MOST} is needed")
    if origin is tuple and inner[-1] is not Ellipsis:
        if len(data) != len(inner):
            raise InvalidValue(f"{path}: a list of {len(inner)} is needed")
        return tuple(_read(kind, each, f"{path}[{n}]") for n, (kind, each) in enumerate(zip(inner, data, strict=True)))
    return origin(_read(inner[0], each, f"{path}[{n}]") for n, each in enumerate(data))


def _read_object(kind: type, data: object, path: str) -> object:
    if not isinstance(data, Mapping):
        raise InvalidValue(f"{path}: an object is needed")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [name for name in data if name not in fields]
    if unknown:
        raise InvalidValue(f"{path}: has {len(unknown)} field(s) not known here; known are {', '.join(fields)}")
    missing = [n for n, field in fields.items() if n not in data and _default(field) is dataclasses.MISSING]
    if missing:
        raise InvalidValue(f"{path}: {', '.join(missing)} missing")
    hints = _hints(kind)
    values = {name: _read(hints[name], value, f"{path}.{name}") for name, value in data.items()}
    try:
        return kind(**values)
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error


def _read_text(kind: Any, data: object, path: str) -> object:
    """A value with a text form: identifier, setting, enum, date, time, network."""
    if not isinstance(data, str):
        raise InvalidValue(f"{path}: a text is needed")
    if kind in {datetime, date}:
        return _read_time(kind, data, path)
    try:
        if issubclass(kind, Enum):
            return kind(data) if issubclass(kind, str) else kind[data]
        if kind in {IPv4Network, IPv6Network}:
            return ip_network(data)
        return cast("object", kind(data))
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error
    except (ValueError, KeyError) as error:
        raise InvalidValue(f"{path}: {_allowed(kind)} is needed") from error


def _allowed(kind: Any) -> str:
    """What may stand there: of a closed list all its words."""
    if issubclass(kind, Enum):
        return "one of " + ", ".join(each.value if issubclass(kind, str) else each.name for each in kind)
    return "a network with no host bits set, such as 10.0.0.0/8 or fd00::/8,"
