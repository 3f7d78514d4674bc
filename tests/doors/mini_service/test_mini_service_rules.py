"""The field rules: each broken alone, found first at its node by the explain pass, and answered by the door with the same.

A quarter of SCR_MUTATIONS (default 40) is how many mutations each message gets where door and explain pass are compared.
"""

import os
import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.domain.access import Purpose
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.spine import Consent
from gateway.service.outcomes import Status
from gateway.xml.catalogue import Catalogue
from gateway.xml.explain import Context, explain
from gateway.xml.names import ITK, qname
from gateway.xml.operations import BY_ROOT
from gateway.xml.parser import parse, serialize
from tests.doors.mini_service.offline import Answer, door, read, wire
from tests.schemas.mutations import mutated
from tests.xml.test_xml_explain import SEEDS, Seed
from tests.xml.wire import MESSAGES, NOW, changed, good

CONTEXT = Context(now=NOW)
PER_MESSAGE = int(os.environ.get("SCR_MUTATIONS", "40")) // 4
NUMBER = "9990000018"
STATUS, RBAC, PTV = good("getSCRStatus"), good("getRBACStatus"), good("queryPTV")
TEAM, WIDTH, SCR = good("createPTV", "team"), good("createPTV", "width"), good("querySCR", "emergency")
KEPT, REPORT = good("querySCR", "with-permission"), good("querySCRActivity", "both")
VERIFY, TRACE = good("verifyNHSNumber", "name"), good("getNHSNumber", "full")
SEARCH, EITHER = good("getPatientDetailsBySearch", "full"), good("getPatientDetails", "full")
WITHOUT = EITHER.replace(
    re.findall(rb"<Person.NHSNumber>.*?</Person.NHSNumber>", EITHER, re.DOTALL)[0], b""
)  # so it is a search
SECURITY = "</wsse:UsernameToken>"
JWT = 'ValueType="urn:oasis:names:tc:none" '


def number(message: bytes, node: str, new: str) -> Seed:
    """A number that is none."""
    old = next(old for old in (f'extension="{NUMBER}"',) if old.encode() in message)
    return Seed(message, old, f'extension="{new}"', "nhs-number", f'extension="{new}"', f"{node}/@extension")


def facts(*parts: str) -> str:
    """The AccessFacts block before wsse:Security."""
    return f'<f:AccessFacts xmlns:f="urn:scr-gateway:access-facts:1">{"".join(parts)}</f:AccessFacts><wsse:Security'


