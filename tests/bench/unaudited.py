"""The sandbox with the audit of views left out, to measure what the audit costs. Nothing in the gateway can do this: it is done here.

`python -m tests.bench.unaudited sandbox …`, as `scr-gateway`.
"""

from gateway import storing
from gateway.cli import main
from gateway.domain.journal import Committed, Write
from gateway.store.journal import Journal
from gateway.store.units import Step, Unit


class Unaudited(Journal):
    """Makes the rows of a view's entries and throws them away; what is recorded for later is recorded."""

    async def commit(self, write: Write, *steps: Step) -> Committed:
        """As the journal, without the database where a write holds nothing but what a view leaves behind."""
        if steps or write.permissions or write.relationships or not write.entries:
            return await super().commit(write, *steps)
        return Unit.of(write).committed


if __name__ == "__main__":
    storing.Journal = Unaudited  # type: ignore[misc]
    main()
