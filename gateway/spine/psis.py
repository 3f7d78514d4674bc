"""The two-step PSIS read: event list query and event query, written and read. Pure.

It must never pass on an answer about another patient than the one asked for, nor take a refusal for an empty list.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, PolicyRefused, WrongPatient
from gateway.domain.identifiers import Asid, MessageId, NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.spine import Consent, Event, EventDocument, EventList
from gateway.spine.agents import agent_of, read_time
from gateway.spine.entries import check_negations
from gateway.spine.envelope import Answer, hl7, read_answer, semantics, write_query
from gateway.spine.interactions import (
    EVENT,
    EVENT_LIST,
    EVENT_NORMAL,
    GP_INITIAL_SUMMARY,
    GP_SUMMARY,
    OID_DISSENT_OVERRIDE,
    PSIS,
    Interaction,
    SpineAddressing,
)
from gateway.spine.outcomes import Issue, refuse, unusable
from gateway.spine.presentation import has_words, presentation_values
from gateway.xml.names import OID_NHS_NUMBER, qname
from gateway.xml.paths import elements, first, text_of

SUMMARY_TYPES = frozenset({GP_SUMMARY, GP_INITIAL_SUMMARY})
ACCESS_RULE = "SCR-AVAILABLE"
"""Rule id of a refusal by Spine's own access control: the policy's own for every record that is not available, so that it tells nothing more."""

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_CONSENT = {"yes": Consent.YES, "no": Consent.NO, "ask": Consent.ASK, "clear": Consent.ASK}
_STRICTEST = (Consent.NO, Consent.UNKNOWN, Consent.ASK, Consent.YES)

_ACCESS_REFUSED = frozenset({"420", "30418"})
_WITH_WARNING, _NO_CASE = "210", "30312"


def event_list_query(
    addressing: SpineAddressing, number: NhsNumber, *, message_id: MessageId, sender: Asid, moment: datetime
) -> bytes:
    """Bytes of the event list query for one NHS number; dissent is never overridden."""
    return write_query(
        addressing,
        addressing.event_list,
        _query(number, None),
        url=addressing.psis_url,
        message_id=message_id,
        sender=sender,
        moment=moment,
    )


def event_query(
    addressing: SpineAddressing,
    number: NhsNumber,
    event_id: str,
    *,
    message_id: MessageId,
    sender: Asid,
    moment: datetime,
) -> bytes:
    """Bytes of the event query for one NHS number and one listed event id (UUID)."""
    if not _UUID.fullmatch(event_id):
        raise InvalidValue("an event id is a UUID")
    return write_query(
        addressing,
        addressing.event,
        _query(number, event_id),
        url=addressing.psis_url,
        message_id=message_id,
        sender=sender,
        moment=moment,
    )


def _query(number: NhsNumber, event_id: str | None) -> etree._Element:
    query = etree.Element(hl7("query"))
    semantics(query, "dissentOverride", "DissentOverride", code="0", codeSystem=OID_DISSENT_OVERRIDE)
    if event_id is not None:
        semantics(query, "eventRecord", "EventRecord", root=event_id)
    semantics(query, "nHSNumber", "NHSNumber", root=OID_NHS_NUMBER, extension=number.value)
    return query


# The list


def read_event_list(data: bytes, asked: NhsNumber, interaction: Interaction = EVENT_LIST) -> EventList:
    """Reply bytes -> EventList; see `event_list_of`. Raises also what `read_answer` raises."""
    return event_list_of(read_answer(data, interaction), asked)


def event_list_of(answer: Answer, asked: NhsNumber) -> EventList:
    """The list's meaning: General Practice Summaries in state Normal, newest first, and the consent to view.

    Access refused (420) is consent No without events; nothing found (210 with 30312) an empty list.
    Raises WrongPatient where any number in it is not `asked`; SpineFailure SPINE_FAULT for other issues,
    SPINE_UNUSABLE where a part is missing.
    """
    if not answer.fulfilled:
        if _access_refused(answer.issues):
            return EventList(nhs_number=asked, consent=Consent.NO, events=())
        _expect_nothing_found(answer.issues)
        return EventList(nhs_number=asked, consent=Consent.ASK, events=())
    listed = _subject(answer, "queryResponseEventList")
    _check_patients(_patient_ids(listed), asked)
    consent = _consent(listed, asked)
    return EventList(nhs_number=asked, consent=consent, events=_newest_first(listed), answer=answer.element)


def _newest_first(listed: etree._Element) -> tuple[Event, ...]:
    events = [_event(element) for element in elements(listed, qname(PSIS, "event"))]
    summaries = [event for event in events if event.type in SUMMARY_TYPES and event.status == EVENT_NORMAL]
    if len(summaries) > 1:
        if any(event.persisted is None for event in summaries):
            raise unusable()  # which one is the newest cannot be told
        summaries.sort(key=_order, reverse=True)
    return tuple(summaries)


def _order(event: Event) -> str:
    """Wire time as digits at full precision; wall clock, as Spine wrote it."""
    return (event.persisted.text.replace("-", "") if event.persisted else "").ljust(14, "0")


def _event(element: etree._Element) -> Event:
    event_id = _attribute(element, "eventID", "root")
    status, kind = _attribute(element, "eventStatus", "code"), _attribute(element, "eventType", "code")
    if event_id is None or not _UUID.fullmatch(event_id) or status is None or kind is None:
        raise unusable()  # left out, it might be the one that matters
    persisted = _attribute(element, "persistenceDate", "value")
    return Event(id=event_id, persisted=_time(persisted), status=status, type=kind)


def _consent(listed: etree._Element, asked: NhsNumber) -> Consent:
    """Consent to view: the strictest of what is said; no assertion means Ask; a text not known here denies."""
    said: set[Consent] = set()
    for permissions in listed.iterchildren("{*}permissions"):
        for context in permissions.iterchildren("{*}resourceContext"):
            _check_number(context.get("extension", ""), asked)
        for assertion in permissions.iterchildren("{*}accessControlAssertion"):
            if text_of(first(assertion, "{*}resource", "{*}type")).upper() != "SCR":
                continue
            _check_number(text_of(first(assertion, "{*}resource", "{*}Id")) or asked.value, asked)
            if text_of(first(assertion, "{*}function", "{*}code")).lower() == "view":
                text = text_of(first(assertion, "{*}permission")).lower()
                said.add(_CONSENT.get(text, Consent.UNKNOWN))
    return next((consent for consent in _STRICTEST if consent in said), Consent.ASK)


# The event


def read_event(data: bytes, asked: NhsNumber, event_id: str, interaction: Interaction = EVENT) -> EventDocument | None:
    """Reply bytes -> EventDocument, or None; see `event_of`. Raises also what `read_answer` raises."""
    return event_of(read_answer(data, interaction), asked, event_id)


def event_of(answer: Answer, asked: NhsNumber, event_id: str) -> EventDocument | None:
    """The document asked for, its numbers and ids checked (I3); None where Spine no longer has it (210 with 30312).

    Raises PolicyRefused SCR_NOT_AVAILABLE where Spine's access control refuses (420); WrongPatient where patient or
    recordTarget is another; SpineFailure as `event_list_of`, also where the event is not the one asked for or the
    document is not one active summary.
    """
    if not answer.fulfilled:
        if _access_refused(answer.issues):
            raise PolicyRefused(Code.SCR_NOT_AVAILABLE, ((ACCESS_RULE, Code.SCR_NOT_AVAILABLE),))
        _expect_nothing_found(answer.issues)
        return None
    response = _subject(answer, "queryResponseEvent")
    _check_patients(_patient_ids(response), asked)
    events = list(elements(response, qname(PSIS, "event")))
    if len(events) != 1:
        raise unusable()
    found = _attribute(events[0], "eventID", "root") or ""
    if found.upper() != event_id.upper() or _attribute(events[0], "eventStatus", "code") not in {None, EVENT_NORMAL}:
        raise unusable()
    summary = _only_summary(events[0])
    check_summary(summary, asked)
    return EventDocument(
        nhs_number=asked,
        event_id=found,
        document_id=document_id(summary),
        summary=summary,
        answer=answer.element,
    )


def _only_summary(event: etree._Element) -> etree._Element:
    data = first(event, qname(PSIS, "hl7Data"))
    documents = list(elements(data)) if data is not None else []
    if len(documents) != 1 or documents[0].tag != hl7("GPSummary"):
        raise unusable()
    return documents[0]


def check_summary(summary: etree._Element, asked: NhsNumber) -> None:
    """Cheap checks of a GPSummary that any door needs: whose it is, one id, a known type, when and by whom it was made, that
    it is active, has any text, and is not negated.

    What nobody can show, or read, makes it unusable at doors that pass it on too: they may not alter it, and could not
    say so beside it; one without a word would be taken for a record in which nothing is the matter. Raises WrongPatient;
    SpineFailure SPINE_UNUSABLE. An empty statusCode is accepted, as initial summaries have it.
    """
    targets = summary.iterchildren(hl7("recordTarget"))
    ids = [found for target in targets for found in target.iterchildren("{*}patient")]
    _check_patients((found for patient in ids for found in patient.iterchildren(hl7("id"))), asked)
    document_id(summary)
    code, status = first(summary, hl7("code")), first(summary, hl7("statusCode"))
    if code is None or code.get("code") not in SUMMARY_TYPES:
        raise unusable()
    if status is not None and status.get("code") not in {None, "", "active"}:
        raise unusable()
    author = first(summary, hl7("author"))
    if author is None or agent_of(author) is None or read_time(first(summary, hl7("effectiveTime"))) is None:
        raise unusable()
    if not has_words(presentation_values(summary)):
        raise unusable()
    check_negations(summary)


def document_id(summary: etree._Element) -> str:
    """GPSummary/id/@root, the document's own id. Raises SpineFailure SPINE_UNUSABLE where there is not exactly one."""
    ids = [found.get("root", "") for found in summary.iterchildren(hl7("id"))]
    if len(ids) != 1 or not _UUID.fullmatch(ids[0]):
        raise unusable()
    return ids[0]


