"""Does the audit still say what was written? Judges entries one by one as they are given, wherever they come from.

Finds an entry that was edited, removed, moved or inserted, a chain rewritten without its key, a tail or a chain cut off
behind a checkpoint, and a checkpoint that is false or missing. Names entries by writer, number and id; never prints them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.store.chain import canonical, genesis, link
from gateway.store.checkpoints import COMMANDS, Checkpoint
from gateway.store.keys import VerifyKeys


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was written."""

    kind: str
    """edited, removed, moved, inserted, rewritten, cut, unknown-chain, unknown-key, index, checkpoint, anchor, unreadable,
    repeated, export-cut, export-changed, row, chain, alert."""
    writer: str
    seq: int
    """Number of the entry (or checkpoint) in its writer's chain; for `unreadable`, `repeated` and `row` the line or row."""
    id: str = ""
    """The entry's own id, where it is still there; of `alert` the alert's."""
    sentence: str = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        if self.kind.startswith("export-"):
            return "the file"
        entry = (
            f"writer {self.writer or '-'} {'checkpoint' if self.kind == 'checkpoint' else 'entry'} {self.seq} {self.id}"
        )
        places = {
            "unreadable": f"line {self.seq}",
            "repeated": f"line {self.seq}",
            "row": f"row {self.seq}, of writer {self.writer} {self.id}",
            "chain": f"chain of writer {self.writer}",
            "anchor": "the anchor",
            "alert": f"alert {self.id}",
        }
        return places.get(self.kind, entry).rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was verified, and what was found."""

    entries: int
    chains: int
    checkpoints: int
    """In the audit itself, not counting those kept elsewhere."""
    uncovered: int
    """Entries that no checkpoint vouches for yet: their loss at the end of a chain would not show."""
    flaws: tuple[Flaw, ...]
    served: int
    """Entries of gateways: without any, commands' own records of themselves are all there is."""
    alerts: int | None = None
    """Alerts held against the entries that raised them; None where there was no database to read them from."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.flaws

    @property
    def empty(self) -> bool:
        """Whether nothing was found because there was nothing to find it in: a new audit, or one that was emptied."""
        return self.sound and not self.served


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
class Verifier:
    keys: VerifyKeys
    chains: dict[str, _Chain] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    """What is found, in the order of finding."""
    claims: dict[str, dict[int, str]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)
    entries: int = 0
    served: int = 0

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
        self.served += not writer.startswith(COMMANDS)
        named = str((entry if isinstance(entry, Mapping) else line.get("index", {})).get("id", ""))
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
            served=self.served,
            flaws=tuple(self.flaws),
        )

    def gone(self, there: Iterable[Checkpoint], kept: Iterable[Checkpoint]) -> None:
        """Finds checkpoints that were `kept` elsewhere and no longer stand where they were made, by runs of a signer's numbers."""
        standing, gone = {checkpoint.body for checkpoint in there}, set[tuple[str, int]]()
        for checkpoint in kept:
            if checkpoint.body in standing or not any(map(checkpoint.signed_by, self.keys.publics.values())):
                continue  # one that no known key signed is named where checkpoints are read
            gone.add((str(checkpoint.values["signer"]), int(checkpoint.values["number"])))
        for signer, first in sorted(gone):
            if (signer, first - 1) in gone:
                continue
            last = first
            while (signer, last + 1) in gone:
                last += 1
            run = f"checkpoint {first}" + (f" to {last}" if last > first else "")
            self.flaw("checkpoint", signer, first, f"missing in the database, though the anchor has it: {run}")

    def anchored(self, kept: Iterable[Checkpoint]) -> None:
        """Finds where checkpoints kept elsewhere are another audit's, which would vouch for nothing here."""
        known, named = self.chains.keys() | self.strange, set[str]()
        for checkpoint in kept:
            try:
                named |= {
                    str(checkpoint.values["signer"]),
                    *(str(one["writer"]) for one in checkpoint.values["chains"]),
                }
            except (ValueError, KeyError, TypeError):
                continue  # named where checkpoints are read
        if not known & named:
            self.flaw("anchor", "", 0, "none of the checkpoints kept elsewhere is about a chain of this audit")
