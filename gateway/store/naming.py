"""What became of the entries of one chain, named one by one: from the runs in which they stand. Pure.

The numbers judge: one under which nothing stands was removed; one whose entry is not what was written there was edited;
what stands beside all that was written was inserted; what was written under another number was moved.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from gateway.store.flaws import Flaw
from gateway.store.runs import Run

_EDITED = "this entry is not the one that was written here"
_RECODED = "the code of this entry was changed; the entry itself is as it was written"
_UNSURE = "this entry does not follow the one before it: it was changed, or only that one was"
_OTHER = "a signed checkpoint names another entry here"
_INSERTED = "this entry was never written here"
_TWICE = "this entry stands where it does not belong"
_LATE = "this entry stands after later ones"


class _Part(NamedTuple):
    """What a run adds to what stands already: all of it but its first `copied`."""

    run: Run
    copied: int

    @property
    def number(self) -> int:
        return self.run.number + self.copied

    @property
    def written(self) -> int:
        return self.run.written + self.copied


@dataclass(frozen=True, slots=True)
class _Standing:
    """Under which numbers entries stand: `known` for what they are, or `taken` by what is not what was written there."""

    known: list[tuple[int, int]]
    """First and last, in order, none touching another twice."""
    taken: set[int]

    def knows(self, number: int) -> bool:
        place = bisect_right(self.known, (number, number)) - 1
        return any(first <= number <= last for first, last in self.known[max(place, 0) : place + 2])

    def has(self, number: int) -> bool:
        return number in self.taken or self.knows(number)

    def missing(self) -> Iterator[tuple[int, int]]:
        """First and last of each run of numbers under which nothing stands, but for those after the last."""
        for (_, last), (first, _) in pairwise(sorted([*self.known, *((number, number) for number in self.taken)])):
            if first > last + 1:
                yield last + 1, first - 1

    @property
    def length(self) -> int:
        return max(self.known[-1][1], max(self.taken, default=0))


def named(writer: str, runs: Sequence[Run], claims: Callable[[int], Mapping[int, str]]) -> tuple[list[Flaw], int]:
    """All that is wrong with the chain of which these runs stand, and how long it is.

    `claims`: gives the codes that checkpoints name, for the length that is found.
    """
    known = sorted((run for run in runs if run.proven), key=lambda run: (run.written, not run.follows, run.number))
    parts, copies = _parts(known)
    standing = _Standing([(part.written, part.run.last) for part in parts], set())
    flaws = [Flaw("inserted", writer, number, named, _TWICE) for number, named in copies]
    doubtful, added = _doubtful([run for run in runs if not run.proven], standing, {run.mac for run in known})
    flaws += [Flaw(kind, writer, run.number, run.id, words) for run, kind, words in added]
    claimed = claims(standing.length)
    for run in doubtful:
        if standing.has(run.written - 1):  # else what it was written after is gone, and with it what could say more
            flaws += _changed(writer, run, claimed.get(run.written))
    for part in parts:
        if part.run.number and not part.copied:
            flaws += _begins(writer, part.run, standing, claimed.get(part.written))
    holes = list(standing.missing())
    for first, last in holes:
        flaws.append(Flaw("removed", writer, first, "", f"missing: entry {first}" + (f" to {last}" * (last > first))))
    flaws += _moved(writer, parts, holes, sorted([*(number for number, _ in copies), *_numbers(added)]))
    return sorted(flaws, key=lambda flaw: flaw.seq), standing.length


def _numbers(added: Sequence[tuple[Run, str, str]]) -> list[int]:
    return [run.number for run, kind, _ in added if kind == "inserted"]


def _parts(known: Sequence[Run]) -> tuple[list[_Part], list[tuple[int, str]]]:
    """Of what stands twice only one counts: what each run adds, and number and id of each entry that is one more."""
    parts: list[_Part] = []
    copies: list[tuple[int, str]] = []
    top = -1
    for run in known:
        copied = max(0, min(top, run.last) - run.written + 1)
        copies += [(run.number + step, run.id if not step else "") for step in range(copied)]
        if copied < run.length:
            parts.append(_Part(run, copied))
            top = run.last
    return parts, copies


def _doubtful(
    runs: Sequence[Run], standing: _Standing, codes: set[str]
) -> tuple[list[Run], list[tuple[Run, str, str]]]:
    """Entries of which nothing shows where they were written: those that stand for one that is not there, and the others.

    Of the others with kind and sentence: they were put in, or stand after later ones and are none that was written.
    """
    changed, added = [], []
    top = standing.length
    for run in sorted(runs, key=lambda run: (run.late, run.number)):
        if standing.has(run.written):
            added.append((run, "inserted", _TWICE if run.late else _INSERTED))
        elif run.late:
            added.append((run, "moved", _TWICE))
        elif run.written > top and run.first_mac in codes:
            added.append((run, "inserted", _TWICE))  # the last once more
        else:
            standing.taken.add(run.written)
            changed.append(run)
    return changed, added


def _changed(writer: str, run: Run, claim: str | None) -> Iterator[Flaw]:
    """An entry that is not what was written there, or whose code is not."""
    recoded = claim is not None and claim == run.expected
    yield Flaw("edited", writer, run.written, run.id, _RECODED if recoded else _EDITED)
    if claim is not None and not recoded and claim != run.first_mac:
        yield Flaw("rewritten", writer, run.written, run.id, _OTHER)


def _begins(writer: str, run: Run, standing: _Standing, claim: str | None) -> Iterator[Flaw]:
    """The first entry of a run whose number is known."""
    before = run.written - 1
    if run.recoded:
        yield Flaw("edited", writer, run.written, run.id, _RECODED)
    elif not run.follows and standing.has(before):
        yield Flaw("edited", writer, run.written, run.id, _UNSURE if before in standing.taken else _EDITED)
    if claim is not None and claim != run.first_mac and not run.recoded:
        yield Flaw("rewritten", writer, run.written, run.id, _OTHER)


def _moved(
    writer: str, parts: Sequence[_Part], holes: Sequence[tuple[int, int]], inserted: list[int]
) -> Iterator[Flaw]:
    """Entries that stand under another number than they were written under, but for those that only follow what was put in or taken out."""
    yield from (
        Flaw(
            "moved",
            writer,
            part.number,
            part.run.id,
            _LATE + ("" if part.number == part.written else f"; it was written as entry {part.written}"),
        )
        for part in parts
        if part.run.late
    )
    order = sorted((part for part in parts if not part.run.late), key=lambda part: part.number)
    highest = list(accumulate((part.run.last for part in order), max, initial=-1))
    lowest = list(accumulate((part.written for part in reversed(order)), min, initial=highest[-1] + 1))[::-1]
    lost = list(accumulate((last - first + 1 for first, last in holes), initial=0))
    for place, part in enumerate(order):
        by = part.written - part.number
        out_of_order = highest[place] > part.written or lowest[place + 1] < part.run.last
        removed = lost[bisect_left(holes, (part.written,))]
        if by and (out_of_order or not -bisect_left(inserted, part.number) <= by <= removed):
            yield Flaw("moved", writer, part.number, part.run.id * (not part.copied), _from_to(part))


def _from_to(part: _Part) -> str:
    last = part.run.length - part.copied - 1
    if not last:
        return f"stands where entry {part.number} was; it was written as entry {part.written}"
    return (
        f"this and the next entries, to entry {part.number + last}, stand here; "
        f"they were written as entry {part.written} to {part.run.last}"
    )
