"""Every mini-service operation beside the view: the payload is valid by the gateway's schemas, and the answer is read."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result
from lxml import etree

from gateway.xml.catalogue import Catalogue
from gateway.xml.itk import ItkRequest, payload_findings, read_request
from gateway.xml.parser import parse
from gateway.xml.soap import read_envelope
from tests.stubs.calling import stand_in as fake
from tests.stubs.calling.conftest import Bench
from tests.stubs.calling.stand_in import Reply
from tests.stubs.calling.test_calling_raw import invoked

NUMBER, KATE = "9992000112", "910000000281"
TOM = "910000000042"
_REPORT = (
    '"20260328120000","1","2","20260301","20260328","",""\r\n'
    f'"RZZ09","Elm Valley, ""the"" trust","{NUMBER}","{KATE}","555000000129","DUNN Kate","T","Found\r\ndown","20260310101500"\r\n'
)


def details(rest: str = "") -> str:
    """The subject of a details answer."""
    return (
        f'|<subject><patient><id root="2.16.840.1.113883.2.1.4.1" extension="{NUMBER}"/><name><given>Ann</given>'
        f"<family>Example</family></name>{rest}<patientPerson><administrativeGenderCode code='2'/>"
        "<birthTime value='19800203'/></patientPerson></patient></subject>"
    )


CASES: list[tuple[tuple[str, ...], str, str, str, dict[str, Any]]] = [
    (
        ("status", "--nhs-number", NUMBER), "getSCRStatus", "GetSCRStatusResponse",
        ('|<component><sCRExistsFlag><value value="true"/></sCRExistsFlag></component>'
        '<component1><sCRConsent><code code="2" displayName="Ask"/></sCRConsent></component1>'),
        {"exists": True, "consent": "Ask"},
    ),
    (
        ("rbac",), "getRBACStatus", "GetRBACStatusResponse",
        ('|<component><withPTV><value value="true"/></withPTV></component>'
        '<component1><inEmergency><value value="false"/></inEmergency></component1>'),
        {"with_permission": True, "in_emergency": False},
    ),
    (
        ("ptv", "query", "--nhs-number", NUMBER), "queryPTV", "QueryPTVResponse",
        '|<component><pTVStatusFlag><value value="false"/></pTVStatusFlag></component>', {"permission": False},
    ),
    (("ptv", "create", "--nhs-number", NUMBER), "createPTV", "CreatePTVResponse", "", {"created": True}),
    (
        ("ptv", "create", "--nhs-number", NUMBER, "--until", "2026-05-02"), "createPTV", "CreatePTVResponse", "",
        {"created": True},
    ),
    (
        ("ptv", "create", "--nhs-number", NUMBER, "--hours", "4", "--for", f"{KATE}:555000000129", "--for", f"{TOM}:555000000104"),
        "createPTV", "CreatePTVResponse", "", {"created": True},
    ),
    (
        ("activity", "--from", "2026-03-01", "--to", "2026-03-28"), "querySCRActivity", "QuerySCRActivityResponse",
        f'<text mediaType="text/csv" representation="B64">{base64.b64encode(_REPORT.encode()).decode()}</text>|',
        {
            "report": {
                "made": "20260328120000", "returned": "1", "found": "2", "from": "20260301", "to": "20260328",
                "nhs_number": "", "user": "",
            },
            "accesses": [
                {
                    "organisation": "RZZ09", "organisation_name": 'Elm Valley, "the" trust', "nhs_number": NUMBER,
                    "user": KATE, "role_profile": "555000000129", "name": "DUNN Kate", "emergency": "T",
                    "reason": "Found\r\ndown", "at": "20260310101500",
                }
            ],
        },
    ),
    (
        ("verify", "--nhs-number", NUMBER, "--date-of-birth", "1980-02-03", "--family", "Example"), "verifyNHSNumber",
        "verifyNHSNumberResponse-v1-0",
        ('|<component><validIdentifier><code code="VI"/><value value="true"/><subject><patient>'
        f'<id extension="{NUMBER}"/></patient></subject></validIdentifier></component>'),
        {"valid": True, "nhs_number": NUMBER},
    ),
    (
        ("trace", "--date-of-birth", "1980", "--gender", "female", "--family", "Ex*", "--postcode", "ZZ9 9ZZ"),
        "getNHSNumber", "getNHSNumberResponse-v1-0",
        f'|<subject><patient><id extension="{NUMBER}"/></patient></subject>', {"nhs_number": NUMBER},
    ),
    (
        ("details", "--nhs-number", NUMBER, "--date-of-birth", "1980-02-03"), "getPatientDetailsByNHSNumber",
        "getPatientDetailsResponse-v1-0",
        details(
            '<addr use="H"><postalCode>ZZ9 9ZZ</postalCode><streetAddressLine>1 Example Street</streetAddressLine>'
            "<streetAddressLine/></addr><telecom use='H' value='tel:0'/>"
        ),
        {
            "nhs_number": NUMBER, "name": {"given": "Ann", "family": "Example"}, "gender": "2",
            "date_of_birth": "19800203", "deceased": None,
            "addresses": [{"use": "H", "lines": ["1 Example Street"], "postcode": "ZZ9 9ZZ"}],
            "telecoms": ["tel:0"], "practice": None, "practice_name": None,
        },
    ),
    (
        ("details", "--date-of-birth", "1980-02-03", "--gender", "female", "--family", "Example", "--given", "Ann"),
        "getPatientDetailsBySearch", "getPatientDetailsResponse-v1-0", details(), {"addresses": [], "telecoms": []},
    ),
    (
        ("details", "--by", "either", "--nhs-number", NUMBER, "--date-of-birth", "1980-02-03"), "getPatientDetails",
        "getPatientDetailsResponse-v1-0", details(), {"nhs_number": NUMBER},
    ),
]  # fmt: skip


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The gateway's schemas."""
    return Catalogue.load()


