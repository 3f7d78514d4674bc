"""A stock zeep client completes Adastra's three operations from the served WSDL alone."""

import pytest
import zeep
from lxml import etree

from tests.doors.stock_zeep import asked_of_identity, client, referred
from tests.running import RunningSandbox

USER, SYSTEM, FEED, NUMBER = "910000000117", "adastra-yzz04", "pas-yzz04", "9992000481"


def proof(sandbox: RunningSandbox) -> etree._Element:
    """A new assertion: each is used once."""
    told = {"audience": "urn:scr-gateway", "recipient": f"{sandbox.gateway}/viewers/adastra"}
    return etree.fromstring(asked_of_identity(sandbox, "saml", uid=USER, **told)["assertion"].encode())


def test_find_permit_and_view(sandbox: RunningSandbox) -> None:
    with client(sandbox, "adastra", SYSTEM, proof(sandbox)) as adastra:
        found = adastra.service.FindPatient(NhsNumber=NUMBER, version="1.0")
    assert found.Patient.NhsNumber == NUMBER
    assert found.Patient.LocationWithheld is False
    with client(sandbox, "adastra", SYSTEM, proof(sandbox)) as adastra:
        born = str(found.Patient.DateOfBirth)[:10]
        details = {"FamilyName": found.Patient.FamilyName, "DateOfBirth": born, "Gender": found.Patient.Gender}
        again = adastra.service.FindPatient(Details=details, version="1.0")
    assert again.Patient.NhsNumber == NUMBER
    referred(sandbox, FEED, USER, NUMBER)
    with client(sandbox, "adastra", SYSTEM, proof(sandbox)) as adastra:
        recorded = adastra.service.RecordPermission(NhsNumber=NUMBER, Answer="yes", HowAsked="phone", version="1.0")
    assert len(recorded.PermissionId) == 1
    with client(sandbox, "adastra", SYSTEM, proof(sandbox)) as adastra:
        shown = adastra.service.ViewSummary(NhsNumber=NUMBER, Access={"DateOfBirth": born}, version="1.0")
    assert shown.Record.Header.NhsNumber == NUMBER
    assert "Allergies and Adverse Reactions" in [section.Title for section in shown.Record.Sections.Section]


def test_an_assertion_is_used_once_and_a_fault_says_so(sandbox: RunningSandbox) -> None:
    used = proof(sandbox)
    with client(sandbox, "adastra", SYSTEM, used) as adastra:
        adastra.service.FindPatient(NhsNumber=NUMBER, version="1.0")
        with pytest.raises(zeep.exceptions.Fault) as caught:
            adastra.service.FindPatient(NhsNumber=NUMBER, version="1.0")
    assert caught.value.code.endswith(":Sender")
    assert [code.localname for code in caught.value.subcodes] == ["credentials-replayed"]
    assert caught.value.detail.findtext(".//{urn:scr-gateway:codes:1}Kind") == "refused"
