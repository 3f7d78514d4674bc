"""How Adastra's and CLEO's doors refuse: every code mapped, seeded faults named at their node, hostile bytes, any Unicode."""

import random
import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.adapters.viewer_faults import CLIENT, FAULT_CODES, SERVER, refusal_element
from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.identifiers import CorrelationId
from gateway.xml.catalogue import REFUSAL
from gateway.xml.faults import BY_SLUG
from gateway.xml.names import ACCESS_FACTS, CODES, SAML, SOAP11, SOAP12
from gateway.xml.parser import parse
from tests.doors.records import LETTERS
from tests.doors.viewer_doors import ADASTRA, CATALOGUE, CLEO, CORRELATION, VIEWERS, Viewer, changed
from tests.xml.test_hostile import CORPUS

viewers = pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)


# Codes


def test_every_code_has_its_fault() -> None:
    assert set(FAULT_CODES) == set(Code)


def test_what_the_caller_can_mend_and_what_not() -> None:
    ours = {Code.RATE_LIMITED}
    for code, fault in FAULT_CODES.items():
        if code.kind is Kind.UNAVAILABLE or code in ours:
            assert fault == SERVER, code
        else:
            assert fault != SERVER, code


@viewers
@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.slug)
def test_each_code_is_told_in_the_callers_form(viewer: Viewer, code: Code) -> None:
    error = GatewayError(code, rules=("P-01", "P-57"))
    response = viewer.door.refuse(viewer.wire(b""), None, error)
    root = parse(response.body)
    refusal = next(root.iter(f"{{{CODES}}}Refusal"))
    assert CATALOGUE.validate(REFUSAL, refusal) == ()
    told = {etree.QName(part).localname: part.text for part in refusal if etree.QName(part).localname != "Rule"}
    assert told["Code"] == code.slug
    assert told["Kind"] == code.kind.value
    assert told["Sentence"] == code.sentence
    assert told["CorrelationId"] == CORRELATION
    assert [rule.text for rule in refusal.iter(f"{{{CODES}}}Rule")] == ["P-01", "P-57"]
    if viewer is CLEO:
        assert response.status == 500
        assert root.findtext(".//faultcode") == f"soap:{FAULT_CODES[code]}"
        assert root.findtext(".//faultstring") == code.sentence
        return
    value, subcode = (element.text for element in root.iter(f"{{{SOAP12}}}Value"))
    sender = FAULT_CODES[code] == CLIENT
    word = {"Client": "Sender", "Server": "Receiver"}.get(FAULT_CODES[code], FAULT_CODES[code])
    assert (value, subcode) == (f"soap12:{word}", f"codes:{code.slug}")
    expected = {Code.MESSAGE_TOO_LARGE: 413, Code.MESSAGE_MEDIA_TYPE: 415}.get(code, 400 if sender else 500)
    assert response.status == expected


# Seeded faults


@dataclass(frozen=True)
class Seed:
    """One fault put into a good message."""

    name: str
    old: str
    new: str
    fault: str
    node: str
    """How the XPath of the finding ends."""
    sample: str = "view-with-everything"
    also: tuple[tuple[str, str], ...] = ()
    """More replacements, where one does not make the fault."""


WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TOKEN = "<wsse:BinarySecurityToken"
JWT = 'ValueType="urn:ietf:params:oauth:token-type:jwt"'
END = "</soap:Header>"
EARLIER = (">2030-01-05T11:59:30Z</wsu", ">2030-01-05T11:40:30Z</wsu")

