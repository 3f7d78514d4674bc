"""Does the audit still say what was written? Works on an export alone, anywhere, given the keys; touches no database.

Finds an entry that was edited, removed, moved or inserted, a chain rewritten without its key, a tail or a chain cut off
behind a checkpoint, and a checkpoint that is false or missing. Names entries by writer, number and id; never prints them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from gateway.store.chain import canonical, export_line, genesis, link
from gateway.store.checkpoints import Checkpoint, end_holds
from gateway.store.keys import VerifyKeys


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was written."""

    kind: str
    """edited, removed, moved, inserted, rewritten, cut, unknown-chain, unknown-key, index, checkpoint, unreadable, export-cut, export-changed."""
    writer: str
    seq: int
    """Number of the entry (or checkpoint) in its writer's chain; for `unreadable` the line."""
    id: str = ""
    """The entry's own id, where it is still there."""
    sentence: str = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        if self.kind == "unreadable":
            return f"line {self.seq}"
        if self.kind.startswith("export-"):
            return "the file"
        return f"writer {self.writer or '-'} {'checkpoint' if self.kind == 'checkpoint' else 'entry'} {self.seq} {self.id}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was verified, and what was found."""

    entries: int
    chains: int
    checkpoints: int
    uncovered: int
    """Entries that no checkpoint vouches for yet: their loss at the end of a chain would not show."""
    flaws: tuple[Flaw, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.flaws


_MOST_LOST = 100
"""Entries taken out at one place that are looked for where the later ones were numbered anew."""


@dataclass(slots=True)
class _Chain:
    """Where one chain stands, and what is not yet understood of it."""

    writer: str
    key: bytes
    mac: str
    seq: int = 0
    shift: int = 0
    """What to add to an entry's number to have the one it was written under: others were put in or taken out before it."""
    before: tuple[int, str] = (0, "")
    """Number and code before the entries in doubt."""
    doubt: list[int] = field(default_factory=list)
    """Places in the list of flaws of the entries just before that do not follow."""

    def written(self, number: int, previous: str, body: bytes, mac: str) -> bool:
        """Whether this entry was written under this number, after an entry with that code."""
        return link(self.writer, number, previous, body, self.key) == mac


@dataclass(slots=True)
class _Verifier:
    keys: VerifyKeys
    chains: dict[str, _Chain] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    claims: dict[str, dict[int, str]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)
    entries: int = 0

    def flaw(self, kind: str, writer: str, seq: int, sentence: str, id: str = "") -> None:  # noqa: A002 - the entry's word
        self.flaws.append(Flaw(kind, writer, seq, id, sentence))

    def register(self, writers: Mapping[str, str]) -> None:
        """Chains by writer, with the id of their key."""
        for writer, name in writers.items():
            key = self.keys.macs.get(name)
            if key is None:
                self.strange.add(writer)
                self.flaw("unknown-key", writer, 0, "the chain's key is not among those given")
            else:
                self.chains[writer] = _Chain(writer, key, genesis(writer, key))

    def checkpoints(self, checkpoints: Iterable[Checkpoint]) -> int:
        """Checks signatures and series, and takes what sound ones claim. Returns how many there are."""
        series: dict[str, dict[int, Checkpoint]] = {}
        count = 0
        for checkpoint in checkpoints:
            count += 1
            try:
                values = checkpoint.values
                signer, number, chains = str(values["signer"]), int(values["number"]), list(values["chains"])
                public = self.keys.publics.get(values["key"])
            except (ValueError, KeyError, TypeError):
                self.flaw("checkpoint", "", count, "this checkpoint cannot be read")
                continue
            if public is None or not checkpoint.signed_by(public):
                self.flaw("checkpoint", signer, number, "this checkpoint is not signed by a known key")
                continue
            if (known := series.setdefault(signer, {}).get(number)) is not None:
                if known.body != checkpoint.body:  # the same one kept twice is no fault
                    self.flaw("checkpoint", signer, number, "two different checkpoints bear this number")
                continue
            series[signer][number] = checkpoint
            for chain in chains:
                self._claim(chain["writer"], chain["length"], chain["mac"])
        for signer, made in series.items():
            self._series(signer, made)
        return count

    def _claim(self, writer: str, length: int, mac: str) -> None:
        if self.claims.setdefault(writer, {}).setdefault(length, mac) != mac:
            self.flaw("rewritten", writer, length, "two checkpoints name different entries here")

    def _series(self, signer: str, made: dict[int, Checkpoint]) -> None:
        previous = ""
        for number in range(1, max(made) + 1):
            checkpoint = made.get(number)
            if checkpoint is None:
                self.flaw("checkpoint", signer, number, "this checkpoint is missing")
                previous = "?"
                continue
            if previous not in ("?", checkpoint.values["previous"]):
                self.flaw("checkpoint", signer, number, "this checkpoint does not follow the one before it")
            previous = checkpoint.digest

    def entry(self, line: Mapping[str, Any]) -> None:
        """One entry as exported: writer, seq, mac, entry, and `index` where the searched columns differ."""
        self.entries += 1
        writer, seq, mac, entry = str(line["writer"]), int(line["seq"]), str(line["mac"]), line["entry"]
        named = str(entry.get("id", "")) if isinstance(entry, Mapping) else ""
        chain = self.chains.get(writer)
        if chain is None:
            if writer not in self.strange:
                self.strange.add(writer)
                self.flaw("unknown-chain", writer, seq, "no such chain was ever begun", named)
            return
        seq += chain.shift
        if seq <= chain.seq:
            kind = "inserted" if seq == chain.seq else "moved"
            self.flaw(kind, writer, seq, "this entry stands where it does not belong", named)
            return
        if seq > chain.seq + 1:
            chain.doubt.clear()
            last = f" to {seq - 1}" if seq > chain.seq + 2 else ""
            self.flaw("removed", writer, chain.seq + 1, f"missing: entry {chain.seq + 1}{last}")
        elif chain.written(seq, chain.mac, body := canonical(entry), mac):
            chain.doubt.clear()
        else:
            seq = self._out_of_step(chain, seq, body, mac, named)
        if "index" in line:
            self.flaw("index", writer, seq, "the columns reports search by differ from the entry", named)
        claimed = self.claims.get(writer, {}).get(seq)
        if claimed is not None and claimed != mac:
            self.flaw("rewritten", writer, seq, "a signed checkpoint names another entry here", named)
        chain.seq, chain.mac = seq, mac

    def _out_of_step(self, chain: _Chain, seq: int, body: bytes, mac: str, named: str) -> int:
        """An entry that does not follow the one before it: changed, or the first after others were put in or taken out.

        Whoever puts in or takes out numbers the rest anew; the code of each still says under which number it was written.
        Returns that number.
        """
        if chain.doubt:
            first, before = chain.before
            if chain.written(first + 1, before, body, mac):
                for place in chain.doubt:
                    words = "this entry was never written here"
                    self.flaws[place] = replace(self.flaws[place], kind="inserted", sentence=words)
                chain.shift -= len(chain.doubt)
                chain.doubt.clear()
                return first + 1
            lost = next((n for n in range(1, _MOST_LOST + 1) if chain.written(seq + n, chain.mac, body, mac)), 0)
            if lost and len(chain.doubt) == 1:
                words = f"missing: entry {first + 1}" + (f" to {first + lost}" if lost > 1 else "")
                self.flaws[chain.doubt[0]] = Flaw("removed", chain.writer, first + 1, "", words)
                chain.shift += lost
                chain.doubt.clear()
                return seq + lost
        else:
            chain.before = (chain.seq, chain.mac)
        chain.doubt.append(len(self.flaws))
        self.flaw("edited", chain.writer, seq, "this entry is not the one that was written here", named)
        return seq

    def finish(self, checkpoints: int) -> Report:
        """After the last entry: what checkpoints vouch for and is not there."""
        uncovered = 0
        for writer, claims in sorted(self.claims.items()):
            longest = max(claims)
            chain = self.chains.get(writer)
            if chain is None and writer not in self.strange:
                self.flaw("cut", writer, longest, f"the whole chain of {longest} entries is missing")
            elif chain is not None and chain.seq < longest:
                self.flaw("cut", writer, chain.seq + 1, f"missing at the end: entry {chain.seq + 1} to {longest}")
        for writer, chain in self.chains.items():
            uncovered += max(0, chain.seq - max(self.claims.get(writer, {0: ""})))
        return Report(
            entries=self.entries,
            chains=len(self.chains),
            checkpoints=checkpoints,
            uncovered=uncovered,
            flaws=tuple(self.flaws),
        )


def verify(
    entries: Iterable[Mapping[str, Any]],
    checkpoints: Iterable[Checkpoint],
    writers: Mapping[str, str],
    keys: VerifyKeys,
) -> Report:
    """Verifies exported entries (each chain in order) against checkpoints and the chains' own codes.

    `writers`: writer -> id of its chain key.
    """
    verifier = _Verifier(keys)
    verifier.register(writers)
    count = verifier.checkpoints(checkpoints)
    for number, line in enumerate(entries, 1):
        try:
            verifier.entry(line)
        except (KeyError, TypeError, ValueError):
            verifier.flaw("unreadable", "", number, "this line is no audit entry")
    return verifier.finish(count)


_FIELDS = {
    "chain": {"kind", "writer", "key"},
    "checkpoint": {"kind", "body", "signature"},
    "entry": {"kind", "writer", "seq", "mac", "entry"},
    "end": {"kind", "entries", "checkpoints", "sha256", "key", "signature"},
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


class AnchorUnusable(Exception):
    """An anchor file is none, or not whole. The text names the line."""


def read_anchor(path: Path) -> tuple[Checkpoint, ...]:
    """The checkpoints kept outside the database. Raises AnchorUnusable where it holds none or anything else; OSError.

    A last line that breaks off is what a crash in the middle of writing it leaves, or somebody cut: it is refused too, so
    that whoever verifies decides which of the two it was.
    """
    found = []
    for number, raw, line in _lines(path):
        if line is None or line.keys() != _FIELDS["checkpoint"] or line["kind"] != "checkpoint":
            how = "is no checkpoint" if raw.endswith(b"\n") else "breaks off"
            raise AnchorUnusable(f"line {number} of the anchor {how}")
        found.append(Checkpoint(body=str(line["body"]), signature=str(line["signature"])))
    if not found:
        raise AnchorUnusable("the anchor holds no checkpoint")
    return tuple(found)


def read_checkpoints(path: Path) -> Iterator[Checkpoint]:
    """The checkpoints in an export; lines of another kind are passed over."""
    for _, _, line in _lines(path):
        if line is not None and line.get("kind") == "checkpoint":
            yield Checkpoint(body=str(line.get("body", "")), signature=str(line.get("signature", "")))


def _end_flaw(end: Mapping[str, Any] | None, counted: tuple[int, int], checkpoints: int, keys: VerifyKeys) -> str:
    """What is wrong with the end of an export, in words; empty where nothing is."""
    if end is None or (end["entries"], end["checkpoints"]) != counted:
        return "the export does not hold what its last line counts"
    if not end_holds(end, keys.publics):
        return "the export's last line is not signed by a known key"
    if counted[0] and not checkpoints:
        return "there is no checkpoint, in the export or kept elsewhere: a cut end would not show"
    return ""


def verify_file(path: Path, keys: VerifyKeys, anchored: Iterable[Checkpoint] = ()) -> Report:
    """Verifies an export in JSON Lines, with checkpoints kept elsewhere where there are any. Raises OSError."""
    verifier = _Verifier(keys)
    end: dict[str, Any] | None = None
    exported, digest, before = 0, hashlib.sha256(), ""
    for number, raw, line in _lines(path):
        before = digest.hexdigest()
        digest.update(raw)
        if line is None or _FIELDS.get(str(line.get("kind"))) != line.keys() - {"index"}:
            verifier.flaw("unreadable", "", number, "this line is none that an export has")
        elif line["kind"] == "chain":
            verifier.register({str(line["writer"]): str(line["key"])})
        elif line["kind"] == "checkpoint":
            exported += 1
        elif line["kind"] == "end":
            end = line
    count = verifier.checkpoints([*read_checkpoints(path), *anchored])
    for number, _, line in _lines(path):
        if line is not None and line.get("kind") == "entry":
            try:
                verifier.entry(line)
            except (KeyError, TypeError, ValueError):
                verifier.flaw("unreadable", "", number, "this line is no audit entry")
    if said := _end_flaw(end, (verifier.entries, exported), count, keys):
        verifier.flaw("export-cut", "", 0, said)
    report = verifier.finish(count)
    if report.sound and end is not None and end["sha256"] != before:  # where nothing more particular is known
        words = "the export is not, byte for byte, the one that was signed when it was made"
        return replace(report, flaws=(Flaw("export-changed", "", 0, "", words),))
    return report
