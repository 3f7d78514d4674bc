"""Serialised GP Summaries, kept in a bounded cache.

A patient of the cast has a document of its own. The generated millions share a few dozen: one is written for a
stand-in, and each patient's number, document ids and the beginning of the ids inside it go where the stand-in's stood.
"""

from dataclasses import replace

from vendor_stubs.cast import Patient
from vendor_stubs.spine.authoring import content_for
from vendor_stubs.spine.coding import stem_of
from vendor_stubs.spine.cutting import DOCUMENT_ID, ENTRY_STEM, NHS_NUMBER, REPLACED_ID, Cuts
from vendor_stubs.spine.summary import build_summary
from vendor_stubs.spine.versions import Version, seed_of
from vendor_stubs.xml import fragment


class Documents:
    """Bytes of GPSummary elements by patient and version."""

    def __init__(self, keep: int = 256) -> None:
        self._cuts = Cuts(keep)

    def summary(self, patient: Patient, version: Version) -> bytes:
        """The GPSummary of one version, as a serialised element without an XML declaration."""
        cut = self._cuts.get((seed_of(patient), version.number), lambda: _stand_ins_document(patient, version))
        identifiers = {
            NHS_NUMBER: patient.nhs,
            DOCUMENT_ID: version.document_id,
            ENTRY_STEM: stem_of(version.document_id),
        }
        if version.replaces is not None:
            identifiers[REPLACED_ID] = version.replaces
        return cut.filled(identifiers)


def _stand_ins_document(patient: Patient, version: Version) -> bytes:
    """The document of the stand-in for everybody who shares this patient's seed."""
    replaced = None if version.replaces is None else REPLACED_ID
    content = content_for(
        replace(patient, nhs=NHS_NUMBER),
        replace(version, document_id=DOCUMENT_ID, replaces=replaced),
        seed_of(patient),
    )
    return fragment(build_summary(content))
