"""The second witness reads every sample and every generated document without losing a word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from vendor_stubs import cast
from vendor_stubs.spine.authoring import content_for
from vendor_stubs.spine.summary import build_summary
from vendor_stubs.spine.versions import listed_numbers, seed_of, version
from vendor_stubs.summary_reader import created_of, presentation_of, read_sections, read_summary
from vendor_stubs.xml import HL7, parse, qname

XHTML = "xhtml:NPfIT:PresentationText"
WITH_SUMMARY = [patient for patient in cast.patients() if listed_numbers(patient, stale_missed=False)]


def generated(patient: cast.Patient) -> Any:
    one = version(patient, listed_numbers(patient, stale_missed=False)[0])
    return build_summary(content_for(patient, one, seed_of(patient)))


def of_case(case: str) -> dict[str, Any]:
    return read_summary(generated(next(patient for patient in WITH_SUMMARY if patient.case == case)))


def words_shown(read: dict[str, Any]) -> list[str]:
    """Every word of the sections, in the order a reader meets them."""
    told: list[str] = []
    for section in read["sections"]:
        told.append(section["title"] or "")
        for block in section["blocks"]:
            told += [
                block["caption"] or "",
                block["text"],
                *block["columns"],
                *(cell for row in block["rows"] for cell in row),
            ]
    return [word for text in told for word in text.split()]


def words_sent(html: Any) -> list[str]:
    """Every word of the body, found by a plain walk that knows no sections (an independent third reading)."""
    bodies = html.xpath("*[local-name()='body']")
    root = bodies[0] if bodies else html

    def texts(element: Any) -> Iterator[str]:
        if not isinstance(element.tag, str):
            return
        name = etree.QName(element).localname
        if name in {"script", "style"} or (name == "head" and element.getparent() is html):
            return
        gap = "" if name in {"b", "i", "em", "strong", "a", "span", "sub", "sup", "img", "input"} else " "
        yield gap
        yield element.text or ""
        for child in element:
            yield from texts(child)
            yield child.tail or ""
        yield gap

    return "".join(texts(root)).split()


def body(markup: str) -> Any:
    return parse(f'<html xmlns="{XHTML}"><head><title>no</title></head><body>{markup}</body></html>'.encode())


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words, "caption": None, "columns": [], "rows": []}


def table(rows: list[list[str]], columns: list[str] | None = None, caption: str | None = None) -> dict[str, Any]:
    return {"kind": "table", "text": "", "caption": caption, "columns": columns or [], "rows": rows}


# ---- the samples ----------------------------------------------------------------------------------------------------


def sample_summaries(shared: Path) -> list[tuple[str, Any]]:
    found = []
    for file in sorted((shared / "samples").rglob("*.xml")):
        root = parse(file.read_bytes())
        found += [(file.name, summary) for summary in root.iter(qname(HL7, "GPSummary"))]
    return found


def test_no_word_of_any_sample_is_lost(shared: Path) -> None:
    summaries = sample_summaries(shared)
    assert len(summaries) >= 15
    for name, summary in summaries:
        read = read_summary(summary)
        html = presentation_of(summary)
        assert html is not None, name
        assert words_shown(read) == words_sent(html), name
        assert read["nhs_number"], name
        assert read["created"], name


def test_samples_facts(shared: Path) -> None:
    by_name = dict(sample_summaries(shared))
    core = read_summary(by_name["success.xml"])
    assert core["author"] == "Dr Steve Jones"
    assert core["created"] == "2020-11-17T01:00:00+00:00"
    assert [row["kind"] for row in core["document_statements"]] == ["recently registered"]
    assert core["additional_information"] is True
    initial = read_summary(by_name["querySCRResponse_9464246871.xml"])
    assert initial["created"] == "2011-10-21T14:17:46+01:00"
    assert initial["practice"] == initial["author"]
    assert initial["additional_information"] is False
    assert [row["kind"] for row in initial["document_statements"]] == ["holds no data"]
    captions = read_summary(by_name["querySCRResponse_9407792528.xml"])
    assert [section["title"] for section in captions["sections"]] == [
        "General Practice Initial Summary",
        "Allergies and Adverse Reactions",
        "Acute Medications",
        "Repeat Medications",
    ]
    withheld = read_summary(by_name["additional-information.xml"])
    assert {row["kind"] for row in withheld["document_statements"]} == {"withheld"}
    assert withheld["additional_information"] is True
    assert read_summary(by_name["querySCRResponse_9448589190.xml"])["document_statements"][0]["kind"] == "withheld"


# ---- the generated documents ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("patient", WITH_SUMMARY, ids=lambda patient: f"{patient.case}-{patient.nhs[-3:]}")
def test_no_word_of_a_generated_summary_is_lost(patient: cast.Patient) -> None:
    summary = generated(patient)
    html = presentation_of(summary)
    assert html is not None
    assert words_shown(read_summary(summary)) == words_sent(html)


def test_core_summary() -> None:
    read = of_case("core")
    titles = [section["title"] for section in read["sections"]]
    assert titles[:2] == ["General Practice Summary", "Allergies and Adverse Reactions"]
    assert titles[2].startswith("Acute Medications (For the 12 month period ")
    assert titles[3] == "Current Repeat Medications"
    assert titles[4].startswith("Discontinued Repeat Medications (For the 6 month period ")
    assert len(titles) == 5
    assert read["sections"][1]["blocks"][0]["columns"] == [
        "Date",
        "Description",
        "Certainty",
        "Severity",
        "Supporting Information",
    ]
    assert read["sections"][1]["blocks"][0]["rows"]
    assert read["practice"] == "Northbrook Village Surgery"
    assert read["additional_information"] is False
    assert read["document_statements"] == []
    assert read["active_content_removed"] is False


def test_statements_of_the_cases() -> None:
    kinds = {
        "withheld": ["withheld", "withheld"],
        "recently_registered": ["recently registered"],
        "blank_optout": ["refused storage"],
        "no_data": ["holds no data"],
        "ask": [],
    }
    assert {case: [row["kind"] for row in of_case(case)["document_statements"]] for case in kinds} == kinds


def test_every_group_of_additional_information_is_read() -> None:
    read = of_case("additional_information")
    assert read["additional_information"] is True
    assert len(read["sections"]) == 5 + 18


def test_captions_open_sections() -> None:
    read = of_case("captions_only")
    assert [section["id"] for section in read["sections"]] == [
        "Title",
        "Allergies",
        "AcuteMeds",
        "RepeatMeds",
        "DiscRepeatMeds",
    ]
    assert all(block["caption"] is None for section in read["sections"] for block in section["blocks"])


def test_an_empty_allergy_table_stays_empty() -> None:
    [_, allergies, *_] = of_case("empty_allergies")["sections"]
    assert allergies["blocks"] == [
        table([], ["Date", "Description", "Certainty", "Severity", "Supporting Information"])
    ]


def test_awkward_text_is_untouched() -> None:
    cells = [
        cell
        for section in of_case("awkward_text")["sections"]
        for block in section["blocks"]
        for row in block["rows"]
        for cell in row
    ]
    assert "حساسية من البنسلين" in cells
    assert "Cafe\u0301-au-lait reaction, n\u0303 and a\u0308 as combining marks" in cells
    assert "Paracétamol\u00a0500\u00a0mg comprimés" in cells
    assert "&amp;lt;b&amp;gt; tablets (already escaped once)" in cells
    assert any("👩‍⚕️👨‍👩‍👧‍👦" in cell for cell in cells)


def test_hostile_markup_loses_its_code_and_keeps_its_words() -> None:
    read = of_case("hostile_markup")
    assert read["active_content_removed"] is True
    [section] = [section for section in read["sections"] if section["id"] == "HostileHeader"]
    assert [block["text"] for block in section["blocks"]] == [
        "Word before the picture, word after the picture.",
        "Read the link 1, then link 2, then link 3and stop.",
        "Words inside a drawing",
        "Words inside a frame",
        "Words inside an object",
        "Words of a form",
        "Plain words <script>alert(9)</script> that only look like markup &amp; stay",
        "Bare words after a comment.",
        "",
    ]
    assert section["blocks"][-1]["rows"] == [["Cell with a bold word"]]
    shown = " ".join(words_shown(read))
    for trace in ("SCRIPT-RAN", "beacon.invalid", "onclick", "alert(1)", "alert(10)", "position:fixed", "javascript:"):
        assert trace not in shown


# ---- the rules, one by one ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<h2 id='A'>One</h2><p>x</p><h2/><p>y</p>", [("A", "One", [text("x")]), (None, None, [text("y")])]),
        ("before<h1>T</h1>", [(None, None, [text("before")]), (None, "T", [])]),
        ("<h2>T</h2>a <!-- c -->b", [(None, "T", [text("a b")])]),
        ("<h2>T</h2><p> a\t\r\n b\u00a0 </p>", [(None, "T", [text("a b\u00a0")])]),
        ("<h2>T</h2><p>a<br/>b<b>c</b>d</p>", [(None, "T", [text("a bcd")])]),
        (
            "<h2>T</h2><ul><li>a</li><li><p>b</p><p>c</p></li><li/></ul>",
            [(None, "T", [text("a"), text("b"), text("c")])],
        ),
        ("<h2>T</h2><div>a<p>b</p>c</div>", [(None, "T", [text("a"), text("b"), text("c")])]),
        ("<h2>T</h2><div>a <span>b</span> c</div>", [(None, "T", [text("a b c")])]),
        ("<h2>T</h2><div><h2 id='N'>N</h2>x</div>", [(None, "T", []), ("N", "N", [text("x")])]),
        ("<h2>T</h2><h3>sub</h3><pre>a\n b</pre>", [(None, "T", [text("sub"), text("a b")])]),
        ("<h2>T</h2><whatever>kept</whatever>", [(None, "T", [text("kept")])]),
        ("<h2>T</h2><table><tr><td/><th>b</th></tr></table>", [(None, "T", [table([["", "b"]])])]),
        (
            "<h2>T</h2><table><tr><th>a</th></tr><tr/><tr><th>h</th><td>x<p>y</p></td></tr></table>",
            [(None, "T", [table([["h", "x y"]], ["a"])])],
        ),
        (
            "<h2>T</h2><table><tr><td><table><caption>k</caption><tr><td>in</td><td>ner</td></tr></table></td></tr></table>",
            [(None, "T", [table([["k in ner"]])])],
        ),
        (
            "<h2>T</h2><h2 id='S'>S</h2><table><caption>c</caption></table>",
            [(None, "T", []), ("S", "S", [table([], None, "c")])],
        ),
        (
            "<h2>T</h2><table id='A'><caption>c</caption></table><table id='B'><caption> d </caption></table><table/>",
            [(None, "T", []), ("A", "c", [table([])]), ("B", "d", [table([]), table([])])],
        ),
        (
            "<h2>First</h2><h2 id='TITLE'>Real</h2><table id='A'><caption>c</caption></table>",
            [(None, "First", []), ("TITLE", "Real", []), ("A", "c", [table([])])],
        ),
        (
            "<h2>First</h2><table id='A'><caption>c</caption></table><h2 id='title'>Real</h2>",
            [(None, "First", [table([], None, "c")]), ("title", "Real", [])],
        ),
        ("<table id='A'><caption>c</caption></table>", [("A", "c", [table([])])]),
        ("<table><tr><td>x</td></tr></table>", [(None, None, [table([["x"]])])]),
        ("<h2>T</h2><p>a<blockquote>b</blockquote>c</p>", [(None, "T", [text("a b c")])]),
        (
            "<h2>T</h2><div><span>a<table><tr><td>b</td></tr></table></span></div>",
            [(None, "T", [text("a"), table([["b"]])])],
        ),
        (
            "<h2>T</h2><table>w<tr>x<td>a</td>y</tr><tbody><tr><td>b</td></tr>z</tbody><td>c</td></table>",
            [(None, "T", [table([["w"], ["x", "a", "y"], ["b"], ["z"], ["c"]])])],
        ),
        ("<h2>T</h2><script>no</script>a<style>no</style>", [(None, "T", [text("a")])]),
        ("<h2>T</h2><p>a<script>no</script>b</p>", [(None, "T", [text("ab")])]),
        ("<h2>T</h2><noscript>kept</noscript>", [(None, "T", [text("kept")])]),
        ("", []),
    ],
)
def test_rule(markup: str, expected: list[tuple[str | None, str | None, list[dict[str, Any]]]]) -> None:
    assert [(section["id"], section["title"], section["blocks"]) for section in read_sections(body(markup))] == expected


def test_html_without_a_body_leaves_its_head_out() -> None:
    html = parse(f'<y:html xmlns:y="{XHTML}"><y:head><y:title>no</y:title></y:head><y:h2>T</y:h2>a</y:html>'.encode())
    assert [(section["title"], section["blocks"]) for section in read_sections(html)] == [("T", [text("a")])]


@pytest.mark.parametrize(
    ("markup", "active"),
    [
        ("<p id='x' class='y'>a</p><table summary='s'><tr><td colspan='2'/></tr></table>", False),
        ("<p onclick='a()'/>", True),
        ("<p style='x'/>", True),
        ("<a href='#'>a</a>", True),
        ("<img/>", True),
        ("<script/>", True),
        ("<form>a</form>", True),
    ],
)
def test_active_content_is_marked(markup: str, active: bool) -> None:
    summary = parse(
        f'<GPSummary xmlns="{HL7}"><excerptFrom><presentationText><value><html xmlns="{XHTML}"><body>{markup}</body>'
        "</html></value></presentationText></excerptFrom></GPSummary>".encode()
    )
    assert read_summary(summary)["active_content_removed"] is active


@pytest.mark.parametrize(
    ("wire", "read"),
    [
        ("20260301101500", "2026-03-01T10:15:00+00:00"),
        ("20260701101500", "2026-07-01T10:15:00+01:00"),
        ("202607011015", "2026-07-01T10:15:00+01:00"),
        ("20260301", "2026-03-01"),
        ("20261025013000", "2026-10-25T01:30:00+01:00"),
        ("20261025023000", "2026-10-25T02:30:00+00:00"),
        ("1", None),
        ("20261345101500", None),
        ("", None),
    ],
)
def test_created(wire: str, read: str | None) -> None:
    assert created_of(parse(f'<GPSummary xmlns="{HL7}"><effectiveTime value="{wire}"/></GPSummary>'.encode())) == read


def coded(code: str, entry: str, inside: str = "") -> Any:
    return parse(
        f'<GPSummary xmlns="{HL7}"><pertinentInformation2><pertinentCREType><code code="{code}"/><component>'
        f"<{entry}>{inside}</{entry}></component></pertinentCREType></pertinentInformation2></GPSummary>".encode()
    )


MARKER = (
    '<code code="263536004"/><pertinentInformation><pertinentSupportingInfo>'
    "<value>Additional information records have been found under the following types:\nProblems</value>"
    "</pertinentSupportingInfo></pertinentInformation>"
)


@pytest.mark.parametrize(
    ("summary", "additional"),
    [
        (coded("163221000000102", "UKCT_MT144053UK02.Allergy"), False),
        (coded("185361000000102", "UKCT_MT144056UK01.Refusal"), False),
        (coded("163001000000103", "UKCT_MT144042UK01.Diagnosis"), True),
        (coded("163021000000107", "UKCT_MT144036UK01.LifeStyle"), True),
        (coded("162961000000108", "UKCT_MT144056UK01.Refusal"), False),
        (coded("162961000000108", "UKCT_MT144046UK01.PersonalPreference"), True),
        (coded("163191000000109", "UKCT_MT144035UK01.ThirdPartyCorrespondence"), False),
        (coded("163191000000109", "UKCT_MT144035UK01.ThirdPartyCorrespondence", MARKER), True),
    ],
)
def test_additional_information(summary: Any, additional: bool) -> None:
    assert read_summary(summary)["additional_information"] is additional
