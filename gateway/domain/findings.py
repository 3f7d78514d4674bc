"""What is wrong with a message, and where: one model for every door that reads XML or JSON.

A finding never carries the caller's own data unless it is known not to be about a patient.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault in a message."""

    code: str
    """Stable finding code, for example `element-order` (see /errors/{code})."""
    sentence: str
    line: int | None = None
    """1-based line of the node in the caller's bytes."""
    column: int | None = None
    """1-based column, where it is known."""
    path: str = ""
    """XPath or JSON pointer of the node, its prefixes bound in `namespaces`."""
    namespaces: tuple[tuple[str, str], ...] = ()
    clause: str = ""
    """The clause of the standard or schema that is broken."""
    expected: str = ""
    found: str = ""
    """What stands there; empty where it might be patient data."""
    fragment: str = ""
    """A corrected fragment, where one is certain."""
    warning: bool = False
    """Whether it is only a note: the message is read all the same."""
