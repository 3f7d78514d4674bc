"""Every code, with every rule there is, is refused at each door in a form that the schema served there calls valid."""

import json
from functools import cache

import pytest
from jsonschema_rs import validator_for
from lxml import etree

from gateway.adapters.problems import problem
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, MessageInvalid
from gateway.policy.catalogue import entries
from gateway.spine.psis import ACCESS_RULE
from gateway.xml.names import CODES, HL7, ITK, NASP, PROBLEM, XSD, qname
from gateway.xml.parser import parse
from gateway.xml.wsdl import wsdl, xsd
from tests.doors.emis_web import emis_door
from tests.doors.mini_service import offline
from tests.doors.symphony import fhir_answers
from tests.doors.systmone import systmone_door
from tests.doors.viewer_doors import CATALOGUE, VIEWERS, Viewer
from tests.policy import cases
from tests.running import ROOT

RULES = tuple(sorted({*(entry.id for entry in entries(cases.SETTINGS)), ACCESS_RULE}))
"""As the catalogue of the policy names them, and Spine's own refusal."""
OPENAPI = ROOT / "gateway/schemas/fhir/openapi.json"
codes = pytest.mark.parametrize("code", list(Code), ids=lambda code: code.slug)


def error(code: Code) -> GatewayError:
    """A refusal that names all rules."""
    return GatewayError(code, rules=RULES)


@cache
def in_wsdl(name: str, namespace: str) -> etree.XMLSchema:
    """The schema of a namespace inside a served description."""
    root = parse(wsdl(name, "https://gateway.test"))
    (found,) = (one for one in root.iter(qname(XSD, "schema")) if one.get("targetNamespace") == namespace)
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


@cache
def served(name: str) -> etree.XMLSchema:
    """The schema at ?xsd= and this name."""
    return etree.XMLSchema(parse(xsd(name, "https://gateway.test")))


def part(body: bytes, tag: str) -> etree._Element:
    """The one element of this name in an answer, as a document of its own."""
    (found,) = parse(body).iter(tag)
    return etree.fromstring(etree.tostring(found))


def test_the_rules_are_those_that_refuse() -> None:
    assert {"SCR-AVAILABLE", "PDS-DEATH", "PDS-REVIEW", "PDS-BIRTH", "P-07", "P-84"} <= set(RULES)


@codes
@pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)
def test_at_a_soap_viewer(viewer: Viewer, code: Code) -> None:
    refusal = part(viewer.fault(error(code)), qname(CODES, "Refusal"))
    assert [one.text for one in refusal.iter(qname(CODES, "Rule"))] == list(RULES)
    served("viewer/codes").assertValid(refusal)
    in_wsdl(viewer.product, CODES).assertValid(refusal)


def test_a_rule_of_another_form_is_not_valid() -> None:
    for wrong in ("P-", "p-07", "SCR", "P-07 P-08", "urn:x", "7"):
        refusal = VIEWERS[0].fault(GatewayError(Code.INTERNAL, rules=(wrong,)))
        assert not served("viewer/codes").validate(part(refusal, qname(CODES, "Refusal"))), wrong


@codes
def test_at_systmone(code: Code) -> None:
    told = systmone_door.DOOR.refuse(systmone_door.request(b""), None, error(code)).body
    document = part(told, qname(PROBLEM, "problem"))
    assert [one.text for one in document.iterfind(f"{{{PROBLEM}}}rules/{{{PROBLEM}}}i")] == list(RULES)
    served("systmone/problem").assertValid(document)


@codes
def test_at_emis_web(code: Code) -> None:
    """A fault to a message that was not heard; to one that was, an AE answer or a fault."""
    for asked in (None, "event-list", "event"):
        told = emis_door.answered(error(code), None if asked is None else emis_door.sample(asked))
        assert (told.status == 500) or asked is not None
        if told.status == 500:
            served("emis-web/faults").assertValid(part(told.body, qname(NASP, "errorList")))
            in_wsdl("emis-web", NASP).assertValid(part(told.body, qname(NASP, "errorList")))
        else:
            assert CATALOGUE.validate("QUQI_IN010000UK14", part(told.body, qname(HL7, "QUQI_IN010000UK14"))) == ()


@codes
@pytest.mark.parametrize("denied", [GatewayError, AccessDenied, MessageInvalid], ids=lambda one: one.__name__)
def test_at_the_mini_service(code: Code, denied: type[GatewayError]) -> None:
    told = offline.door().refuse(offline.wire(), None, denied(code, rules=RULES))
    assert told.status == 500
    served("itk/toolkit-messages").assertValid(part(told.body, qname(ITK, "ToolkitErrorInfo")))


@codes
def test_at_the_fhir_door_and_in_json(code: Code) -> None:
    document = json.loads(OPENAPI.read_text(encoding="utf-8"))
    for schema, told in (
        *(
            ("OperationOutcome", door.refuse(fhir_answers.request(), None, error(code)))
            for door in fhir_answers.doors()
        ),
        ("Problem", problem(fhir_answers.request(), error(code))),
    ):
        held = {"components": document["components"], "$ref": f"#/components/schemas/{schema}"}
        answer = json.loads(told.body)
        assert [one.message for one in validator_for(held).iter_errors(answer)] == []
        assert RULES[0] in told.body.decode()
        assert RULES[-1] in told.body.decode()
