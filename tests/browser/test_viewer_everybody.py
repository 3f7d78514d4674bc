"""Every patient case and everybody of the cast who matters, at the viewer in real Chromium: what the screen ends in, in words, and accessible."""

import pytest
from playwright.async_api import Page, expect

from gateway.domain.codes import BY_SLUG
from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import answer, sign_in, work_in
from tests.test_patient_cases import CASES, ONE_SENTENCE, PATIENTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]
RECORD = "record"


async def ended(page: Page) -> str:
    """`record`, or the code of the refusal shown, whose sentence and next step a person can read."""
    await expect(page.locator("[data-record], [data-refusal]").first).to_be_visible()
    if await page.locator("[data-record]").count():
        await expect(page.locator("[data-created]").first).to_be_visible()
        return RECORD
    code = await page.locator("[data-refusal]").get_attribute("data-refusal")
    assert code is not None
    await expect(page.locator("[data-sentence]")).to_have_text(BY_SLUG[code].entry.sentence)
    return code


async def asked(page: Page, number: str) -> str:
    """From the page that finds a patient to what it ends in: the first way that stands open, and yes."""
    await page.get_by_label("NHS number").fill(number)
    await page.get_by_role("button", name="Find").click()
    if await page.locator("[data-refusal]").count():
        return await ended(page)
    claim = page.get_by_label("I take part in this patient's care now")
    await (claim if await claim.count() else page.locator("input[name='relationship']").first).check()
    await page.get_by_role("button", name="This is the right patient").click()
    unmet = page.locator("#confirm_deceased-error")
    if await unmet.count():
        code = "deceased-not-confirmed"
        await expect(unmet).to_contain_text(BY_SLUG[code].entry.sentence)
        await shot(page, "viewer-patient-error")
        return code
    if not await page.locator("[data-refusal]").count():
        await answer(page, "Yes, for this view")
    return await ended(page)


async def test_every_patient_case_ends_as_it_must(watched: Watched) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, "910000000158")
    await work_in(page, "Mental health")
    words: dict[str, str] = {}
    seen: set[str] = set()
    for case, ((outcome, _), _) in CASES.items():
        await page.goto(f"{watched.sandbox.gateway}/viewer/find")
        code = await asked(page, PATIENTS[case].nhs)
        expected = RECORD if case == "hostile_markup" else outcome
        assert (RECORD if code == RECORD else BY_SLUG[code].kind.value) == expected, case
        if code != RECORD:
            words[case] = await page.locator("main").inner_text()
            assert "nothing is known" not in words[case].replace("does not mean that nothing is known", "")
        if code not in seen:
            await accessible(page)
        seen.add(code)
    told = {words[case].partition("Quote this")[0] for case in ONE_SENTENCE}
    assert len(told) == 1, "what hides a record can be told from the page"


PEOPLE = [
    ("910000000018", None, "Acute assessment", RECORD),
    ("910000000026", None, "Acute assessment", "role-activity"),
    ("910000000034", None, "Acute assessment", "role-activity"),
    ("910000000042", "555000000104", "Accident and emergency", RECORD),
    ("910000000042", "555000000105", "Substance misuse", RECORD),
    ("910000000059", None, None, "role-none"),
    ("910000000067", None, "Acute assessment", "role-activity"),
    ("910000000075", None, "Acute assessment", "role-activity"),
    ("910000000083", None, None, "credentials-assurance"),
    ("910000000091", "555000000109", "Acute assessment", RECORD),
    ("910000000091", "555000000110", "Hospices", "user-training"),
    ("910000000117", None, "GP out of hours", RECORD),
    ("910000000125", None, "Ambulance", RECORD),
    ("910000000133", None, "Primary care", RECORD),
    ("910000000141", None, "Health and justice", RECORD),
    ("910000000166", None, None, RECORD),
    ("910000000174", None, "Hospital pharmacy", RECORD),
    ("910000000273", None, None, RECORD),
    ("910000000281", None, "Community care", RECORD),
    ("910000000299", "555000000130", None, "setting-not-approved"),
    ("910000000299", "555000000131", None, RECORD),
    ("910000000299", "555000000133", None, "purpose-refused"),
    ("910000000299", "555000000136", None, "organisation-not-live"),
    ("910000000299", "555000000142", None, "setting-unknown"),
    ("910000000307", "555000000153", "NHS 111", "role-activity"),
]
"""Card, role where there are several, care setting where there are several, end."""


@pytest.mark.parametrize(("uid", "role", "setting", "end"), PEOPLE)
async def test_everybody_comes_as_far_as_they_may(
    watched: Watched, uid: str, role: str | None, setting: str | None, end: str
) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, uid, role=role)
    if setting is not None:
        await work_in(page, setting)
    refused = await page.locator("[data-refusal]").count()
    assert (await ended(page) if refused else await asked(page, PATIENTS["core"].nhs)) == end
    if end != RECORD:
        await accessible(page)
    warned = await page.get_by_text("training is not on record").count()
    assert warned == (1 if (uid, end) == ("910000000091", RECORD) else 0)
