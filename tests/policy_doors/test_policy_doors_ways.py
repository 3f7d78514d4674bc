"""P-79 to P-90 through doors: each way to connect, what is viewed, what texts say, who closes an alert; and the rate limit."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.pages.privacy.officers import VIEWING_OFFICER, alert_of, at_work, emergency
from tests.policy_doors.yard import MINI, SCRA, SEATS, SYMPHONY, SYSTMONE, Seat, Yard, at, doors
from vendor_stubs import cast, scra
from vendor_stubs.calling.http import Wire
from vendor_stubs.mini_service_operations import status
from vendor_stubs.pages import Browser

LAUNCHED = ("lorenzo", "rio")
AI = next(patient.nhs for patient in cast.patients() if patient.case == "additional_information")
CORE = next(patient.nhs for patient in cast.patients() if patient.case == "core")


def launched(name: str) -> Seat:
    """A doctor whose system launches the viewer."""
    uid, role, ods = {
        "lorenzo": ("910000000109", "555000000111", "RZZ01"),
        "rio": ("910000000307", "555000000149", "RZZ02"),
        "sonar": ("910000000166", "555000000117", "FZZ07"),
        "pharmoutcomes": ("910000000273", "555000000128", "FZZ08"),
    }[name]
    return at(SCRA, product=name, system=cast.default_system(name).id, uid=uid, role=role, ods=ods, setting=None)


async def same_rules(yard: Yard, seat: Seat) -> None:
    """What every way to connect answers alike."""
    result = await yard.view(seat)
    assert result.outcome == "record", result
    for code, rule, said in (
        ("relationship-missing", "P-01", {"relationship": "none"}),
        ("permission-missing", "P-02", {"permission": "not-asked"}),
        ("permission-refused", "P-03", {"permission": "no"}),
        ("purpose-refused", "P-60", {"purpose": "research"}),
        ("emergency-note", "P-06", {"permission": "emergency", "note": "too short"}),
    ):
        result = await yard.view(seat, **said)  # type: ignore[arg-type]
        assert (result.outcome, result.code, result.record) == ("refused", code, None), (seat.product, result)
        assert rule in result.rules


async def test_p80_the_standalone_viewer_asks_every_rule(yard: Yard) -> None:
    assert cast.system("scra").kind == "standalone"  # type: ignore[union-attr]
    await same_rules(yard, SCRA)


@pytest.mark.parametrize("seat", SEATS[1:6], ids=lambda seat: seat.product)
async def test_p81_an_integrated_viewer_asks_every_rule(yard: Yard, seat: Seat) -> None:
    assert cast.system(seat.system).kind == "integrated_viewer"  # type: ignore[union-attr]
    await same_rules(yard, seat)


@pytest.mark.parametrize("name", LAUNCHED)
async def test_p82_a_launched_viewer_asks_every_rule(yard: Yard, name: str) -> None:
    assert cast.default_system(name).kind == "one_click"
    await same_rules(yard, launched(name))


async def test_p83_a_mini_service_link_asks_every_rule(yard: Yard) -> None:
    assert cast.system(MINI.system).kind == "mini_service"  # type: ignore[union-attr]
    await same_rules(yard, MINI)


@doors
async def test_p84_a_suspended_system_opens_nothing(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    with yard.registry(system=lambda row: at(row, state="suspended") if row.id == seat.system else row):
        result = await yard.view(seat)
    assert (result.outcome, result.code, result.record) == ("refused", "system-suspended", None)
    assert result.rules == ("P-84",)
    entry = (yard.entries(result.correlation_id) or yard.rejections(seat, "system-suspended"))[-1]
    assert (entry["code"], entry["system"], entry["rules"]) == ("system-suspended", seat.system, ["P-84"])


async def test_p84_a_suspended_host_launches_nothing_and_is_named(yard: Yard) -> None:
    seats = [launched(name) for name in ("sonar", "pharmoutcomes", "rio", "lorenzo")]
    ids = {seat.system for seat in seats}
    with yard.registry(system=lambda row: at(row, state="suspended") if row.id in ids else row):
        results = [await yard.view(seat) for seat in seats]
    assert {(each.outcome, each.code, each.rules) for each in results} == {("refused", "system-suspended", ("P-84",))}
    for seat in seats:
        entry = yard.rejections(seat, "system-suspended")[-1]
        assert (entry["organisation"], entry["rules"]) == (seat.ods, ["P-84"])


async def test_p84_a_system_calls_only_what_it_is_registered_for(yard: Yard) -> None:
    number = yard.number()
    async with yard.calling(MINI.system) as calls:
        assert (await status(calls, MINI.uid, MINI.role, nhs_number=number)).outcome == "answered"
    with yard.registry(system=lambda row: at(row, operations=("getSCRStatus",)) if row.id == MINI.system else row):
        await yard.refused(MINI, "system-operation", "P-84", nhs_number=number)
        async with yard.calling(MINI.system) as calls:
            assert (await status(calls, MINI.uid, MINI.role, nhs_number=number)).outcome == "answered"
    feed = {"nhs_number": number, "user": MINI.uid, "kind": "referral", "scope": "individual", "end": "2099-01-01"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{yard.sandbox.gateway}/relationships", json=feed, headers={"X-SCR-System": MINI.system}
        ) as answer,
    ):
        assert answer.headers["X-SCR-Code"] == "system-operation"
        assert "P-84" in answer.headers["X-SCR-Rules"]


@doors
async def test_p85_the_record_says_that_the_practice_made_it(yard: Yard, seat: Seat) -> None:
    shown = (await yard.view(seat, nhs_number=CORE)).record
    assert shown is not None
    assert shown["practice"] or shown["author"]
    refused = await yard.view(seat, nhs_number=CORE, purpose="research")
    assert refused.record is None


@doors
async def test_p86_the_form_of_the_record_is_said(yard: Yard, seat: Seat) -> None:
    for number, more in ((CORE, False), (AI, True)):
        record = (await yard.view(seat, nhs_number=number)).record
        assert record is not None
        assert record["additional_information"] is more
    await yard.refused(seat, "permission-missing", "P-02", nhs_number=AI, permission="not-asked")


@doors
async def test_p87_additional_information_needs_no_further_activity(yard: Yard, seat: Seat) -> None:
    uid, role = seat.plain
    both = [(await yard.view(seat, nhs_number=number, uid=uid, role=role)).record for number in (CORE, AI)]
    assert all(both)
    uid, role = seat.clerk
    for number in (CORE, AI):
        await yard.refused(seat, "role-activity", "P-08", nhs_number=number, uid=uid, role=role)


async def test_p88_a_refused_set_up_is_told_whom_to_ask(yard: Yard) -> None:
    seat = at(MINI, system="portal-rzz24", uid="910000000299", role="555000000144", ods="RZZ24")
    result = await yard.view(seat, relationship="self-claimed")
    yard.told_no(seat, result, "organisation-not-live", "P-72")
    assert "privacy officer" in result.next_step
    assert "/interest" in result.next_step
    assert (await yard.view(MINI)).next_step == ""


async def test_p89_texts_say_nhs_england(yard: Yard) -> None:
    async with yard.calling("scra") as calls:
        browser = Browser(calls)
        for path in ("/interest", "/interest?kind=setting", "/errors", "/errors/setting-not-approved", "/docs"):
            page = await browser.get(path)
            words = page.exchange.body.decode()
            assert "NHS Digital" not in words, path
        await scra.sign_in(browser, SYMPHONY.plain[0], None)
        words = (await browser.get("/interest")).exchange.body.decode()
    assert "NHS England" in words


async def test_p90_nobody_closes_an_alert_of_their_own_access(yard: Yard) -> None:
    async with yard.calling("scra") as calls:
        told = await emergency(Browser(calls), yard.number(), yard.note(), uid=VIEWING_OFFICER)
    alert = alert_of(yard.sandbox, told)
    for uid, code in ((VIEWING_OFFICER, "alert-own-access"), ("910000000034", None)):
        async with yard.calling("scra") as calls:
            browser = Browser(calls)
            await at_work(browser, uid)
            path = f"/privacy/alerts/{alert}"
            page = await browser.get(path)
            for to in ("looked-at", "closed"):
                forms = page.find(f"//form[@action='{path}']")
                if not forms:
                    break
                page = await browser.post(page, path, {"to": to, "note": yard.note()})
        [row] = yard.rows("SELECT state FROM alert WHERE id = ?", alert)
        assert (row["state"] == "closed") is (code is None), (uid, row)


# The rate limit, in each door's form


LIMITED = {
    "mini-service": (500, "text/xml", b"schemas.xmlsoap.org/soap/envelope/", "2100"),
    "adastra": (500, "application/soap+xml", b"http://www.w3.org/2003/05/soap-envelope", "rate-limited"),
    "cleo": (500, "text/xml", b"<faultcode>soap:Server</faultcode>", "rate-limited"),
    "emis-web": (500, "text/xml", b"<faultcode>SOAP:Server</faultcode>", "200"),
    "systmone": (429, "application/problem+xml", b"<code>rate-limited</code>", "rate-limited"),
    "symphony": (429, "application/fhir+json", b'"resourceType":"OperationOutcome"', "429 throttled"),
}
"""Door -> status, media type, words of its form, its own code. SOAP carries every fault with status 500."""


@pytest.mark.parametrize("seat", [seat for seat in SEATS if seat is not SCRA], ids=lambda seat: seat.product)
async def test_too_many_requests_are_told_when_to_come_back(yard: Yard, seat: Seat) -> None:
    number = yard.number()
    await yard.opens(seat, nhs_number=number)
    with yard.registry(rates={seat.system: "{ per_second = 0.05, burst = 1 }"}):
        heard: list[Any] = []

        class Listening(Wire):
            async def send(self, method: str, url: str, **more: Any) -> Any:
                answer = await super().send(method, url, **more)
                heard.append(answer)
                return answer

        results = [await yard.view(seat, wire=Listening) for _ in range(2)]
        limited = next(answer for answer in heard if answer.code == "rate-limited")
    assert (results[-1].outcome, results[-1].code, results[-1].record) == ("unavailable", "rate-limited", None)
    assert 15 <= int(limited.headers["Retry-After"]) <= 25
    status, media, words, code = LIMITED[seat.product]
    assert (limited.status, limited.headers["Content-Type"].split(";")[0]) == (status, media)
    assert words in limited.body
    assert results[-1].wire_code == code
    await yard.opens(seat)


async def test_one_systems_flood_leaves_the_others_alone(yard: Yard) -> None:
    with yard.registry(rates={"pas-rzz09": "{ per_second = 0.05, burst = 3 }"}):
        address = f"{yard.sandbox.gateway}/relationships"
        async with aiohttp.ClientSession() as session:

            async def feed() -> tuple[int, str | None]:
                async with session.post(address, json={}, headers={"X-SCR-System": "pas-rzz09"}) as answer:
                    return answer.status, answer.headers.get("Retry-After")

            told = await asyncio.gather(*(feed() for _ in range(8)))
        assert sum(status == 429 for status, _ in told) == 5
        assert all(after for status, after in told if status == 429)
        await yard.opens(SYSTMONE)
