"""What a refused message's names may put into its answer: what helps its engineer, and nothing that could be a patient's."""

import pytest

from gateway.teaching import explained
from gateway.xml.explain import Context
from gateway.xml.spoken import (
    WITHHELD,
    may_be_said,
    name_may_be_said,
    namespace_may_be_said,
    qualified,
    said,
    said_encoding,
    said_value,
)
from tests.xml import wire
from tests.xml.wire import NOW

SECRETS = ("9992000481", "Bannister", "19620304", "zzz" * 40)


def told(text: str) -> str:
    """Everything an answer may hold of a broken mini-service message."""
    findings = explained("mini-service", text.encode(), Context(now=NOW))
    assert findings, "it is refused"
    return "\n".join(
        " ".join((one.path, one.expected, one.found, one.fragment, str(one.namespaces))) for one in findings
    )


def good() -> str:
    """A message in which nothing is wrong."""
    return wire.good("querySCR").decode()


PAYLOADS = "<itk:payloads"

BREAKS = {
    "an element left open": lambda text: text.replace(PAYLOADS, f"<Bannister.9992000481>{PAYLOADS}", 1),
    "a long element left open": lambda text: text.replace(PAYLOADS, f"<{'zzz' * 2000}>{PAYLOADS}", 1),
    "another end": lambda text: text.replace("</itk:payloads>", "</Bannister9992000481>", 1),
    "an element nobody knows": lambda text: text.replace(PAYLOADS, f"<x9992000481/>{PAYLOADS}", 1),
    "a long element nobody knows": lambda text: text.replace(PAYLOADS, f"<{'zzz' * 2000}/>{PAYLOADS}", 1),
    "an attribute nobody knows": lambda text: text.replace(PAYLOADS, f'{PAYLOADS} born19620304="1"', 1),
    "a value that lost its quotation marks": lambda text: text.replace(
        PAYLOADS, f"{PAYLOADS} name=Joseph Bannister", 1
    ),
    "a prefix bound to nothing": lambda text: text.replace(PAYLOADS, f"<p9992000481:x/>{PAYLOADS}", 1),
    "a stray < before a name": lambda text: text.replace(PAYLOADS, f"Joseph <Bannister 19620304{PAYLOADS}", 1),
    "a namespace of a number": lambda text: text.replace(PAYLOADS, f'<x xmlns="urn:9992000481"/>{PAYLOADS}', 1),
    "a name behind a repair": lambda text: text.replace(
        "<itk:manifest ", '<itk:manifest Bannister="1" Bannister="2" ', 1
    ),
    "an element of a vocabulary behind a repair": lambda text: text.replace(
        PAYLOADS, f'<x xmlns="urn:Bannister">&</x>{PAYLOADS}', 1
    ),
    "an action of another kind": lambda text: text.replace(
        "<wsa:Action>", "<wsa:Action>Joseph Bannister 9992000481", 1
    ),
    "a service of another kind": lambda text: text.replace(' service="', ' service="Joseph Bannister 19620304', 1),
    "an id of another kind": lambda text: text.replace('<itk:payload id="', '<itk:payload id="9992000481', 1),
    "an encoding nobody knows": lambda text: text.replace("UTF-8", "Bannister-9992000481", 1),
    "an attribute twice": lambda text: text.replace(PAYLOADS, f'{PAYLOADS} n9992000481="1" n9992000481="2"', 1),
}


@pytest.mark.parametrize("broken", list(BREAKS))
def test_no_name_of_a_broken_message_carries_a_patients_data(broken: str) -> None:
    text = BREAKS[broken](good())
    assert text != good()
    answer = told(text)
    for secret in SECRETS:
        assert secret not in answer
    assert len(answer) < 4000


@pytest.mark.parametrize("name", ["payload", "itk:payload", "paylod", "Paylaod", "itk:DistributionEnvelop", "Envelope"])
def test_names_of_the_vocabularies_and_slips_of_them_are_said(name: str) -> None:
    assert may_be_said(name)
    assert said(name) == name


@pytest.mark.parametrize("name", ["Bannister", "itk:Bannister", "n9992000481", "a" * 65, "payload" * 9, "Joseph"])
def test_other_names_of_a_message_that_is_not_well_formed_are_withheld(name: str) -> None:
    assert not may_be_said(name)
    assert said(name) == WITHHELD


def test_a_well_formed_message_may_have_its_unknown_names_told_unless_they_could_hold_a_number() -> None:
    assert name_may_be_said("urgent")
    assert name_may_be_said("QUPC_IN160101UK05")
    for name in ("x9992000481", "born19620304", "9-9-9-2-0-0-0-4-8-1", "a" * 65):
        assert not name_may_be_said(name)
    assert namespace_may_be_said("urn:some-vendor:2026-11")
    assert not namespace_may_be_said("urn:9992000481")
    assert qualified("{urn:9992000481}x1962030499") == f"{{{WITHHELD}}}{WITHHELD}"
    assert qualified("{urn:vendor}urgent") == "{urn:vendor}urgent"


def test_a_withheld_name_is_told_by_its_place() -> None:
    answer = told(good().replace(PAYLOADS, f"<x9992000481/>{PAYLOADS}", 1))
    assert "/*[" in answer


def test_what_a_library_made_up_for_a_prefix_withholds_no_name() -> None:
    text = good().replace("itk:", "ns0:").replace("xmlns:itk", "xmlns:ns0").replace("</ns0:payload>", "", 1)
    assert "</ns0:payload>" in told(text)
    assert not may_be_said("ns0:Bannister")
    assert not may_be_said("Bannister:payload")


@pytest.mark.parametrize(
    "value",
    [
        "urn:nhs-itk:services:201005:getNHSNumber-v1-1",
        "uuid_C1000004-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        "urn:nhs-en:profile:querySCRRequest-v1-0",
    ],
)
def test_the_value_of_a_technical_field_is_said_in_its_own_form(value: str) -> None:
    assert said_value(value) == value


@pytest.mark.parametrize("value", ["Joseph Bannister", "999-200-0481", "9992000481", "urn:19620304", "", "a" * 121])
def test_and_not_in_any_other(value: str) -> None:
    assert said_value(value) == WITHHELD


def test_an_encoding_is_one_that_there_is() -> None:
    assert said_encoding("iso-8859-1") == "ISO-8859-1"
    assert said_encoding("Bannister") == said_encoding("9992000481") == said_encoding("\0") == WITHHELD
