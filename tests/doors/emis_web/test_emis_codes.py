"""Every code of the catalogue has its answer at the door for EMIS Web, valid by schema, and read by a client of Spine as it is meant."""

import pytest

from gateway.adapters.emis_web_codes import ANSWERS, Issue, SpineFault, answer_for
from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, MessageInvalid, PolicyRefused
from gateway.domain.spine import Consent
from gateway.spine.envelope import read_answer, read_fault
from gateway.spine.interactions import EVENT, EVENT_LIST
from gateway.spine.outcomes import TRANSIENT_FAULTS, SpineFailure
from gateway.spine.psis import read_event, read_event_list
from gateway.xml.catalogue import ERROR_LIST
from gateway.xml.names import HL7, NASP
from gateway.xml.parser import parse
from tests.doors.emis_web.emis_door import CATALOGUE, PATIENT, answered, sample
from tests.spine.wires import EVENT_ID

EXPECTED = {Kind.REFUSED: {"420"}, Kind.NO_RECORD: {"210"}, Kind.INVALID: {"400", "401"}}


def test_the_table_is_complete() -> None:
    assert set(ANSWERS) == set(Code)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.slug)
@pytest.mark.parametrize("asked", ["event", "event-list"])
def test_a_message_that_was_heard_is_answered(code: Code, asked: str) -> None:
    """An AE answer of the code's kind, or for what is unavailable a fault: each valid by its schema."""
    written = answered(GatewayError(code), sample(asked))
    root = parse(written.body)
    if code.kind is Kind.UNAVAILABLE:
        assert written.status == 500
        assert CATALOGUE.validate(ERROR_LIST, next(root.iter(f"{{{NASP}}}errorList"))) == ()
        assert read_fault(written.body) == (ANSWERS[code].code,)  # type: ignore[union-attr]
        assert f"{code.slug}: {code.sentence}" in (root.findtext(f".//{{{NASP}}}description") or "")
        return
    assert written.status == 200
    answer = read_answer(written.body, EVENT if asked == "event" else EVENT_LIST)
    assert not answer.fulfilled
    assert answer.issues[0].code in EXPECTED[code.kind]
    assert CATALOGUE.validate("QUQI_IN010000UK14", next(root.iter(f"{{{HL7}}}QUQI_IN010000UK14"))) == ()
    told = [one.code for one in answer.issues]
    assert (code.slug in told) is (code.kind is not Kind.NO_RECORD)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.slug)
def test_a_message_that_was_not_heard_is_answered_by_a_fault(code: Code) -> None:
    written = answered(GatewayError(code))
    assert written.status == 500
    assert CATALOGUE.validate(ERROR_LIST, next(parse(written.body).iter(f"{{{NASP}}}errorList"))) == ()
    assert read_fault(written.body)


def test_only_what_may_pass_says_send_it_again() -> None:
    """A client of Spine repeats a query where the fault says so: never one that was refused or can only fail again."""
    again = {
        code for code in Code if isinstance(answer := ANSWERS[code], SpineFault) and answer.code in TRANSIENT_FAULTS
    }
    assert again == {
        Code.RATE_LIMITED,
        Code.OVERLOADED,
        Code.SPINE_UNREACHABLE,
        Code.SPINE_FAULT,
        Code.AUDIT_UNAVAILABLE,
        Code.DIRECTORY_UNAVAILABLE,
        Code.IDENTITY_UNAVAILABLE,
    }
    for code in set(Code) - again:
        answer = answer_for(GatewayError(code), heard=False)
        assert isinstance(answer, SpineFault)
        assert answer.code not in TRANSIENT_FAULTS, code


def test_no_record_is_an_empty_list_to_a_client_of_spine() -> None:
    written = answered(GatewayError(Code.SCR_NOT_FOUND), sample("event-list"))
    assert read_event_list(written.body, PATIENT).events == ()
    assert read_event(answered(GatewayError(Code.SCR_NOT_FOUND), sample("event")).body, PATIENT, EVENT_ID) is None


def test_a_refusal_is_spines_own_to_a_client_of_spine() -> None:
    refusal = PolicyRefused(Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING),))
    assert read_event_list(answered(refusal, sample("event-list")).body, PATIENT).consent is Consent.NO
    with pytest.raises(PolicyRefused) as caught:
        read_event(answered(refusal, sample("event")).body, PATIENT, EVENT_ID)
    assert caught.value.code is Code.SCR_NOT_AVAILABLE


def test_a_replay_is_spines_duplicate_to_a_client_of_spine() -> None:
    with pytest.raises(SpineFailure) as caught:
        read_event(answered(MessageInvalid(Code.MESSAGE_REPLAYED), sample("event")).body, PATIENT, EVENT_ID)
    assert caught.value.fault_codes == ("401", "message-replayed")


def test_closed_records_are_not_told_apart() -> None:
    """Whatever hides a record, the reasons are the same ones."""
    rules = ("SCR-AVAILABLE",)
    told = {
        answered(PolicyRefused(Code.SCR_NOT_AVAILABLE, ((rule, Code.SCR_NOT_AVAILABLE),)), sample("event")).body
        for rule in rules
    }
    assert len(told) == 1


def test_issues_and_faults_are_spines_own() -> None:
    for code, answer in ANSWERS.items():
        if isinstance(answer, Issue):
            assert answer.general in {"210", "400", "401", "420"}, code
            assert (answer.qualifier == "WG") is (answer.general == "210")
        else:
            assert answer.code in {"200", "201", "206", "300"}, code