RULES: dict[str, Seed] = {
    "check digit in getSCRStatus": number(STATUS, "/hl7:value", "9990000019"),
    "live number here": number(PTV, "/hl7:value", "4505577104"),
    "check digit in createPTV": number(TEAM, "/hl7:patient/hl7:id", "9990000019"),
    "letters in querySCR": number(SCR, "/hl7:value", "99900O0018"),
    "grouped in verifyNHSNumber": number(VERIFY, "/hl7:value", "999 000 0018"),
    "short in the report": number(REPORT, "/hl7:value", "999000001"),
    "root of another kind in the report": Seed(
        REPORT, 'root="2.16.840.1.113883.2.1.4.1"', 'root="1.2.3"', "nhs-number", 'root="1.2.3"', "/hl7:value/@root"
    ),
    "birth in the future": Seed(
        VERIFY, "19610529", "20310529", "date-of-birth", 'value="20310529"', "/hl7:value/@value"
    ),
    "birth on no day": Seed(VERIFY, "19610529", "19610231", "date-of-birth", 'value="19610231"', "/hl7:value/@value"),
    "birth in part, by number": Seed(VERIFY, "19610529", "1961", "date-of-birth", 'value="1961"', "/hl7:value/@value"),
    "wildcard by number": Seed(VERIFY, "Quillfeather", "Quill*", "person-name", "<family>", "/hl7:family"),
    "wildcard too early": Seed(TRACE, "Quillfeather", "Q*", "person-name", "<family>", "/hl7:family"),
    "wildcard in the middle": Seed(SEARCH, "Orla", "Or*la", "person-name", "<given>", "/hl7:given"),
    "postcode with marks": Seed(SEARCH, "ZZ99 3WZ", "ZZ99-3WZ", "postcode", "<postalCode>", "/hl7:postalCode"),
    "no family name": Seed(TRACE, "<family>Quillfeather</family>", "", "search-details", "<queryEvent", "/hl7:queryEvent"),
    "empty family name": Seed(SEARCH, "Quillfeather", "", "search-details", "<queryEvent", "/hl7:queryEvent"),
    "no given name": Seed(WITHOUT, "<given>Orla</given>", "", "search-details", "<queryEvent", "/hl7:queryEvent"),
    "emergency with permission": Seed(
        SCR,
        '<createPTV.Value>\n      <value value="false"',
        '<createPTV.Value>\n      <value value="true"',
        "emergency-and-permission",
        'value="true"',
        "/hl7:createPTV.Value/hl7:value/@value",
    ),
    "reason too long": Seed(
        SCR, "Found collapsed, nobody with the patient", "x" * 129, "access-reason", "<value>", "/hl7:value"
    ),
    "reason without emergency": Seed(
        SCR,
        '<emergencyAccess.Value>\n      <value value="true"',
        '<emergencyAccess.Value>\n      <value value="false"',
        "access-reason",
        "<value>",
        "/hl7:value",
    ),
    "reason and note": Seed(
        SCR, "<wsse:Security", facts("<f:Note>Another text</f:Note>"), "reason-and-note", "<value>", "/hl7:value"
    ),
    "flags and facts": Seed(
        SCR,
        "<wsse:Security",
        facts("<f:Permission>yes</f:Permission>"),
        "flags-and-facts",
        "<querySCRGrouper>",
        "/hl7:querySCRGrouper",
    ),
    "duration that is over": Seed(
        TEAM, '<high value="20300119"', '<high value="20300104"', "duration", 'value="20300104"', "/hl7:high/@value"
    ),
    "duration still to begin": Seed(
        TEAM, '<low value="20300105"', '<low value="20300107"', "duration", 'value="20300107"', "/hl7:low/@value"
    ),
    "duration in months": Seed(WIDTH, 'unit="d"', 'unit="mo"', "duration", "<width", "/hl7:width"),
    "duration of the view's permission": Seed(
        KEPT, 'unit="h"', 'unit="a"', "duration", "<width", "/hl7:pTVDuration.Value/hl7:value/hl7:width"
    ),
    "ids without the user's root": Seed(
        TEAM,
        'root="1.2.826.0.1285.0.2.0.65" extension="100000000002"',
        'root="1.2.826.0.1285.0.2.0.99" extension="100000000002"',
        "professional",
        "<sDSSubject>",
        "/hl7:subject1[2]/hl7:sDSSubject",
        nth=2,
    ),
    "role profile of eleven digits": Seed(
        TEAM, "200000000003", "20000000003", "professional", 'extension="20000000003"', "/hl7:id[2]/@extension"
    ),
    "professional twice": Seed(
        TEAM.replace(b"100000000003", b"100000000001"),
        "200000000003",
        "200000000001",
        "professional",
        "<subject1>",
        "/hl7:subject1[3]",
        nth=3,
    ),
    "report by another name": Seed(
        REPORT, "Report By Patient", "Report By Date", "report-kind", "displayName", "/hl7:code/@displayName"
    ),
    "report backwards": Seed(REPORT, "20300131", "20291231", "period", 'value="20291231"', "/hl7:high/@value"),
    "report without an end": Seed(REPORT, '<high value="20300131"/>', "", "period", "<value>", "/hl7:value"),
    "report on no day": Seed(REPORT, "20300131", "20300132", "period", 'value="20300132"', "/hl7:high/@value"),
    "report about a user of eleven digits": Seed(
        REPORT, 'value extension="100000000001"', 'value extension="10000000001"', "user-id",
        'extension="10000000001"', "/hl7:value/@extension",
    ),
    "user id in the envelope": Seed(RBAC, 'uri="100000000001"', 'uri="10000000001"', "user-id", 'uri="1', "/itk:id[1]/@uri"),
    "role profile in the envelope": Seed(
        RBAC, 'uri="200000000001"', 'uri="R8000"', "role-profile-id", 'uri="R', "/itk:id[2]/@uri"
    ),
    "two tokens": Seed(
        RBAC,
        SECURITY,
        f"{SECURITY}"
        + "".join(
            f'<wsse:BinarySecurityToken ValueType="urn:ietf:params:oauth:token-type:jwt">{token}</wsse:BinarySecurityToken>'
            for token in ("a.b.c", "d.e.f")
        ),
        "two-proofs",
        "<wsse:BinarySecurityToken",
        "/wsse:BinarySecurityToken[2]",
        nth=2,
    ),
    "a token of another type": Seed(
        RBAC,
        SECURITY,
        f'{SECURITY}<wsse:BinarySecurityToken ValueType="urn:x:kerberos">YQ==</wsse:BinarySecurityToken>',
        "token-type",
        "ValueType",
        "/wsse:BinarySecurityToken/@ValueType",
    ),
    "a token of no type": Seed(
        RBAC,
        SECURITY,
        f"{SECURITY}<wsse:BinarySecurityToken>YQ==</wsse:BinarySecurityToken>",
        "token-type",
        "<wsse:BinarySecurityToken",
        "/wsse:BinarySecurityToken",
    ),
    "purpose of no list": Seed(
        SCR, "<wsse:Security", facts("<f:Purpose>treatment</f:Purpose>"), "access-fact", "<f:Purpose>", "/af:Purpose"
    ),
    "setting of one letter": Seed(
        SCR, "<wsse:Security", facts("<f:Setting>g</f:Setting>"), "access-fact", "<f:Setting>", "/af:Setting"
    ),
    "date in the access facts": Seed(
        SCR,
        "<wsse:Security",
        facts("<f:Until>2030-02-30</f:Until>"),
        "value-form",
        "<f:Until>",
        "/af:Until",
    ),
}  # fmt: skip
NOBODY = re.sub(rb"<person.NHSNumber>.*</person.NHSNumber>", b"", REPORT, flags=re.DOTALL)
RULES["report by another code"] = Seed(
    REPORT.replace(b"Report By Patient", b"Report By Date").replace(b'"02"', b'"01"'), '"01"', '"03"', "report-kind",
    "displayName", "/hl7:code/@displayName",
)  # fmt: skip


