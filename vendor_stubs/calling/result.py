"""What a call ended in: one frozen value, printed for people or as the contract's JSON object, with its exit status.

Nothing is left out of a record for people's eyes but control characters, which a terminal would obey.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXIT_STATUS = {
    "record": 0,
    "answered": 0,
    "refused": 3,
    "no_record": 4,
    "invalid": 5,
    "unavailable": 6,
    "failed": 1,
}
"""Outcome -> exit status. `answered`: an operation other than a view did what it was asked; `failed`: anything else."""

RECORD_MEMBERS = (
    "nhs_number",
    "requested_nhs_number",
    "created",
    "author",
    "practice",
    "document_statements",
    "additional_information",
    "sections",
)
REMOVED = "Active content was left out of this record; all its words are shown."
_WIDEST_COLUMN = 48


@dataclass(frozen=True, kw_only=True)
class ViewResult:
    """An outcome with what the gateway said about it. `code` None: a server that is not this gateway gave none."""

    outcome: str
    code: str | None
    wire_code: str | None
    """The door's own code, such as SMSP-0000 or a fault's 3000."""
    sentence: str
    next_step: str = ""
    rules: tuple[str, ...] = ()
    correlation_id: str | None = None
    record: Mapping[str, Any] | None = field(default=None, repr=False)
    """The members RECORD_MEMBERS names, where a record is shown."""
    answer: Mapping[str, Any] | None = field(default=None, repr=False)
    """What an operation other than a view answered."""
    notices: tuple[str, ...] = ()
    """What people must know beside the record."""
    findings: tuple[Mapping[str, Any], ...] = ()
    """What is wrong with an invalid message, each with the place the answer names."""

    def __post_init__(self) -> None:
        """Raises ValueError: an unknown outcome, or a record where none is shown."""
        if self.outcome not in EXIT_STATUS:
            raise ValueError(f"no such outcome: {self.outcome}")
        if (self.outcome == "record") is not (self.record is not None):
            raise ValueError("a record belongs to the outcome record, and to no other")

    @property
    def exit_status(self) -> int:
        """Exit status of the command."""
        return EXIT_STATUS[self.outcome]

    def as_json(self) -> str:
        """One JSON object in ASCII (so that any terminal carries it unchanged)."""
        document: dict[str, Any] = {
            "outcome": self.outcome,
            "code": self.code,
            "wire_code": self.wire_code,
            "sentence": self.sentence,
            "rules": list(self.rules),
            "correlation_id": self.correlation_id,
        }
        if self.record is not None:
            document |= {name: self.record[name] for name in RECORD_MEMBERS}
        if self.answer is not None:
            document |= self.answer
        if self.outcome == "invalid" or self.findings:
            document["findings"] = [dict(one) for one in self.findings]
        return json.dumps(document, indent=2)

    def as_text(self) -> str:
        """For people: the record, or why there is none and what to do."""
        if self.record is not None:
            lines = _record_lines(self.record)
        elif self.outcome == "answered":
            lines = _answer_lines(self.answer or {})
        else:
            lines = [f"{self.outcome.replace('_', ' ').upper()}: {self.sentence}"]
            lines += [f"Next: {self.next_step}"] if self.next_step else []
            lines += [f"Rules: {' '.join(self.rules)}"] if self.rules else []
            lines += [f"Code: {' / '.join(filter(None, (self.code, self.wire_code)))}"]
            lines += _answer_lines(self.answer or {})
            lines += [f"Fault: {_fault_line(one)}" for one in self.findings]
        # before a record, which may be long: what people must know of it comes first
        notices = [f"!! {notice}" for notice in self.notices]
        lines = [*notices, *lines] if self.record is not None else [*lines, *notices]
        lines.append(f"Correlation id: {self.correlation_id or 'none'}")
        return "\n".join(_printable(line) for line in lines)


def _fault_line(found: Mapping[str, Any]) -> str:
    """One finding in one line: where, what, and what is expected there."""
    place = " ".join(f"{name} {found[name]}" for name in ("line", "column") if name in found)
    expected = f"Expected: {found['expected']}." if found.get("expected") else ""
    write = f"Write: {found['write']}" if found.get("write") else ""
    said = (place, found.get("path", ""), f"[{found['code']}]", found.get("sentence", ""), expected, write)
    return " ".join(part for part in said if part)


def _answer_lines(answer: Mapping[str, Any]) -> list[str]:
    """One line a member; the items of a list each on their own."""
    lines = []
    for name, value in answer.items():
        words = name.replace("_", " ")
        if isinstance(value, list):
            lines += [f"{words}: {len(value)}", *(f"  {_plain(one)}" for one in value)]
        else:
            lines.append(f"{words}: {_plain(value)}")
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """Control characters (those a terminal may obey) become the replacement character; line ends stay."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if (ord(letter) < 32 and letter != "\n") or 127 <= ord(letter) < 160 else letter
        for letter in text
    )


def taken_back(entry: Mapping[str, Any]) -> str:
    """What people must know of an entry that its practice marked as withdrawn: kind, text, time, until (ISO 8601 or None)."""
    days = " to ".join(str(one)[:10] for one in (entry["time"], entry["until"]) if one)
    words = entry["text"] or "it has no words of its own"
    return (
        f"The practice marked this entry as withdrawn ({entry['kind']}): {words}{f' ({days})' if days else ''}. "
        f"The text may still tell it as current."
    )


def spaced(number: str) -> str:
    """An NHS number as people read it: 3-3-4."""
    return f"{number[:3]} {number[3:6]} {number[6:]}" if len(number) == 10 else number


def _record_lines(record: Mapping[str, Any]) -> list[str]:
    number, asked = record["nhs_number"] or "", record["requested_nhs_number"]
    lines = ["SUMMARY CARE RECORD", f"NHS number: {spaced(number)}"]
    if asked is not None:
        lines.append(f"!! Asked for {spaced(asked)}, which was superseded by {spaced(number)}")
    lines.append(f"Created: {record['created'] or 'not stated'}")
    lines.append(f"Author: {record['author'] or 'not stated'}")
    lines.append(f"Practice: {record['practice'] or 'not stated'}")
    extra = "core record and Additional Information" if record["additional_information"] else "core record only"
    lines.append(f"Form: {extra}")
    for statement in record["document_statements"]:
        lines += ["", "!" * 72, f"!! {statement['kind'].upper()}: {statement['text']}", "!" * 72]
    for section in record["sections"]:
        title = section["title"] or section["id"] or "(without a heading)"
        lines += ["", title, "=" * min(len(title), 72)]
        if not section["blocks"]:
            lines.append("(nothing stands under this heading)")
        for block in section["blocks"]:
            lines += _table_lines(block) if block["kind"] == "table" else [block["text"]]
    return [*lines, ""]


def _table_lines(block: Mapping[str, Any]) -> list[str]:
    """A table with aligned columns. A long cell pushes its neighbours aside; nothing is cut."""
    rows = [block["columns"], *block["rows"]] if block["columns"] else list(block["rows"])
    width = max((len(row) for row in rows), default=0)
    widths = [
        min(max((len(row[at]) for row in rows if at < len(row)), default=0), _WIDEST_COLUMN) for at in range(width)
    ]
    lines = [" | ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]
    if block["columns"]:
        lines.insert(1, "-+-".join("-" * size for size in widths))
    if not block["rows"]:
        lines.append("(the table has no rows)")
    return [f"{block['caption']}:", *lines] if block["caption"] else lines
