"""Payloads of the mini service as calls: what each says, and every field rule beyond the schemas."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.mini_service_payload import SenderRefused
from gateway.domain.access import Scope
from gateway.domain.identifiers import NhsNumber, RoleProfileId, UserId
from gateway.domain.permission import EmergencyReason, PermissionAnswer, PermissionClaim, RelationshipKind
from gateway.domain.spine import Traits
from gateway.service.calls import (
    ActivityCall,
    CrossCheck,
    QueryPermissionCall,
    RbacCall,
    RecordPermissionCall,
    StatusCall,
    TraceCall,
    ViewCall,
)
from gateway.xml.operations import OPERATIONS
from tests.doors.mini_service.examples import UNREAD
from tests.doors.mini_service.offline import NOW, NUMBER, ROLE, USER, answered, payload_invalid, read, refused
from tests.xml.wire import changed, good

PATIENT = NhsNumber(NUMBER)
KATE = (UserId(USER), RoleProfileId(ROLE))
CHECK = CrossCheck(birth="19610529")
SOUGHT = Traits(family="Quillfeather", birth="19610529", gender="2", given="Orla")


def end(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_says_who_asks_what(operation) -> None:
    call = read(good(operation.name, "full" if operation.name == "getPatientDetails" else ""))
    assert call.action == operation.name
    assert call.credentials.named_user == UserId(USER)
    assert call.credentials.named_role == RoleProfileId(ROLE)
    assert call.message is not None
    assert call.message.id.value == "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert call.message.expires == NOW + timedelta(minutes=6, seconds=30)


def test_what_the_scr_operations_ask() -> None:
    status, rbac, query = (read(good(name)) for name in ("getSCRStatus", "getRBACStatus", "queryPTV"))
    assert isinstance(status, StatusCall)
    assert isinstance(rbac, RbacCall)
    assert isinstance(query, QueryPermissionCall)
    assert (status.patient, status.first_step, query.patient) == (PATIENT, False, PATIENT)


@pytest.mark.parametrize(
    ("case", "permission", "until", "relationship", "reason", "note"),
    [
        ("", PermissionClaim.NOT_ASKED, None, None, None, None),
        ("with-permission", PermissionClaim.EXTENDED, "2030-01-06T00:00:00+00:00", None, None, None),
        (
            "emergency",
            PermissionClaim.EMERGENCY,
            None,
            RelationshipKind.SELF_CLAIMED,
            EmergencyReason.CANNOT_ANSWER,
            "Found collapsed, nobody with the patient",
        ),
    ],
)
def test_a_view_says_what_its_flags_say(case, permission, until, relationship, reason, note) -> None:
    call = read(good("querySCR", case))
    assert isinstance(call, ViewCall)
    claims = call.claims
    assert (call.patient, call.rendered) == (PATIENT, False)
    assert (claims.permission, claims.until) == (permission, until)
    assert (claims.relationship, claims.emergency_reason, claims.note) == (relationship, reason, note)


# createPTV

TIME = '<effectiveTime><width value="3" unit="d"/></effectiveTime>'
WIDTH = changed(
    good("createPTV", "width"), '<effectiveTime>\n    <width value="3" unit="d"/>\n  </effectiveTime>', TIME
)


def test_a_permission_without_a_duration_is_for_one_view() -> None:
    call = read(good("createPTV"))
    assert isinstance(call, RecordPermissionCall)
    assert (call.answer, call.kind, call.until, call.scope) == (PermissionAnswer.YES, "single", None, Scope.INDIVIDUAL)
    assert call.beneficiaries == (KATE,)


def test_a_permission_for_a_team_names_each_of_it() -> None:
    call = read(good("createPTV", "team"))
    assert isinstance(call, RecordPermissionCall)
    assert [user.value for user, _ in call.beneficiaries] == ["100000000001", "100000000002", "100000000003"]
    assert call.scope is Scope.INDIVIDUAL
    assert (call.kind, call.until) == ("extended", end("2030-01-19T23:59:59"))


DURATIONS = [
    ('<width value="3" unit="d"/>', end("2030-01-08T12:00:00")),
    ('<width value="90" unit="min"/>', end("2030-01-05T13:30:00")),
    ('<width value="1.5" unit="h"/>', end("2030-01-05T13:30:00")),
    ('<width value="2" unit="wk"/>', end("2030-01-19T12:00:00")),
    ('<high value="20300107"/>', end("2030-01-07T23:59:59")),
    ('<high value="20300107093000"/>', end("2030-01-07T09:30:00")),
    ('<high value="20300701"/>', end("2030-07-01T22:59:59")),  # summer time
    ('<low value="20300105"/><width value="12" unit="h"/>', end("2030-01-06T00:00:00")),
    ('<low value="20300105110000"/><width value="12" unit="h"/>', end("2030-01-05T23:00:00")),
    ('<low value="20300104"/><high value="20300106"/>', end("2030-01-06T23:59:59")),
    ('<low value="20300105"/><width value="100" unit="d"/>', end("2030-04-15T12:00:00")),  # over a clock change
    ('<width value="0" unit="h"/>', None),
    ("", None),
]


@pytest.mark.parametrize(("duration", "until"), DURATIONS)
def test_durations(duration: str, until: datetime | None) -> None:
    call = read(changed(WIDTH, TIME, f"<effectiveTime>{duration}</effectiveTime>"))
    assert isinstance(call, RecordPermissionCall)
    assert call.until == until
    assert call.kind == ("extended" if until else "single")


def test_a_duration_may_be_a_day_alone() -> None:
    call = read(changed(WIDTH, TIME, '<effectiveTime value="20300107"/>'))
    assert isinstance(call, RecordPermissionCall)
    assert call.until == end("2030-01-07T23:59:59")


NO_DURATIONS = [
    '<width value="3"/>',
    '<width value="3" unit="mo"/>',
    '<width value="-1" unit="d"/>',
    '<width value="100000" unit="d"/>',
    '<width value="INF" unit="d"/>',
    '<width unit="d"/>',
    '<low value="20300105"/>',
    '<low value="20300106"/><high value="20300107"/>',
    '<low value="20300101"/><width value="1" unit="d"/>',
    '<high value="20300104"/>',
    '<high value="20300231"/>',
    '<high value="2031"/>',
    '<center value="20300107"/>',
    '<width value="1" unit="d"/><high value="20300107"/>',
]


@pytest.mark.parametrize("duration", NO_DURATIONS)
def test_durations_that_are_none(duration: str) -> None:
    body = changed(WIDTH, TIME, f"<effectiveTime>{duration}</effectiveTime>")
    assert answered(body).code == "SMSP-0001"
    assert payload_invalid(body).findings[0].code == "duration"


IDS = (
    '<id root="1.2.826.0.1285.0.2.0.65" extension="100000000001"/>\n      '
    '<id root="1.2.826.0.1285.0.2.0.67" extension="200000000001"/>'
)


@pytest.mark.parametrize(
    "ids",
    [
        '<id root="1.2.826.0.1285.0.2.0.67" extension="200000000001"/><id root="1.2.826.0.1285.0.2.0.65" extension="100000000001"/>',
        '<id extension="100000000001"/><id extension="200000000001"/>',
    ],
)
def test_a_professional_is_told_by_roots_or_by_order(ids: str) -> None:
    call = read(changed(good("createPTV"), IDS, ids))
    assert isinstance(call, RecordPermissionCall)
    assert call.beneficiaries == (KATE,)


@pytest.mark.parametrize(
    "ids",
    [
        '<id root="1.2.826.0.1285.0.2.0.65" extension="100000000001"/><id extension="200000000001"/>',
        '<id root="1.2.3" extension="100000000001"/><id root="1.2.4" extension="200000000001"/>',
        '<id root="1.2.826.0.1285.0.2.0.65" extension="1"/><id root="1.2.826.0.1285.0.2.0.67" extension="200000000001"/>',
        '<id root="1.2.826.0.1285.0.2.0.65"/><id root="1.2.826.0.1285.0.2.0.67"/>',
    ],
)
def test_ids_that_name_no_professional(ids: str) -> None:
    body = changed(good("createPTV"), IDS, ids)
    assert payload_invalid(body).findings[0].code == "professional"
    assert answered(body).code == "SMSP-0001"


def test_nobody_is_named_twice() -> None:
    body = changed(good("createPTV", "team"), "100000000002", "100000000001")
    body = changed(body, "200000000002", "200000000001")
    assert payload_invalid(body).findings[0].code == "professional"


# querySCR: what the schema leaves open

SCR, EMERGENCY, WITH = good("querySCR"), good("querySCR", "emergency"), good("querySCR", "with-permission")
REASON = "Found collapsed, nobody with the patient"
FACTS = '<af:AccessFacts xmlns:af="urn:scr-gateway:access-facts:1">{}</af:AccessFacts></soap:Header>'


def with_facts(body: bytes, facts: str) -> bytes:
    """The message with access facts in its header."""
    return changed(body, "</soap:Header>", FACTS.format(facts))


def emergency_flag(body: bytes, *, on: bool) -> bytes:
    """The message with its emergency flag set."""
    old, new = ("false", "true") if on else ("true", "false")
    text = '<emergencyAccess.Value>\n      <value value="{}"/>'
    return changed(body, text.format(old), text.format(new))


def self_claim(body: bytes) -> bytes:
    """The message with its self-claimed relationship flag set."""
    text = '<selfClaimLR.Value>\n      <value value="{}"/>'
    return changed(body, text.format("false"), text.format("true"))


COMBINATIONS = [
    (emergency_flag(WITH, on=True), "emergency-and-permission"),
    (emergency_flag(EMERGENCY, on=False), "access-reason"),
    (changed(EMERGENCY, REASON, "word " * 26), "access-reason"),
    (changed(EMERGENCY, REASON, "Found \u202espaleep\u202c at home"), "access-reason"),
    (with_facts(EMERGENCY, "<af:ConditionChangedNote>Now \u2066worse</af:ConditionChangedNote>"), "access-fact"),
    (with_facts(EMERGENCY, "<af:Permission>yes</af:Permission>"), "flags-and-facts"),
    (with_facts(WITH, "<af:Permission>no</af:Permission>"), "flags-and-facts"),
    (with_facts(SCR, "<af:Permission>emergency</af:Permission>"), "flags-and-facts"),
    (with_facts(self_claim(SCR), "<af:Relationship>none</af:Relationship>"), "flags-and-facts"),
    (with_facts(self_claim(SCR), "<af:Relationship>registration</af:Relationship>"), "flags-and-facts"),
    (with_facts(SCR, "<af:Relationship>self-claimed</af:Relationship>"), "flags-and-facts"),
    (with_facts(EMERGENCY, "<af:Note>Another explanation</af:Note>"), "reason-and-note"),
]


@pytest.mark.parametrize(("body", "fault"), COMBINATIONS)
def test_flags_that_contradict(body: bytes, fault: str) -> None:
    assert payload_invalid(body).findings[0].code == fault
    assert answered(body).code == "SMSP-0001"


@pytest.mark.parametrize("body", [emergency_flag(SCR, on=True), changed(EMERGENCY, REASON, " \n ")])
def test_an_emergency_without_a_reason_is_read_for_the_policy_to_refuse(body: bytes) -> None:
    claims = read(body).claims
    assert (claims.permission, claims.note) == (PermissionClaim.EMERGENCY, None)
    noted = read(with_facts(body, f"<af:Note>{REASON}</af:Note>")).claims
    assert (noted.permission, noted.note) == (PermissionClaim.EMERGENCY, REASON)


def test_access_facts_say_more_than_flags() -> None:
    facts = "<af:Permission>best-interests</af:Permission><af:ConfirmDeceased>true</af:ConfirmDeceased>"
    claims = read(with_facts(EMERGENCY, facts)).claims
    assert (claims.permission, claims.confirm_deceased) == (PermissionClaim.BEST_INTERESTS, True)
    assert (claims.note, claims.emergency_reason) == (REASON, None)
    legal = read(with_facts(SCR, "<af:Permission>legal</af:Permission><af:LegalBasis>statute</af:LegalBasis>")).claims
    assert legal.permission is PermissionClaim.LEGAL


def test_a_duration_without_permission_is_left_out() -> None:
    body = changed(WITH, 'createPTV.Value>\n      <value value="true"', 'createPTV.Value>\n      <value value="false"')
    claims = read(body).claims
    assert (claims.permission, claims.until) == (PermissionClaim.NOT_ASKED, None)


# querySCRActivity

ACTIVITY, BOTH = good("querySCRActivity"), good("querySCRActivity", "both")


def test_a_report_is_for_whole_london_days() -> None:
    call = read(ACTIVITY)
    assert isinstance(call, ActivityCall)
    assert (call.start, call.end) == (end("2030-01-01T00:00:00"), end("2030-02-01T00:00:00"))
    assert (call.patient, call.user) == (None, None)
    summer = read(changed(changed(ACTIVITY, "20300101", "20300331"), "20300131", "20300331"))
    assert isinstance(summer, ActivityCall)
    assert summer.end - summer.start == timedelta(hours=23)  # the clocks go forward
    both = read(BOTH)
    assert isinstance(both, ActivityCall)
    assert (both.patient, both.user) == (PATIENT, UserId(USER))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (changed(ACTIVITY, "Report By Date", "Report By Patient"), "report-kind"),
        (changed(changed(ACTIVITY, '"01"', '"02"'), "Report By Date", "Report By Patient"), "report-kind"),
        (changed(changed(ACTIVITY, '"01"', '"03"'), "Report By Date", "Report By Care Professional"), "report-kind"),
        (changed(ACTIVITY, "20300131", "20291231"), "period"),
        (changed(ACTIVITY, "20300131", "20300132"), "period"),
        (changed(ACTIVITY, "20300131", "2030"), "period"),
        (changed(ACTIVITY, '<low value="20300101"/>\n', ""), "period"),
        (changed(ACTIVITY, '<high value="20300131"/>\n', ""), "period"),
        (changed(BOTH, NUMBER, "9990000019"), "nhs-number"),
        (changed(BOTH, "2.16.840.1.113883.2.1.4.1", "2.16.840.1.113883.2.1.4.2"), "nhs-number"),
        (changed(BOTH, '<value extension="100000000001"', '<value extension="1"'), "user-id"),
    ],
)
def test_reports_that_cannot_be_asked(body: bytes, fault: str) -> None:
    assert payload_invalid(body).findings[0].code == fault
    assert answered(body).code == "SMSP-0001"


# PDS


@pytest.mark.parametrize(
    ("name", "case", "patient", "traits", "check"),
    [
        ("verifyNHSNumber", "", PATIENT, None, CHECK),
        ("verifyNHSNumber", "name", PATIENT, None, CrossCheck(birth="19610529", family="Quillfeather", given="Orla")),
        ("getPatientDetailsByNHSNumber", "", PATIENT, None, CHECK),
        ("getPatientDetails", "full", PATIENT, None, CrossCheck(birth="19610529", family="Quillfeather", given="Orla")),
        ("getNHSNumber", "", None, SOUGHT, None),
        ("getPatientDetailsBySearch", "", None, SOUGHT, None),
    ],
)
def test_what_the_pds_operations_ask(name, case, patient, traits, check) -> None:
    call = read(good(name, case))
    assert isinstance(call, TraceCall)
    assert call.patient == patient
    assert call.check == check
    if traits is not None:
        assert call.traits is not None
        assert (call.traits.family, call.traits.birth, call.traits.gender) == (
            traits.family,
            traits.birth,
            traits.gender,
        )
    else:
        assert call.traits is None


VERIFY, SEARCH, DETAILS = (
    good("verifyNHSNumber", "name"),
    good("getNHSNumber", "full"),
    good("getPatientDetails", "full"),
)
NUMBER_ITEM = f"""    <Person.NHSNumber>
      <value root="2.16.840.1.113883.2.1.4.1" extension="{NUMBER}"/>
      <semanticsText>Person.NHSNumber</semanticsText>
    </Person.NHSNumber>
