"""Which summaries each patient has: event ids, document ids and when they were made and stored.

Everything follows from the NHS number; no clock. Times are Europe/London wall clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vendor_stubs.cast import Patient
from vendor_stubs.cast.generated import digest_of
from vendor_stubs.spine.coding import uuid_of

_FIRST_DAY = datetime(2024, 9, 2, 8, 0)  # noqa: DTZ001 - wall clock, as on the wire
_DAYS = 330
_VARIANTS = 48
NO_SUMMARY = frozenset({"no_scr", "not_on_pds", "invalidated"})


@dataclass(frozen=True, kw_only=True)
class Version:
    """One stored summary; number counts from 1, the highest is the newest."""

    number: int
    event_id: str
    document_id: str
    created: datetime
    persisted: datetime
    replaces: str | None


def seed_of(patient: Patient) -> str:
    """What a patient's summaries are made from: the NHS number, or for the generated one of a few dozen seeds."""
    if patient.case != "generated":
        return patient.nhs
    return f"variant {digest_of('variant', patient.nhs)[0] % _VARIANTS}"


def _created(patient: Patient, number: int) -> datetime:
    seed = digest_of("created", seed_of(patient))
    first = _FIRST_DAY + timedelta(
        days=int.from_bytes(seed[:2]) % _DAYS, minutes=int.from_bytes(seed[2:4]) % 600, seconds=seed[4] % 60
    )
    return first + timedelta(days=9 * (number - 1), hours=number - 1)


def _document_id(nhs: str, number: int) -> str:
    # half of the patients have documents whose own id is not the event's, as it happens in real data
    kind = "event" if digest_of("ids", nhs)[0] % 2 else "document"
    return uuid_of(kind, nhs, str(number))


def version(patient: Patient, number: int) -> Version:
    """The summary of a patient with this number."""
    created = _created(patient, number)
    return Version(
        number=number,
        event_id=uuid_of("event", patient.nhs, str(number)),
        document_id=_document_id(patient.nhs, number),
        created=created,
        persisted=created + timedelta(minutes=7, seconds=19),
        replaces=_document_id(patient.nhs, number - 1) if number > 1 else None,
    )


def listed_numbers(patient: Patient, *, stale_missed: bool) -> tuple[int, ...]:
    """Numbers of a patient's summaries, in the order the list gives them: newest first but for one case.

    stale_missed: the stale document was already asked for in vain, so that the newer one is there now.
    """
    if patient.case in NO_SUMMARY:
        return ()
    if patient.case == "several_versions":
        return (2, 3, 1)
    if patient.case == "stale_document":
        return (2,) if stale_missed else (1,)
    return (2, 1) if digest_of("two", patient.nhs)[0] % 2 else (1,)
