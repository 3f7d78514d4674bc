"""What the journal tells the metrics."""

from typing import Protocol


class JournalMeter(Protocol):
    """Takes what the journal tells."""

    def committed(self, units: int, seconds: float) -> None:
        """One transaction of so many units was acknowledged."""

    def failed(self, fault: str) -> None:
        """A transaction failed; `fault` names the kind of error."""

    def writing(self, going: bool, fault: str = "") -> None:
        """From now on writes are taken, or refused because of this kind of error. Told at each change."""

    def alarmed(self, alarm: str) -> None:
        """An operator must look."""

    def vouching(self, going: bool) -> None:
        """Whether checkpoints are being made."""


class NoMeter:
    """Where nobody listens: a command's own chain, a test."""

    def committed(self, units: int, seconds: float) -> None:
        pass

    def failed(self, fault: str) -> None:
        pass

    def writing(self, going: bool, fault: str = "") -> None:
        pass

    def alarmed(self, alarm: str) -> None:
        pass

    def vouching(self, going: bool) -> None:
        pass
