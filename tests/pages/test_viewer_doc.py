"""docs/doors/scra.md says what is true: every address it names is served, every address served is named, its command works."""

import re
import shlex
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from gateway.browsing import organisation_routes, viewer_routes
from gateway.pages.layout import Layout
from gateway.pages.static_files import StaticFiles
from tests.running import ROOT, RunningSandbox, vendor_stub

TEXT = (ROOT / "docs" / "doors" / "scra.md").read_text(encoding="utf-8")
TEMPLATES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway/pages/templates").glob("*.jinja"))


def served() -> set[str]:
    """`METHOD /path` of every page."""
    layout = Layout(static=StaticFiles.load(), sandbox=True)
    frame: Any = SimpleNamespace(page=lambda handler, **_: handler, layout=layout, refused_page=None)
    parts: Any = SimpleNamespace(trained=None, keep_interest=None)
    routes: Iterable[web.RouteDef] = (*viewer_routes(frame), *organisation_routes(parts, frame))
    found = {f"{route.method} {route.path.rstrip('/')}" for route in routes}
    return {one for one in found if "/static/" not in one}


def named() -> set[str]:
    """The same, as the document has them."""
    found = set()
    for methods, path in re.findall(r"((?:GET|POST)(?:, POST)?) (/[\w/{}-]+)", TEXT):
        found |= {f"{method} {path}" for method in methods.split(", ")}
    return {one for one in found if "/errors" not in one}


def test_the_document_names_exactly_what_is_served() -> None:
    assert named() == served()


def test_the_attributes_it_promises_are_in_the_templates() -> None:
    promised = set(re.findall(r"`(data-[a-z-]+)`", TEXT))
    assert len(promised) == 13
    assert {name for name in promised if name not in TEMPLATES} == set()


def test_every_picture_is_listed_and_every_one_listed_is_there() -> None:
    folder = ROOT / "docs" / "screens"
    listed = re.findall(r"\]\(([\w-]+\.png)\)", (folder / "README.md").read_text(encoding="utf-8"))
    there = {path.name for path in folder.glob("*.png")}
    ours = {name for name in there if name.startswith(("viewer-", "record-", "launch-", "desk", "sign-in-"))}
    assert len(listed) == len(set(listed))
    assert ours <= set(listed) <= there


async def test_its_command_shows_a_record(sandbox: RunningSandbox) -> None:
    command = next(line.strip() for line in TEXT.splitlines() if line.strip().startswith("vendor-stub scra"))
    status, output, _ = await vendor_stub(sandbox, *shlex.split(command)[1:], "--json")
    assert status == 0, output
    alias, _, _ = await vendor_stub(sandbox, "ncrs", *shlex.split(command)[2:])
    assert alias == 0


async def test_what_has_no_place_ends_in_status_2(sandbox: RunningSandbox) -> None:
    status, _, errors = await vendor_stub(
        sandbox, "scra", "view", "--nhs-number", "9992000481", "--as", "910000000158", "--date-of-birth", "1938-02-03"
    )
    assert status == 2
    assert "--date-of-birth" in errors
