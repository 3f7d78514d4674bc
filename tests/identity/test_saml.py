"""SAML assertions: the eight wrapping shapes and more, each put into a real envelope and offered wherever a reader might look."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from gateway.domain.access import Assurance, ProvedUser
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.identity.proofs import Proofs
from gateway.identity.saml import AssertionRules, read_metadata, verify_assertion
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from gateway.xml.names import DS, SAML, SOAP12, WSSE
from gateway.xml.parser import parse, serialize
from tests.identity.proving import ISSUER, NADIA, NOW, refusal, seconds
from vendor_stubs.identity import assertions as stub
from vendor_stubs.identity.assertion_faults import EVIL_UID, SAML_FAULTS
from vendor_stubs.identity.keys import SamlKey, new_saml_key

GATEWAY, DOOR = "urn:scr-gateway", "http://127.0.0.1:8080/viewers/adastra"
STATEMENT = stub.Statement(
    assertion_id="_a1b2c3d4",
    issuer=ISSUER,
    uid=NADIA,
    audience=GATEWAY,
    recipient=DOOR,
    assurance="AAL3",
    issued=NOW,
    signed_in=NOW - seconds(60),
    roleid="555000000101",
)
ASSERTION = f"{{{SAML}}}Assertion"


@pytest.fixture(scope="module")
def rules(saml_key: SamlKey) -> AssertionRules:
    return AssertionRules(
        issuer=ISSUER, audience=GATEWAY, recipients=frozenset({DOOR}), certificates=(saml_key.certificate,)
    )


def received(*elements: _Element) -> _Element:
    """A SOAP 1.2 message with these elements in its WS-Security header, after a trip over the wire."""
    envelope = etree.Element(f"{{{SOAP12}}}Envelope", nsmap={"s": SOAP12})
    security = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP12}}}Header"), f"{{{WSSE}}}Security")
    security.extend(copy.deepcopy(element) for element in elements)
    etree.SubElement(envelope, f"{{{SOAP12}}}Body")
    return parse(serialize(envelope))


def assertions_in(message: _Element) -> list[_Element]:
    return list(message.iter(ASSERTION))


def verify(element: _Element, rules: AssertionRules, now: datetime = NOW) -> ProvedUser:
    """As a door does: the element stands in a received message."""
    return verify_assertion(assertions_in(received(element))[0], rules, now)


def issued(key: SamlKey, **changes: Any) -> _Element:
    return stub.issue(replace(STATEMENT, **changes), key)


def resigned(key: SamlKey, spoil: Callable[[_Element], object]) -> _Element:
    """An assertion spoilt before it is signed: the signature holds, the content is wrong."""
    assertion = stub.build(STATEMENT)
    spoil(assertion)
    return stub.sign(assertion, key)


def one(assertion: _Element, name: str) -> _Element:
    found = assertion.find(f".//{{{SAML}}}{name}")
    assert found is not None
    return found


def test_a_good_assertion_proves_its_user_once(saml_key: SamlKey, rules: AssertionRules) -> None:
    assert verify(issued(saml_key), rules) == ProvedUser(
        id=UserId(NADIA),
        assurance=Assurance.AAL3,
        authenticated=NOW - seconds(60),
        expires=NOW + timedelta(minutes=5),
        selected_role=RoleProfileId("555000000101"),
        single_use_id="_a1b2c3d4",
    )


def test_other_good_forms_pass(saml_key: SamlKey, rules: AssertionRules) -> None:
    assert verify(issued(saml_key, roleid=None), rules).selected_role is None
    assert verify(issued(saml_key, assurance="AAL2"), rules).assurance is Assurance.AAL2
    once = resigned(saml_key, lambda a: etree.SubElement(one(a, "Conditions"), f"{{{SAML}}}OneTimeUse"))
    assert verify(once, rules).id == UserId(NADIA)
    fraction = resigned(saml_key, lambda a: a.set("IssueInstant", "2026-03-29T01:30:00.250Z"))
    assert verify(fraction, rules).id == UserId(NADIA)


STUB_FAULTS = {
    "expired": (Code.CREDENTIALS_EXPIRED, "NotOnOrAfter has passed"),
    "wrong-audience": (Code.CREDENTIALS_AUDIENCE, "the audience is not this gateway"),
    "wrong-recipient": (Code.CREDENTIALS_AUDIENCE, "the recipient is not a door of this gateway"),
    "unsigned": (Code.CREDENTIALS_INVALID, "the assertion is not signed once, right after its Issuer"),
    "wrong-key": (Code.CREDENTIALS_INVALID, "the assertion is not signed by the identity service"),
    "tampered": (Code.CREDENTIALS_INVALID, "the assertion is not signed by the identity service"),
    "duplicate-id": (Code.CREDENTIALS_INVALID, "the assertion's ID is not unique in the document"),
    "comment-in-nameid": (Code.CREDENTIALS_INVALID, "the assertion holds comments or processing instructions"),
    **{
        f"wrapped-{n}": (Code.CREDENTIALS_INVALID, "there is not exactly one assertion in the document")
        for n in range(1, 9)
    },
}


@pytest.mark.parametrize("fault", sorted(SAML_FAULTS))
def test_each_fault_of_the_stub_is_refused_for_its_reason(saml_key: SamlKey, rules: AssertionRules, fault: str) -> None:
    message = received(*SAML_FAULTS[fault](STATEMENT, saml_key))
    for assertion in assertions_in(message):  # whichever of them a door picks
        assert refusal(lambda assertion=assertion: verify_assertion(assertion, rules, NOW)) == STUB_FAULTS[fault]


@pytest.mark.parametrize("fault", [name for name in sorted(SAML_FAULTS) if name.startswith("wrapped-")])
def test_wrapping_fails_even_where_the_document_is_not_looked_at(
    saml_key: SamlKey, rules: AssertionRules, fault: str
) -> None:
    """The count of assertions is not the only lock: each assertion alone, other assertions renamed, proves nobody evil."""
    message = received(*SAML_FAULTS[fault](STATEMENT, saml_key))
    for assertion in assertions_in(message):
        alone = parse(serialize(assertion))
        for inner in list(alone.iter(ASSERTION))[1:]:
            inner.tag = f"{{{SAML}}}Advice"
        try:
            proved = verify_assertion(alone, rules, NOW)
        except AccessDenied:
            continue
        assert proved.id == UserId(NADIA), (
            "only the untouched original, cut out, may still prove the user it was made for"
        )
        assert EVIL_UID not in serialize(alone).decode()


def nest_in_advice(key: SamlKey) -> _Element:
    evil = stub.build(replace(STATEMENT, assertion_id="_evil1234", uid=EVIL_UID))
    evil.insert(1, issued(key).find(f"{{{DS}}}Signature"))
    return evil


def encrypted_beside(key: SamlKey) -> _Element:
    good = issued(key)
    one(good, "Subject").append(etree.Element(f"{{{SAML}}}EncryptedAssertion"))
    return good


def two_signatures(key: SamlKey) -> _Element:
    good = issued(key)
    good.insert(2, copy.deepcopy(good[1]))
    return good


def signature_at_the_end(key: SamlKey) -> _Element:
    good = issued(key)
    good.append(good[1])
    return good


def empty_reference(key: SamlKey) -> _Element:
    good = issued(key)
    next(good.iter(f"{{{DS}}}Reference")).set("URI", "")
    return good


def reference_elsewhere(key: SamlKey) -> _Element:
    good = issued(key)
    next(good.iter(f"{{{DS}}}Reference")).set("URI", "#_other1234")
    return good


def transform(algorithm: str) -> Callable[[SamlKey], _Element]:
    def spoil(key: SamlKey) -> _Element:
        good = issued(key)
        list(good.iter(f"{{{DS}}}Transform"))[-1].set("Algorithm", algorithm)
        return good

    return spoil


def object_in_signature(key: SamlKey) -> _Element:
    good = issued(key)
    etree.SubElement(good[1], f"{{{DS}}}Object").text = "x"
    return good


def retrieval_method(key: SamlKey) -> _Element:
    good = issued(key)
    etree.SubElement(next(good.iter(f"{{{DS}}}KeyInfo")), f"{{{DS}}}RetrievalMethod", URI="http://127.0.0.1:1/")
    return good


def comment_inside_a_good_name(key: SamlKey) -> _Element:
    good = issued(key)
    name = one(good, "NameID")
    name.text, cut = NADIA[:6], etree.Comment("x")
    cut.tail = NADIA[6:]
    name.append(cut)
    return good


def weak(**changes: Any) -> Callable[[SamlKey], _Element]:
    def sign(key: SamlKey) -> _Element:
        assertion = stub.build(STATEMENT)
        assertion.insert(1, etree.Element(f"{{{DS}}}Signature", {"Id": "placeholder"}, nsmap={"ds": DS}))
        chosen: dict[str, Any] = {
            "method": SignatureConstructionMethod.enveloped,
            "signature_algorithm": SignatureMethod.RSA_SHA256,
            "digest_algorithm": DigestAlgorithm.SHA256,
            "c14n_algorithm": CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
            **changes,
        }
        signed: _Element = XMLSigner(**chosen).sign(
            assertion, key=key.key, cert=[key.certificate], reference_uri=STATEMENT.assertion_id, id_attribute="ID"
        )
        return signed

    return sign


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (nest_in_advice, "not over this assertion alone"),
        (encrypted_beside, "exactly one assertion"),
        (two_signatures, "not signed once"),
        (signature_at_the_end, "not signed once"),
        (empty_reference, "not over this assertion alone"),
        (reference_elsewhere, "not over this assertion alone"),
        (transform("http://www.w3.org/TR/1999/REC-xslt-19991116"), "transforms"),
        (transform("http://www.w3.org/TR/1999/REC-xpath-19991116"), "transforms"),
        (transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"), "transforms"),
        (object_in_signature, "objects"),
        (retrieval_method, "objects"),
        (comment_inside_a_good_name, "comments"),
        (weak(digest_algorithm=DigestAlgorithm.SHA512), "not signed by"),
        (weak(signature_algorithm=SignatureMethod.RSA_SHA512), "not signed by"),
        (weak(c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0), "transforms"),
    ],
)
def test_signatures_of_another_shape_are_refused(
    saml_key: SamlKey, rules: AssertionRules, attack: Callable[[SamlKey], _Element], reason: str
) -> None:
    code, why = refusal(lambda: verify(attack(saml_key), rules))
    assert code is Code.CREDENTIALS_INVALID
    assert reason in why


def drop(name: str) -> Callable[[_Element], object]:
    def spoil(assertion: _Element) -> None:
        element = one(assertion, name)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return spoil


def double(name: str) -> Callable[[_Element], object]:
    return lambda a: one(a, name).addnext(copy.deepcopy(one(a, name)))


def put(name: str, attribute: str, value: str) -> Callable[[_Element], object]:
    return lambda a: one(a, name).set(attribute, value)


def say(name: str, text: str) -> Callable[[_Element], object]:
    def spoil(assertion: _Element) -> None:
        one(assertion, name).text = text

    return spoil


INVALID, EXPIRED, OTHER, WEAK = (
    Code.CREDENTIALS_INVALID,
    Code.CREDENTIALS_EXPIRED,
    Code.CREDENTIALS_AUDIENCE,
    Code.CREDENTIALS_ASSURANCE,
)


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (say("Issuer", "https://identity.example"), INVALID, "issuer"),
        (lambda a: a.set("Version", "1.1"), INVALID, "2.0"),
        (lambda a: a.set("IssueInstant", "2026-03-29T01:30:06Z"), INVALID, "future"),
        (lambda a: a.set("IssueInstant", "2026-03-29T01:30:00+00:00"), INVALID, "IssueInstant"),
        (lambda a: a.set("IssueInstant", "2026-02-30T01:30:00Z"), INVALID, "IssueInstant"),
        (lambda a: a.set("IssueInstant", "2026-03-29T01:29:59Z"), INVALID, "longest life"),
        (drop("Subject"), INVALID, "Subject"),
        (double("Subject"), INVALID, "Subject"),
        (drop("NameID"), INVALID, "NameID"),
        (double("NameID"), INVALID, "NameID"),
        (say("NameID", "ADAMS"), INVALID, "not a user id"),
        (lambda a: etree.SubElement(one(a, "NameID"), "b"), INVALID, "NameID holds elements"),
        (double("SubjectConfirmation"), INVALID, "SubjectConfirmation"),
        (put("SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"), INVALID, "bearer"),
        (drop("SubjectConfirmationData"), INVALID, "SubjectConfirmationData"),
        (put("SubjectConfirmationData", "NotBefore", "2026-03-29T01:30:00Z"), INVALID, "NotBefore"),
        (put("SubjectConfirmationData", "NotOnOrAfter", "2026-03-29T01:35:01Z"), INVALID, "longest life"),
        (put("SubjectConfirmationData", "NotOnOrAfter", ""), INVALID, "NotOnOrAfter"),
        (put("SubjectConfirmationData", "Recipient", DOOR + "/"), OTHER, "recipient"),
        (drop("Conditions"), INVALID, "Conditions"),
        (double("Conditions"), INVALID, "Conditions"),
        (put("Conditions", "NotBefore", "2026-03-29T01:30:06Z"), INVALID, "NotBefore"),
        (put("Conditions", "NotOnOrAfter", "2026-03-29T01:35:01Z"), INVALID, "longest life"),
        (put("Conditions", "NotOnOrAfter", "2026-03-29T01:30:00Z"), INVALID, "longest life"),
        (lambda a: etree.SubElement(one(a, "Conditions"), f"{{{SAML}}}ProxyRestriction"), INVALID, "condition"),
        (drop("AudienceRestriction"), INVALID, "AudienceRestriction"),
        (double("AudienceRestriction"), INVALID, "AudienceRestriction"),
        (double("Audience"), INVALID, "Audience"),
        (drop("AuthnStatement"), INVALID, "AuthnStatement"),
        (double("AuthnStatement"), INVALID, "AuthnStatement"),
        (put("AuthnStatement", "AuthnInstant", "2026-03-29T01:30:06Z"), INVALID, "AuthnInstant"),
        (put("AuthnStatement", "AuthnInstant", "2026-03-28T13:29:59Z"), EXPIRED, "AuthnInstant"),
        (put("AuthnStatement", "SessionNotOnOrAfter", "2026-03-29T01:30:00Z"), EXPIRED, "SessionNotOnOrAfter"),
        (say("AuthnContextClassRef", "urn:nhs:names:assurance:AAL1"), WEAK, "too weak"),
        (say("AuthnContextClassRef", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"), WEAK, "unknown"),
        (say("AuthnContextClassRef", ""), WEAK, "unknown"),
        (drop("AuthnContextClassRef"), INVALID, "AuthnContextClassRef"),
        (say("AttributeValue", "555"), Code.ROLE_NOT_HELD, "selected_roleid"),
        (say("AttributeValue", ""), Code.ROLE_NOT_HELD, "selected_roleid"),
        (double("Attribute"), Code.ROLE_NOT_HELD, "more than once"),
        (double("AttributeStatement"), Code.ROLE_NOT_HELD, "more than once"),
        (double("AttributeValue"), INVALID, "AttributeValue"),
    ],
)
def test_wrong_content_under_a_good_signature_is_refused(
    saml_key: SamlKey, rules: AssertionRules, spoil: Callable[[_Element], object], code: Code, reason: str
) -> None:
    refused_with, why = refusal(lambda: verify(resigned(saml_key, spoil), rules))
    assert refused_with is code, why
    assert reason in why


def test_an_instruction_inside_does_not_even_come_in(saml_key: SamlKey, rules: AssertionRules) -> None:
    good = issued(saml_key)
    good.append(etree.ProcessingInstruction("x"))
    assert refusal(lambda: verify(good, rules))[0] is Code.MESSAGE_FORBIDDEN_XML


@pytest.mark.parametrize("name", ["", "short", "1abcdefgh", "_" * 200, "_abc defgh"])
def test_malformed_ids_are_refused(saml_key: SamlKey, rules: AssertionRules, name: str) -> None:
    element = issued(saml_key)
    element.set("ID", name)
    assert refusal(lambda: verify(element, rules)) == (INVALID, "the assertion's ID is missing or malformed")


@pytest.mark.parametrize("attribute", ["ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id", "AssertionID"])
def test_the_id_stands_once_in_the_whole_message(saml_key: SamlKey, rules: AssertionRules, attribute: str) -> None:
    message = received(issued(saml_key))
    message[-1].set(attribute, STATEMENT.assertion_id)
    found = assertions_in(message)[0]
    assert refusal(lambda: verify_assertion(found, rules, NOW))[1] == "the assertion's ID is not unique in the document"


def test_an_assertion_in_the_body_counts_too(saml_key: SamlKey, rules: AssertionRules) -> None:
    message = received(issued(saml_key))
    etree.SubElement(message[-1], "{urn:other}Assertion")
    found = assertions_in(message)[0]
    assert (
        refusal(lambda: verify_assertion(found, rules, NOW))[1] == "there is not exactly one assertion in the document"
    )


def test_skew_and_life_end_to_the_second(saml_key: SamlKey, rules: AssertionRules) -> None:
    element, ends = issued(saml_key), NOW + timedelta(minutes=5)
    assert verify(element, rules, ends + seconds(4.9))
    assert refusal(lambda: verify(element, rules, ends + seconds(5)))[0] is EXPIRED
    assert verify(element, rules, NOW - seconds(5))
    assert refusal(lambda: verify(element, rules, NOW - seconds(5.1)))[0] is INVALID


def test_large_or_deep_assertions_are_refused(saml_key: SamlKey, rules: AssertionRules) -> None:
    big = resigned(saml_key, lambda a: one(a, "AttributeStatement").append(_filler()))
    assert refusal(lambda: verify(big, rules)) == (INVALID, "the assertion is too large")


def _filler() -> _Element:
    attribute = etree.Element(f"{{{SAML}}}Attribute", Name="filler")
    etree.SubElement(attribute, f"{{{SAML}}}AttributeValue").text = "x" * 70_000
    return attribute


def test_certificates_may_overlap_while_they_change_and_end_with_their_life(
    saml_key: SamlKey, rules: AssertionRules
) -> None:
    following = new_saml_key()
    both = replace(rules, certificates=(following.certificate, saml_key.certificate))
    assert verify(issued(saml_key), both)
    assert verify(issued(following), both)
    assert refusal(lambda: verify(issued(following), rules))[0] is INVALID
    before = datetime(2019, 12, 31, tzinfo=UTC)
    old = issued(saml_key, issued=before, signed_in=before)
    assert refusal(lambda: verify(old, rules, before))[1] == "the assertion is not signed by the identity service"


@pytest.mark.parametrize("machine", [-20_000, 20_000])
def test_a_certificates_life_is_judged_by_the_time_given_and_never_by_the_clock(
    rules: AssertionRules, machine: int
) -> None:
    """Signed and checked in the certificate's life, whatever the clock of this machine says; and the other way round."""
    signer = new_saml_key()
    then = datetime.now(UTC).replace(microsecond=0) + timedelta(days=machine)
    name = signer.certificate.subject
    brief = SamlKey(
        signer.key,
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.key.public_key())
        .serial_number(1)
        .not_valid_before(then - timedelta(hours=1))
        .not_valid_after(then + timedelta(hours=1))
        .sign(signer.key, hashes.SHA256()),
    )
    trusting = replace(rules, certificates=(brief.certificate,))
    assert verify(issued(brief, issued=then, signed_in=then), trusting, then).id == UserId(NADIA)
    for hours in (-2, 2):
        other = then + timedelta(hours=hours)
        late = issued(brief, issued=other, signed_in=other)
        assert refusal(lambda late=late, other=other: verify(late, trusting, other))[1] == (
            "the assertion is not signed by the identity service"
        )


