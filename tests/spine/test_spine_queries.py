"""What leaves for Spine: each query has the documented shape to the letter."""

from collections.abc import Callable

import pytest
from lxml import etree

from gateway.domain.errors import InvalidValue
from gateway.domain.spine import Traits
from gateway.spine.pds import pds_retrieval, pds_trace
from gateway.spine.psis import event_list_query, event_query
from gateway.xml.parser import parse
from tests.spine.wires import ADDRESSING, EVENT_ID, HL7, MESSAGE_ID, NOON, PATIENT, SENDER

NS = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "wsa": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "h": "urn:hl7-org:v3",
}
TRAITS = Traits(family="O'Neil & <Sons>", birth="19380203", gender="1", given="Joseph", postcode="ZZ2 2ZZ")


def _list() -> bytes:
    return event_list_query(ADDRESSING, PATIENT, message_id=MESSAGE_ID, sender=SENDER, moment=NOON)


def _event() -> bytes:
    return event_query(ADDRESSING, PATIENT, EVENT_ID, message_id=MESSAGE_ID, sender=SENDER, moment=NOON)


def _retrieval() -> bytes:
    return pds_retrieval(ADDRESSING, PATIENT, message_id=MESSAGE_ID, sender=SENDER, moment=NOON)


def _trace(traits: Traits = TRAITS) -> bytes:
    return pds_trace(ADDRESSING, traits, message_id=MESSAGE_ID, sender=SENDER, moment=NOON)


def _texts(root: etree._Element, path: str) -> list[str]:
    return [str(found) for found in root.xpath(path, namespaces=NS)]


@pytest.mark.parametrize(
    ("write", "service", "name", "version", "url"),
    [
        (_list, "psisquery", "QUPC_IN180000SM04", "V3NPfIT4.2.00", "https://spine.example/sync-service"),
        (_event, "psisquery", "QUPC_IN190000UK04", "V3NPfIT4.2.00", "https://spine.example/sync-service"),
        (_retrieval, "pdsquery", "QUPA_IN000008UK02", "V3NPfIT3.0", "https://spine.example/pds"),
        (_trace, "pdsquery", "QUPA_IN000005UK01", "V3NPfIT3.0", "https://spine.example/pds"),
    ],
)
def test_envelope_and_wrapper(write: Callable[[], bytes], service: str, name: str, version: str, url: str) -> None:
    root = parse(write())
    header, body = root
    assert [etree.QName(part).localname for part in header] == [
        "MessageID",
        "Action",
        "To",
        "From",
        "communicationFunctionRcv",
        "communicationFunctionSnd",
        "ReplyTo",
    ]
    assert _texts(header, "wsa:MessageID/text()") == [f"uuid:{MESSAGE_ID.value}"]
    assert _texts(header, "wsa:Action/text()") == [f"urn:nhs:names:services:{service}/{name}"]
    assert _texts(header, "wsa:To/text()") == [url]
    assert _texts(header, ".//h:id/@root") == ["1.2.826.0.1285.0.2.0.107"] * 2
    assert _texts(header, ".//h:id/@extension") == ["230811201324", "918999199111"]
    (message,) = body
    assert message.tag == f"{HL7}{name}"
    assert [etree.QName(part).localname for part in message] == [
        "id",
        "creationTime",
        "versionCode",
        "interactionId",
        "processingCode",
        "processingModeCode",
        "acceptAckCode",
        "communicationFunctionRcv",
        "communicationFunctionSnd",
        "ControlActEvent",
    ]
    assert _texts(message, "h:id/@root") == [MESSAGE_ID.value]
    assert _texts(message, "h:creationTime/@value") == ["20260701120005"]  # London wall clock: summer time
    assert _texts(message, "h:versionCode/@code") == [version]
    assert _texts(message, "h:interactionId/@extension") == [name]
    assert _texts(message, "h:processingCode/@code | h:processingModeCode/@code | h:acceptAckCode/@code") == [
        "P",
        "T",
        "NE",
    ]
    assert _texts(message, "*/@typeCode") == ["RCV", "SND"]
    assert _texts(message, "h:ControlActEvent/h:author1//h:id/@extension") == ["918999199111"]
    assert len(message.xpath("h:ControlActEvent/h:query/*", namespaces=NS)) >= 1
    assert not message.xpath(".//h:author", namespaces=NS)  # reads carry no user


def test_psis_parameters() -> None:
    for data, events in ((_list(), []), (_event(), [EVENT_ID])):
        (query,) = parse(data).iter(f"{HL7}query")
        assert _texts(query, "h:dissentOverride/h:value/@code") == ["0"]
        assert _texts(query, "h:dissentOverride/h:value/@codeSystem") == ["2.16.840.1.113883.2.1.3.2.4.17.60"]
        assert _texts(query, "h:eventRecord/h:value/@root") == events
        assert _texts(query, "h:nHSNumber/h:value/@root") == ["2.16.840.1.113883.2.1.4.1"]
        assert _texts(query, "h:nHSNumber/h:value/@extension") == [PATIENT.value]
        expected = ["DissentOverride", *(["EventRecord"] if events else []), "NHSNumber"]
        assert _texts(query, "*/h:semanticsText/text()") == expected


def test_pds_retrieval_parameters() -> None:
    (query,) = parse(_retrieval()).iter(f"{HL7}query")
    assert _texts(query, "h:historicDataIndicator/h:value/@code") == ["0"]
    assert _texts(query, "h:person.id/h:value/@extension") == [PATIENT.value]
    assert _texts(query, "*/h:semanticsText/text()") == ["historicDataIndicator", "person.id", "person.allData"]


def test_pds_trace_carries_details_as_text_and_leaves_out_what_is_not_asked() -> None:
    (query,) = parse(_trace()).iter(f"{HL7}query")
    assert _texts(query, "h:person.name/h:value/h:family/text()") == ["O'Neil & <Sons>"]
    assert _texts(query, "h:person.name/h:value/h:given/text()") == ["Joseph"]
    assert _texts(query, "h:person.birthTime/h:value/@value") == ["19380203"]
    assert _texts(query, "h:person.administrativeGenderCode/h:value/@code") == ["1"]
    assert _texts(query, "h:person.address/h:value/h:postalCode/text()") == ["ZZ2 2ZZ"]
    (short,) = parse(_trace(Traits(family="Bannister", birth="1938"))).iter(f"{HL7}query")
    assert [etree.QName(part).localname for part in short] == ["person.birthTime", "person.name"]


def test_an_event_id_that_is_no_uuid_is_never_sent() -> None:
    with pytest.raises(InvalidValue):
        event_query(ADDRESSING, PATIENT, "1 or 2", message_id=MESSAGE_ID, sender=SENDER, moment=NOON)


def test_addresses_are_urls() -> None:
    with pytest.raises(InvalidValue):
        ADDRESSING.under("file:///etc", ADDRESSING.spine_asid)
