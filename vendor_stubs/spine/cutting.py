"""Serialised XML cut at stand-ins, so that an answer is put together without building its whole tree again.

lxml writes every byte once; afterwards only identifiers (digits, upper-case UUIDs: checked each time) and other
documents that lxml wrote go into the gaps. Nothing a caller sends can become markup here.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

from vendor_stubs.spine.coding import stem_of, uuid_of

_IDENTIFIER = re.compile(r"[0-9A-F-]{10,36}")

# Stand-ins for identifiers; the digits fail every check digit, and none is part of another.
NHS_NUMBER = "9999999998"
SENDER = "777777777777"
CREATED = "88888888888888"
PERSISTED = "66666666666666"
MESSAGE_ID = uuid_of("stand-in", "message")
REQUEST_ID = uuid_of("stand-in", "request")
DOCUMENT_ID = uuid_of("stand-in", "document")
ENTRY_STEM = stem_of(DOCUMENT_ID)
"""The beginning of the ids inside the stand-in's document."""
REPLACED_ID = uuid_of("stand-in", "replaced")
EVENT_IDS = tuple(uuid_of("stand-in", "event", str(place)) for place in range(4))
PLACE = "document-goes-here"
"""Local name of an empty element that stands where a document goes; one in a cut at most."""

_IDENTIFIERS = (
    NHS_NUMBER, SENDER, CREATED, PERSISTED, MESSAGE_ID, REQUEST_ID, DOCUMENT_ID, ENTRY_STEM, REPLACED_ID, *EVENT_IDS
)  # fmt: skip
_MARKS = re.compile(rf"(<(?:[\w-]+:)?{PLACE}(?: [^>]*)?/>|{'|'.join(_IDENTIFIERS)})".encode())


class Cut:
    """A serialised document, cut at every stand-in in it."""

    def __init__(self, document: bytes) -> None:
        parts = _MARKS.split(document)
        self._pieces = parts[::2]
        self._gaps = ["" if mark.startswith(b"<") else mark.decode() for mark in parts[1::2]]
        if self._gaps.count("") > 1:
            raise ValueError("a cut has one place for a document at most")

    def filled(self, identifiers: Mapping[str, str], document: bytes = b"") -> bytes:
        """The document with identifiers (stand-in -> value) in their gaps, and a document (no declaration) in its place."""
        checked = {"": document}
        for stand_in, value in identifiers.items():
            if not _IDENTIFIER.fullmatch(value):
                raise ValueError("only identifiers are put into the gaps of a cut document")
            checked[stand_in] = value.encode()
        parts = [self._pieces[0]]
        for gap, piece in zip(self._gaps, self._pieces[1:], strict=True):
            parts += (checked[gap], piece)
        return b"".join(parts)


class Cuts:
    """Cuts by key, made when first asked for; the least recently used go when there are more than `keep`."""

    def __init__(self, keep: int = 512) -> None:
        self._keep = keep
        self._made: OrderedDict[Hashable, Cut] = OrderedDict()

    def get(self, key: Hashable, write: Callable[[], bytes]) -> Cut:
        """The cut of this key; write gives the serialised document the first time."""
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = Cut(write())
            if len(self._made) > self._keep:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return made