BODY = [
    Seed("unknown operation", "ViewSummaryRequest", "ViewSummry", "operation-unknown", ":ViewSummry"),
    Seed("number with blanks", ">9000000009<", ">900 000 0009<", "value-form", ":NhsNumber"),
    Seed("number too short", ">9000000009<", ">900000000<", "value-form", ":NhsNumber"),
    Seed("number empty", ">9000000009<", "><", "value-form", ":NhsNumber"),
    Seed("check digit", ">9000000009<", ">9000000008<", "nhs-number", ":NhsNumber"),
    Seed("number of another range", ">9000000009<", ">4010232137<", "nhs-number", ":NhsNumber"),
    Seed("number missing", "<NhsNumber>9000000009</NhsNumber>", "", "element-missing", ":ViewSummaryRequest"),
    Seed("number twice", "<NhsNumber>9000000009</NhsNumber>", "<NhsNumber>9000000009</NhsNumber>" * 2, "element-repeated", ":NhsNumber[2]"),
    Seed("role", ">555000000112<", ">R8000<", "value-form", ":RoleProfile"),
    Seed("purpose capitals", ">direct-care<", ">Direct care<", "value-form", ":Purpose"),
    Seed("setting", ">gp_out_of_hours<", ">GP&amp;OOH<", "value-form", ":Setting"),
    Seed("purpose of no list", ">direct-care<", ">treatment<", "access-fact", ":Purpose"),
    Seed("setting of one letter", ">gp_out_of_hours<", ">g<", "access-fact", ":Setting"),
    Seed("relationship", ">self-claimed<", ">cousin<", "value-form", ":Relationship"),
    Seed("permission", ">emergency<", ">maybe<", "value-form", ":Permission"),
    Seed("permission capitals", "Permission>", "permission>", "element-name-case", ":permission"),
    Seed("legal basis", ">statute<", ">law<", "value-form", ":LegalBasis"),
    Seed("reason", ">unconscious<", ">asleep<", "value-form", ":EmergencyReason"),
    Seed("note too long", "Found collapsed", "x" * 1001, "value-form", ":Note"),
    Seed("note with markup", "Found collapsed", "<b>Found</b>", "element-unexpected", ":Note"),
    Seed("flag", ">true<", ">yes<", "value-form", ":ConditionChanged"),
    Seed("flag empty", ">false<", "><", "value-form", ":ConfirmDeceased"),
    Seed("date of birth", ">1962-03-17<", ">17-03-1962<", "value-form", ":DateOfBirth"),
    Seed("no such day", ">1962-03-17<", ">1962-02-30<", "value-form", ":DateOfBirth"),
    Seed("date with zone", ">2030-02-01<", ">2030-02-01Z<", "value-form", ":Until"),
    Seed("foreign element", "<Purpose>", "<Reason>x</Reason><Purpose>", "element-unexpected", ":Reason"),
    Seed("order", "<Setting>", "<Note>x</Note><Setting>", "element-order", ":Setting", also=(("<Note>Found collapsed — no reply</Note>", ""),)),
    Seed("token in the body", "<RoleProfile>", "<UserToken>a.b.c</UserToken><RoleProfile>", "element-unexpected", ":UserToken"),
    Seed("wrong namespace", "<Note>", '<Note xmlns="urn:other">', "wrong-namespace", ":Note"),
    Seed("no namespace", "<Note>", '<Note xmlns="">', "no-namespace", "/Note"),
    Seed("text between", "<Access>", "text<Access>", "text-unexpected", ":ViewSummaryRequest"),
    Seed("unknown attribute", "<Access>", '<Access kind="x">', "attribute-unexpected", ":Access/@kind"),
    Seed("version unknown", ':1" version="1.0"', ':1" version="2.0"', "version-unknown", "/@version"),
    Seed("version missing", ':1" version="1.0"', ':1"', "attribute-missing", ":ViewSummaryRequest"),
    Seed("answer", ">yes<", ">perhaps<", "value-form", ":Answer", "record-permission"),
    Seed("kind", ">extended<", ">forever<", "value-form", ":Kind", "record-permission"),
    Seed("scope", ">team<", ">everybody<", "value-form", ":Scope", "record-permission"),
    Seed("how asked", ">phone<", ">fax<", "value-form", ":HowAsked", "record-permission"),
    Seed("gender", ">female<", ">f<", "value-form", ":Gender", "find-by-details"),
    Seed("postcode", ">ZZ9 9ZZ<", ">nowhere<", "value-form", ":Postcode", "find-by-details"),
    Seed("no family name", "<FamilyName>Ó'Brien</FamilyName>", "", "element-missing", ":Details", "find-by-details"),
    Seed("number and details", "<Details>", "<NhsNumber>9000000009</NhsNumber><Details>", "element-unexpected", ":Details", "find-by-details"),
    Seed("created in the future", ">2030-01-05T11:59:30Z</wsu", ">2030-01-05T12:03:30Z</wsu", "timestamp-future", "/wsu:Created"),
    Seed("expired", ">2030-01-05T12:04:30Z<", ">2030-01-05T11:45:30Z<", "timestamp-expired", "/wsu:Expires", also=(EARLIER,)),
    Seed("lives too long", ">2030-01-05T12:04:30Z<", ">2030-01-05T18:04:30Z<", "timestamp-lifetime", "/wsu:Timestamp"),
    Seed("time form", ">2030-01-05T12:04:30Z<", ">05/01/2030<", "timestamp-form", "/wsu:Expires"),
    Seed("no expiry", "<wsu:Expires>2030-01-05T12:04:30Z</wsu:Expires>", "", "header-missing", "/wsu:Timestamp"),
    Seed("two securities", END, f'<w:Security xmlns:w="{WSSE}"/>{END}', "header-repeated", "/wsse:Security[2]"),
    Seed("must understand", END, f'<x:T xmlns:x="urn:x" soap:mustUnderstand="true"/>{END}', "must-understand", ":T"),
    Seed("access facts", END, f'<f:AccessFacts xmlns:f="{ACCESS_FACTS}"/>{END}', "must-understand", "/af:AccessFacts"),
    Seed("second payload", "</soap:Body>", "<x/></soap:Body>", "body-content", ":Body"),
    Seed("not an envelope", "soap:Envelope", "soap:Letter", "not-soap", ":Letter"),
]  # fmt: skip

