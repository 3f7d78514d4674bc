"""Serialised GP Summaries, kept in a bounded cache.

A patient of the cast has a document of its own. The generated millions share a few dozen documents: one is built and
serialised for a stand-in, and only ids and digits (checked) are put in the places where the stand-in's stood.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace

from lxml import etree

from vendor_stubs.cast import Patient
from vendor_stubs.spine.authoring import content_for
from vendor_stubs.spine.coding import uuid_of
from vendor_stubs.spine.summary import build_summary
from vendor_stubs.spine.versions import Version, seed_of

_IDENTIFIER = re.compile(r"[0-9A-F-]{10,36}")
_STAND_IN_NUMBER = "9999999998"  # fails Modulus 11, so it is nobody's
_STAND_IN_DOCUMENT = uuid_of("stand-in", "document")
_STAND_IN_REPLACED = uuid_of("stand-in", "replaced")


@dataclass(frozen=True)
class _Variant:
    """A stand-in's document cut at its identifiers: pieces, and which identifier goes between each two."""

    pieces: tuple[bytes, ...]
    gaps: tuple[str, ...]


class Documents:
    """Bytes of GPSummary elements by patient and version; keeps at most `keep` of the cast's, and the variants."""

    def __init__(self, keep: int = 256) -> None:
        self._keep = keep
        self._built: OrderedDict[str, bytes] = OrderedDict()
        self._variants: dict[tuple[str, int], _Variant] = {}

    def summary(self, patient: Patient, version: Version) -> bytes:
        """The GPSummary of one version, as a serialised element without an XML declaration."""
        if patient.case == "generated":
            return self._generated(patient, version)
        key = version.event_id
        if key in self._built:
            self._built.move_to_end(key)
            return self._built[key]
        document = etree.tostring(
            build_summary(content_for(patient, version, seed_of(patient))), encoding="UTF-8", xml_declaration=False
        )
        self._built[key] = document
        if len(self._built) > self._keep:
            self._built.popitem(last=False)
        return document

    def _generated(self, patient: Patient, version: Version) -> bytes:
        key = (seed_of(patient), version.number)
        if key not in self._variants:
            self._variants[key] = _variant(patient, version)
        variant = self._variants[key]
        values = {
            _STAND_IN_NUMBER: patient.nhs,
            _STAND_IN_DOCUMENT: version.document_id,
            _STAND_IN_REPLACED: version.replaces or "",
        }
        parts = [variant.pieces[0]]
        for gap, piece in zip(variant.gaps, variant.pieces[1:], strict=True):
            value = values[gap]
            if not _IDENTIFIER.fullmatch(value):
                raise ValueError("only identifiers are put into a shared document")
            parts += [value.encode(), piece]
        return b"".join(parts)


def _variant(patient: Patient, version: Version) -> _Variant:
    """The document of the stand-in for everybody who shares this patient's seed."""
    stand_in = replace(patient, nhs=_STAND_IN_NUMBER)
    replaced = version.replaces and _STAND_IN_REPLACED
    its_version = replace(version, document_id=_STAND_IN_DOCUMENT, replaces=replaced)
    content = content_for(stand_in, its_version, seed_of(patient))
    document = etree.tostring(build_summary(content), encoding="UTF-8", xml_declaration=False)
    marks = (_STAND_IN_NUMBER, _STAND_IN_DOCUMENT, _STAND_IN_REPLACED)
    cut = re.split(b"(" + b"|".join(mark.encode() for mark in marks) + b")", document)
    return _Variant(pieces=tuple(cut[::2]), gaps=tuple(mark.decode() for mark in cut[1::2]))