# What both share


def _subject(answer: Answer, local: str) -> etree._Element:
    subject = first(answer.control_act, hl7("subject"))
    found = list(elements(subject, qname(PSIS, local))) if subject is not None else []
    if len(found) != 1:
        raise unusable()
    return found[0]


def _patient_ids(response: etree._Element) -> Iterable[etree._Element]:
    for target in elements(response, qname(PSIS, "recordTarget")):
        for patient in elements(target, qname(PSIS, "patient")):
            yield from elements(patient, qname(PSIS, "id"))


def _check_patients(ids: Iterable[etree._Element], asked: NhsNumber) -> None:
    """All NHS numbers are the one asked for, and there is one."""
    numbers = [found.get("extension", "") for found in ids if found.get("root") == OID_NHS_NUMBER]
    if not numbers:
        raise unusable()
    for number in numbers:
        _check_number(number, asked)


def _check_number(number: str, asked: NhsNumber) -> None:
    if number != asked.value:
        raise WrongPatient


def _attribute(parent: etree._Element, local: str, name: str) -> str | None:
    found = first(parent, qname(PSIS, local))
    return None if found is None else found.get(name)


def _time(text: str | None) -> WireTime | None:
    try:
        return WireTime(text) if text else None
    except InvalidValue:
        return None  # junk such as "1" has been seen; the order decides whether it matters


def _access_refused(issues: tuple[Issue, ...]) -> bool:
    return bool(issues) and issues[0].code in _ACCESS_REFUSED


def _expect_nothing_found(issues: tuple[Issue, ...]) -> None:
    """Returns only for Success with Warning, case instance not found: any other issue is not an empty result."""
    if not issues or not issues[0].is_warning:
        refuse(issues)
    if issues[0].code not in {_WITH_WARNING, _NO_CASE} or any(issue.code != _NO_CASE for issue in issues[1:]):
        raise unusable()