ADASTRA_ONLY = [
    Seed("no message id", "urn:uuid:A0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "", "header-missing", "/wsa:MessageID"),
    Seed("message id form", "urn:uuid:A0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "one", "message-id", "/wsa:MessageID"),
    Seed("action", ">urn:scr-gateway:adastra:1:ViewSummary<", ">urn:scr-gateway:adastra:1:FindPatient<", "operation-action", "/wsa:Action"),
    Seed("no action", "urn:scr-gateway:adastra:1:ViewSummary</wsa", "</wsa", "header-missing", "/wsa:Action"),
    Seed("no to", "http://127.0.0.1:8080/viewers/adastra", "", "header-missing", "/wsa:To"),
    Seed("reply elsewhere", "addressing/anonymous<", "addressing/none<", "reply-to", "/wsa:ReplyTo"),
    Seed("two proofs", "<saml:Assertion ", f"{TOKEN}>x</wsse:BinarySecurityToken><saml:Assertion ", "two-proofs", "/wsse:BinarySecurityToken"),
    Seed("two assertions", "<saml:Assertion ", f'<saml:Assertion xmlns:saml="{SAML}"/><saml:Assertion ', "two-proofs", "/saml:Assertion[2]"),
    Seed("two addresses", "<wsa:Address>", "<wsa:Address>urn:x</wsa:Address><wsa:Address>", "header-repeated", "/wsa:Address[2]"),
    Seed("soap 1.1", SOAP12, SOAP11, "soap-version", "/soap:Envelope"),
]  # fmt: skip
CLEO_ONLY = [
    Seed("request id form", 'requestId="a0000001', 'requestId="1', "value-form", "/@requestId"),
    Seed("no request id", ' requestId="a0000001-1b2c-4d3e-8f40-5a6b7c8d9e0f"', "", "attribute-missing", ":ViewSummaryRequest"),
    Seed("token type", "oauth:token-type:jwt", "oauth:token-type:saml2", "two-proofs", "/wsse:BinarySecurityToken"),
    Seed("two tokens", TOKEN, f"{TOKEN} {JWT}>x</wsse:BinarySecurityToken>{TOKEN}", "two-proofs", "/wsse:BinarySecurityToken[2]"),
    Seed("an assertion", TOKEN, f'<s:Assertion xmlns:s="{SAML}"/>{TOKEN}', "two-proofs", "/saml:Assertion"),
    Seed("soap 1.2", SOAP11, SOAP12, "soap-version", "/soap12:Envelope"),
]  # fmt: skip
SEEDED = [(ADASTRA, seed) for seed in BODY + ADASTRA_ONLY] + [(CLEO, seed) for seed in BODY + CLEO_ONLY]
LEAST = 30


def test_there_are_enough_of_them() -> None:
    for viewer in VIEWERS:
        assert sum(one is viewer for one, _ in SEEDED) >= LEAST


def spoilt(viewer: Viewer, seed: Seed) -> bytes:
    """The sample with the fault in it."""
    message = viewer.sample(seed.sample)
    for old, new in ((seed.old, seed.new), *seed.also):
        assert old.encode() in message, old
        message = message.replace(old.encode(), new.encode())
    return message


@pytest.mark.parametrize(("viewer", "seed"), SEEDED, ids=lambda one: getattr(one, "product", None) or one.name)
def test_a_seeded_fault_is_named_at_its_node(viewer: Viewer, seed: Seed) -> None:
    body = spoilt(viewer, seed)
    viewer.read(viewer.sample(seed.sample))
    invalid = viewer.refused(body)
    named = [(one.code, one.path) for one in invalid.findings]
    places = [path.removesuffix("[1]") for code, path in named if code == seed.fault]
    assert any(path.endswith(seed.node) for path in places), named
    first = next(one for one in invalid.findings if one.code == seed.fault)
    assert first.line is not None
    assert BY_SLUG[first.code]
    told = viewer.fault(invalid)
    refusal = next(parse(told).iter(f"{{{CODES}}}Refusal"))
    assert CATALOGUE.validate(REFUSAL, refusal) == ()
    assert first.path in refusal.itertext()
    assert b"9000000009" not in told
    assert b"collapsed" not in told


@viewers
def test_a_type_of_the_callers_own_is_told_what_may_stand_there(viewer: Viewer) -> None:
    typed = '<Note xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x">'
    (found,) = viewer.findings(changed(viewer.sample("view-with-everything"), "<Note>", typed))
    assert found.path.endswith(":Note/@xsi:type")
    assert found.expected == "no xsi:type, or one of the schema's types that may stand here"


@viewers
def test_an_unknown_version_is_told_the_known_ones(viewer: Viewer) -> None:
    invalid = viewer.refused(changed(viewer.sample("view"), ':1" version="1.0"', ':1" version="7"'))
    assert invalid.code is Code.MESSAGE_UNKNOWN_SERVICE
    told = viewer.fault(invalid).decode()
    assert "Versions spoken here: 1.0." in told
    assert "RelatesTo" in told or viewer is CLEO


@viewers
def test_all_faults_are_told_at_once(viewer: Viewer) -> None:
    message = viewer.sample("view-with-everything")
    for old, new in ((">1962-03-17<", ">x<"), (">unconscious<", ">x<"), (">2030-01-05T12:04:30Z<", ">x<")):
        message = changed(message, old, new)
    assert len({one.path for one in viewer.findings(message)}) == 3


def test_the_action_of_the_media_type_counts() -> None:
    wrong = 'application/soap+xml; charset=utf-8; action="urn:scr-gateway:adastra:1:FindPatient"'
    with pytest.raises(MessageInvalid) as caught:
        ADASTRA.door.read(ADASTRA.wire(ADASTRA.sample("view"), **{"Content-Type": wrong}))
    assert caught.value.findings[0].code == "operation-action"
    ADASTRA.read(ADASTRA.sample("view"), **{"Content-Type": wrong.replace("FindPatient", "ViewSummary")})


def test_soap_action_counts_where_it_is_there() -> None:
    for action in ("", '""', "urn:scr-gateway:cleo:1:ViewSummary", '"urn:scr-gateway:cleo:1:ViewSummary"'):
        CLEO.read(CLEO.sample("view"), SOAPAction=action)
    with pytest.raises(MessageInvalid) as caught:
        CLEO.read(CLEO.sample("view"), SOAPAction='"urn:scr-gateway:cleo:1:FindPatient"')
    assert [one.code for one in caught.value.findings] == ["operation-action"]


def test_cleo_takes_the_token_in_base64_and_as_it_is() -> None:
    """As its page says, whatever the encoding is called."""
    good = CLEO.sample("view-to-open")
    for token in ("aGVhZC5ib2R5LnNpZ24=", "head.body.sign"):
        message = changed(good, "aGVhZC5ib2R5LnNpZ24=", token)
        for sent in (message, re.sub(rb'EncodingType="[^"]*"', b"", message)):
            assert CLEO.read(sent).credentials.token == "head.body.sign"


@viewers
def test_a_name_may_end_in_a_wildcard(viewer: Viewer) -> None:
    call = viewer.read(changed(viewer.sample("find-by-details"), "Ó'Brien", "Ó'B*"))
    assert call.traits.family == "Ó'B*"  # type: ignore[attr-defined]


# Hostile bytes


@viewers
@pytest.mark.parametrize("case", sorted(CORPUS))
def test_the_hostile_corpus_is_refused_with_a_fault(viewer: Viewer, case: str) -> None:
    data = CORPUS[case]()
    invalid = viewer.refused(data)
    told = viewer.fault(invalid)
    assert len(told) < 20_000
    assert b"passwd" not in told
    assert next(parse(told).iter(f"{{{CODES}}}Code")).text == invalid.code.slug


@viewers
def test_hostile_markup_inside_a_good_message(viewer: Viewer) -> None:
    good = viewer.sample("view-with-everything")
    for old, new in (
        ("Found collapsed", "<![CDATA[<script>alert(1)</script>]]>"),
        ("Found collapsed", "<!-- -->Found <!-- <?php x?> -->"),
    ):
        call = viewer.read(changed(good, old, new))
        assert call.claims.note is not None
    instruction = viewer.refused(changed(good, "Found collapsed", "Found <?php x?>"))
    assert (instruction.code, instruction.findings[0].code) == (Code.MESSAGE_FORBIDDEN_XML, "processing-instruction")
    doctype = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    declaration, _, rest = good.partition(b"?>")
    assert viewer.refused(declaration + b"?>" + doctype + rest).code is Code.MESSAGE_FORBIDDEN_XML


@viewers
def test_cut_or_flipped_messages_are_refused_or_read_but_never_break(viewer: Viewer) -> None:
    good, source = viewer.sample("view-with-everything"), random.Random(7)
    for _ in range(400):
        at = source.randrange(len(good))
        spoiled = good[:at] if source.random() < 0.3 else good[:at] + bytes([source.randrange(256)]) + good[at + 1 :]
        try:
            viewer.read(spoiled)
        except GatewayError as error:
            parse(viewer.fault(error))


# Unicode


@viewers
@settings(max_examples=120, deadline=None)
@given(text=st.text(LETTERS, min_size=1, max_size=60))
def test_any_text_comes_through_as_it_is(viewer: Viewer, text: str) -> None:
    root = etree.fromstring(viewer.sample("view-with-everything"))
    note = next(root.iter(f"{{urn:scr-gateway:{viewer.product}:1}}Note"))
    note.text = f"x{text}x"
    assert viewer.read(etree.tostring(root, encoding="UTF-8")).claims.note == f"x{text}x"


@viewers
@settings(max_examples=60, deadline=None)
@given(text=st.text(LETTERS, min_size=1, max_size=33).map(lambda one: f"x{one.replace(' ', '')}x"))
def test_any_name_is_searched_as_it_is(viewer: Viewer, text: str) -> None:
    root = etree.fromstring(viewer.sample("find-by-details"))
    next(root.iter(f"{{urn:scr-gateway:{viewer.product}:1}}FamilyName")).text = text
    assert viewer.read(etree.tostring(root, encoding="UTF-8")).traits.family == text  # type: ignore[attr-defined]


def test_no_value_of_the_message_is_in_a_refusal() -> None:
    """Canaries in every value a caller may write, each where it is not allowed."""
    for viewer in VIEWERS:
        root = etree.fromstring(viewer.sample("view-with-everything"))
        for number, element in enumerate(root.iter(f"{{urn:scr-gateway:{viewer.product}:1}}*")):
            if not len(element):
                element.text = f"canary{number} <&>" * 3
        with pytest.raises(MessageInvalid) as caught:
            viewer.read(etree.tostring(root))
        told = etree.tostring(refusal_element(caught.value, CorrelationId(CORRELATION), "cleo"))
        assert b"canary" not in told
        assert len(caught.value.findings) >= 10
