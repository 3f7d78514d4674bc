"""What each patient's summary says: core sections always, groups and statements as its case asks.

The words come from words.toml by way of the NHS number; the same patient gets the same summary in every process.
"""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from vendor_stubs.cast import Patient
from vendor_stubs.cast.generated import digest_of
from vendor_stubs.spine import awkward
from vendor_stubs.spine.content import (
    Allergy,
    Author,
    AuthorForm,
    GroupContent,
    Item,
    Medication,
    MedicationKind,
    Statement,
    SummaryContent,
)
from vendor_stubs.spine.groups import GROUPS
from vendor_stubs.spine.versions import Version

_PRACTICES = {"AZZ05": ("Millbank Surgery", "5 Example Street, Northbrook, ZZ5 5ZZ")}
_OTHER_PRACTICE = ("Northbrook Village Surgery", "99 Example Street, Northbrook, ZZ9 9ZZ")
_DOCTORS = (("Dr", "Alma", "Whitworth"), ("Dr", "Bilal", "Sharif"), ("Mrs", "Carys", "Penry"), ("Dr", "Dev", "Rawal"))
_SHOWN = tuple(group.key for group in GROUPS)

# Words a reader has to recognise (GP Summary schematron texts); every other sentence is the stub's own.
REFUSED_STORAGE = (
    "After discussions with a member of the practice staff this patient has chosen not to have a Summary Care Record"
)
HOLDS_NO_DATA = "The practice holds no significant data on this patient"


@cache
def words() -> dict[str, Any]:
    """The word lists of words.toml."""
    return tomllib.loads(resources.files("vendor_stubs.spine").joinpath("words.toml").read_text(encoding="utf-8"))


class _Chooser:
    """Picks from lists by a seed: no randomness, no state outside."""

    def __init__(self, *seed: str) -> None:
        self._seed = seed
        self._count = 0

    def number(self, low: int, high: int) -> int:
        self._count += 1
        return low + int.from_bytes(digest_of(*self._seed, str(self._count))[:4]) % (high - low + 1)

    def rows(self, source: list[list[str]], count: int) -> list[list[str]]:
        start = self.number(0, len(source) - 1)
        return [source[(start + place) % len(source)] for place in range(count)]


def content_for(patient: Patient, version: Version, seed: str) -> SummaryContent:
    """The content of one version of a patient's summary, its words chosen by the seed."""
    chooser = _chooser_for(version, seed)
    ordinary = _ordinary(patient, version, chooser)
    change = _CHANGES.get(patient.case)
    return change(ordinary, chooser) if change else ordinary


def author_for(patient: Patient, version: Version, seed: str) -> Author:
    """The author of that summary, without making the rest of it."""
    return _author(patient, _chooser_for(version, seed))


def _chooser_for(version: Version, seed: str) -> _Chooser:
    return _Chooser("content", seed, str(version.number))


def _author(patient: Patient, chooser: _Chooser) -> Author:
    practice, address = _PRACTICES.get(patient.gp, _OTHER_PRACTICE)
    prefix, given, family = _DOCTORS[chooser.number(0, len(_DOCTORS) - 1)]
    return Author(
        form=tuple(AuthorForm)[chooser.number(0, len(AuthorForm) - 1)],
        prefix=prefix,
        given=given,
        family=family,
        practice=practice,
        practice_ods=patient.gp,
        practice_address=address,
    )


def _ordinary(patient: Patient, version: Version, chooser: _Chooser) -> SummaryContent:
    author = _author(patient, chooser)
    return SummaryContent(
        nhs=patient.nhs,
        document_id=version.document_id,
        created=version.created,
        replaces=version.replaces,
        author=author,
        initial=patient.case == "generated" and chooser.number(0, 9) == 0,
        minute_precision=chooser.number(0, 3) == 0,
        allergies=_allergies(version.created, chooser, chooser.number(1, 4)),
        medications=_medications(version.created, chooser, (6, 12), (4, 9), (2, 5)),
        groups=_groups(version.created, chooser, 1, chooser.number(3, 8))
        if patient.case == "generated" and chooser.number(0, 2) == 0
        else (),
    )


def _day(created: datetime, chooser: _Chooser, earliest: int, latest: int) -> date:
    return (created - timedelta(days=chooser.number(earliest, latest))).date()


def _allergies(created: datetime, chooser: _Chooser, count: int) -> tuple[Allergy, ...]:
    chosen = [
        Allergy(
            term=term,
            certainty=certainty,
            severity=severity,
            supporting=supporting,
            on=_day(created, chooser, 30, 9000),
        )
        for term, certainty, severity, supporting in chooser.rows(words()["allergies"], count)
    ]
    return tuple(sorted(chosen, key=lambda entry: entry.on, reverse=True))


