"""What happens before the view: relationships fed and ended, users signed in, the WSDL fetched and never followed elsewhere."""

import json

import pytest
from lxml import etree

from tests.stubs.calling import stand_in as fake
from tests.stubs.calling.conftest import Bench
from tests.stubs.calling.test_calling_mini_service import KATE, NUMBER, TOM, asked, viewed
from vendor_stubs.calling import preparation
from vendor_stubs.calling.errors import NoAnswer, WrongUsage

# The WSDL


async def test_a_wsdl_that_points_elsewhere_is_not_followed(bench: Bench) -> None:
    def elsewhere(name: str, address: str) -> bytes:
        return fake.wsdl(name, address).replace(
            b"</wsdl:types>",
            b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x">'
            b'<xs:import namespace="urn:y" schemaLocation="http://127.0.0.1:9/secret.xsd"/></xs:schema></wsdl:types>',
        )

    assert elsewhere("scr", "http://h") != fake.wsdl("scr", "http://h")
    bench.gateway.wsdl_of = elsewhere
    with pytest.raises(NoAnswer, match="elsewhere"):
        await viewed(bench)
    assert bench.gateway.sent_to("/itk") == []


@pytest.mark.parametrize(
    "served", [b"<html/>", b"not xml", b'<!DOCTYPE a><a xmlns="http://schemas.xmlsoap.org/wsdl/"/>']
)
async def test_a_wsdl_that_is_none_is_told(bench: Bench, served: bytes) -> None:
    bench.gateway.wsdl_of = lambda _name, _address: served
    with pytest.raises(NoAnswer, match="WSDL"):
        await viewed(bench)


# Before the view


@pytest.mark.parametrize("kind", ["registration", "referral", "self-referral", "colleague-granted"])
async def test_a_relationship_is_fed_by_the_sites_own_system_until_tomorrow(bench: Bench, kind: str) -> None:
    await preparation.prepare(asked(relationship=kind), bench.calls)
    (fed,) = bench.gateway.received
    assert (fed.path, fed.headers["X-SCR-System"]) == ("/relationships", "pas-rzz09")
    assert json.loads(fed.body) == {
        "nhs_number": NUMBER, "user": KATE, "kind": kind, "scope": "individual", "end": "2026-03-29",
    }  # fmt: skip
    assert bench.said == []


async def test_none_ends_what_was_fed_for_this_user_and_patient(bench: Bench) -> None:
    bench.gateway.relationships = 200
    await preparation.prepare(asked(), bench.calls)
    (ended,) = bench.gateway.received
    assert (ended.path, ended.headers["X-SCR-System"]) == ("/relationships/end", "pas-rzz09")
    assert json.loads(ended.body) == {"nhs_number": NUMBER, "user": KATE}


async def test_a_self_claim_feeds_and_ends_nothing(bench: Bench) -> None:
    await preparation.prepare(asked(relationship="self-claimed"), bench.calls)
    assert bench.gateway.received == []


async def test_where_no_system_feeds_it_is_said_and_the_view_goes_on(bench: Bench) -> None:
    calls = bench.as_system("portal-gzz12")
    await preparation.prepare(asked(), calls)
    assert bench.said == []
    await preparation.prepare(asked(relationship="referral"), calls)
    assert bench.gateway.received == []
    assert "none was recorded" in bench.said[0]


async def test_a_refused_feed_is_said_and_the_view_goes_on(bench: Bench) -> None:
    bench.gateway.relationships = 403
    await preparation.prepare(asked(relationship="referral"), bench.calls)
    await preparation.prepare(asked(relationship="none"), bench.calls)
    follows = "(system-operation). The view goes on; its own answer follows."
    assert bench.said == [
        f"Note: pas-rzz09 put no referral on record {follows}",
        f"Note: pas-rzz09 ended no relationship {follows}",
    ]


async def test_a_standalone_system_feeds_as_the_site_of_the_users_role(bench: Bench) -> None:
    await preparation.prepare(asked(uid=TOM, role="555000000105", relationship="referral"), bench.as_system("scra"))
    assert bench.gateway.received[0].headers["X-SCR-System"] == "pas-rzz02"
    await preparation.prepare(asked(uid=TOM, relationship="referral"), bench.as_system("scra"))
    assert len(bench.gateway.received) == 1


async def test_nobody_cannot_sign_in(bench: Bench) -> None:
    with pytest.raises(WrongUsage, match="nobody"):
        await viewed(bench, uid="910000000999")
    assert bench.gateway.received == []


async def test_a_signed_assertion_is_to_be_had(bench: Bench) -> None:
    text = await preparation.assertion(bench.calls, KATE, audience="urn:a", recipient="http://127.0.0.1/r")
    assert etree.fromstring(text.encode()).tag == "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion"