def test_rules_need_something_to_check_against(saml_key: SamlKey, rules: AssertionRules) -> None:
    for changes in ({"certificates": ()}, {"recipients": frozenset()}, {"audience": ""}):
        with pytest.raises(InvalidValue):
            replace(rules, **changes)


def test_metadata_gives_the_certificate_to_pin(saml_key: SamlKey) -> None:
    assert read_metadata(stub.metadata(ISSUER, saml_key), ISSUER) == (saml_key.certificate,)
    with pytest.raises(InvalidValue):
        read_metadata(stub.metadata("https://other.example", saml_key), ISSUER)
    with pytest.raises(InvalidValue):
        read_metadata(stub.metadata(ISSUER, saml_key).replace(b"MII", b"!!!", 1), ISSUER)


async def test_the_port_takes_no_assertion_where_none_is_configured(saml_key: SamlKey, rules: AssertionRules) -> None:
    class NoKeys:
        async def keys(self, now: datetime, kid: str | None = None) -> Any:
            raise AssertionError("assertions need no token keys")

    tokens = IdTokenVerifier(TokenRules(issuer=ISSUER), NoKeys())
    message = received(issued(saml_key))
    assert (await Proofs(tokens, rules).assertion(assertions_in(message)[0], now=NOW)).single_use_id
    with pytest.raises(AccessDenied):
        await Proofs(tokens, None).assertion(assertions_in(message)[0], now=NOW)


KEY = new_saml_key()
RULES = AssertionRules(issuer=ISSUER, audience=GATEWAY, recipients=frozenset({DOOR}), certificates=(KEY.certificate,))
WIRE = serialize(issued(KEY), declaration=False)


@given(
    at=st.integers(0, len(WIRE) - 1),
    to=st.sampled_from([b"a", b"Z", b"0", b"9", b"<", b">", b"&", b" ", b"/", b"=", b'"']),
)
@settings(max_examples=400, deadline=None)
def test_no_single_changed_byte_proves_anybody_else(at: int, to: bytes) -> None:
    """A changed byte is refused, or (white space and the certificate sent along, which the pin ignores) changes nothing that is read."""
    try:
        message = parse(b"<m>" + WIRE[:at] + to + WIRE[at + 1 :] + b"</m>")
        proved = verify_assertion(message[0], RULES, NOW)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be one of ours
        assert type(error).__module__ == "gateway.domain.errors"  # noqa: PT017
        return
    assert (proved.id, proved.selected_role, proved.single_use_id) == (
        UserId(NADIA),
        RoleProfileId("555000000101"),
        "_a1b2c3d4",
    )
