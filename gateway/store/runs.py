"""One writer's entries as they stand, cut into runs that follow one another as they were written. Pure; keys, no I/O.

An entry's code says after which code and under which number it was written. So whoever exchanges, moves, adds or takes
out entries leaves runs that still follow within themselves, and what belongs where can be found again (`joined`). How
much is looked for is bounded for the whole verification (Effort): whatever is changed is found all the same, and then
only named less exactly.
"""

from dataclasses import dataclass, field

from gateway.store.chain import genesis, link

_NEAR, _FAR = 100, 4000
"""Places by which entries were moved that are looked for; so far only the first few times."""


@dataclass(slots=True)
class Effort:
    """What may still be spent on finding out what became of entries that do not follow."""

    hashed: int = 300_000_000
    """Bytes to compute codes over, each code counted as some hundred more."""
    kept: int = 8_000_000
    """Bytes of entries to keep in memory until their chain has been read."""
    far: int = 20
    """Wide searches."""

    def hash(self, size: int) -> bool:
        """Whether one more code may be computed over so many bytes."""
        self.hashed -= size + 500
        return self.hashed > 0

    def keep(self, size: int) -> bool:
        """Whether one more entry of so many bytes may be kept."""
        if self.kept < size + 500:
            return False
        self.kept -= size + 500
        return True


@dataclass(slots=True, eq=False)
class Run:
    """Entries that stand one after the other and were written so; of the first only, it may be unknown what came before."""

    number: int
    """Under which the first stands."""
    written: int
    """Under which it was written: as far as is known where `proven`, otherwise as its place says."""
    mac: str
    """Code of the last."""
    first_mac: str = ""
    expected: str = ""
    """The code the first would have if it followed what stands before it."""
    id: str = ""
    body: bytes | None = None
    """Of the first; None where there was no room to keep it."""
    length: int = 1
    proven: bool = False
    """Whether it is known under which number the first was written."""
    follows: bool = False
    """Whether it is known that the first is, word for word, what was written after the entry before it."""
    recoded: bool = False
    """Whether of the first only the code was changed."""
    late: bool = False
    """Whether it stands after entries with higher numbers, as a line of a file can."""

    @property
    def last(self) -> int:
        """Number under which the last was written."""
        return self.written + self.length - 1


@dataclass(slots=True)
class Chain:
    """What stands of one chain; begins with a run that holds only what is before its first entry."""

    writer: str
    key: bytes
    effort: Effort
    runs: list[Run] = field(default_factory=list)
    late: list[Run] = field(default_factory=list)
    stood: int = 0
    """The highest number so far."""

    def __post_init__(self) -> None:
        self.runs.append(Run(0, 0, genesis(self.writer, self.key), proven=True, follows=True))

    def take(self, number: int, body: bytes, mac: str, named: str) -> tuple[int, bool]:
        """The entry that stands next. Returns under which number it was written, as far as is known yet, and whether it follows."""
        run = self.runs[-1]
        if number <= self.stood:
            run = self._begun(number, number, "", body, mac, named)
            run.late = True
            self.late.append(run)
            return number, False
        written, next_to = run.last + number - self.stood, number == self.stood + 1
        self.stood = number
        if next_to and self._follows(written, run.mac, body, mac):
            run.proven = True
        elif not next_to or run.proven or not self._understood(run, written, body, mac):
            self.runs.append(self._begun(number, written, run.mac if next_to else "", body, mac, named))
            return written, False
        run.length += 1
        run.mac = mac
        return run.last, True

    def _begun(self, number: int, written: int, before: str, body: bytes, mac: str, named: str) -> Run:
        expected = link(self.writer, written, before, body, self.key) if before else ""
        kept = body if self.effort.keep(len(body)) else None
        return Run(number, written, mac, mac, expected, named, kept)

    def _follows(self, number: int, previous: str, body: bytes, mac: str) -> bool:
        return link(self.writer, number, previous, body, self.key) == mac

    def _understood(self, run: Run, written: int, body: bytes, mac: str) -> bool:
        """Whether this entry shows what the one in doubt before it is: its code was changed, or its number."""
        if run.expected and self._follows(written, run.expected, body, mac):
            run.proven = run.follows = run.recoded = True
            return True
        reach = _FAR if self.effort.far > 0 else _NEAR
        for far in range(1, reach + 1):
            for number in (written + far, written - far):
                if number < 2 or not self.effort.hash(len(body)):
                    continue
                if self._follows(number, run.mac, body, mac):
                    run.written, run.proven = number - 1, True
                    return True
            if self.effort.hashed <= 0:
                break
        self.effort.far -= 1
        return False

    def joined(self) -> list[Run]:
        """All runs, after looking for what was written after the end of each."""
        everything = [*self.runs, *self.late]
        open_ones = [run for run in everything if run.body is not None and not run.follows]
        ends = [run for run in everything if run.proven]
        while ends and open_ones and self.effort.hashed > 0:
            end = ends.pop()
            found = next((run for run in open_ones if self._after(end, run)), None)
            if found is not None:
                open_ones.remove(found)
                found.written, found.follows = end.last + 1, True
                if not found.proven:
                    found.proven = True
                    ends.append(found)
        return everything

    def _after(self, end: Run, run: Run) -> bool:
        """Whether the first of `run` was written after the last of `end`."""
        number, body = end.last + 1, run.body
        if body is None or (run.proven and run.written != number) or not self.effort.hash(len(body)):
            return False
        return self._follows(number, end.mac, body, run.first_mac)
