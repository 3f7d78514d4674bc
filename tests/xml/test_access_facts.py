"""The AccessFacts header block: there and back, and what it refuses."""

from dataclasses import fields

import pytest
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.access_facts import AccessFactsBlock, read_access_facts, read_block, write_block
from gateway.xml.catalogue import ACCESS_FACTS_BLOCK, Catalogue
from gateway.xml.names import ACCESS_FACTS
from gateway.xml.parser import parse, serialize
from gateway.xml.soap import read_envelope
from tests.xml.wire import changed, good

CATALOGUE = Catalogue.load()
FULL = AccessFactsBlock(
    user_token="eyJ.eyJ.c2ln",
    role_profile="200000000001",
    purpose="direct-care",
    setting="gp_out_of_hours",
    relationship="self-claimed",
    permission="emergency",
    legal_basis="court-order",
    emergency_reason="unconscious",
    note="Found <collapsed> & alone",
    condition_changed=True,
    condition_changed_note="Now unconscious",
    confirm_deceased=False,
    date_of_birth="1961-05-29",
    until="2030-01-19",
)


def test_there_and_back() -> None:
    written = write_block(FULL)
    assert CATALOGUE.validate(ACCESS_FACTS_BLOCK, written) == ()
    assert len(written) == len(fields(AccessFactsBlock))
    assert read_block(parse(serialize(written)), CATALOGUE) == FULL
    for one in fields(AccessFactsBlock):
        alone = AccessFactsBlock(**{one.name: getattr(FULL, one.name)})
        assert read_block(write_block(alone), CATALOGUE) == alone


def test_absent_states_nothing() -> None:
    assert read_access_facts(read_envelope(parse(good("querySCR"))), CATALOGUE) is None
    assert read_block(write_block(AccessFactsBlock()), CATALOGUE) == AccessFactsBlock()


def test_read_from_a_message_that_must_be_understood() -> None:
    block = f'<af:AccessFacts xmlns:af="{ACCESS_FACTS}" soap:mustUnderstand="1"><af:Permission>yes</af:Permission>'
    data = changed(good("querySCR"), "<wsa:To>", block + "</af:AccessFacts><wsa:To>")
    found = read_access_facts(read_envelope(parse(data)), CATALOGUE)
    assert found == AccessFactsBlock(permission="yes")


@pytest.mark.parametrize(
    ("inside", "slug"),
    [
        ("<Permission>perhaps</Permission>", "value-form"),
        ("<Permission>Yes</Permission>", "value-form"),
        ("<Permission/>", "value-form"),
        ("<Note>x</Note><Permission>yes</Permission>", "element-order"),
        ("<Permission>yes</Permission><Permission>no</Permission>", "element-repeated"),
        ("<Other/>", "element-unexpected"),
        ("<Permission xmlns='urn:x'>yes</Permission>", "wrong-namespace"),
        ("<permission>yes</permission>", "element-name-case"),
        ("<DateOfBirth>29/05/1961</DateOfBirth>", "value-form"),
        ("<DateOfBirth>1961-02-29</DateOfBirth>", "value-form"),
        ("<Until>2030-01-19Z</Until>", "value-form"),
        ("<RoleProfile>12345</RoleProfile>", "value-form"),
        ("<ConfirmDeceased>maybe</ConfirmDeceased>", "value-form"),
        ("yes", "text-unexpected"),
    ],
)
def test_what_breaks_the_schema(inside: str, slug: str) -> None:
    block = etree.fromstring(f'<AccessFacts xmlns="{ACCESS_FACTS}">{inside}</AccessFacts>')
    with pytest.raises(MessageInvalid) as caught:
        read_block(block, CATALOGUE)
    assert caught.value.findings[0].code == slug
    assert caught.value.code is Code.MESSAGE_SCHEMA


def test_nothing_personal_shows() -> None:
    for secret in ("eyJ", "collapsed", "unconscious ", "1961"):
        assert secret not in repr(FULL)