def _medications(
    created: datetime, chooser: _Chooser, acute: tuple[int, int], repeat: tuple[int, int], stopped: tuple[int, int]
) -> tuple[Medication, ...]:
    chosen: list[Medication] = []
    counts = (
        (MedicationKind.ACUTE, acute, 360),
        (MedicationKind.REPEAT, repeat, 60),
        (MedicationKind.DISCONTINUED, stopped, 170),
    )
    for kind, (low, high), days in counts:
        entries = []
        for name, dose, quantity, unit in chooser.rows(words()["drugs"], chooser.number(low, high)):
            on = _day(created, chooser, 1, days)
            until = on if kind is MedicationKind.DISCONTINUED else None
            started = on - timedelta(days=chooser.number(30, 2000)) if until else on
            status = "active" if kind is MedicationKind.REPEAT else "completed"
            entries.append(
                Medication(
                    kind=kind,
                    name=name,
                    dose=dose,
                    quantity=quantity,
                    unit=unit,
                    on=started,
                    until=until,
                    status=status,
                )
            )
        chosen.extend(sorted(entries, key=lambda entry: entry.until or entry.on, reverse=True))
    return tuple(chosen)


def _groups(created: datetime, chooser: _Chooser, low: int, groups: int) -> tuple[GroupContent, ...]:
    """The first so many groups in reading order; low is the least number of entries in each, then up to all words."""
    told = []
    for key in _SHOWN[:groups]:
        source = words()["groups"][key]
        items = tuple(
            Item(
                term=term,
                value=value,
                supporting=supporting,
                on=_day(created, chooser, 5, 6000),
                degraded=chooser.number(0, 15) == 0,
            )
            for term, value, supporting in chooser.rows(source, max(low, chooser.number(1, len(source))))
        )
        told.append(GroupContent(key=key, items=items))
    return tuple(told)


def _everything(created: datetime, chooser: _Chooser) -> tuple[GroupContent, ...]:
    return tuple(
        replace(group, items=tuple(_all_of(group.key, created, chooser)))
        for group in _groups(created, chooser, 1, len(_SHOWN))
    )


def _all_of(key: str, created: datetime, chooser: _Chooser) -> list[Item]:
    return [
        Item(
            term=term,
            value=value,
            supporting=supporting,
            on=_day(created, chooser, 5, 6000),
            degraded=place == 1,
        )
        for place, (term, value, supporting) in enumerate(words()["groups"][key])
    ]


def _with_everything(ordinary: SummaryContent, chooser: _Chooser) -> SummaryContent:
    return replace(ordinary, groups=_everything(ordinary.created, chooser))


def _awkward(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    return awkward.made_awkward(ordinary)


def _very_large(ordinary: SummaryContent, chooser: _Chooser) -> SummaryContent:
    return replace(
        ordinary,
        allergies=_allergies(ordinary.created, chooser, 7),
        medications=_medications(ordinary.created, chooser, (75, 75), (30, 30), (20, 20)),
        groups=_groups(ordinary.created, chooser, 8, 15),
    )


def _nullified(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    return replace(
        ordinary,
        allergies=tuple(replace(entry, status="nullified") for entry in ordinary.allergies),
        medications=tuple(
            replace(entry, status="nullified") if place % 2 == 0 else entry
            for place, entry in enumerate(ordinary.medications)
        ),
    )


def _empty_allergies(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    return replace(ordinary, allergies=(), empty_allergy_table=True)


def _captions_only(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    return replace(ordinary, captions=True)


def _hostile(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    return replace(ordinary, hostile=True)


def _withheld(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    header = Statement(
        id="WithheldCREItemsHeaderStatement",
        text="Some entries of this patient's record have deliberately been left out of this summary.",
        highlighted=True,
    )
    section = Statement(
        id="WithheldCREItemsStatement",
        text="Entries of this kind have deliberately been left out.",
        highlighted=True,
    )
    return replace(ordinary, statements=(header,), allergy_statement=section)


def _recently_registered(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
    statement = Statement(
        id="RegistrationStartedStatement",
        text="The patient joined this practice a short time before this summary was made; it may not be complete.",
        highlighted=True,
    )
    return replace(ordinary, initial=True, statements=(statement,))


def _only_saying(sentence: str) -> Callable[[SummaryContent, _Chooser], SummaryContent]:
    def changed(ordinary: SummaryContent, _: _Chooser) -> SummaryContent:
        statement = Statement(tag="h3", text=f"{sentence}.")
        return replace(ordinary, core_sections=False, allergies=(), medications=(), groups=(), statements=(statement,))

    return changed


# Most cases change nothing in the document itself: they are about PDS, permission or how Spine answers.
_CHANGES: dict[str, Callable[[SummaryContent, _Chooser], SummaryContent]] = {
    "additional_information": _with_everything,
    "awkward_text": _awkward,
    "very_large": _very_large,
    "nullified": _nullified,
    "empty_allergies": _empty_allergies,
    "captions_only": _captions_only,
    "hostile_markup": _hostile,
    "withheld": _withheld,
    "recently_registered": _recently_registered,
    "blank_optout": _only_saying(REFUSED_STORAGE),
    "no_data": _only_saying(HOLDS_NO_DATA),
}
