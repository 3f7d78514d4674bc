"""Faults seeded into SystmOne's requests: each is found at the node where it is, and hostile input ends in a problem."""

from dataclasses import dataclass

import pytest

from gateway.domain.errors import MessageInvalid
from gateway.xml.names import PROBLEM
from gateway.xml.parser import parse
from tests.doors.systmone.systmone_door import DOOR, read, refused, request, sample
from tests.xml.test_hostile import CORPUS

ROOT = "/s1:ScrRequest"
ACCESS = f"{ROOT}/s1:View/s1:Access"
LARGE = {name for name in CORPUS if name.startswith("100 MB")}
"""Never read: the door's limit on bytes is far below."""


@dataclass(frozen=True)
class Seed:
    """One fault: in which sample, what is replaced, and where it must be found."""

    sample: str
    old: str
    new: str
    code: str
    path: str
    status: int = 400


SEEDS: dict[str, Seed] = {
    # the root and its attributes
    "not well-formed": Seed("view", "</View>", "", "not-well-formed", ""),
    "a document type": Seed("view", "<ScrRequest", "<!DOCTYPE a><ScrRequest", "doctype", ""),
    "another encoding": Seed("view", 'encoding="UTF-8"', 'encoding="ISO-8859-1"', "encoding-label", ""),
    "another root": Seed("view", "ScrRequest", "ScrAsk", "root-element", "/s1:ScrAsk"),
    "another namespace": Seed("view", "systmone:1", "systmone:2", "wrong-namespace", "/n1:ScrRequest"),
    "no namespace": Seed("view", ' xmlns="urn:scr-gateway:systmone:1"', "", "no-namespace", "/ScrRequest"),
    "no version": Seed("view", ' version="1.0" function', " function", "attribute-missing", ROOT),
    "another version": Seed("view", 'version="1.0" f', 'version="1.1" f', "version-unknown", f"{ROOT}/@version"),
    "no function": Seed("view", ' function="VIEW"', "", "attribute-missing", ROOT),
    "an unknown function": Seed("view", '"VIEW"', '"PRINT"', "operation-unknown", f"{ROOT}/@function"),
    "a function in small letters": Seed("view", '"VIEW"', '"view"', "operation-unknown", f"{ROOT}/@function"),
    "a function that is not what is inside": Seed("view", '"VIEW"', '"SEARCH"', "disagreement", f"{ROOT}/s1:View"),
    "a permission as a view": Seed("permission", '"PERMISSION"', '"VIEW"', "disagreement", f"{ROOT}/s1:Permission"),
    "no request id": Seed("view", ' requestId="A0000004-1B2C-4D3E-8F40-5A6B7C8D9E0F"', "", "attribute-missing", ROOT),
    "a request id that is no UUID": Seed("view", "A0000004-1B2C", "A0000004", "value-form", f"{ROOT}/@requestId"),
    "no time": Seed("view", ' created="2030-01-05T11:59:30Z"', "", "attribute-missing", ROOT),
    "a time without zone": Seed("view", "11:59:30Z", "11:59:30", "value-form", f"{ROOT}/@created"),
    "a time that is none": Seed("view", "2030-01-05T11", "2030-02-30T11", "value-form", f"{ROOT}/@created"),
    "a time long ago": Seed("view", "11:59:30Z", "11:53:59Z", "timestamp-expired", f"{ROOT}/@created"),
    "a time to come": Seed("view", "11:59:30Z", "12:01:01Z", "timestamp-future", f"{ROOT}/@created"),
    "an attribute nobody knows": Seed("view", " function", ' urgent="yes" function', "attribute-unexpected", f"{ROOT}/@urgent"),
    # what is inside
    "nothing inside": Seed("view", "<View>", "<!-- <View>", "not-well-formed", ""),
    "two requests at once": Seed(
        "view", "</View>", "</View><View><NhsNumber>9000000017</NhsNumber></View>", "element-repeated", f"{ROOT}/s1:View[2]"
    ),
    "text between": Seed("view", "<View>", "now <View>", "text-unexpected", ROOT),
    "no NHS number": Seed("view", "<NhsNumber>9000000009</NhsNumber>", "", "element-missing", f"{ROOT}/s1:View"),
    "an NHS number with blanks": Seed("view", "9000000009", "900 000 0009", "value-form", f"{ROOT}/s1:View/s1:NhsNumber"),
    "a wrong check digit": Seed("view", "9000000009", "9000000008", "nhs-number", f"{ROOT}/s1:View/s1:NhsNumber"),
    "a live NHS number": Seed("view", "9000000009", "4010232137", "nhs-number", f"{ROOT}/s1:View/s1:NhsNumber"),
    "an element in other capitals": Seed(
        "view", "NhsNumber>", "NHSNumber>", "element-name-case", f"{ROOT}/s1:View/s1:NHSNumber"
    ),
    "a role profile of eleven digits": Seed(
        "view-with-everything", "555000000115", "55500000011", "value-form", f"{ACCESS}/s1:RoleProfile"
    ),
    "a purpose of no list": Seed("view-with-everything", "direct-care", "treatment", "access-fact", f"{ACCESS}/s1:Purpose"),
    "a setting of one letter": Seed(
        "view-with-everything", "<Setting>community_care", "<Setting>c", "access-fact", f"{ACCESS}/s1:Setting"
    ),
    "a year of five digits": Seed("view", "2030-01-05T11", "12030-01-05T11", "value-form", f"{ROOT}/@created"),
    "a purpose in capitals": Seed("view-with-everything", "direct-care", "Direct-Care", "value-form", f"{ACCESS}/s1:Purpose"),
    "a relationship nobody has": Seed(
        "view-with-everything", "self-claimed", "neighbour", "value-form", f"{ACCESS}/s1:Relationship"
    ),
    "a permission nobody can give": Seed(
        "view-with-everything", ">emergency<", ">maybe<", "value-form", f"{ACCESS}/s1:Permission"
    ),
    "a reason nobody has": Seed(
        "view-with-everything", ">unconscious<", ">asleep<", "value-form", f"{ACCESS}/s1:EmergencyReason"
    ),
    "a legal basis nobody has": Seed("view-with-everything", ">statute<", ">custom<", "value-form", f"{ACCESS}/s1:LegalBasis"),
    "a note too long": Seed(
        "view-with-everything", "Found collapsed", "x" * 1001, "value-form", f"{ACCESS}/s1:Note"
    ),
    "a flag that is neither": Seed(
        "view-with-everything",
        "<ConditionChanged>true",
        "<ConditionChanged>perhaps",
        "value-form",
        f"{ACCESS}/s1:ConditionChanged",
    ),
    "a birthday that is none": Seed(
        "view-with-everything", "1962-03-17", "1962-02-30", "value-form", f"{ACCESS}/s1:DateOfBirth"
    ),
    "a last day with a time": Seed(
        "view-with-everything", "2030-02-01", "2030-02-01T00:00:00", "value-form", f"{ACCESS}/s1:Until"
    ),
    "a fact twice": Seed(
        "view-with-everything",
        "<Purpose>direct-care</Purpose>",
        "<Purpose>direct-care</Purpose><Purpose>research</Purpose>",
        "element-repeated",
        f"{ACCESS}/s1:Purpose[2]",
    ),
    "an answer nobody can give": Seed("permission", "<Answer>yes", "<Answer>perhaps", "value-form", f"{ROOT}/s1:Permission/s1:Answer"),
    "no answer": Seed("permission", "<Answer>yes</Answer>", "", "element-missing", f"{ROOT}/s1:Permission"),
    "a kind nobody keeps": Seed("permission", ">extended<", ">forever<", "value-form", f"{ROOT}/s1:Permission/s1:Kind"),
    "a scope nobody has": Seed("permission", ">team<", ">everybody<", "value-form", f"{ROOT}/s1:Permission/s1:Scope"),
    "a search without a birthday": Seed(
        "search-by-details", "<DateOfBirth>1962-03-17</DateOfBirth>", "", "element-missing", f"{ROOT}/s1:Search/s1:Details"
    ),
    "a gender nobody records": Seed(
        "search-by-details", ">female<", ">F<", "value-form", f"{ROOT}/s1:Search/s1:Details/s1:Gender"
    ),
}  # fmt: skip


