"""What a person does at the viewer, step by step, as the browser tests do it."""

from playwright.async_api import Page, expect

from tests.browser.conftest import accessible, shot
from tests.running import RunningSandbox
from vendor_stubs import cast

PATIENTS = {patient.case: patient.nhs for patient in reversed(list(cast.patients())) if patient.case}


async def sign_in(page: Page, sandbox: RunningSandbox, uid: str, *, role: str | None = None) -> None:
    """From the start page to the first page after sign-in."""
    await page.goto(f"{sandbox.gateway}/viewer")
    await page.get_by_role("link", name="Sign in with your smartcard").click()
    await page.get_by_label("Smartcard").select_option(uid)
    await page.get_by_label("PIN").fill(uid[-4:])
    await page.get_by_role("button", name="Sign in").click()
    if role is not None:
        await page.locator(f"input[value='{role}']").check()
        await page.get_by_role("button", name="Continue").click()


async def work_in(page: Page, setting: str) -> None:
    """The care setting chosen."""
    await page.get_by_label(setting, exact=True).check()
    await page.get_by_role("button", name="Continue").click()


async def find(page: Page, number: str) -> None:
    """The patient found by NHS number."""
    await page.get_by_label("NHS number").fill(number)
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("region", name="Patient", exact=True)).to_be_visible()


async def relate(page: Page, *, confirm_deceased: bool = False) -> None:
    """The right patient, a relationship claimed."""
    await page.get_by_label("I take part in this patient's care now").check()
    if confirm_deceased:
        await page.get_by_label("The record is still needed").check()
    await page.get_by_role("button", name="This is the right patient").click()


async def answer(page: Page, words: str) -> None:
    """The patient's answer, and on."""
    await page.get_by_label(words).check()
    await page.get_by_role("button", name="Continue").click()


async def to_record(page: Page, sandbox: RunningSandbox, case: str, *, uid: str = "910000000158") -> None:
    """All the way, as a doctor of the mental health trust."""
    await sign_in(page, sandbox, uid)
    await work_in(page, "Mental health")
    await find(page, PATIENTS[case])
    await relate(page, confirm_deceased=case == "deceased")
    if case == "deceased":
        await expect(page.get_by_role("heading", name="This patient has died", level=1)).to_be_visible()
        await accessible(page)
        await shot(page, "viewer-permission-deceased")
    await answer(page, "Permission the patient gave before the death" if case == "deceased" else "Yes, for this view")
    await expect(page.get_by_role("heading", name="Summary Care Record", level=1)).to_be_visible()
