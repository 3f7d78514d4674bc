"""Paper: what every printed page must carry (who it is about, who printed it and where, how old it is, what is withheld), read from the PDF."""

import io
import re
import unicodedata

import pytest
from playwright.async_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import Watched
from tests.browser.journeys import to_record

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]
WHEN = r"\d{2}-[A-Z][a-z]{2}-\d{4} \d{2}:\d{2}"


async def printed(watched: Watched, case: str) -> list[str]:
    """The words on each sheet, as a person reads them."""
    page: Page = await watched.page()
    await to_record(page, watched.sandbox, case)
    async with watched.context.expect_page() as opened:
        await page.get_by_role("button", name="Print view").click()
    paper = await opened.value
    await expect(paper.get_by_text("End of the record.")).to_be_visible()
    reader = PdfReader(io.BytesIO(await paper.pdf(format="A4")))
    return [" ".join(unicodedata.normalize("NFKC", sheet.extract_text()).split()) for sheet in reader.pages]


async def test_a_print_left_open_goes_where_its_patient_is_closed(watched: Watched) -> None:
    page: Page = await watched.page()
    await to_record(page, watched.sandbox, "core")
    async with watched.context.expect_page() as opened:
        await page.get_by_role("button", name="Print view").click()
    paper = await opened.value
    await expect(paper.get_by_text("End of the record.")).to_be_visible()
    await page.get_by_role("link", name="Close and find another patient").click()
    await expect(paper.get_by_role("heading", name="The patient has been closed")).to_be_visible()
    await expect(paper.locator("[data-record]")).to_have_count(0)


@pytest.mark.parametrize(
    ("case", "banner", "also"),
    [
        (
            "withheld",
            "FAIRCLOUGH, Henry (Mr) Born 25-Dec-1966",
            ("Some entries of this patient's record have deliberately been left out of this summary.",),
        ),
        (
            "recently_registered",
            "GARSIDE, Ola (Mx) Born 31-Jan-1990",
            ("The patient joined this practice a short time before this summary was made; it may not be complete.",),
        ),
        ("deceased", "INGHAM, Walter (Mr) Born 02-Oct-1929", ("Died 01-Mar-2026",)),
        ("additional_information", "BANNISTER, Joseph (Mr) Born 03-Feb-1938", ()),
        ("very_large", "LUMB, ", ()),
    ],
)
async def test_every_sheet_says_what_it_must(watched: Watched, case: str, banner: str, also: tuple[str, ...]) -> None:
    sheets = await printed(watched, case)
    assert len(sheets) > 1
    number = re.search(r"NHS No\. (\d{3} \d{3} \d{4})", sheets[0])
    assert number is not None
    for at, words in enumerate(sheets, start=1):
        assert f"Page {at} of {len(sheets)}" in words
        for told in (banner, f"NHS No. {number[1]}", "Confidential – patient data", *also):
            assert told in words, f"sheet {at} of {case} does not say {told}"
        assert re.search(rf"Printed by RAO Vikram Dr, .*Fenwick Mental Health NHS Trust \(RZZ02\), on {WHEN}", words)
        assert re.search(rf"Record created {WHEN}", words)
        assert "(Link:" not in words, "an address on the page is no use on paper"
    assert "Traced: the patient's current number" in sheets[0]
    assert "End of the record." in sheets[-1]
