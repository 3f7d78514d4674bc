"""A stock zeep client completes CLEO's three operations from the served WSDL alone, and its pane is ready to show."""

import base64
import uuid
from typing import Any

import pytest
import zeep
from lxml import etree

from tests.doors.stock_zeep import WSSE, asked_of_identity, client, referred
from tests.running import RunningSandbox

USER, SYSTEM, FEED, NUMBER = "910000000125", "cleo-rzz03", "pas-rzz03", "9992000481"


def proof(sandbox: RunningSandbox) -> etree._Element:
    """The user's ID token, good for many requests."""
    token = asked_of_identity(sandbox, "token", uid=USER, client_id=SYSTEM)["id_token"]
    element = etree.Element(f"{{{WSSE}}}BinarySecurityToken")
    element.set("ValueType", "urn:ietf:params:oauth:token-type:jwt")
    element.text = base64.b64encode(token.encode()).decode()
    return element


def asked(**values: Any) -> dict[str, Any]:
    """The members of a request, with a new id."""
    return {"version": "1.0", "requestId": str(uuid.uuid4()), **values}


def test_find_permit_and_view(sandbox: RunningSandbox) -> None:
    referred(sandbox, FEED, USER, NUMBER)
    with client(sandbox, "cleo", SYSTEM, proof(sandbox)) as cleo:
        found = cleo.service.FindPatient(**asked(NhsNumber=NUMBER))
        assert found.Patient.NhsNumber == NUMBER
        recorded = cleo.service.RecordPermission(**asked(NhsNumber=NUMBER, Answer="yes"))
        assert len(recorded.PermissionId) == 1
        request = asked(NhsNumber=NUMBER)
        shown = cleo.service.ViewSummary(**request)
    assert shown.requestId == request["requestId"]
    assert shown.Record.Header.NhsNumber == NUMBER
    pane = shown.Pane._value_1
    assert pane.startswith("<!DOCTYPE html>")
    for section in shown.Record.Sections.Section:
        assert section.Title is None or etree.tostring(_text(section.Title), encoding="unicode")[3:-4] in pane


def _text(text: str) -> etree._Element:
    element = etree.Element("t")
    element.text = text
    return element


def test_a_request_id_is_used_once_and_a_fault_says_so(sandbox: RunningSandbox) -> None:
    request = asked(NhsNumber=NUMBER)
    with client(sandbox, "cleo", SYSTEM, proof(sandbox)) as cleo:
        cleo.service.FindPatient(**request)
        with pytest.raises(zeep.exceptions.Fault) as caught:
            cleo.service.FindPatient(**request)
    assert caught.value.code.endswith(":Client")
    assert caught.value.detail.findtext(".//{urn:scr-gateway:codes:1}Code") == "message-replayed"
