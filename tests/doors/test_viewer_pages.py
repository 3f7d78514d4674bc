"""The pages on Adastra and CLEO are true: their samples are the tested ones, their codes are all there, their words exist."""

import re

import pytest

from gateway.adapters import adastra, cleo
from gateway.domain.access import Purpose
from gateway.xml.catalogue import OWN_SCHEMAS
from gateway.xml.wsdl import SCHEMAS
from tests.doors import shared_parts
from tests.doors.viewer_doors import VIEWERS, Viewer
from tests.doors.viewer_pages import PAGES, written
from vendor_stubs import cast

viewers = pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)


@viewers
def test_samples_and_codes_are_the_real_ones(viewer: Viewer) -> None:
    page = (PAGES / f"{viewer.product}.md").read_text(encoding="utf-8")
    assert page == written(page, viewer), "run: python -m tests.doors.viewer_pages"


@pytest.mark.parametrize("door", shared_parts.DOORS)
def test_words_and_limits_are_those_of_the_policy_and_the_parser(door: str) -> None:
    page = (PAGES / f"{door}.md").read_text(encoding="utf-8")
    assert page == shared_parts.written(page, door), "run: python -m tests.doors.shared_parts"


@pytest.mark.parametrize("name", ["viewer/messages", "access-facts"])
def test_the_schema_names_every_purpose(name: str) -> None:
    schema = (OWN_SCHEMAS / f"{name}.xsd").read_text(encoding="utf-8")
    told = re.findall(r"What the view is for. One of: ([a-z, -]+)\. Only the first two ever open a record", schema)
    assert told == [", ".join(Purpose)] * len(told)
    assert told


@viewers
def test_the_request_to_paste_is_read(viewer: Viewer) -> None:
    page = (PAGES / f"{viewer.product}.md").read_text(encoding="utf-8")
    request = page.partition("<!-- begin request -->\n```xml\n")[2].partition("\n```")[0]
    assert viewer.read(request.encode()).action == "ViewSummary"


@viewers
def test_what_the_page_names_exists(viewer: Viewer) -> None:
    page = (PAGES / f"{viewer.product}.md").read_text(encoding="utf-8")
    for name in re.findall(r"\?xsd=([a-z][a-z/-]*)", page):
        assert name in SCHEMAS, name
    for user in set(re.findall(r"\b9100000\d{5}\b", page)) - {"910000000000"}:
        assert cast.user(user) is not None
    for system in re.findall(r"(?:X-SCR-System: |--system )([a-z0-9-]+)", page):
        assert cast.system(system) is not None
    module = {"adastra": adastra, "cleo": cleo}[viewer.product]
    assert f"at most {module.LIFETIME.total_seconds() / 60:.0f} minutes" in page
    assert f"{viewer.door.max_bytes // 1024} KiB" in page