async def ask(bench: Bench, *arguments: str) -> Result:
    return await invoked(bench, "mini-service", *arguments, "--as", KATE, "--json")


def read(bench: Bench, catalogue: Catalogue) -> ItkRequest:
    """The one message sent, valid in envelope and payload."""
    (received,) = bench.gateway.sent_to("/itk")
    now = datetime.now(UTC)
    request = read_request(
        read_envelope(parse(received.body)), catalogue, now=now, soap_action=received.headers["SOAPAction"]
    )
    assert payload_findings(request, catalogue) == ()
    return request


@pytest.mark.parametrize(("arguments", "operation", "root", "content", "expected"), CASES)
async def test_each_operation_is_asked_and_its_answer_read(
    bench: Bench,
    catalogue: Catalogue,
    arguments: tuple[str, ...],
    operation: str,
    root: str,
    content: str,
    expected: dict[str, Any],
) -> None:
    bench.gateway.reply = fake.response(root, "SMSP-0000", content=content)
    result = await ask(bench, *arguments)
    assert result.exit_code == 0, result.output
    assert read(bench, catalogue).operation.name == operation
    told = json.loads(result.stdout)
    assert (told["outcome"], told["code"], told["wire_code"]) == ("answered", "ok", "SMSP-0000")
    assert {name: told[name] for name in expected} == expected


async def test_a_permission_is_created_for_those_named(bench: Bench, catalogue: Catalogue) -> None:
    bench.gateway.reply = fake.response("CreatePTVResponse", "SMSP-0000")
    await ask(bench, "ptv", "create", "--nhs-number", NUMBER, "--hours", "4", "--for", f"{TOM}:555000000105")
    payload = read(bench, catalogue).payload
    ids = [(str(one.get("root")), str(one.get("extension"))) for one in payload.findall(".//{*}sDSSubject/{*}id")]
    assert ids == [("1.2.826.0.1285.0.2.0.65", TOM), ("1.2.826.0.1285.0.2.0.67", "555000000105")]
    width = payload.find("{*}effectiveTime/{*}width")
    assert width is not None
    assert dict(width.attrib) == {"value": "4", "unit": "h"}


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ((), "01"),
        (("--nhs-number", NUMBER), "02"),
        (("--user", KATE), "03"),
        (("--nhs-number", NUMBER, "--user", KATE), "03"),
    ],
)
async def test_a_report_is_asked_for_by_what_is_named(
    bench: Bench, catalogue: Catalogue, filters: tuple[str, ...], code: str
) -> None:
    bench.gateway.reply = fake.fault("3000", stable=None)
    result = await ask(bench, "activity", "--from", "2026-03-01", "--to", "2026-03-02", *filters)
    assert result.exit_code == 3
    payload = read(bench, catalogue).payload
    assert payload.find("{*}code").get("code") == code  # type: ignore[union-attr]
    values = [str(one.get("extension")) for one in payload.iterfind(".//{*}value") if one.get("extension")]
    assert values == [text for text in filters if text.isdigit()]