def explained(data: bytes) -> tuple[Finding, ...]:
    """What check-message and the answer of a refusal say."""
    return explain(data, check_mini_service, CONTEXT)


def refusal(data: bytes) -> GatewayError | None:
    """What the door says by itself."""
    try:
        read(data)
    except GatewayError as error:
        return error
    return None


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_broken_rule_is_found_first_and_the_door_says_the_same(name: str) -> None:
    seed = RULES[name]
    found = explained(seed.broken)
    assert found, "check-message would call it valid"
    first = found[0]
    assert (first.code, len(found)) == (seed.code, 1), [one.code for one in found]
    assert (first.line, first.column) == seed.place
    assert first.path.endswith(seed.node)
    assert first.clause
    assert first.expected
    error = refusal(seed.broken)
    assert isinstance(error, MessageInvalid)
    assert [(one.code, one.path) for one in error.findings] == [(one.code, one.path) for one in found]
    for secret in ("9990000018", "9990000019", "19610", "Quill", "Orla", "ZZ99"):
        assert secret not in repr(found)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("check digit in getSCRStatus", "SMSP-0001"),
        ("grouped in verifyNHSNumber", "DEMOG-0042"),
        ("no family name", "SMSP-0001"),
        ("user id in the envelope", "SMSP-0005"),
        ("two tokens", "SMSP-0001"),
        ("a token of another type", "SMSP-0005"),
        ("report backwards", "SMSP-0001"),
    ],
)
def test_a_broken_rule_has_its_response_code(name: str, code: str) -> None:
    body = RULES[name].broken
    error = refusal(body)
    assert error is not None
    response = door().refuse(wire(body), None, error)
    assert Answer(response).code == code
    assert response.headers["X-SCR-Findings"].startswith(f"{RULES[name].code};line={RULES[name].place[0]}")


def test_a_purpose_of_no_list_is_told_with_the_list_and_its_rule() -> None:
    error = refusal(RULES["purpose of no list"].broken)
    assert isinstance(error, MessageInvalid)
    assert error.rules == ("P-15",)
    assert error.findings[0].expected == "one of " + ", ".join(Purpose)


def test_a_report_by_patient_names_one() -> None:
    (told,) = explained(NOBODY)
    assert (told.code, told.path.rpartition("/hl7:")[2]) == ("report-kind", "querySCRActivityRequestGrouper")
    error = refusal(NOBODY)
    assert isinstance(error, MessageInvalid)
    assert error.findings[0].path == told.path


