"""Codes and ids computed from words: the same words give the same code, in a namespace nobody holds.

Real section and type codes stand in names.py and groups.py; must never give an entry a real clinical code by chance.
"""

from vendor_stubs.cast.generated import digest_of

INVENTED_NAMESPACE = "9999999"
_PARTITION = "10"  # a concept of an extension

# Verhoeff's check digit: the multiplication table of the dihedral group D5 and its permutation, as SCTIDs use it
_INVERSE = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)
_SHIFT = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _times(left: int, right: int) -> int:
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right) % 5
    return 5 + (left - right) % 5 if right < 5 else (left - right) % 5


def _permuted(digit: int, times: int) -> int:
    for _ in range(times % 8):
        digit = _SHIFT[digit]
    return digit


def check_digit(digits: str) -> str:
    """Verhoeff check digit of a string of digits."""
    total = 0
    for place, digit in enumerate(reversed(digits), start=1):
        total = _times(total, _permuted(int(digit), place))
    return str(_INVERSE[total])


def concept(term: str) -> str:
    """An SCTID-shaped code for a term, in the invented namespace."""
    item = 1000 + int.from_bytes(digest_of("concept", term)[:4]) % 8_999_000
    body = f"{item}{INVENTED_NAMESPACE}{_PARTITION}"
    return body + check_digit(body)


def uuid_of(*parts: str) -> str:
    """An upper-case UUID (version 4 in shape) that depends on the parts alone."""
    octets = bytearray(digest_of("uuid", *parts)[:16])
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex().upper()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def stem_of(document_id: str) -> str:
    """The first eighteen characters of every id inside a document: ids of two documents never meet."""
    return uuid_of("inside", document_id)[:18]


def inner_id(document_id: str, *parts: str) -> str:
    """The id of something inside a document: the document's stem, then what depends on the parts alone."""
    return stem_of(document_id) + uuid_of(*parts)[18:]


def digits_of(length: int, *parts: str) -> str:
    """A string of so many digits, not beginning with 0, that depends on the parts alone."""
    lowest = 10 ** (length - 1)
    return str(lowest + int.from_bytes(digest_of("digits", *parts)) % (9 * lowest))
