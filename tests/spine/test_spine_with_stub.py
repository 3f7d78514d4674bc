"""The client and the Spine stub, which check each other: what every patient of the cast ends in on the Spine side."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestServer

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError
from gateway.domain.identifiers import Asid, CorrelationId, NhsNumber, UserId
from gateway.domain.spine import Confidentiality, Consent, EventDocument, SpineCall, Traits
from gateway.identity.userinfo import read_user
from gateway.spine.client import SpineClient
from gateway.spine.directory import Directory
from gateway.spine.interactions import SpineAddressing
from gateway.spine.summary import read_summary
from gateway.spine.transport import NoMeter, SpineLimits, open_transport
from tests.spine.wires import NOON, NUMBERS, SENDER
from vendor_stubs import cast
from vendor_stubs.spine.app import build_app
from vendor_stubs.spine.settings import SpineSettings

BY_CASE = {patient.case: NhsNumber(patient.nhs) for patient in reversed(cast.patients())}


@asynccontextmanager
async def joined() -> AsyncIterator[SpineClient]:
    """A client of a stub of its own, whose slow patient takes 0.2 s."""
    server = TestServer(build_app(SpineSettings(slow_seconds=0.2, hang_seconds=5)))
    await server.start_server(shutdown_timeout=0)
    ids = itertools.count(1)
    limits = SpineLimits(first_pause_seconds=0.001)
    try:
        async with open_transport(limits, NoMeter()) as transport:
            yield SpineClient(
                transport,
                SpineAddressing.under(str(server.make_url("/")), Asid("230811201324")),
                NUMBERS,
                new_id=lambda: uuid.UUID(int=next(ids)),
                now=lambda: NOON,
                jitter=lambda: 0.5,
                limits=limits,
            )
    finally:
        await server.close()


def call(seconds: float = 5.0) -> SpineCall:
    return SpineCall(
        asid=SENDER,
        correlation_id=CorrelationId("22222222-2222-4222-8222-222222222222"),
        deadline=asyncio.get_running_loop().time() + seconds,
    )


async def _document(client: SpineClient, number: NhsNumber, seconds: float = 5.0) -> EventDocument | None:
    listed = await client.event_list(number, call())
    assert listed.events
    return await client.event(number, listed.events[0].id, call(seconds))


RECORDS = [
    "core", "additional_information", "ask", "yes_legacy", "withheld", "recently_registered", "very_large",
    "awkward_text", "slow", "fault_then_answers", "several_versions", "nullified", "empty_allergies",
    "registered_here", "blank_optout", "no_data", "captions_only", "hostile_markup", "deceased", "sensitive",
    "under_review", "very_restricted",
]  # fmt: skip


@pytest.mark.parametrize("case", RECORDS)
async def test_a_record(case: str) -> None:
    async with joined() as client:
        number = BY_CASE[case]
        document = await _document(client, number)
        assert document is not None
        record = read_summary(document.summary, document.event_id)
        assert record.nhs_number == document.nhs_number == number
        assert record.sections
        listed = await client.event_list(number, call())
        assert listed.consent is (Consent.YES if case == "yes_legacy" else Consent.ASK)
        if case == "several_versions":
            assert len(listed.events) == 3
            assert (
                record.created.text[:8] == max(event.persisted.text for event in listed.events if event.persisted)[:8]
            )


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("wrong_patient", Code.SPINE_WRONG_PATIENT),
        ("truncated", Code.SPINE_UNUSABLE),
        ("malformed", Code.SPINE_UNUSABLE),
        ("hangs", Code.SPINE_UNREACHABLE),
        ("reset", Code.SPINE_UNREACHABLE),
        ("http_500", Code.SPINE_FAULT),
        ("fault", Code.SPINE_FAULT),
        ("fault_in_200", Code.SPINE_FAULT),
        ("consent_changed", Code.SCR_NOT_AVAILABLE),
    ],
)
async def test_no_usable_record(case: str, code: Code) -> None:
    async with joined() as client:
        with pytest.raises(GatewayError) as caught:
            await _document(client, BY_CASE[case], seconds=0.3 if case == "hangs" else 5)
        assert caught.value.code is code


async def test_lists_without_events() -> None:
    async with joined() as client:
        refused = await client.event_list(BY_CASE["dissent"], call())
        assert (refused.consent, refused.events) == (Consent.NO, ())
        empty = await client.event_list(BY_CASE["no_scr"], call())
        assert (empty.consent, empty.events) == (Consent.ASK, ())


async def test_a_stale_document_is_none_and_a_second_listing_has_a_newer_one() -> None:
    async with joined() as client:
        number = BY_CASE["stale_document"]
        assert await _document(client, number) is None
        assert await _document(client, number) is not None


@pytest.mark.parametrize(
    ("case", "level"),
    [
        ("core", Confidentiality.UNRESTRICTED),
        ("sensitive", Confidentiality.SENSITIVE),
        ("very_restricted", Confidentiality.VERY_RESTRICTED),
        ("under_review", Confidentiality.UNDER_REVIEW),
    ],
)
async def test_demographics(case: str, level: Confidentiality) -> None:
    known = {NhsNumber(patient.nhs): patient for patient in cast.patients()}
    async with joined() as client:
        found = await client.demographics(BY_CASE[case], call())
        patient = known[BY_CASE[case]]
        assert (found.family, " ".join(found.given), found.prefix) == (
            patient.name.family,
            patient.name.given,
            patient.name.title,
        )
        assert found.birth is not None
        assert (found.birth.iso, found.confidentiality) == (patient.dob, level)
        located = level in {Confidentiality.UNRESTRICTED, Confidentiality.UNDER_REVIEW}
        assert (found.practice.value if found.practice else None) == (patient.gp if located else None)
        assert [address.lines for address in found.addresses] == ([tuple(patient.address)] if located else [])


async def test_superseded_deceased_unknown_invalidated() -> None:
    async with joined() as client:
        found = await client.demographics(BY_CASE["superseded"], call())
        assert found.requested == BY_CASE["superseded"]
        assert found.nhs_number != found.requested
        assert (await client.demographics(BY_CASE["deceased"], call())).deceased is not None
        for case, code in (("not_on_pds", Code.PATIENT_NOT_FOUND), ("invalidated", Code.NUMBER_INVALIDATED)):
            with pytest.raises(GatewayError) as caught:
                await client.demographics(BY_CASE[case], call())
            assert caught.value.code is code


async def test_search() -> None:
    patient = cast.patients()[0]
    async with joined() as client:
        found = await client.search(
            Traits(
                family=patient.name.family,
                birth=patient.dob.replace("-", ""),
                given=patient.name.given,
                gender={"male": "1", "female": "2"}[patient.gender],
                postcode=patient.postcode,
            ),
            call(),
        )
        assert found.nhs_number.value == patient.nhs
        with pytest.raises(GatewayError) as caught:
            await client.search(Traits(family="Nobody", birth="1900"), call())
        assert caught.value.code is Code.PATIENT_NOT_FOUND


async def test_the_directory_of_the_stub_as_identity_reads_it() -> None:
    server = TestServer(build_app())
    await server.start_server(shutdown_timeout=0)
    try:
        async with open_transport(SpineLimits(), NoMeter()) as transport:
            directory = Directory(transport, str(server.make_url("/directory")), read_user, asid=SENDER)
            for known in cast.users():
                user = await directory.user(UserId(known.uid))
                assert user is not None
                assert (user.id.value, user.name) == (known.uid, known.name)
                assert [role.id.value for role in user.roles] == [role.roleid for role in known.roles]
            assert await directory.user(UserId("000000000000")) is None
    finally:
        await server.close()


async def test_a_generated_patient() -> None:
    async with joined() as client:
        number = NUMBERS.read("9434765919")
        assert (await client.demographics(number, call())).nhs_number == number
        document = await _document(client, number)
        assert document is not None
        assert read_summary(document.summary, document.event_id).nhs_number == number