def seeded(seed: Seed) -> bytes:
    text = sample(seed.sample).decode()
    assert seed.old in text
    if seed.old in {"ScrRequest", "NhsNumber>"}:  # an element's name stands twice
        return text.replace(seed.old, seed.new).encode()
    return text.replace(seed.old, seed.new, 1).encode()


def test_there_are_enough_of_them() -> None:
    assert len(SEEDS) >= 40


@pytest.mark.parametrize("name", SEEDS)
def test_each_fault_is_found_where_it_is(name: str) -> None:
    """In the finding, and in the problem document, whose path finds exactly one node of what was sent."""
    seed = SEEDS[name]
    body = seeded(seed)
    error = refused(body)
    assert (seed.code, seed.path) in [(one.code, one.path) for one in error.findings]
    answer = DOOR.refuse(request(body), None, error)
    assert answer.status == error.code.entry.http == seed.status
    root = parse(answer.body)
    places = list(root.iter(f"{{{PROBLEM}}}path"))
    assert len(places) == sum(1 for one in error.findings if one.path)
    for place in places:
        bound = {prefix: uri for prefix, uri in place.nsmap.items() if prefix}
        found = parse(body).xpath(place.text or "", namespaces=bound)
        assert isinstance(found, list)
        assert len(found) == 1
    for secret in (b"9000000009", b"Found collapsed", b"1962-03-17"):
        assert secret not in answer.body


@pytest.mark.parametrize("case", sorted(set(CORPUS) - LARGE))
def test_the_hostile_corpus_ends_in_a_problem(case: str) -> None:
    body = CORPUS[case]()
    error = refused(body)
    answer = DOOR.refuse(request(body), None, error)
    assert answer.status in {400, 413}
    assert len(answer.body) < 4096
    assert parse(answer.body).findtext(f"{{{PROBLEM}}}kind") == "invalid"


def test_what_the_caller_wrote_is_never_told_back() -> None:
    for old in ('"VIEW"', "9000000009", "A0000004-1B2C-4D3E-8F40-5A6B7C8D9E0F", "1.0"):
        new = '"CANARY"' if old.startswith('"') else "CANARY"
        text = sample("view").decode()
        place = text.rindex(old)
        body = (text[:place] + new + text[place + len(old) :]).encode()
        error = refused(body)
        assert isinstance(error, MessageInvalid)
        assert b"CANARY" not in DOOR.refuse(request(body), None, error).body


def test_a_comment_hides_nothing() -> None:
    call = read(sample("view").replace(b"9000000009", b"9000<!-- 9000000017 -->000009"))
    assert call.patient.value == "9000000009"  # type: ignore[attr-defined]
