"""What verifying the audit finds, and what it reports. Names entries by writer, number and id; never prints them."""

from dataclasses import dataclass


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
    later: int = 0
    """Checkpoints kept elsewhere that were made after the export: it was compared with them only as far as it goes."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.flaws

    @property
    def empty(self) -> bool:
        """Whether nothing was found because there was nothing to find it in: a new audit, or one that was emptied."""
        return self.sound and not self.served
