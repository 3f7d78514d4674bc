"""Opens the database for a command: never a new and empty one in the place of one that is gone."""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config import Store

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def engine_of(store: Store) -> "AsyncEngine":
    """An engine for a database that is there. Raises DatabaseMissing, OSError."""
    from gateway.store.engine import make_engine, refuse_to_begin_again
    from gateway.store.keys import audit_keys_made

    refuse_to_begin_again(store.url, audit_keys_made(store.keys))
    return make_engine(store.url, password_file=store.password_file)


def in_words(error: Exception, anchor: Path | None = None) -> str:
    """What stopped a command, in one sentence: which file, or what of the database. Never a text of the database's driver."""
    from gateway.domain.errors import GatewayError
    from gateway.store.faults import sentence_of

    if isinstance(error, GatewayError):
        return sentence_of(error) or error.sentence
    if not isinstance(error, OSError):
        return str(error)
    if error.filename is None:
        return error.strerror or str(error)
    path = str(error.filename)
    name = f"the anchor {path}" if anchor is not None and path == str(anchor) else path
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder"
    if isinstance(error, FileNotFoundError):
        return f"{name} is not there"
    return f"{name} cannot be read or written ({os.strerror(error.errno or 0)})"


def not_started(error: Exception) -> str:
    """Why a gateway does not start: what could not be done, in words for whoever starts it."""
    from gateway.domain.codes import Code
    from gateway.domain.errors import GatewayError
    from gateway.store.faults import sentence_of

    if isinstance(error, OSError) and error.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
        return f"listen: {error.strerror}"
    if not isinstance(error, GatewayError):
        return str(error) or type(error).__name__
    if error.code is Code.AUDIT_UNAVAILABLE:
        return f"store.url: the database cannot be used: {sentence_of(error) or 'it gives no reason'}"
    if error.code is Code.IDENTITY_UNAVAILABLE:
        return "identity.jwks_url: the identity service's keys could not be fetched from there"
    return f"{error.sentence} [{error.code}]"
