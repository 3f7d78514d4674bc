"""Which numbers are one patient's: what PDS's answer teaches, and what a decision is told of it. Pure.

A number is known to be superseded only once PDS has been asked for it, and it is never asked for a request that is refused
without it (I2): what was answered under an old number reaches the current one from then on.
"""

from collections.abc import Iterable
from datetime import datetime

from gateway.domain.decision import PatientFacts
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Successor
from gateway.domain.spine import Demographics


def superseded(patient: Demographics, at: datetime) -> tuple[Successor, ...]:
    """The link that an answer for another number than the one asked for tells; none where it is the same."""
    if patient.requested is None:
        return ()
    return (Successor(superseded=patient.requested, current=patient.nhs_number, at=at),)


def learned(asked: NhsNumber, patient: Demographics, known: Iterable[Successor], at: datetime) -> tuple[Successor, ...]:
    """The same where it is new; and where PDS no longer names a successor that is on record, that `asked` stands for itself."""
    recorded = {each.superseded: each.current for each in known}
    if recorded.get(asked, asked) == patient.nhs_number:
        return ()
    return (Successor(superseded=asked, current=patient.nhs_number, at=at),)


def patient_facts(patient: Demographics, known: Iterable[Successor] = ()) -> PatientFacts:
    """What rules use of a PDS record, with the other numbers on record as superseded by its own."""
    own = {patient.nhs_number, patient.requested}
    return PatientFacts(
        nhs_number=patient.nhs_number,
        requested=patient.requested,
        confidentiality=patient.confidentiality,
        deceased=patient.deceased is not None,
        practice=patient.practice,
        birth_date=patient.birth.iso[:10] if patient.birth else None,
        former=tuple(
            each.superseded for each in known if each.current == patient.nhs_number and each.superseded not in own
        ),
    )
