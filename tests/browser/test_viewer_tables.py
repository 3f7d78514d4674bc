"""Tables of a record: no cell out of sight on a phone, each under its column's name, and no word or dose torn in two."""

import pytest

from tests.browser.conftest import Watched
from tests.browser.journeys import to_record

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

OUT_OF_SIGHT = """() => [...document.querySelectorAll("[data-cell]")].filter((cell) => {
  const box = cell.getBoundingClientRect();
  return box.left < 0 || box.right > window.innerWidth + 1 || cell.scrollWidth > cell.clientWidth + 1;
}).length"""
TORN = """() => {
  const torn = [];
  for (const cell of document.querySelectorAll("[data-cell]:not(.scr-unbroken)")) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const found of node.data.matchAll(/[\\p{L}\\p{N}\\p{M}\\u00a0\\u00ad\\u200b-\\u200d]+/gu)) {
        if (/[\\u00ad\\u200b]/.test(found[0])) continue; // the source itself says where it may be broken
        const range = document.createRange();
        range.setStart(node, found.index);
        range.setEnd(node, found.index + found[0].length);
        if (new Set([...range.getClientRects()].filter((box) => box.width > 0.5).map((box) => Math.round(box.top))).size > 1) torn.push(found[0]);
      }
    }
  }
  return torn;
}"""
"""A run of letters, digits and no-break spaces that stands on more than one line."""


@pytest.mark.parametrize("watched", [{"viewport": {"width": 375, "height": 700}, "is_mobile": True}], indirect=True)
@pytest.mark.parametrize("case", ["core", "additional_information"])
async def test_a_phone_hides_no_cell_and_names_its_column(watched: Watched, case: str) -> None:
    page = await watched.page()
    await to_record(page, watched.sandbox, case)
    assert await page.locator("[data-cell]").count() > 10
    assert await page.evaluate(OUT_OF_SIGHT) == 0
    label = await page.locator("td[data-label]").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert len(label.strip('"')) > 2
    assert await page.evaluate(TORN) == []


@pytest.mark.parametrize("watched", [{"viewport": {"width": 1280, "height": 900}}], indirect=True)
@pytest.mark.parametrize("case", ["awkward_text", "additional_information"])
async def test_no_word_and_no_dose_is_torn_in_two(watched: Watched, case: str) -> None:
    page = await watched.page()
    await to_record(page, watched.sandbox, case)
    assert await page.evaluate(TORN) == []
