"""What may stand once and stands twice is refused: the parts of wsse:Security, and the Authorization header."""

import pytest
from lxml import etree
from multidict import CIMultiDict

from gateway.adapters.records import bearer
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.names import WSSE, WSU, qname
from gateway.xml.parser import parse
from tests.doors.emis_web import emis_door
from tests.doors.mini_service import offline
from tests.doors.viewer_doors import VIEWERS, Viewer
from tests.xml.wire import good


@pytest.mark.parametrize("local", ["Timestamp", "Created", "Expires"])
@pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)
def test_a_repeated_part_of_the_timestamp_is_refused(viewer: Viewer, local: str) -> None:
    root = parse(viewer.sample("view"))
    part = next(root.iter(qname(WSU, local)))
    twin = parse(etree.tostring(part, with_tail=False))
    for name in list(twin.attrib):
        del twin.attrib[name]
    part.addnext(twin)
    found = [one for one in viewer.findings(etree.tostring(root)) if one.code == "header-repeated"]
    assert [one.expected for one in found] == [f"one wsu:{local}"]
    assert found[0].path.endswith(f"wsu:{local}[2]")


@pytest.mark.parametrize(
    "tag",
    [
        qname(WSSE, "UsernameToken"),
        qname(WSSE, "Username"),
        qname(WSU, "Created"),
        qname(WSU, "Expires"),
        qname(WSU, "Timestamp"),
    ],
)
def test_a_repeated_part_of_the_security_header_is_refused_at_the_mini_service(tag: str) -> None:
    root = parse(good("getSCRStatus"))
    part = next(root.iter(tag))
    twin = parse(etree.tostring(part, with_tail=False))
    for name in list(twin.attrib):
        del twin.attrib[name]
    part.addnext(twin)
    refused = offline.refused(etree.tostring(root))
    assert isinstance(refused, MessageInvalid)
    assert [one.code for one in refused.findings] == ["header-repeated"]
    assert refused.findings[0].path.endswith(f":{etree.QName(tag).localname}[2]")


def test_systems_without_their_hl7_types_are_read_as_integration_adaptors_send_them() -> None:
    body = emis_door.sample("event").decode()
    head, rest = body.split("</SOAP-ENV:Header>")
    for text in (' typeCode="RCV"', ' typeCode="SND"', ' classCode="DEV" determinerCode="INSTANCE"'):
        assert text in head
        head = head.replace(text, "")
    assert emis_door.read(f"{head}</SOAP-ENV:Header>{rest}".encode())


def test_two_authorization_headers_are_refused_whatever_their_order() -> None:
    assert bearer(CIMultiDict({"authorization": "Bearer one"})) == "one"
    assert bearer(CIMultiDict()) is None
    for texts in (("Bearer one", "Bearer two"), ("Basic one", "Bearer two"), ("", "Bearer two")):
        with pytest.raises(MessageInvalid) as refused:
            bearer(CIMultiDict([("Authorization", texts[0]), ("authorization", texts[1])]))
        assert refused.value.code is Code.MESSAGE_HEADERS
        assert [one.path for one in refused.value.findings] == ["http.Authorization"]
