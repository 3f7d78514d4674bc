"""Verifies an export, and reads the checkpoints kept elsewhere: off the host, given the keys. Touches no database.

A line counts only where it is, byte for byte, as an export writes it.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from gateway.domain.errors import InvalidValue
from gateway.domain.instants import from_iso
from gateway.store.chain import export_line
from gateway.store.checkpoints import COMMANDS, EXPORTED, Checkpoint, end_holds
from gateway.store.claims import Made, foreign
from gateway.store.export import CSV_COLUMNS, csv_text
from gateway.store.flaws import Flaw, Report
from gateway.store.keys import VerifyKeys
from gateway.store.verify import Verifier

_FIELDS = {
    "chain": {"kind", "writer", "key"},
    "checkpoint": {"kind", "body", "signature"},
    "entry": {"kind", "writer", "seq", "mac", "entry"},
    "end": {"kind", "entries", "checkpoints", "made", "sha256", "key", "signature"},
}
"""Each kind of line in an export; nothing stands in one that no key or count vouches for."""


def _lines(path: Path) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
    """Numbered lines with what they say; None for one that is not, byte for byte, as an export writes it.

    A name given twice, of which a reader may take the one and this verifier the other, is found by that.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                values = orjson.loads(line)
            except orjson.JSONDecodeError:
                values = None
            as_written = isinstance(values, dict) and export_line(values) == line
            yield number, line, values if as_written else None


_BEGINNING = Checkpoint(body="", signature="").line.partition(b'""')[0]
"""How every line of an anchor begins."""


class AnchorUnusable(Exception):
    """An anchor file is none, or cannot be read. The text says why, and names the line."""


class ExportUnusable(Exception):
    """A file is no export that can be verified, whole or damaged. The text says what it is instead."""


def _crlf(path: Path) -> bool:
    """Whether every line of a file ends with CR LF, as programs for mail and text make it. Stops at the first that does not."""
    with path.open("rb") as file:
        # the last may have lost its end on the way
        return file.readline().endswith(b"\r\n") and all(line[-2:] == b"\r\n" or line[-1:] != b"\n" for line in file)


_CRLF = (
    "its line ends were changed: every line ends with CR LF, as a program for mail or text leaves it. Only the bytes that were "
    "written can be verified: ask for the file again, packed (zip) so that nothing changes it on its way"
)


