"""docs/privacy-officer.md tells the truth: its file is read, its settings are taken, its sign-in works, its pictures are there."""

import io
import re
import tomllib
from datetime import date

from click.testing import CliRunner

from gateway.cli import main
from gateway.config import Retention
from gateway.store.reconcile import reconcile
from tests.pages.privacy.officers import OFFICER, at_work
from tests.pages.walking import walking
from tests.running import ROOT, RunningSandbox
from vendor_stubs import cast

TEXT = (ROOT / "docs" / "privacy-officer.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The one example in that language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_attendance_file_shown_is_read_whole() -> None:
    found = reconcile(io.BytesIO(block("csv").encode()), [], open_alerts=0)
    assert (found.rows, found.faults, found.duplicates) == (3, (), 0)


def test_the_settings_shown_are_settings() -> None:
    kept = Retention(**tomllib.loads(block("toml"))["retention"])
    assert (kept.audit[0].years, kept.alerts[0].since) == (8, date(2026, 1, 1))


def test_the_commands_shown_are_commands() -> None:
    shown = re.findall(r"^scr-gateway (audit [a-z]+)(.*)$", TEXT, re.MULTILINE)
    assert {name for name, _ in shown} == {"audit export", "audit verify"}
    for name, rest in shown:
        told = CliRunner().invoke(main, [*name.split(), "--help"]).output
        for option in re.findall(r"--[a-z]+", rest.partition("#")[0]):
            assert option in told
        for option in set(re.findall(r"--[a-z]+", told)) - {"--help", "--output"}:
            assert option in TEXT, f"{name} takes {option}, and the page does not say so"


async def test_the_sign_in_shown_works_and_every_part_named_is_there(sandbox: RunningSandbox) -> None:
    user = cast.user(OFFICER)
    assert user is not None
    assert f"smartcard {OFFICER}, PIN {OFFICER[-4:]}" in TEXT
    async with walking(sandbox) as (browser, _):
        page = await at_work(browser)
    parts = [one.text_content() for one in page.find("//nav[@aria-label='Privacy officer']//a")]
    assert len(parts) == 9
    for part in parts:
        assert part in TEXT


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"\]\((screens/[^)]+)\)", TEXT)
    assert len(pictures) == 4
    for picture in pictures:
        assert (ROOT / "docs" / picture).is_file()
