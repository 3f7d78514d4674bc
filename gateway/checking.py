"""Everything that start would refuse in the settings and the files they name, found without listening, connecting or writing.

`check-config` and `serve` both ask here, so that neither knows less than the other. What only a network can tell (an
identity stub's keys, a database that could lose a commit) is judged at start alone.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from gateway import production
from gateway.config import ConfigInvalid, Given, Settings, given
from gateway.domain.errors import InvalidValue
from gateway.identity.launch_keys import load_launch_key
from gateway.identity.registry import Registry
from gateway.pem_files import (
    PemUnusable,
    authority_faults,
    of_development,
    open_to_others,
    pair_faults,
    read_certificates,
)
from gateway.production import Mode
from gateway.proving import load_registry
from gateway.store.engine import NotDurable, refuse_to_begin_again
from gateway.store.keys import KeysUnusable, audit_keys_made, load_keys
from gateway.store.training import read_export
from gateway.text_files import TextUnreadable, read_text
from gateway.xml.catalogue import Catalogue, SchemaUnusable

Values = Mapping[str, Any]
Found = Iterator[tuple[str, str]]
"""(setting, what is wrong with it)"""

PAIRS = (
    ("listen.mutual_tls.certificate", "listen.mutual_tls.key"),
    ("spine.client_certificate", "spine.client_key"),
)
AUTHORITIES = ("listen.mutual_tls.client_ca", "spine.ca", "traces.ca", "identity.saml_certificate")
SECRETS = ("listen.mutual_tls.key", "spine.client_key", "store.password_file")
"""Files for the gateway alone, which would work all the same if others could read them."""
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not listened on
HOSTS = ("listen.mutual_tls", "listen.proxy", "listen.internal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of it."""

    settings: Settings | None
    """None where their form has faults."""
    faults: tuple[str, ...]
    """One line each: the setting, the file, what is wrong. Empty where `serve` may go on to what a network tells."""
    warnings: tuple[str, ...]
    """One line each; they stop nothing."""


def check(path: Path, mode: Mode, now: datetime) -> Checked:
    """Every fault of a settings file and of all it names, those of form beside the others; raises nothing for any of them.

    `now` judges certificates' days. The sandbox makes its own files, so that only the form is judged there.
    """
    try:
        found = given(path)
    except ConfigInvalid as error:
        return Checked(settings=None, faults=error.faults, warnings=())
    if mode is Mode.SANDBOX:
        return Checked(settings=found.settings, faults=found.faults, warnings=())
    faults = dict.fromkeys((*found.faults, *_faults(found, mode, now)))
    return Checked(settings=found.settings, faults=tuple(faults), warnings=tuple(_warnings(found.values)))


def usable(path: Path, mode: Mode, now: datetime) -> tuple[Settings, tuple[str, ...]]:
    """(settings, warnings) where `check` finds nothing wrong. Raises ConfigInvalid with every fault."""
    checked = check(path, mode, now)
    if checked.faults or checked.settings is None:
        raise ConfigInvalid(checked.faults)
    return checked.settings, checked.warnings


def _faults(found: Given, mode: Mode, now: datetime) -> Iterator[str]:
    values = dict(found.values)
    for setting, what in tuple(production.unreadable(values)):
        del values[setting]  # nothing more can be said of it
        yield f"{setting}: {what}"
    registry, wrong = _registry(values)
    yield from wrong
    try:
        yield from production.found(values, registry, None, rehearsal=mode is Mode.REHEARSAL)
    except InvalidValue as error:
        yield f"registry: {error}"
    for part in (_listeners, _training, _schemas, _keys, _database):
        yield from (f"{setting}: {what}" for setting, what in part(values))
    yield from (f"{setting}: {what}" for setting, what in _certificates(values, now))
    if mode is Mode.SERVE:
        yield from (f"{setting}: {what}" for setting, what in _development(values))


def _registry(values: Values) -> tuple[Registry | None, tuple[str, ...]]:
    path = values.get("registry")
    if path is None:
        return None, ()
    try:
        return load_registry(path).registry, ()
    except ConfigInvalid as error:
        return None, tuple(f"registry: {fault}" for fault in error.faults)


