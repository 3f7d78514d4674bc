"""What signed checkpoints claim of the audit, and which of them came after an export. Pure.

Finds a checkpoint that is false, missing, another audit's, or at odds with another.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.errors import InvalidValue
from gateway.domain.instants import from_iso
from gateway.store.checkpoints import ABANDONED, Checkpoint
from gateway.store.flaws import Flaw
from gateway.store.keys import VerifyKeys
from gateway.store.runs import Run

UNVOUCHED = timedelta(minutes=2)
"""How long a gateway's entries may go on without a checkpoint of it: four times what there is between two."""


@dataclass(frozen=True, slots=True)
class Made:
    """The entry that says that an export was made: alone in a chain that its command began for it."""

    writer: str
    at: datetime

    def before(self, checkpoint: Checkpoint) -> bool:
        """Whether this one was signed after that entry, as what it says shows.

        A signer names each chain that was begun and ended since the checkpoint it made before, or within a day before its
        first; that says it without trusting two clocks. The time alone says it only of a signer that began a day later.
        The export's own checkpoint names its chain too; that is the last of what the export must hold.
        """
        values = checkpoint.values
        if values["signer"] == self.writer:
            return False
        return self.writer in {chain["writer"] for chain in values["chains"]} or (
            from_iso(values["at"]) > self.at + ABANDONED
        )


@dataclass(slots=True)
class Claims:
    """What sound checkpoints say; `flaws` what is wrong with the others."""

    keys: VerifyKeys
    flaws: list[Flaw]
    named: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """The codes of the entry at each length of a writer's chain that checkpoints name; one, where all is well."""
    owed: dict[str, set[int]] = field(default_factory=dict)
    """Lengths of each writer's chain up to which all must be there."""
    newest: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Number of each signer's last checkpoint, and how long its own chain was then."""
    signed: str = ""
    """When the last of all was made."""
    later: int = 0
    """Checkpoints that were made after the export that is verified: what they name need not be there yet."""

    def take(self, there: Iterable[Checkpoint], kept: Iterable[Checkpoint] = (), made: Made | None = None) -> int:
        """Checks signatures and series, and takes what sound ones claim. Returns how many there are.

        `there`: in the audit itself; all they name must be there. `kept`: elsewhere; so must all that these name, but for
        those that came after the entry `made`, where what is verified is an export that it tells of.
        """
        series: dict[str, dict[int, Checkpoint]] = {}
        standing, count = set[str](), 0
        for checkpoint in there:
            count += 1
            standing.add(checkpoint.body)
            self._add(checkpoint, count, series)
        for checkpoint in kept:
            count += 1
            self._add(checkpoint, count, series)
        for signer, ones in series.items():
            after = False
            for number in sorted(ones):
                one = ones[number]
                after = after or (made is not None and made.before(one))
                self._claim(one, owed=not after or one.body in standing)
            last = ones[max(ones)].values
            self.signed = max(self.signed, str(last["at"]))
            self.newest[signer] = (
                max(ones),
                max((c["length"] for c in last["chains"] if c["writer"] == signer), default=0),
            )
            self._series(signer, ones)
        return count

    def _add(self, checkpoint: Checkpoint, place: int, series: dict[str, dict[int, Checkpoint]]) -> None:
        try:
            values = checkpoint.values
            signer, number = str(values["signer"]), int(values["number"])
            public = self.keys.publics.get(values["key"])
        except (ValueError, KeyError, TypeError):
            self._flaw("", place, "this checkpoint cannot be read")
            return
        if public is None or not checkpoint.signed_by(public):
            self._flaw(signer, number, "this checkpoint is not signed by a known key")
            return
        known = series.setdefault(signer, {}).setdefault(number, checkpoint)
        if known.body != checkpoint.body:  # the same one kept twice is no fault
            self._flaw(signer, number, "two different checkpoints bear this number")

    def _claim(self, checkpoint: Checkpoint, *, owed: bool) -> None:
        self.later += not owed
        for chain in checkpoint.values["chains"]:
            writer, length, mac = chain["writer"], chain["length"], chain["mac"]
            self.named.setdefault(writer, {}).setdefault(length, set()).add(mac)
            if owed:
                self.owed.setdefault(writer, set()).add(length)

    def _series(self, signer: str, made: dict[int, Checkpoint]) -> None:
        previous = ""
        for number in range(1, max(made) + 1):
            checkpoint = made.get(number)
            if checkpoint is None:
                self._flaw(signer, number, "this checkpoint is missing")
                previous = "?"
                continue
            if previous not in ("?", checkpoint.values["previous"]):
                self._flaw(signer, number, "this checkpoint does not follow the one before it")
            previous = checkpoint.digest

    def _flaw(self, writer: str, number: int, sentence: str, kind: str = "checkpoint") -> None:
        self.flaws.append(Flaw(kind, writer, number, "", sentence))

    def own(self, writer: str) -> int:
        """How many entries of its chain its writer's own last checkpoint is about."""
        return self.newest.get(writer, (0, 0))[1]

    def unvouched(self, writer: str, first: str, last: str) -> None:
        """Names a gateway's chain that went on for long after its own last checkpoint, from the time `first` to `last`.

        A gateway signs one every half minute while it writes, and whoever signs next names the chain of one that died: where
        there is none, somebody took it away. One that has just begun, or wrote again after a quiet time, has none yet.
        """
        number, _ = self.newest.get(writer, (0, 0))
        since = f" after checkpoint {number}" if number else ""
        if _apart(first, last) > UNVOUCHED:
            self._flaw(writer, number + 1, f"no checkpoint of this chain stands here{since}, though its entries go on")
        elif writer not in self.named and _apart(first, self.signed or first) > UNVOUCHED:
            self._flaw(writer, 1, "no checkpoint of this chain stands here, and none that names it")

    def settle(self, writer: str, number: int, end: Run, length: int) -> dict[int, str]:
        """The code at each length, once it is known that the chain is of this `length` and what stands last, under `number`.

        A checkpoint names another's chain as it stands: made after somebody numbered its entries anew, as when a command
        records that it verifies, it names the last under a number that it was not written under. That says nothing.
        """
        named = self.named.get(writer, {})
        codes = named.get(number, set())
        if end.mac in codes and (len(codes) > 1 or end.last != number or number > length):
            codes.discard(end.mac)
            if not codes:
                del named[number]
                self.owed.get(writer, set()).discard(number)
        for at, codes in named.items():
            if len(codes) > 1:
                self._flaw(writer, at, "two checkpoints name different entries here", "rewritten")
        return {at: min(codes) for at, codes in named.items()}

    def due(self, writer: str) -> int:
        """Entries of a chain that must be there."""
        return max(self.owed.get(writer, ()), default=0)

    def vouched(self, writer: str, length: int) -> int:
        """How many of that many entries of a chain checkpoints vouch for."""
        if self.due(writer) >= length:
            return length
        return max((number for number in self.named.get(writer, {}) if number <= length), default=0)


