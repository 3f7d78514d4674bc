"""The frame of every page: headers, style without anything outside, a page for every code, templates without the silent typo."""

import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway.domain.codes import Code
from gateway.pages import privacy_words
from gateway.pages.layout import Layout, environment
from gateway.pages.static_files import StaticFiles
from tests.running import ROOT

STATIC = StaticFiles.load()
LAYOUT = Layout(static=STATIC, sandbox=True)
TEMPLATES = sorted((ROOT / "gateway" / "pages" / "templates").glob("*.jinja"))


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.slug)
def test_every_code_has_its_page(code: Code) -> None:
    response = LAYOUT.refusal(code, rules=("P-01", "P-02"), correlation_id="X")
    assert response.status == code.entry.http
    assert response.headers["X-SCR-Code"] == code.slug
    assert response.headers["X-SCR-Rules"] == "P-01 P-02"
    body = response.text or ""
    assert code.sentence.replace("'", "&#39;") in body
    assert code.entry.next_step.replace("'", "&#39;") in body
    assert f'href="/errors/{code.slug}"' in body


def test_headers_of_every_page() -> None:
    headers = LAYOUT.headers()
    policy = headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/]{43}='", policy)) == 1


def test_a_page_runs_no_inline_script_but_the_one_hashed() -> None:
    page = LAYOUT.html("message.jinja", title="T", text="t")
    assert len(re.findall(r"<script(?![^>]*\bsrc=)", page)) == 1
    assert "style=" not in page
    assert not re.findall(r"\son\w+=", page)
    assert 'lang="en-GB"' in page


def test_style_and_script_name_nothing_outside() -> None:
    for path, file in STATIC.files.items():
        if path.endswith((".css", ".js")):
            text = file.body.decode()
            outside = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"')]*", text)
            assert all("w3.org" in url or "nhsuk.github.io" in url or "github.com" in url for url in outside), path
            assert "frutiger" not in text.casefold()
            assert "@font-face" not in text


def test_no_nhs_logo_is_served() -> None:
    assert not [path for path in STATIC.files if "logo" in path or "favicon" in path or path.endswith((".png", ".ico"))]


def test_pages_work_where_the_nhs_style_was_not_built() -> None:
    bare = StaticFiles({path: file for path, file in STATIC.files.items() if not path.startswith("nhsuk/")})
    page = Layout(static=bare, sandbox=True).html("message.jinja", title="T", text="t")
    assert not bare.built
    assert "/static/plain.css" in page
    assert "nhsuk-frontend.min.css" not in page


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_component_options_are_quoted(template: object) -> None:
    """An unquoted key renders an empty component without a word (ChainableUndefined)."""
    text = template.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    for call in re.findall(r"\{\{(.*?)\}\}|\{%(.*?)%\}", text, re.DOTALL):
        assert not re.search(r"[{,]\s*[a-z_]\w*\s*:(?!:)", "".join(call).replace("::", "")), template


def test_values_are_text_whatever_they_hold() -> None:
    page = LAYOUT.html("message.jinja", title="<b>T</b>", text='"><script>x</script>')
    assert "<b>" not in page
    assert "<script>x" not in page


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-")


def test_an_old_note_that_turns_the_direction_of_writing_has_those_characters_named() -> None:
    at = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)
    entry = SimpleNamespace(
        code=None, at=at, event="viewed", outcome="record", basis="emergency", note="A \u202e<b>\u2069 note"
    )
    source = '{% import "privacy/parts.jinja" as parts %}{{ parts.entries([entry], words) }}'
    told = environment().from_string(source).render(entry=entry, words=privacy_words)
    assert "A [U+202E]&lt;b&gt;[U+2069] note" in told
    assert "\u202e" not in told


def test_no_page_of_the_privacy_officer_shows_a_note_unnamed() -> None:
    shown = [
        found
        for path in (ROOT / "gateway" / "pages" / "templates" / "privacy").glob("*.jinja")
        for found in re.findall(r"{{ *[\w.]*\.note\b[^}]*}}", path.read_text(encoding="utf-8"))
    ]
    assert len(shown) >= 4
    assert all("| named" in found for found in shown), shown
