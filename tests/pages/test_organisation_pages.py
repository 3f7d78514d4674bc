"""/organisations, /interest and /errors for people: what is shown, what is kept, what is refused."""

import json
import re
from datetime import date

import aiohttp
import pytest

from gateway.domain.access import OnboardingStep, Organisation, PermissionKind, PermissionPolicy, Scope, TrainingMode
from gateway.domain.identifiers import OdsCode, UserId
from gateway.pages.interest import faults
from gateway.pages.organisations import set_up
from tests.pages.walking import rows, signed_in, walking
from tests.running import RunningSandbox, gateway_command
from vendor_stubs.pages import select, text_of

OFFICER = UserId("910000000034")
TODAY = date(2026, 7, 14)
ALL = tuple((step, date(2026, 1, 1)) for step in OnboardingStep)
POLICY = PermissionPolicy(
    kind=PermissionKind.SINGLE, scope=Scope.INDIVIDUAL, days=0, question="May I look?", question_version="1"
)


def organisation(**changes: object) -> Organisation:
    """An organisation with every step done."""
    values: dict[str, object] = {
        "ods": OdsCode("RZZ01"),
        "name": "Northbrook",
        "settings": (),
        "sites": (),
        "privacy_officers": (OFFICER,),
        "training": TrainingMode.WARN,
        "permission": POLICY,
        "onboarding": ALL,
    }
    return Organisation(**(values | changes))  # type: ignore[arg-type]


def test_every_step_done_and_a_trained_officer_is_live() -> None:
    assert set_up(organisation(), {OFFICER}, TODAY).live


@pytest.mark.parametrize("step", list(OnboardingStep))
def test_one_step_to_do_is_shown_and_keeps_it_from_being_live(step: OnboardingStep) -> None:
    shown = set_up(organisation(onboarding=tuple(row for row in ALL if row[0] is not step)), {OFFICER}, TODAY)
    assert not shown.live
    assert sum(done is None for _, done in shown.steps) == 1


def test_a_step_of_tomorrow_is_to_do() -> None:
    later = tuple((step, date(2026, 7, 15)) for step in OnboardingStep)
    assert all(done is None for _, done in set_up(organisation(onboarding=later), {OFFICER}, TODAY).steps)


def test_an_officer_must_be_named_and_trained() -> None:
    assert not set_up(organisation(), set(), TODAY).live
    unnamed = set_up(organisation(privacy_officers=()), {OFFICER}, TODAY)
    assert not unnamed.officer_trained
    assert dict(unnamed.steps)["Privacy officer named"] is None


GOOD = {
    "organisation": "Mill House",
    "ods": "vzz99",
    "setting": "care home",
    "name": "A Person",
    "email": "a@example.org",
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"organisation": " "}, "organisation"),
        ({"ods": "?"}, "ods"),
        ({"email": "nobody"}, "email"),
        ({"name": "x" * 121}, "name"),
        ({"setting": "a\x00b"}, "setting"),
    ],
)
def test_faults_of_a_form(change: dict[str, str], field: str) -> None:
    assert faults("organisation", GOOD) == {}
    assert list(faults("organisation", GOOD | change)) == [field]


async def test_set_up_is_shown_to_people_who_are_signed_in(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        await signed_in(browser)
        page = await browser.get("/organisations")
    sections = {str(row.get("aria-labelledby")): " ".join(text_of(row).split()) for row in page.find("//section")}
    assert "yours" in next(iter(sections.values())), "one's own organisation comes first"
    assert "All steps done" in sections["org-RZZ01"]
    assert "To do IT assessed" in sections["org-RZZ24"]
    assert "To do Privacy officer named" in sections["org-RZZ15"]
    assert len(sections) == 24


async def test_a_form_of_interest_is_kept_audited_and_listed(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        page = await browser.get("/interest")
        forms = [row for row in page.find("//form") if row.get("action") == "/interest"]
        assert [select(row, "./input[@name='kind']/@value") for row in forms] == [["organisation"], ["setting"]]
        wrong = await browser.post(page, "/interest", {**GOOD, "email": "nobody"})
        assert wrong.exchange.status == 400
        assert "Enter an e-mail address" in " ".join(str(text) for text in wrong.find("//ul//text()"))
        sent = {**GOOD, "kind": "setting", "reason": "Residents come from hospital <b>at night</b>"}
        done = await browser.post(page, "/interest", sent)
        assert done.exchange.status == 200
        forged = await calls.wire.send(
            "POST",
            f"{calls.gateway}/interest",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=b"kind=setting&csrf=" + b"0" * 64,
        )
        assert forged.code == "form-token"
    kept = rows(sandbox, "SELECT id, kind, data FROM interest")
    assert [(kind, json.loads(data)["reason"]) for _, kind, data in kept] == [
        ("setting", "Residents come from hospital <b>at night</b>")
    ]
    assert kept[0][0] in text_of(done.tree)  # type: ignore[arg-type]
    assert rows(sandbox, "SELECT count(*) FROM audit WHERE event = 'interest'") == [(1,)]
    status, output = await gateway_command("interest", "list", "--config", str(sandbox.data / "gateway.toml"), "--json")
    assert status == 0
    assert json.loads(output.splitlines()[0])["email"] == "a@example.org"
    statuses, last = await flooded(sandbox, 7)
    if 429 not in statuses[:6]:  # the hour has changed meanwhile, and with it the count
        statuses, last = await flooded(sandbox, 7)
    assert statuses[-1] == 429
    assert 1 <= int(last.headers["Retry-After"]) <= 3600
    told = await last.text()
    assert "This form has not been kept" in told
    assert "Flooding Trust" in told, "what was typed is not lost"
    number = 1 + rows(sandbox, "SELECT count(*) FROM interest WHERE data LIKE '%Flooding Trust%'")[0][0]
    assert number >= 1 + statuses.count(200)
    assert rows(sandbox, "SELECT count(*) FROM audit WHERE event = 'interest'") == [(number,)]


async def flooded(sandbox: RunningSandbox, number: int) -> tuple[list[int], aiohttp.ClientResponse]:
    """The statuses of so many forms sent from one address, which is no other test's, and the last answer."""
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.77", 0))
    jar = aiohttp.CookieJar(unsafe=True)
    url = f"{sandbox.gateway}/interest"
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        async with session.get(url) as page:
            token = re.search(r'name="csrf" value="([^"]+)"', await page.text())
        assert token is not None
        form = {**GOOD, "kind": "organisation", "organisation": "Flooding Trust", "csrf": token[1]}
        statuses: list[int] = []
        for _ in range(number):
            async with session.post(url, data=form) as answer:
                statuses.append(answer.status)
                await answer.read()
    return statuses, answer


@pytest.mark.parametrize(
    ("accept", "media"),
    [("text/html,*/*;q=0.8", "text/html"), ("application/json", "application/json"), ("*/*", "application/json")],
)
async def test_a_code_is_a_page_for_browsers_and_json_for_programs(
    sandbox: RunningSandbox, accept: str, media: str
) -> None:
    async with walking(sandbox) as (_, calls):
        for path, status in (("/errors/role-activity", 200), ("/errors/nonsense", 404), ("/errors", 200)):
            answer = await calls.wire.send("GET", calls.gateway + path, headers={"Accept": accept})
            assert answer.status == status
            assert answer.headers["Content-Type"].startswith(media)