@pytest.mark.parametrize(
    "text",
    [
        "|",
        '<text mediaType="text/csv" representation="TXT">"a"</text>|',
        '<text mediaType="text/csv" representation="B64">not base64</text>|',
        f'<text mediaType="text/csv" representation="B64">{base64.b64encode(b"one,two").decode()}</text>|',
        '<text mediaType="text/csv" representation="B64"/>|',
    ],
)
async def test_a_report_of_another_form_is_not_read(bench: Bench, text: str) -> None:
    bench.gateway.reply = fake.response("QuerySCRActivityResponse", "SMSP-0000", content=text)
    result = await ask(bench, "activity", "--from", "2026-03-01", "--to", "2026-03-02")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["outcome"], told["code"]) == ("unavailable", None)
    assert "report" in told["sentence"]


@pytest.mark.parametrize(
    ("code", "outcome", "status"),
    [
        ("DEMOG-0001", "no_record", 4),
        ("DEMOG-0007", "no_record", 4),
        ("DEMOG-0022", "no_record", 4),
        ("DEMOG-0040", "no_record", 4),
        ("DEMOG-0042", "invalid", 5),
        ("DEMOG-9999", "failed", 1),
        ("SMSP-0005", "refused", 3),
        ("SMSP-0004", "unavailable", 6),
    ],
)
async def test_demographic_codes_have_their_outcomes(bench: Bench, code: str, outcome: str, status: int) -> None:
    bench.gateway.reply = fake.response("getNHSNumberResponse-v1-0", code)
    result = await ask(bench, "trace", "--date-of-birth", "1980-02-03", "--gender", "male", "--family", "Example")
    assert (json.loads(result.stdout)["outcome"], result.exit_code) == (outcome, status)


async def test_a_superseded_number_is_answered_and_told(bench: Bench) -> None:
    content = '|<subject><patient><id extension="9992003812"/></patient></subject>'
    bench.gateway.reply = fake.response("getPatientDetailsResponse-v1-0", "DEMOG-0017", content=content)
    asked = ("mini-service", "details", "--nhs-number", NUMBER, "--date-of-birth", "1980-02-03", "--as", KATE)
    result = await invoked(bench, *asked)
    assert result.exit_code == 0
    assert "nhs number: 9992003812" in result.stdout
    assert "!! The number asked with was superseded" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--for", "no-role"), "UID:ROLEID"),
        (("--until", "2026-05-02", "--hours", "1"), "--hours"),
    ],
)
async def test_a_permission_that_cannot_be_asked_for_is_wrong_usage(
    bench: Bench, arguments: tuple[str, ...], said: str
) -> None:
    result = await ask(bench, "ptv", "create", "--nhs-number", NUMBER, *arguments)
    assert (result.exit_code, bench.gateway.received) == (2, [])
    assert said in result.stderr


async def test_a_permission_needs_one_role_profile(bench: Bench) -> None:
    result = await invoked(bench, "mini-service", "ptv", "create", "--nhs-number", NUMBER, "--as", TOM)
    assert (result.exit_code, bench.gateway.received) == (2, [])
    assert "--role" in result.stderr


async def test_a_fault_is_told_by_its_text(bench: Bench) -> None:
    bench.gateway.reply = fake.fault("1000", stable="message-unknown-service", text="Not here")
    result = await ask(bench, "rbac")
    assert (result.exit_code, json.loads(result.stdout)["sentence"]) == (5, "Not here")


def test_the_stand_in_answers_what_it_is_told() -> None:
    reply = fake.response("QueryPTVResponse", "SMSP-0000", content="|<x/>")
    assert isinstance(reply, Reply)
    assert callable(reply.body)
    request = b'<a xmlns:w="http://www.w3.org/2005/08/addressing"><w:MessageID>M</w:MessageID></a>'
    assert etree.fromstring(reply.body(request)).findtext(".//{*}RelatesTo") == "M"
