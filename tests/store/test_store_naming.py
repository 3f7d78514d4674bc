"""What is changed in a chain is named, and nothing else: any one change, anywhere, and each in bounded time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.chain import genesis, link
from gateway.store.naming import named
from gateway.store.runs import Chain, Effort

WRITER, KEY = "host:1", bytes(range(32))
Row = tuple[int, bytes, str]
"""Number, body and code, as they stand."""
Named = set[tuple[str, int]]


def chain(length: int) -> list[Row]:
    """An untouched chain."""
    rows, mac = list[Row](), genesis(WRITER, KEY)
    for number in range(1, length + 1):
        body = b'{"id":"E%d"}' % number
        mac = link(WRITER, number, mac, body, KEY)
        rows.append((number, body, mac))
    return rows


def verified(
    rows: list[Row], claimed: dict[int, str] | None = None, effort: Effort | None = None
) -> list[tuple[str, int, str]]:
    """What is said of these rows, as a database gives them: in the order of their numbers."""
    read = Chain(WRITER, KEY, effort or Effort())
    for number, body, mac in sorted(rows):
        read.take(number, body, mac, "")
    found, _ = named(WRITER, read.joined(), lambda _length: claimed or {})
    return [(flaw.kind, flaw.seq, flaw.sentence) for flaw in found]


def placed(rows: list[Row]) -> list[Row]:
    """Numbered anew, in this order: as whoever changes it all would leave it."""
    return [(number, body, mac) for number, (_, body, mac) in enumerate(rows, 1)]


def flipped(rows: list[Row], at: int, _: int) -> tuple[list[Row], Named]:
    number, body, mac = rows[at]
    return [*rows[:at], (number, body.replace(b"E", b"F"), mac), *rows[at + 1 :]], {("edited", number)}


def coded(rows: list[Row], at: int, _: int) -> tuple[list[Row], Named]:
    number, body, mac = rows[at]
    return [*rows[:at], (number, body, mac[::-1]), *rows[at + 1 :]], {("edited", number)}


def removed(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    first, end = min(at, other), min(max(at, other) + 1, len(rows) - 1)  # what is cut off the end only checkpoints show
    return [*rows[:first], *rows[end:]], {("removed", first + 1)} if first < end else set()


def closed_up(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    left, names = removed(rows, at, other)
    # the last alone shows nothing of what was before it: whether it was changed cannot be told from that others are gone
    return (placed(left), names) if len(rows) - 1 - max(at, other) >= 2 else (left, names)


def copied(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    other = min(other, len(rows) - 1)
    if at == other + 1 or at == other:  # beside itself: which of the two is the copy nobody can tell
        return placed([*rows[: other + 1], rows[other], *rows[other + 1 :]]), {("inserted", other + 2)}
    return placed([*rows[:at], rows[other], *rows[at:]]), {("inserted", at + 1)}


def swapped(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    if at == other:
        return rows, set()
    changed = list(rows)
    changed[at], changed[other] = rows[other], rows[at]
    return placed(changed), {("moved", at + 1), ("moved", other + 1)}


def rotated(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    first, last = min(at, other), max(at, other)
    changed = [*rows[:first], *rows[first + 1 : last + 1], rows[first], *rows[last + 1 :]]
    # two runs: the one that went to the end, and those that closed up
    return placed(changed), {("moved", first + 1), ("moved", last + 1)} if first < last else set()


def renumbered(rows: list[Row], at: int, other: int) -> tuple[list[Row], Named]:
    _, body, mac = rows[at]
    other += len(rows) + 2
    return [*rows[:at], *rows[at + 1 :], (other, body, mac)], {("moved", other)}


CHANGES = [flipped, coded, removed, closed_up, copied, swapped, rotated, renumbered]


@given(st.sampled_from(CHANGES), st.integers(1, 40), st.data())
@settings(max_examples=600, deadline=None)
def test_any_one_change_is_named_and_nothing_else(change, length: int, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    at, other = (data.draw(st.integers(0, length - 1)) for _ in range(2))
    rows = chain(length)
    changed, expected = change(rows, at, other)
    assert {(kind, seq) for kind, seq, _ in verified(changed)} == expected


def test_an_exchange_names_both_numbers() -> None:
    rows, _ = swapped(chain(12), 4, 5)
    assert verified(rows) == [
        ("moved", 5, "stands where entry 5 was; it was written as entry 6"),
        ("moved", 6, "stands where entry 6 was; it was written as entry 5"),
    ]
    rows = chain(12)
    assert verified(placed([*rows[:4], *rows[8:10], *rows[4:8], *rows[10:]])) == [
        ("moved", 5, "this and the next entries, to entry 6, stand here; they were written as entry 9 to 10"),
        ("moved", 7, "this and the next entries, to entry 10, stand here; they were written as entry 5 to 8"),
    ]


def test_of_the_last_entry_a_checkpoint_says_whether_only_its_code_was_changed() -> None:
    rows, _ = coded(chain(5), 4, 0)
    said = "the code of this entry was changed; the entry itself is as it was written"
    assert verified(rows, {5: chain(5)[4][2]}) == [("edited", 5, said)]
    assert [kind for kind, _, _ in verified(rows, {5: "f" * 64})] == ["edited", "rewritten"]


def test_two_changes_at_once_are_both_named() -> None:
    rows, _ = flipped(chain(30), 4, 0)
    rows, _ = swapped(rows, 9, 20)
    assert {(kind, seq) for kind, seq, _ in verified(rows)} == {("edited", 5), ("moved", 10), ("moved", 21)}
    rows = chain(30)
    both = placed([*rows[:4], *rows[5:20], rows[2], *rows[20:]])
    assert {(kind, seq) for kind, seq, _ in verified(both)} == {("removed", 5), ("inserted", 20)}


@pytest.mark.parametrize("size", [200, 200_000])
def test_a_chain_changed_everywhere_takes_bounded_time(size: int) -> None:
    rows = [(number, b"%d" % number, f"{number:064x}") for number in range(1, 20_000 if size == 200 else 300)]
    rows = [(number, body + b" " * size, mac) for number, body, mac in rows]
    began = time.perf_counter()
    found = verified(rows)
    assert (len(found), {kind for kind, _, _ in found}) == (len(rows), {"edited"})
    assert time.perf_counter() - began < 20


def test_what_is_not_looked_for_any_more_is_still_found() -> None:
    for change in (flipped, coded, swapped, rotated, copied, closed_up):
        rows, _ = change(chain(30), 5, 17)
        assert verified(rows, effort=Effort(hashed=0, kept=0, far=0)), change
