"""The patient a browser session is about: found, confirmed, and what has been said about seeing the record. One at a time.

Kept sealed in the session and gone with it. Holds demographics for the banner, never anything of the record.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from gateway.domain.decision import PermissionBasis
from gateway.domain.identifiers import NhsNumber, OdsCode
from gateway.domain.instants import WireTime, from_iso
from gateway.domain.spine import Confidentiality, Demographics
from gateway.pages import formats

PROTECTED = frozenset({Confidentiality.VERY_RESTRICTED, Confidentiality.REDACTED, Confidentiality.UNKNOWN})
"""Whose details are not shown at all: not even a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A view that was shown in this context: what a print of it rests on."""

    at: datetime
    basis: PermissionBasis
    event_id: str
    claims: dict[str, Any] = field(repr=False)
    """The access facts of the view, as `claims_from` takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientContext:
    """One patient in one browser session."""

    id: str
    """Random; forms carry it, so that a form of another patient's page does nothing."""
    asked: NhsNumber
    """The number typed or launched with; the current one may differ (superseded)."""
    patient: Demographics = field(repr=False)
    relationship: str | None = None
    """The words of `claims_from`: `self-claimed`, or none to rely on what is on record. None: not answered yet."""
    purpose: str | None = None
    confirm_deceased: bool = False
    grant: Grant | None = None

    def answered(self, *, relationship: str, purpose: str | None, confirm_deceased: bool) -> "PatientContext":
        """The same with the relationship step answered."""
        return replace(self, relationship=relationship, purpose=purpose, confirm_deceased=confirm_deceased, grant=None)

    @property
    def facts(self) -> dict[str, Any]:
        """What this step adds to the access facts of a view."""
        return {
            "relationship": self.relationship,
            "purpose": self.purpose,
            "confirm_deceased": self.confirm_deceased,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The patient banner as shown (NHS CUI)."""

    context: str
    name: str = field(repr=False)
    born: str = field(repr=False)
    died: str | None
    gender: str
    number: NhsNumber
    note: str | None = None


def banner(context_id: str, patient: Demographics, today: date) -> Banner:
    """The banner of a patient; of one whose details are protected the number alone."""
    if patient.confidentiality in PROTECTED:
        unknown = formats.NOT_KNOWN
        note = "The details of this patient are not shown."
        return Banner(
            context=context_id,
            name="Details not shown",
            born=unknown,
            died=None,
            gender=unknown,
            number=patient.nhs_number,
            note=note,
        )
    died = patient.deceased
    last_day = died.date if died is not None else None
    return Banner(
        context=context_id,
        name=formats.person(patient.family, patient.given, patient.prefix),
        born=_with_age(formats.day(patient.birth), formats.age(patient.birth, today) if died is None else None),
        died=_with_age(formats.day(died), formats.age(patient.birth, last_day) if last_day else None) if died else None,
        gender=formats.gender(patient.gender),
        number=patient.nhs_number,
        note=_superseded(patient),
    )


def _with_age(day: str, age: str | None) -> str:
    return f"{day} ({age})" if age else day


def _superseded(patient: Demographics) -> str | None:
    if patient.requested is None:
        return None
    asked, current = formats.nhs_number(patient.requested), formats.nhs_number(patient.nhs_number)
    return f"You asked for {asked}. That number has been replaced: the current number is {current}."


def to_json(context: PatientContext) -> dict[str, Any]:
    """For the sealed session. Address, telephone and the like are left out: no page shows them."""
    patient, grant = context.patient, context.grant
    return {
        "id": context.id,
        "asked": context.asked.value,
        "number": patient.nhs_number.value,
        "requested": patient.requested.value if patient.requested else None,
        "family": patient.family,
        "given": list(patient.given),
        "prefix": patient.prefix,
        "birth": patient.birth.text if patient.birth else None,
        "gender": patient.gender,
        "deceased": patient.deceased.text if patient.deceased else None,
        "practice": patient.practice.value if patient.practice else None,
        "confidentiality": patient.confidentiality.value,
        "relationship": context.relationship,
        "purpose": context.purpose,
        "confirm_deceased": context.confirm_deceased,
        "grant": None
        if grant is None
        else {
            "at": grant.at.isoformat(),
            "basis": grant.basis.value,
            "event_id": grant.event_id,
            "claims": grant.claims,
        },
    }


def from_json(data: dict[str, Any]) -> PatientContext:
    """What `to_json` wrote."""
    grant = data["grant"]
    return PatientContext(
        id=data["id"],
        asked=NhsNumber(data["asked"]),
        patient=Demographics(
            nhs_number=NhsNumber(data["number"]),
            requested=NhsNumber(data["requested"]) if data["requested"] else None,
            family=data["family"],
            given=tuple(data["given"]),
            prefix=data["prefix"],
            birth=WireTime(data["birth"]) if data["birth"] else None,
            gender=data["gender"],
            deceased=WireTime(data["deceased"]) if data["deceased"] else None,
            practice=OdsCode(data["practice"]) if data["practice"] else None,
            confidentiality=Confidentiality(data["confidentiality"]),
        ),
        relationship=data["relationship"],
        purpose=data["purpose"],
        confirm_deceased=data["confirm_deceased"],
        grant=None
        if grant is None
        else Grant(
            at=from_iso(grant["at"]),
            basis=PermissionBasis(grant["basis"]),
            event_id=grant["event_id"],
            claims=grant["claims"],
        ),
    )
