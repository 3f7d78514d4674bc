"""What a database said when it failed, without its words: texts of drivers quote the rows they failed on."""

import re

from sqlalchemy.exc import DBAPIError

from gateway.store.tables import audit, metadata

_MISSING = re.compile(r'no such table: (?:\w+\.)?(\w+)|relation "(?:\w+\.)?(\w+)" does not exist')

_SAID = {
    "SQLITE_BUSY": "another process has the database locked",
    "SQLITE_LOCKED": "another process has the database locked",
    "SQLITE_CANTOPEN": "the database file cannot be opened",
    "SQLITE_READONLY": "the database takes no writes",
    "SQLITE_NOTADB": "the file is no SQLite database, or it is damaged",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk under the database fails",
    "SQLITE_CONSTRAINT": "the database refuses new entries",
    "42P01": "a table is missing in the database",
    "42703": "a column is missing in the database",
    "3D000": "there is no such database",
    "28000": "the database does not let this user in",
    "28P01": "the database does not let this user in",
    "42501": "the database forbids this user to read or write what is needed",
    "25006": "the database takes no writes",
    "53100": "the disk is full",
    "53300": "the database takes no more connections",
    "55P03": "another process has the database locked",
    "57014": "the database took too long, as where another process has it locked",
    "57P03": "the database is starting or stopping",
}
_OTHERWISE = {
    "TimeoutError": "the database does not answer in time, as where another process has it locked",
    "ConnectionRefusedError": "nothing answers at the database's address",
    "gaierror": "the name of the database's host is not known",
    "FileNotFoundError": "the database is not where it was",
}


_LASTING = frozenset({"SQLITE_CONSTRAINT_TRIGGER", "SQLITE_ERROR", "P0001", "42P01", "42703", "42501"})
_OURS = "append-only"
"""What our own triggers say of a row that stands already: that is the row's fault."""


def _code(origin: BaseException | None) -> str:
    """The database's own code for an error of its driver; empty where it gives none."""
    return getattr(origin, "sqlstate", None) or getattr(origin, "sqlite_errorname", None) or ""


def takes_none(error: BaseException) -> bool:
    """Whether a database refuses a row whatever is in it: its table or a column is gone, or somebody's trigger stops it."""
    if not isinstance(error, DBAPIError) or not str(error.statement).startswith("INSERT"):
        return False
    return _code(error.orig) in _LASTING and _OURS not in str(error.orig)


_TAKEN = frozenset({"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505"})


def place_taken(error: BaseException) -> bool:
    """Whether an entry could not be written because another stands under its number: nobody but an intruder puts one there."""
    if not isinstance(error, DBAPIError) or not str(error.statement).startswith("INSERT INTO audit "):
        return False
    said = str(error.orig)
    if f"audit is {_OURS}" in said:
        return True  # SQLite's trigger, of an entry that stands under the number of another
    return _code(error.orig) in _TAKEN and ("audit.writer, audit.seq" in said or f'"{audit.primary_key.name}"' in said)


def is_locked(error: BaseException) -> bool:
    """Whether another process has the SQLite file locked at this moment."""
    return _code(error.orig if isinstance(error, DBAPIError) else error).startswith("SQLITE_BUSY")


class StoreFault(Exception):
    """The kind of a database's error and its code."""

    table: str = ""
    """One of ours, where the fault is that it is missing."""

    @classmethod
    def of(cls, error: BaseException) -> "StoreFault":
        """From any error of the database, its driver, or the way to it."""
        origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        fault = cls(f"{type(origin).__name__} {_code(origin)}".strip())
        found = _MISSING.search(str(origin))
        name = (found[1] or found[2]) if found else ""
        fault.table = name if name in metadata.tables else ""
        return fault

    @property
    def sentence(self) -> str:
        """For whoever keeps the database, in words of ours alone."""
        if self.table:
            return f"the table {self.table} is missing in the database"
        kind, _, code = str(self).partition(" ")
        found = _SAID.get(code) or _SAID.get("_".join(code.split("_")[:2])) or _OTHERWISE.get(kind)
        return f"{found} ({self})" if found else f"the database failed ({self})"


def sentence_of(error: BaseException) -> str:
    """What the database said at the bottom of an error, in words of ours; empty where none is there."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StoreFault):
            return cause.sentence
        if isinstance(cause, TimeoutError):
            return StoreFault.of(cause).sentence
        cause = cause.__cause__
    return ""
