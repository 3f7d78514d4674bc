"""Rejections: a flood is folded into counts, but nothing that a proved person was refused is lost in one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from gateway.domain.decision import AuditEntry
from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.journal import Committed, Write
from gateway.service.rejections import Rejections

NOW = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)
ONE, OTHER = NhsNumber("9000000009"), NhsNumber("9990402132")
CLAIMED = AuditEntry(
    id="A",
    at=NOW,
    event="rejected",
    door="launch",
    correlation_id="C",
    operation="launch",
    outcome="refused",
    code="user-mismatch",
    user=UserId("910000000158"),
    patient=ONE,
    claimed=True,
)
PROVED = replace(CLAIMED, claimed=False, facts=(("launch_user", "910000000018"),))


class Kept:
    """A journal in memory, and ids in order."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self._ids = count()

    async def commit(self, write: Write) -> Committed:
        self.entries += write.entries
        return Committed()

    def new(self) -> str:
        return f"N{next(self._ids)}"


async def test_each_person_patient_and_named_user_has_an_entry_of_their_own() -> None:
    kept = Kept()
    rejections = Rejections(journal=kept, ids=kept)
    different = (
        PROVED,
        replace(PROVED, user=UserId("910000000166")),
        replace(PROVED, patient=OTHER),
        replace(PROVED, facts=(("launch_user", "910000000273"),)),
    )
    for entry in different * 3:
        await rejections.note(entry, "rio")
    assert tuple(kept.entries) == different
    await rejections.flush(NOW + timedelta(minutes=1))
    folded = kept.entries[4:]
    assert [entry.count for entry in folded] == [2] * 4
    assert [(entry.user, entry.patient, entry.facts) for entry in folded] == [
        (entry.user, entry.patient, entry.facts) for entry in different
    ]


async def test_what_is_only_claimed_is_folded_whoever_it_names() -> None:
    """Else a flood that names another patient each time would fill the disk; its count names no patient."""
    kept = Kept()
    rejections = Rejections(journal=kept, ids=kept)
    for entry in (CLAIMED, replace(CLAIMED, patient=OTHER), replace(CLAIMED, user=UserId("910000000166"))):
        await rejections.note(entry, "rio")
    assert kept.entries == [CLAIMED]
    await rejections.flush(NOW + timedelta(minutes=1))
    assert [(entry.count, entry.patient) for entry in kept.entries[1:]] == [(2, None)]