def gone(there: Iterable[Checkpoint], kept: Iterable[Checkpoint], keys: VerifyKeys) -> Iterator[Flaw]:
    """Checkpoints that were `kept` elsewhere and no longer stand where they were made, by runs of a signer's numbers."""
    standing, missing = {checkpoint.body for checkpoint in there}, set[tuple[str, int]]()
    for checkpoint in kept:
        if checkpoint.body in standing or not any(map(checkpoint.signed_by, keys.publics.values())):
            continue  # one that no known key signed is named where checkpoints are read
        missing.add((str(checkpoint.values["signer"]), int(checkpoint.values["number"])))
    for signer, first in sorted(missing):
        if (signer, first - 1) in missing:
            continue
        last = first
        while (signer, last + 1) in missing:
            last += 1
        run = f"checkpoint {first}" + (f" to {last}" if last > first else "")
        yield Flaw("checkpoint", signer, first, "", f"missing in the database, though the anchor has it: {run}")


def foreign(kept: Iterable[Checkpoint], writers: Iterable[str]) -> Iterator[Flaw]:
    """Where checkpoints kept elsewhere are another audit's, not that of these writers: they would vouch for nothing here."""
    named = set[str]()
    for checkpoint in kept:
        try:
            values = checkpoint.values
            named |= {str(values["signer"]), *(str(one["writer"]) for one in values["chains"])}
        except (ValueError, KeyError, TypeError):
            continue  # named where checkpoints are read
    if named.isdisjoint(writers):
        yield Flaw("anchor", "", 0, "", "none of the checkpoints kept elsewhere is about a chain of this audit")


def _apart(first: str, last: str) -> timedelta:
    """From one time to the other; nothing where somebody made one of them unreadable, which is named as an edit."""
    try:
        return from_iso(last) - from_iso(first)
    except InvalidValue:
        return timedelta(0)