def test_all_broken_rules_not_the_first() -> None:
    data = changed(SEARCH, "19610529", "20310529")
    data = changed(data, "Orla", "Or*la")
    data = changed(data, "Quillfeather", "*")
    data = changed(data, "ZZ99 3WZ", "ZZ99-3WZ")
    codes = [one.code for one in explained(data)]
    assert codes == ["date-of-birth", "person-name", "person-name", "postcode"]


def test_a_rule_is_told_beside_a_broken_schema_but_not_twice() -> None:
    data = changed(SEARCH, "Orla", "Or*la")
    data = changed(data, "<semanticsText>Person.Gender</semanticsText>", "")
    assert [one.code for one in explained(data)] == ["element-missing", "person-name"]
    assert [one.code for one in explained(changed(VERIFY, 'value="19610529"', 'value="1961-05-29"'))] == ["value-form"]
    renamed = SCR.replace(b"emergencyAccess.Value", b"emergencyaccess.Value")
    assert [one.code for one in explained(renamed)] == ["element-name-case"], "no contradiction is made up of it"


@dataclass(frozen=True)
class Case:
    """A good message to mutate."""

    name: str
    data: bytes


def cases() -> list[Case]:
    """Every good request payload, in its envelope."""
    made = []
    for path in sorted(MESSAGES.glob("*.xml")):
        root = etree.QName(parse(path.read_bytes())).localname
        if root in BY_ROOT:
            made.append(Case(path.stem, good(BY_ROOT[root].name, path.stem.removeprefix(root).lstrip("-"))))
    return made


def anywhere(_: etree._Element) -> bool:
    return True


def inside_payload(node: etree._Element) -> bool:
    return any(ancestor.tag == qname(ITK, "payload") for ancestor in node.iterancestors())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_door_and_explain_pass_agree_on_mutations(case: Case) -> None:
    """What the door reads has no findings; what it calls invalid has some."""
    rng = random.Random(zlib.crc32(case.name.encode()))
    message = parse(case.data)
    assert bool(explained(case.data)) is (refusal(case.data) is not None)
    read_at_all, differences = 0, []
    for turn in range(PER_MESSAGE):
        mutant, what = mutated(message, rng, inside=inside_payload if turn % 2 else anywhere)
        data = serialize(mutant)
        error, found = refusal(data), explained(data)
        read_at_all += error is None
        if isinstance(error, AccessDenied):
            assert error.code is Code.SYSTEM_UNKNOWN
            continue  # who is calling is not the explain pass's business
        if (error is None) is bool(found):
            told = [one.code for one in found]
            differences.append(f"{turn} {what}: door {error.code.slug if error else 'reads'}, explained {told}")
    assert not differences, "\n".join(differences)
    assert read_at_all < PER_MESSAGE


def test_the_seeded_faults_of_the_envelope_are_refused_at_the_door_too() -> None:
    for name, seed in SEEDS.items():
        error = refusal(seed.broken)
        assert isinstance(error, MessageInvalid), name


@pytest.fixture(scope="module")
def official(shared: Path) -> Catalogue:
    """The official pack, as a site names it in the setting `schemas`."""
    return Catalogue.load(shared / "schemas")


def test_the_door_reads_and_refuses_the_same_by_an_official_pack(official: Catalogue, shared: Path) -> None:
    theirs = Context(now=NOW, schemas=str(shared / "schemas"))
    for case in cases():
        if refusal(case.data) is None:
            call = door(catalogue=official).read(wire(case.data))
            assert call.action == read(case.data).action
            assert explain(case.data, check_mini_service, theirs) == ()
    for name, seed in (SEEDS | RULES).items():
        with pytest.raises(MessageInvalid):
            door(catalogue=official).read(wire(seed.broken))
        first = explain(seed.broken, check_mini_service, theirs)[0]
        assert first.line == seed.place[0], name
        assert first.path.endswith(seed.node), name


def test_the_door_answers_by_an_official_pack(official: Catalogue) -> None:
    call = read(STATUS)
    response = door(catalogue=official).write(wire(STATUS), call, Status(exists=True, consent=Consent.ASK))
    assert Answer(response).code == "SMSP-0000"