"""
WITHOUT_NUMBER = changed(DETAILS, NUMBER_ITEM, "")
GENDER_ITEM = """    <Person.Gender>
      <value code="2" codeSystem="2.16.840.1.113883.2.1.3.2.4.16.25"/>
      <semanticsText>Person.Gender</semanticsText>
    </Person.Gender>
"""


def test_details_without_a_number_are_a_search() -> None:
    call = read(WITHOUT_NUMBER)
    assert isinstance(call, TraceCall)
    assert call.patient is None
    assert call.traits == Traits(family="Quillfeather", birth="19610529", gender="2", given="Orla", postcode="ZZ99 3WZ")
    nil = changed(
        DETAILS,
        NUMBER_ITEM,
        '    <Person.NHSNumber xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>\n',
    )
    assert isinstance(absent := read(nil), TraceCall)
    assert absent.patient is None


@pytest.mark.parametrize("birth", ["1961", "196105"])
def test_a_search_takes_less_than_a_whole_date(birth: str) -> None:
    call = read(changed(SEARCH, "19610529", birth))
    assert isinstance(call, TraceCall)
    assert call.traits is not None
    assert call.traits.birth == birth


@pytest.mark.parametrize("name", ["Qu*", "Quillf*", "Ó Murchú", "O'Brien-Śmith"])
def test_names_to_search_with(name: str) -> None:
    call = read(changed(SEARCH, "Quillfeather", name))
    assert isinstance(call, TraceCall)
    assert call.traits is not None
    assert call.traits.family == name


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (changed(VERIFY, "19610529", "1961"), "date-of-birth"),
        (changed(VERIFY, "19610529", "19610230"), "date-of-birth"),
        (changed(VERIFY, "19610529", "20300106"), "date-of-birth"),
        (changed(VERIFY, "19610529", "19610529120000"), "date-of-birth"),
        (changed(SEARCH, "19610529", "19"), "date-of-birth"),
        (changed(SEARCH, "19610529", "1961052"), "date-of-birth"),
        (changed(SEARCH, "19610529", "2031"), "date-of-birth"),
        (changed(VERIFY, "Quillfeather", "Quill*"), "person-name"),
        (changed(SEARCH, "Quillfeather", "Q*"), "person-name"),
        (changed(SEARCH, "Quillfeather", "*"), "person-name"),
        (changed(SEARCH, "Quillfeather", "Qui*er"), "person-name"),
        (changed(SEARCH, "Quillfeather", "Q" * 101), "person-name"),
        (changed(SEARCH, "Quillfeather", " "), "search-details"),
        (changed(WITHOUT_NUMBER, "<given>Orla</given>", ""), "search-details"),
        (changed(WITHOUT_NUMBER, "<family>Quillfeather</family>", ""), "search-details"),
        (changed(WITHOUT_NUMBER, GENDER_ITEM, ""), "search-details"),
        (changed(WITHOUT_NUMBER, "ZZ99 3WZ", "ZZ99&lt;3WZ"), "postcode"),
    ],
)
def test_details_that_cannot_be_asked_with(body: bytes, fault: str) -> None:
    assert payload_invalid(body).findings[0].code == fault
    assert answered(body).code == "SMSP-0001"


@pytest.mark.parametrize("number", ["9990000019", "999000001", "ABC", "4010232137"])
def test_a_number_that_is_none_has_a_code_of_its_own_in_pds(number: str) -> None:
    assert answered(changed(VERIFY, NUMBER, number)).code == "DEMOG-0042"
    assert answered(changed(SCR, NUMBER, number)).code == "SMSP-0001"


# who sends


def test_the_sender_is_the_proved_system() -> None:
    other_name = changed(SCR, "ward-system", "other-system")
    identity = '<itk:id uri="urn:nhs-uk:identity:ods:{}:100000000001"/></itk:auditIdentity>'
    own = changed(SCR, "</itk:auditIdentity>", identity.format("Z1B"))
    other = changed(SCR, "</itk:auditIdentity>", identity.format("Z1C"))
    asid = '<itk:id type="1.2.826.0.1285.0.2.0.107" uri="{}"/></itk:auditIdentity>'
    read(own)
    read(changed(SCR, "</itk:auditIdentity>", asid.format("200000009991")))
    for body in (other_name, other, changed(SCR, "</itk:auditIdentity>", asid.format("200000009992"))):
        error = refused(body)
        assert isinstance(error, SenderRefused)
        answer = answered(body)
        assert (answer.code, answer.is_fault, answer.response.status) == ("3000", True, 500)
        assert answer.xpath("//wsa:RelatesTo/text()") == ["C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"]


def test_ids_of_nobody_are_the_authors_credentials_error() -> None:
    assert answered(changed(SCR, 'uri="100000000001"', 'uri="nurse"')).code == "SMSP-0005"


def test_a_toolkit_identity_names_the_user_too() -> None:
    body = changed(SCR, '<itk:id type="1.2.826.0.1285.0.2.0.65" uri="100000000001"/>', "")
    body = changed(
        body, "</itk:auditIdentity>", '<itk:id uri="urn:nhs-uk:identity:ods:Z1B:100000000002"/></itk:auditIdentity>'
    )
    assert read(body).credentials.named_user == UserId("100000000002")


TWO_PEOPLE = [
    '<itk:id uri="urn:nhs-uk:identity:ods:Z1B:100000000002"/>',
    '<itk:id uri="urn:nhs-uk:identity:ods:Z1B:100000000001"/><itk:id uri="urn:nhs-uk:identity:ods:Z1B:100000000002"/>',
]


@pytest.mark.parametrize("more", TWO_PEOPLE)
def test_every_user_the_audit_identity_names_is_read(more: str) -> None:
    body = changed(SCR, "</itk:auditIdentity>", more + "</itk:auditIdentity>")
    credentials = read(body).credentials
    assert credentials.named_user == UserId("100000000001")
    assert UserId("100000000002") in credentials.also_named


def test_relationships_that_agree_with_the_flag() -> None:
    said = read(with_facts(self_claim(SCR), "<af:Relationship>self-claimed</af:Relationship>")).claims
    assert said.relationship is RelationshipKind.SELF_CLAIMED
    assert read(with_facts(SCR, "<af:Relationship>none</af:Relationship>")).claims.relationship is None


UNREADABLE = {
    "message-too-large": changed(SCR, "<soap:Body", "<!--" + "x" * 270_000 + "--><soap:Body"),
    "message-forbidden-xml": changed(SCR, "<soap:Body", "<?x y?><soap:Body"),
    "message-not-well-formed": changed(SCR, "</soap:Body>", ""),
    "message-headers": changed(SCR, "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "C1000001"),
    "message-envelope": changed(SCR, 'count="1"', 'count="2"'),
}


@pytest.mark.parametrize("slug", sorted(UNREADABLE))
def test_before_the_operation_is_known_every_answer_is_a_fault(slug: str) -> None:
    """As the guide's table says, which takes the stage from `UNREAD`."""
    answer = answered(UNREADABLE[slug])
    assert (answer.code, answer.is_fault, answer.response.status) == ("1000", True, 500)
    assert slug in answer.response.body.decode()
    assert slug in {code.slug for code in UNREAD}
