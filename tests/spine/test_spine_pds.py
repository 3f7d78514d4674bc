"""Demographics: the record, its successor, its flags, and what sensitive records must not carry."""

from collections.abc import Callable

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import NoRecord, WrongPatient
from gateway.domain.spine import Address, Confidentiality, Demographics
from gateway.spine.pds import read_demographics, read_traced
from tests.spine.wires import NUMBERS, OTHER, PATIENT, failure, issues, replaced, wire

_ID = f'<id root="2.16.840.1.113883.2.1.4.1" extension="{PATIENT.value}"/>'


def _read(data: bytes) -> Demographics:
    return read_demographics(data, PATIENT, NUMBERS)


def _with(addition: str, *, after: str = _ID) -> bytes:
    return replaced("pds", after, after + addition)


def test_the_record() -> None:
    found = _read(wire("pds"))
    assert (found.nhs_number, found.requested) == (PATIENT, None)
    assert (found.prefix, found.given, found.family) == ("Mr", ("Joseph", "Paul"), "Bannister")
    assert found.birth is not None
    assert found.birth.iso == "1938-02-03"
    assert (found.gender, found.deceased, found.confidentiality) == ("1", None, Confidentiality.UNRESTRICTED)
    assert found.practice is not None
    assert found.practice.value == "AZZ05"  # not the pharmacy's
    assert found.addresses == (Address(use="H", lines=("2 Example Street", "Northbrook"), postcode="ZZ2 2ZZ"),)
    assert found.telecoms == (("HP", "tel:01632960101"),)
    assert found.serial_change_number == "17"
    assert not any(word in repr(found) for word in ("Bannister", "Joseph", "Northbrook", PATIENT.value, "1938"))


@pytest.mark.parametrize(
    ("code", "level", "located"),
    [
        ("S", Confidentiality.SENSITIVE, False),
        ("R", Confidentiality.SENSITIVE, False),
        ("V", Confidentiality.VERY_RESTRICTED, False),
        ("REDACTED", Confidentiality.REDACTED, False),
        ("Q", Confidentiality.UNKNOWN, False),
        ("", Confidentiality.UNKNOWN, False),
        ("B", Confidentiality.UNDER_REVIEW, True),
        ("N", Confidentiality.UNRESTRICTED, True),
    ],
)
def test_confidentiality_and_location(code: str, level: Confidentiality, located: bool) -> None:
    found = _read(_with(f'<confidentialityCode code="{code}"/>'))
    assert found.confidentiality is level
    assert bool(found.addresses) is bool(found.telecoms) is (found.practice is not None) is located
    assert found.family == "Bannister"


def test_the_strictest_of_two_flags_counts() -> None:
    found = _read(_with('<confidentialityCode code="B"/><confidentialityCode code="V"/>'))
    assert found.confidentiality is Confidentiality.VERY_RESTRICTED


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (issues(("1", "ER"), ("RT003", "ER")), Code.PATIENT_NOT_FOUND),
        (issues(("7", "ER")), Code.PATIENT_NOT_UNIQUE),
        (issues(("22", "ER")), Code.NUMBER_INVALIDATED),
        (_with('<confidentialityCode code="I"/>'), Code.NUMBER_INVALIDATED),
    ],
)
def test_no_record(data: bytes, code: Code) -> None:
    with pytest.raises(NoRecord) as caught:
        _read(data)
    assert caught.value.code is code


def test_other_issues_are_faults() -> None:
    error = failure(lambda: _read(issues(("502", "ER"))))
    assert (error.code, error.transient) == (Code.SPINE_FAULT, True)
    assert failure(lambda: _read(issues(("17", "ER")))).code is Code.SPINE_FAULT


def test_a_successor_is_taken_only_where_it_names_the_number_asked_for() -> None:
    prior = f'<replacementOf><priorRole><id root="2.16.840.1.113883.2.1.4.1" extension="{OTHER.value}"/></priorRole></replacementOf>'
    found = read_demographics(_with(prior), OTHER, NUMBERS)
    assert (found.nhs_number, found.requested) == (PATIENT, OTHER)
    with pytest.raises(WrongPatient):
        read_demographics(wire("pds"), OTHER, NUMBERS)
    third = prior.replace(OTHER.value, "9992000600")
    with pytest.raises(WrongPatient):
        read_demographics(_with(third), OTHER, NUMBERS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_ID, ""),
        (_ID, _ID + _ID),
        (PATIENT.value, "1234567890"),
        (PATIENT.value, "4857773456"),  # valid, but not in the range of this installation
        ("<birthTime value=", "<birthTime wert="),
        ('value="19380203"', 'value="19380299"'),
        ("<birthTime", '<deceasedTime nullFlavor="UNK"/><birthTime'),
        ("PDSResponse", "PDSRespons"),
    ],
)
def test_unusable(old: str, new: str) -> None:
    data = replaced("pds", old, new)
    if old == "PDSResponse":
        data = data.replace(b"</PDSResponse>", b"</PDSRespons>")
    assert failure(lambda: _read(data)).code is Code.SPINE_UNUSABLE


def test_death() -> None:
    found = _read(replaced("pds", "<birthTime", '<deceasedTime value="20240211"/><birthTime'))
    assert found.deceased is not None
    assert found.deceased.iso == "2024-02-11"


@pytest.mark.parametrize("ended", [True, False])
def test_a_registration_that_has_ended_is_no_registration(ended: bool) -> None:
    data = replaced("pds", '<low value="2001"/>', '<low value="2001"/><high value="2010"/>' if ended else "")
    assert (_read(data).practice is None) is ended


def _as_trace(data: bytes) -> bytes:
    return data.replace(b"QUPA_IN000009UK03", b"QUPA_IN000007UK01").replace(b"retrievalQuery", b"traceQuery")


def test_a_trace_takes_exactly_one_match() -> None:
    found = read_traced(_as_trace(wire("pds")), NUMBERS)
    assert (found.nhs_number, found.requested) == (PATIENT, None)
    role = wire("pds")[
        wire("pds").index(b"<patientRole") : wire("pds").index(b"</patientRole>") + len(b"</patientRole>")
    ]
    twice = _as_trace(wire("pds").replace(role, role + role))
    with pytest.raises(NoRecord) as caught:
        read_traced(twice, NUMBERS)
    assert caught.value.code is Code.PATIENT_NOT_UNIQUE


@pytest.mark.parametrize("read", [lambda data: read_traced(data, NUMBERS), _read])
def test_an_answer_to_another_query_is_unusable(read: Callable[[bytes], object]) -> None:
    assert failure(lambda: read(wire("event-list"))).code is Code.SPINE_UNUSABLE
