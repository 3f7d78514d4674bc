"""Patients made up from their NHS number alone: millions for a load test, and no data file.

The same number gives the same person in every process; must never use a clock, a counter or Python's own hash().
"""

import hashlib

from vendor_stubs.cast.people import Patient, PatientName

_FAMILY = ("Abbott", "Barrow", "Clegg", "Driver", "Entwistle", "Fielden", "Greaves", "Hirst", "Illingworth", "Jowett")
_FAMILY_END = ("", "-Ackroyd", "-Brook", "-Dean", "-Fold", "-Greenwood", "-Holt", "-Lister")
_GIVEN = {
    "female": ("Ada", "Beth", "Cora", "Doris", "Elsie", "Freya", "Hannah", "Iris", "Julia", "Kate", "Leah", "Mabel"),
    "male": ("Amos", "Bernard", "Carl", "Derek", "Ewan", "Fred", "George", "Hugh", "Isaac", "Jack", "Kevin", "Luke"),
}
_TITLE = {"female": ("Mrs", "Ms", "Miss"), "male": ("Mr",)}
_MODULUS = 11
_LENGTH = 10


def is_nhs_number(text: str) -> bool:
    """Whether text is ten digits whose last one is the Modulus 11 check digit of the others."""
    if len(text) != _LENGTH or not text.isascii() or not text.isdigit():
        return False
    weighted = sum(int(digit) * weight for digit, weight in zip(text[:9], range(10, 1, -1), strict=True))
    check = (_MODULUS - weighted % _MODULUS) % _MODULUS
    return check == int(text[9])  # a check of 10 equals no digit


def digest_of(*parts: str) -> bytes:
    """32 bytes that depend on the parts alone: the only source of chance in the stubs' data."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def generated_patient(nhs: str) -> Patient | None:
    """The made-up person with this NHS number, or None when it is not a valid number beginning with 9."""
    if not nhs.startswith("9") or not is_nhs_number(nhs):
        return None
    seed = digest_of("patient", nhs)
    gender = "female" if seed[0] % 2 else "male"
    return Patient(
        case="generated",
        nhs=nhs,
        name=PatientName(
            family=_FAMILY[seed[1] % len(_FAMILY)] + _FAMILY_END[seed[2] % len(_FAMILY_END)],
            given=_GIVEN[gender][seed[3] % len(_GIVEN[gender])],
            title=_TITLE[gender][seed[4] % len(_TITLE[gender])],
        ),
        dob=f"{1930 + seed[5] % 85}-{1 + seed[6] % 12:02d}-{1 + seed[7] % 28:02d}",
        gender=gender,
        address=(f"{1 + seed[8]} Invented Road", "Northbrook"),
        postcode=f"ZZ{seed[9] % 10}{seed[10] % 10} {seed[11] % 10}ZZ",
        phone=f"01632 96{seed[12] % 10}{seed[13] % 10}{seed[14] % 10}{seed[15] % 10}",
        gp="AZZ99",
    )
