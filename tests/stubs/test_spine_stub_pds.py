"""Demographics of the Spine stub: retrieval and trace."""

from typing import Any

import pytest

from tests.stubs import spine_requests as ask
from tests.stubs.spine_answers import (
    BY_CASE,
    CORE,
    GENERATED,
    Client,
    acknowledged,
    issues,
    one,
    qualifiers,
    send,
)
from tests.stubs.spine_requests import NS, Request
from vendor_stubs import cast


async def retrieved(spine: Client, nhs: str) -> Any:
    status, root = await send(spine, ask.retrieval(nhs), "/pds")
    assert status == 200
    return root


async def test_retrieval(spine: Client) -> None:
    root = await retrieved(spine, CORE)
    role = "s:Body/h:retrievalQueryResponse/h:QUPA_IN000009UK03//h:PDSResponse/h:subject/h:patientRole"
    assert one(root, f"{role}/h:id/@extension") == CORE
    assert one(root, "//h:birthTime/@value") == "19450714"
    assert one(root, "//h:administrativeGenderCode/@code") == "2"
    assert one(root, "//h:COCT_MT000203UK02.PartOfWhole//h:family/text()") == "Ashworth"
    assert one(root, "//h:addr/h:postalCode/text()") == "ZZ1 1ZZ"
    assert one(root, "//h:patientCareProvisionEvent[h:code/@code='1']//h:assignedEntity/h:id/@extension") == "AZZ99"
    assert root.xpath("//h:pertinentSerialChangeNumber/h:value/@value", namespaces=NS)
    assert root.xpath("//h:confidentialityCode", namespaces=NS) == []


@pytest.mark.parametrize(("case", "code"), [("sensitive", "S"), ("very_restricted", "V"), ("under_review", "B")])
async def test_confidentiality(spine: Client, case: str, code: str) -> None:
    root = await retrieved(spine, BY_CASE[case])
    assert one(root, "//h:patientRole/h:confidentialityCode/@code") == code
    located = root.xpath("//h:addr | //h:telecom | //h:playedOtherProviderPatient", namespaces=NS)
    assert bool(located) is (case == "under_review")


async def test_death_and_successor(spine: Client) -> None:
    assert one(await retrieved(spine, BY_CASE["deceased"]), "//h:patientPerson/h:deceasedTime/@value") == "20260301"
    root = await retrieved(spine, BY_CASE["superseded"])
    assert one(root, "//h:patientRole/h:id/@extension") == "9992003812"
    assert one(root, "//h:patientRole/h:replacementOf/h:priorRole/h:id/@extension") == BY_CASE["superseded"]


@pytest.mark.parametrize(("case", "code"), [("not_on_pds", "1"), ("invalidated", "22")])
async def test_numbers_pds_does_not_answer(spine: Client, case: str, code: str) -> None:
    root = await retrieved(spine, BY_CASE[case])
    assert (acknowledged(root), issues(root)[0], qualifiers(root)[0]) == ("AE", code, "ER")
    assert one(root, "(//h:justifyingDetectedIssueEvent/h:code/@codeSystem)[1]") == "2.16.840.1.113883.2.1.3.2.4.17.42"


async def test_retrieval_of_a_number_that_does_not_begin_with_9(spine: Client) -> None:
    assert issues(await retrieved(spine, "5900002233"))[0] == "1"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ask.trace("Ashworth", "19450714"), "9992000112"),
        (ask.trace("ASHWORTH", "1945", given="evelyn", gender="2", postcode="zz11zz"), "9992000112"),
        (ask.trace("Ó Murchú", "19690228", given="Seán"), "9992005297"),
        (ask.trace("As*", "19450714", gender="2"), "9992000112"),
        (ask.trace("Ashworth", "19450714", given="Ev*"), "9992000112"),
        (ask.trace("Jessop", "19500606"), "9992003812"),
        (ask.trace("Holroyd", "19840418"), "9992002700"),
    ],
)
async def test_trace_finds_one(spine: Client, request_: Request, expected: str) -> None:
    _, root = await send(spine, request_, "/pds")
    assert one(root, "//h:traceQueryResponse//h:patientRole/h:id/@extension") == expected


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ask.trace("Crowther", "19440424"), "7"),
        (ask.trace("Ashworth", "19450715"), "1"),
        (ask.trace("Az*", "19450714"), "1"),
        (ask.trace("Ashworth", "19450714", gender="1"), "1"),
        (ask.trace("Ashworth", "19450714", postcode="ZZ1 1ZY"), "1"),
        (ask.trace("Holroyd", "19840418", postcode="ZZ8 8ZZ"), "1"),
        (ask.trace("Mallinson", "19860806"), "1"),
        (ask.trace("Kaye", "19600101"), "1"),
        (ask.trace("Ashworth", "1945-07-14"), "400"),
        (ask.trace("", "19450714"), "400"),
    ],
)
async def test_trace_that_finds_none_or_several(spine: Client, request_: Request, code: str) -> None:
    _, root = await send(spine, request_, "/pds")
    assert (acknowledged(root), issues(root)[0]) == ("AE", code)


async def test_generated_patients_are_never_traced(spine: Client) -> None:
    person = cast.patient(GENERATED)
    assert person is not None
    _, root = await send(spine, ask.trace(person.name.family, person.dob.replace("-", "")), "/pds")
    assert issues(root)[0] == "1"
    assert one(await retrieved(spine, GENERATED), "//h:patientRole/h:id/@extension") == GENERATED
