"""A charset label that is not true is refused at each viewer's door; one that is true is honoured."""

import re
import urllib.error
import urllib.request

import pytest

from gateway.adapters.viewer_charset import charset_findings
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.service.doors import Door, WireRequest
from gateway.teaching import explained
from gateway.xml.explain import Context
from tests.doors.emis_web import emis_door
from tests.doors.records import NOW
from tests.doors.systmone import systmone_door
from tests.doors.viewer_doors import ADASTRA, CLEO
from tests.running import RunningSandbox

EVENT = "urn:nhs:names:services:psisquery/QUPC_IN190000UK04"
TYPES = {
    "adastra": "application/soap+xml",
    "cleo": "text/xml",
    "emis-web": "text/xml",
    "systmone": "application/xml",
}
TRUE = ("", "; charset=utf-8", '; charset="UTF-8"', "; CHARSET=utf8")
LYING = ("iso-8859-1", "windows-1252", "utf-16", '"ISO-8859-15"', "x-unknown", "")
doors = pytest.mark.parametrize("door", TYPES)


def read(door: str, content_type: str) -> None:
    """One good message with this Content-Type at its door."""
    if door == "emis-web":
        wire = emis_door.request(emis_door.sample("event"), EVENT)
        _read(emis_door.DOOR, wire, content_type)
    elif door == "systmone":
        _read(systmone_door.DOOR, systmone_door.request(systmone_door.sample("view-with-everything")), content_type)
    else:
        viewer = ADASTRA if door == "adastra" else CLEO
        _read(viewer.door, viewer.wire(viewer.sample("view-with-everything")), content_type)


def _read(door: Door, wire: WireRequest, content_type: str) -> None:
    headers = wire.headers.copy()  # type: ignore[attr-defined]
    headers["Content-Type"] = content_type
    door.read(
        WireRequest(
            method=wire.method,
            path=wire.path,
            headers=headers,
            body=wire.body,
            system=wire.system,
            correlation_id=wire.correlation_id,
            now=wire.now,
        )
    )


@doors
@pytest.mark.parametrize("parameter", TRUE)
def test_a_true_label_is_honoured(door: str, parameter: str) -> None:
    read(door, TYPES[door] + parameter)


@doors
@pytest.mark.parametrize("label", LYING)
def test_a_lying_label_is_refused(door: str, label: str) -> None:
    with pytest.raises(MessageInvalid) as caught:
        read(door, f"{TYPES[door]}; charset={label}")
    assert caught.value.code is Code.MESSAGE_MEDIA_TYPE
    assert [(one.code, one.line) for one in caught.value.findings] == [("charset-label", 1)]


def test_ascii_is_true_of_ascii_only() -> None:
    assert not list(charset_findings("text/xml; charset=us-ascii", b"<a/>"))
    assert list(charset_findings("text/xml; charset=us-ascii", "<a>é</a>".encode()))


@doors
@pytest.mark.parametrize("label", ["US-ASCII", "ascii"])
def test_a_declaration_of_ascii_is_true_of_ascii_only(door: str, label: str) -> None:
    """The XML declaration's own label, at the door and in the explain pass."""
    if door == "emis-web":
        good, wire, a_door = emis_door.sample("event-with-everything"), emis_door.request, emis_door.DOOR
    elif door == "systmone":
        good, wire, a_door = systmone_door.sample("view-with-everything"), systmone_door.request, systmone_door.DOOR
    else:
        viewer = ADASTRA if door == "adastra" else CLEO
        good, wire, a_door = viewer.sample("view-with-everything"), viewer.wire, viewer.door
    declared = re.sub(b"(?<=encoding=.)UTF-8", label.encode(), good, count=1)
    declared = declared.replace(b"Note>", "Note>à ".encode(), 1)
    assert declared.count(label.encode()) == 1
    assert not declared.isascii()
    a_door.read(wire(declared.decode().encode("ascii", "xmlcharrefreplace")))
    with pytest.raises(MessageInvalid) as caught:
        a_door.read(wire(declared))
    assert [(one.code, one.line) for one in caught.value.findings] == [("encoding-label", 1)]
    headers = wire(declared).headers
    context = Context(now=NOW, content_type=TYPES[door], soap_action=headers.get("SOAPAction"))
    assert [one.code for one in explained(door, declared, context)] == ["encoding-label"]


def test_two_labels_are_judged_both() -> None:
    assert len(list(charset_findings("text/xml; charset=utf-8; charset=latin1", b"<a/>"))) == 1


def test_the_explain_pass_says_it_beside_all_else() -> None:
    body = ADASTRA.sample("view-with-everything").replace(b">unconscious<", b">asleep<")
    context = Context(now=NOW, content_type="application/soap+xml; charset=latin1")
    assert [one.code for one in explained("adastra", body, context)] == ["charset-label", "value-form"]


@doors
def test_the_running_door_refuses_it(sandbox: RunningSandbox, door: str) -> None:
    request = urllib.request.Request(
        f"{sandbox.gateway}/viewers/{door}",
        data="<a>é</a>".encode("latin-1"),
        headers={"Content-Type": f"{TYPES[door]}; charset=iso-8859-1", "X-SCR-System": _system(door)},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.headers["X-SCR-Code"] == "message-media-type"
    assert b"charset-label" in caught.value.read()


def _system(door: str) -> str:
    return {
        "adastra": "adastra-yzz04",
        "cleo": "cleo-rzz03",
        "emis-web": "emis-web-azz05",
        "systmone": "systmone-azz06",
    }[door]