def _other_form(path: Path) -> str:
    """What a file is, by its beginning, where it is no export in JSON Lines; empty where it may be one."""
    with path.open("rb") as file:
        beginning = file.read(4096)
    if not beginning:
        return "it is empty"
    if beginning.removeprefix(b"\xef\xbb\xbf").startswith(csv_text(CSV_COLUMNS[:2], ()).strip().encode()):
        return "this is a CSV export; only JSON Lines can be verified"
    if beginning.startswith(b'{"resourceType":"AuditEvent"'):
        return "this is a FHIR export; only JSON Lines can be verified"
    return _CRLF if _crlf(path) else ""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What an anchor file holds."""

    checkpoints: tuple[Checkpoint, ...]
    torn: tuple[int, ...] = ()
    """Lines that break off, by number: a crash or a full disk left them so, or somebody cut them."""


def read_anchor(path: Path) -> Anchored:
    """The checkpoints kept outside the database. Raises AnchorUnusable where it holds none or anything else, or cannot be read.

    A line that breaks off vouches for nothing and spoils none of the others; whoever verifies is told of it.
    """
    try:
        return _read_anchor(path)
    except IsADirectoryError as error:
        raise AnchorUnusable(f"the anchor {path} is a folder") from error
    except FileNotFoundError as error:
        raise AnchorUnusable(f"the anchor {path} is not there") from error
    except OSError as error:
        raise AnchorUnusable(f"the anchor {path} cannot be read ({os.strerror(error.errno or 0)})") from error


def _read_anchor(path: Path) -> Anchored:
    if _crlf(path):
        raise AnchorUnusable(f"the anchor cannot be used: {_CRLF}")
    found, torn = [], []
    for number, raw, line in _lines(path):
        if line is not None and line.keys() == _FIELDS["checkpoint"] and line["kind"] == "checkpoint":
            found.append(Checkpoint(body=str(line["body"]), signature=str(line["signature"])))
        elif raw.startswith(_BEGINNING) or _BEGINNING.startswith(raw.rstrip(b"\n")):
            torn.append(number)
        else:
            raise AnchorUnusable(f"line {number} of the anchor is no checkpoint")
    if not found:
        raise AnchorUnusable("the anchor holds no checkpoint")
    return Anchored(tuple(found), tuple(torn))


def read_checkpoints(path: Path) -> Iterator[Checkpoint]:
    """The checkpoints in an export; lines of another kind are passed over."""
    for _, _, line in _lines(path):
        if line is not None and line.get("kind") == "checkpoint":
            yield Checkpoint(body=str(line.get("body", "")), signature=str(line.get("signature", "")))


def _is_export(entry: Any) -> bool:
    return isinstance(entry, Mapping) and (entry.get("event"), entry.get("operation")) == ("report", EXPORTED)


@dataclass(slots=True)
class _File:
    """What an export's lines other than its entries say, and what its end must agree with."""

    end: dict[str, Any] | None = None
    checkpoints: list[Checkpoint] = field(default_factory=list)
    seen: set[Checkpoint] = field(default_factory=set)
    exports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Writer and time of each entry that says that an export was made."""
    any: bool = False
    """Whether any line is one of an export."""
    before: str = ""
    """SHA-256 of all before the last line."""

    def read(self, path: Path, verifier: Verifier) -> None:
        """Every line, from first to last."""
        digest = hashlib.sha256()
        for number, raw, line in _lines(path):
            self.before = digest.hexdigest()
            digest.update(raw)
            if line is None or _FIELDS.get(str(line.get("kind"))) != line.keys() - {"index"}:
                verifier.flaw("unreadable", "", number, "this line is none that an export has")
                continue
            self.any = True
            if line["kind"] == "chain":
                verifier.register({str(line["writer"]): str(line["key"])})
            elif line["kind"] == "checkpoint":
                self._checkpoint(line, number, verifier)
            elif line["kind"] == "entry" and _is_export(line["entry"]):
                self.exports[str(line["entry"].get("id"))] = str(line["writer"]), str(line["entry"].get("at"))
            elif line["kind"] == "end":
                self.end = line

    def _checkpoint(self, line: Mapping[str, Any], number: int, verifier: Verifier) -> None:
        checkpoint = Checkpoint(body=str(line["body"]), signature=str(line["signature"]))
        if checkpoint in self.seen:
            verifier.flaw("repeated", "", number, "this checkpoint stands in the export twice")
        self.seen.add(checkpoint)
        self.checkpoints.append(checkpoint)

    def made(self, keys: VerifyKeys) -> Made | None:
        """The entry that says that this export was made, where its last line is signed and names one of a command's own."""
        if self.end is None or not end_holds(self.end, keys.publics):
            return None
        writer, at = self.exports.get(str(self.end["made"]), ("", ""))
        try:
            return Made(writer, from_iso(at)) if writer.startswith(COMMANDS) else None
        except InvalidValue:
            return None

    def wrong(self, entries: int, vouching: int, keys: VerifyKeys) -> str:
        """What is wrong with the end, in words; empty where nothing is. `vouching`: checkpoints there and elsewhere."""
        if self.end is None or (self.end["entries"], self.end["checkpoints"]) != (entries, len(self.checkpoints)):
            return "the export does not hold what its last line counts"
        if not end_holds(self.end, keys.publics):
            return "the export's last line is not signed by a known key"
        if self.end["made"] not in self.exports:
            return "the entry that says that this export was made is not in it"
        if not vouching:
            return "there is no checkpoint, in the export or kept elsewhere: a cut end would not show"
        return ""


def verify_file(path: Path, keys: VerifyKeys, anchored: Sequence[Checkpoint] = ()) -> Report:
    """Verifies an export in JSON Lines, with checkpoints kept elsewhere where there are any. Raises ExportUnusable, OSError."""
    if other := _other_form(path):
        raise ExportUnusable(f"{path.name} cannot be verified: {other}")
    verifier, file = Verifier(keys), _File()
    file.read(path, verifier)
    if not file.any:
        raise ExportUnusable(f"{path.name} cannot be verified: none of its lines is one of an export")
    count = verifier.checkpoints(file.checkpoints, anchored, file.made(keys))
    if anchored:
        verifier.flaws += foreign(anchored, verifier.writers)
    for number, _, line in _lines(path):
        if line is not None and line.get("kind") == "entry":
            try:
                verifier.entry(line)
            except (KeyError, TypeError, ValueError):
                verifier.flaw("unreadable", "", number, "this line is no audit entry")
    if said := file.wrong(verifier.entries, count, keys):
        verifier.flaw("export-cut", "", 0, said)
    report = verifier.finish(len(file.checkpoints))
    if report.sound and file.end is not None and file.end["sha256"] != file.before:  # nothing more particular is known
        words = "the export is not, byte for byte, the one that was signed when it was made"
        return replace(report, flaws=(Flaw("export-changed", "", 0, "", words),))
    return report
