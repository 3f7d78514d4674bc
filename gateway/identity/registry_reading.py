"""Typed reading of TOML tables that collects every fault with its line instead of stopping at the first.

Knows nothing of organisations or systems. Must never guess: an unknown word is a fault, not a default.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import EnumType
from typing import Any, TypeVar

from gateway.domain.errors import InvalidValue
from gateway.identity.registry_lines import Lines, Path

Value = TypeVar("Value")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what nobody sees in a text, or what turns its order: controls, U+202E, line separators, no character."""
_JOINERS = "\u200c\u200d"
"""Some scripts need them inside words."""
_LONGEST = 200


def _unseen(text: str) -> str | None:
    """The first character of that kind, as U+202E."""
    found = (each for each in text if unicodedata.category(each) in _UNSEEN and each not in _JOINERS)
    return next((f"U+{ord(each):04X}" for each in found), None)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend: line (1-based, None where unknown), path such as `system[3].asid`, a sentence; a warning does not stop."""

    line: int | None
    path: str
    sentence: str
    warning: bool = False

    def __str__(self) -> str:
        """For people: `line 12, organisation[0].ods: what is wrong`, a warning marked as one."""
        return f"{'warning: ' if self.warning else ''}{self.place}: {self.sentence}"

    @property
    def place(self) -> str:
        """Where it is, without a value: fit for a log."""
        where = (f"line {self.line}" if self.line else "", self.path)
        return ", ".join(part for part in where if part) or "the whole file"


def written(path: Path) -> str:
    """A path as people write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


class Findings:
    """Collects faults while the tables are read."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.rows: list[Fault] = []

    def fault(self, path: Path, sentence: str) -> None:
        """Something that must be mended."""
        self.rows.append(Fault(self._lines.find(path), written(path), sentence))

    def warn(self, path: Path, sentence: str) -> None:
        """Something worth knowing."""
        self.rows.append(Fault(self._lines.find(path), written(path), sentence, warning=True))

    @property
    def wrong(self) -> bool:
        """Whether anything must be mended."""
        return any(not row.warning for row in self.rows)

    def sorted(self) -> tuple[Fault, ...]:
        """In the file's order."""
        return tuple(sorted(self.rows, key=lambda row: (row.line or 0, row.path)))


class Table:
    """One TOML table under its path: typed reading that records what is missing, misspelt or of the wrong type."""

    def __init__(self, row: Any, path: Path, findings: Findings, known: Collection[str]) -> None:
        self.path, self.findings = path, findings
        self.row: dict[str, Any] = row if isinstance(row, dict) else {}
        if not isinstance(row, dict):
            findings.fault(path, "This must be a table.")
        for name in sorted(self.row.keys() - set(known)):
            self.fault(name, f"Nothing called {name!r} is known here. Known: {', '.join(sorted(known))}.")

    def __contains__(self, name: str) -> bool:
        return name in self.row

    def fault(self, name: str, sentence: str) -> None:
        """A fault at one of the table's keys."""
        self.findings.fault((*self.path, name), sentence)

    def warn(self, name: str, sentence: str) -> None:
        """A warning at one of the table's keys."""
        self.findings.warn((*self.path, name), sentence)

    def text(self, name: str, *, needed: bool = True, why: str = "", longest: int = _LONGEST) -> str | None:
        """A text of at least one visible character, at most `longest`, and none that cannot be seen."""
        value = self.row.get(name)
        if value is None:
            if needed:
                self.fault(name, f"{name} is missing{why and f': {why}'}.")
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(name, f"{name} must be a text that is not empty.")
            return None
        unseen = _unseen(value)
        if unseen is not None:
            self.fault(name, f"{name} holds a character that cannot be seen ({unseen}).")
            return None
        if len(value) > longest:
            self.fault(name, f"{name} must be at most {longest} characters.")
            return None
        return value

    def number(self, name: str, *, needed: bool = True) -> float | None:
        """A number."""
        value = self.row.get(name)
        if value is None and not needed:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(name, f"{name} must be a number.")
            return None
        return value

    def texts(self, name: str, *, needed: bool = False) -> list[str]:
        """A list of texts."""
        value = self.row.get(name)
        if value is None:
            if needed:
                self.fault(name, f"{name} is missing.")
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.fault(name, f"{name} must be a list of texts.")
            return []
        if len(set(value)) != len(value):
            self.fault(name, f"{name} names something twice.")
        return list(value)

    def build(self, name: str, make: Callable[[str], Value], *, needed: bool = True, why: str = "") -> Value | None:
        """A text turned into a value by `make`; its InvalidValue or ValueError becomes a fault."""
        text = self.text(name, needed=needed, why=why)
        return None if text is None else self.made(name, make, text)

    def build_all(self, name: str, make: Callable[[str], Value], *, needed: bool = False) -> list[Value]:
        """A list of texts, each turned into a value."""
        made = [self.made(name, make, text) for text in self.texts(name, needed=needed)]
        return [value for value in made if value is not None]

    def made(self, name: str, make: Callable[[str], Value], text: str) -> Value | None:
        """`make(text)`, or None and a fault."""
        try:
            return make(text)
        except InvalidValue as error:
            self.fault(name, f"{text!r} cannot stand here: {error}.")
        except ValueError:
            members: Iterable[Any] = make if isinstance(make, EnumType) else ()
            allowed = [str(member.value) for member in members]
            self.fault(name, f"{text!r} cannot stand here.{' Allowed: ' + ', '.join(allowed) + '.' if allowed else ''}")
        return None


def rows_of(document: dict[str, Any], name: str, findings: Findings) -> list[Any]:
    """The rows of an array of tables, where it is one."""
    rows = document.get(name, [])
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    findings.fault((name,), f"Write each {name} as a table of its own: [[{name}]].")
    return []
