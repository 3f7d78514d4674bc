"""Does the audit still say what was written? Judges entries one by one as they are given, wherever they come from.

Finds an entry that was edited, removed, moved or inserted, a chain rewritten without its key, a tail or a chain cut off
behind a checkpoint, and a checkpoint that is false or missing. Names entries by writer, number and id; never prints them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.store.chain import canonical
from gateway.store.checkpoints import COMMANDS, Checkpoint
from gateway.store.claims import Claims, Made
from gateway.store.flaws import Flaw, Report
from gateway.store.keys import VerifyKeys
from gateway.store.naming import named
from gateway.store.runs import Chain, Effort


@dataclass(slots=True)
class Verifier:
    """Takes what an audit holds: its chains, its checkpoints, its entries, in this order."""

    keys: VerifyKeys
    chains: dict[str, Chain] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    """What is found, in the order of finding."""
    strange: set[str] = field(default_factory=set)
    unlike: list[tuple[str, int, str, str]] = field(default_factory=list)
    """Writer, number, code and id of entries that follow, and that some checkpoint names by another code."""
    times: dict[str, tuple[str, str]] = field(default_factory=dict)
    """When the first and the last entry of each gateway's chain was made after its own last checkpoint, as they say."""
    entries: int = 0
    served: int = 0
    effort: Effort = field(default_factory=Effort)
    claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        self.claims = Claims(self.keys, self.flaws)

    def flaw(self, kind: str, writer: str, seq: int, sentence: str, id: str = "") -> None:  # noqa: A002 - the entry's word
        self.flaws.append(Flaw(kind, writer, seq, id, sentence))

    @property
    def writers(self) -> set[str]:
        """Of all chains there are."""
        return self.chains.keys() | self.strange

    def register(self, writers: Mapping[str, str]) -> None:
        """Chains by writer, with the id of their key."""
        for writer, name in writers.items():
            key = self.keys.macs.get(name)
            if key is None:
                self.strange.add(writer)
                self.flaw("unknown-key", writer, 0, "the chain's key is not among those given")
            else:
                self.chains[writer] = Chain(writer, key, self.effort)

    def checkpoints(
        self, there: Iterable[Checkpoint], kept: Iterable[Checkpoint] = (), made: Made | None = None
    ) -> int:
        """Takes those that stand in the audit and those kept elsewhere; `made`: as for Claims. Returns how many there are."""
        return self.claims.take(there, kept, made)

    def entry(self, line: Mapping[str, Any]) -> None:
        """One entry as exported: writer, seq, mac, entry, and `index` where the searched columns differ."""
        self.entries += 1
        writer, seq, mac, entry = str(line["writer"]), int(line["seq"]), str(line["mac"]), line["entry"]
        self.served += not writer.startswith(COMMANDS)
        own = str((entry if isinstance(entry, Mapping) else line.get("index", {})).get("id", ""))
        chain = self.chains.get(writer)
        if chain is None:
            if writer not in self.strange:
                self.strange.add(writer)
                self.flaw("unknown-chain", writer, seq, "no such chain was ever begun", own)
            return
        seq, follows = chain.take(seq, canonical(entry), mac, own)
        if seq > self.claims.own(writer) and not writer.startswith(COMMANDS) and isinstance(entry, Mapping):
            first, last = self.times.get(writer, ("~", ""))
            at = str(entry.get("at"))
            self.times[writer] = min(first, at), max(last, at)
        if "index" in line:
            self.flaw("index", writer, seq, "the columns reports search by differ from the entry", own)
        if follows and self.claims.named.get(writer, {}).get(seq, {mac}) != {mac}:
            self.unlike.append((writer, seq, mac, own))  # of those that do not follow, when the chain has been read

    def finish(self, checkpoints: int) -> Report:
        """After the last entry: what became of those that do not follow, and what checkpoints vouch for and is not there."""
        uncovered = 0
        claimed: dict[str, dict[int, str]] = {}
        for writer, chain in self.chains.items():

            def settled(length: int, chain: Chain = chain) -> dict[int, str]:
                claimed[chain.writer] = self.claims.settle(chain.writer, chain.stood, chain.runs[-1], length)
                return claimed[chain.writer]

            found, length = named(writer, chain.joined(), settled)
            self.flaws += found
            due = self.claims.due(writer)
            if length < due:
                self.flaw("cut", writer, length + 1, f"missing at the end: entry {length + 1} to {due}")
            uncovered += length - self.claims.vouched(writer, length)
        for writer, seq, mac, own in self.unlike:
            if claimed[writer].get(seq, mac) != mac:
                self.flaw("rewritten", writer, seq, "a signed checkpoint names another entry here", own)
        for writer in sorted(self.claims.owed.keys() - self.writers):
            due = self.claims.due(writer)
            self.flaw("cut", writer, due, f"the whole chain of {due} entries is missing")
        for writer, (first_at, last_at) in self.times.items():
            self.claims.unvouched(writer, first_at, last_at)
        return Report(
            entries=self.entries,
            chains=len(self.chains),
            checkpoints=checkpoints,
            uncovered=uncovered,
            served=self.served,
            flaws=tuple(self.flaws),
            later=self.claims.later,
        )