def _listeners(values: Values) -> Found:
    """Addresses that are not this machine's, and ports asked for twice."""
    taken: list[tuple[str, int, str]] = []
    for name in HOSTS:
        host, port = values.get(f"{name}.host"), values.get(f"{name}.port")
        if host is None:
            continue
        if not _own(host):
            yield f"{name}.host", f"{host} is no address of this machine"
        for other, number, before in taken:
            if port and port == number and (host == other or not {host, other}.isdisjoint(EVERYWHERE)):
                yield f"{name}.port", f"{port} is the port of {before} already"
        if port:
            taken.append((host, port, name))


def _own(host: str) -> bool:
    """Whether a socket can have this address here. Takes any free port for a moment and listens on none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _training(values: Values) -> Found:
    if (path := values.get("training")) is not None:
        try:
            read_export(read_text(path))
        except (InvalidValue, TextUnreadable) as error:
            yield "training", f"{path.name}: {error}"


def _schemas(values: Values) -> Found:
    if (folder := values.get("schemas")) is not None:
        try:
            Catalogue.load(folder)
        except SchemaUnusable as error:
            yield "schemas", f"{folder.name}: {error}"


def _keys(values: Values) -> Found:
    """The audit's keys, and the one launches are sealed to."""
    tries: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("store.keys", load_keys),
        ("identity.launch_key", load_launch_key),
    )
    for setting, read in tries:
        if (path := values.get(setting)) is not None:
            try:
                read(path)
            except (KeysUnusable, InvalidValue) as error:
                yield setting, f"{path.name}: {error}" if path.is_dir() else str(error)


def _database(values: Values) -> Found:
    """The database's address and password file, and the file that keeps checkpoints."""
    if (password := values.get("store.password_file")) is not None:
        try:
            if not read_text(password).strip():
                yield "store.password_file", f"{password.name} is empty"
        except TextUnreadable as error:
            yield "store.password_file", f"{password.name}: {error}"
    url, keys = values.get("store.url"), values.get("store.keys")
    if url is not None and url.startswith("sqlite"):
        folder = Path(str(make_url(url).database)).parent
        if not folder.is_dir():
            yield "store.url", f"the folder {folder} is not there"
        elif keys is not None:
            try:
                refuse_to_begin_again(url, audit_keys_made(keys))
            except NotDurable as error:
                yield "store.url", str(error)
    if (anchor := values.get("store.anchor")) is not None and (wrong := _unwritable(anchor)) is not None:
        yield "store.anchor", wrong


def _unwritable(path: Path) -> str | None:
    """Why a file could not be appended to, or made; tried by asking only."""
    if path.exists():
        if not path.is_file():
            return f"{path.name} is no file"
        return None if os.access(path, os.R_OK | os.W_OK) else f"{path.name} cannot be read and written"
    if not path.parent.is_dir():
        return f"{path.name} cannot be made: the folder {path.parent} is not there"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"{path.name} cannot be made: the folder {path.parent} takes no files"
    return None


def _certificates(values: Values, now: datetime) -> Found:
    for certificate, key in PAIRS:
        shown, held = values.get(certificate), values.get(key)
        if shown is not None and held is not None:
            yield from pair_faults(certificate, shown, key, held, now)
        elif shown is not None and key in values:
            yield key, f"missing: the certificate in {shown.name} is of no use without its key"
        elif held is not None and certificate in values:
            yield certificate, f"missing: the key in {held.name} is of no use without its certificate"
    for setting in AUTHORITIES:
        if (path := values.get(setting)) is not None:
            yield from authority_faults(setting, path, now)


def _development(values: Values) -> Found:
    """Certificates that say of themselves that they are not for live use."""
    for setting in (*(certificate for certificate, _ in PAIRS), *AUTHORITIES):
        path = values.get(setting)
        try:
            if path is not None and of_development(read_certificates(path)):
                yield setting, f"{path.name} was made by `dev-certs`: not for live use"
        except PemUnusable:
            continue  # said already


def _warnings(values: Values) -> Iterator[str]:
    for setting in SECRETS:
        path = values.get(setting)
        if path is not None and open_to_others(path):
            yield f"{setting}: {path.name} may be read by others: give it mode 0600"
