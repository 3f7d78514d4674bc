"""The pane: a summary record as one self-contained HTML document for viewers that embed a browser.

Built as a tree from the record read, never from the source's markup. No script, no link, no form, nothing remote; the only
style is the one beside this file. A second lock (an allow-list sanitiser) must find nothing to take away, or nothing is sent.
"""

from datetime import datetime
from importlib.resources import files

import nh3
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.instants import LONDON, WireTime
from gateway.domain.record import Section, Statement, StatementKind, SummaryRecord, Table, Text
from gateway.domain.spine import Demographics
from gateway.domain.withdrawn import HEADING as WITHDRAWN
from gateway.domain.withdrawn import sentence, unnamed, withdrawn
from gateway.service.outcomes import Viewed
from gateway.xml.parser import Limits, parse

STYLE = files(__package__).joinpath("pane.css").read_text(encoding="utf-8")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for the pane: nothing; only the style element inside it counts."""

TAGS = frozenset(
    "div header main section footer h1 h2 p dl dt dd strong table caption thead tbody tr th td".split()  # noqa: SIM905 - a list of words
)
ATTRIBUTES = {"*": {"class"}, "div": {"lang"}, "section": {"role"}, "th": {"scope"}}
CLASSES = frozenset({"scr", "banner", "name", "flag", "facts", "statement", "highlighted", "nothing"})

STATEMENTS = {
    StatementKind.REFUSED_STORAGE: "Storage refused",
    StatementKind.NO_DATA: "The record holds no data",
    StatementKind.WITHHELD: "Entries withheld",
    StatementKind.RECENTLY_REGISTERED: "Recently registered patient",
    StatementKind.HIGHLIGHTED: "Important",
}
"""What each kind of statement is headed by."""

_GENDERS = {"0": "Not known", "1": "Male", "2": "Female", "9": "Not specified"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LIMITS = Limits(max_bytes=64 * 1024 * 1024, max_nodes=2_000_000)


def pane(record: SummaryRecord, viewed: Viewed, *, now: datetime, reference: str) -> str:
    """The document as text. `reference` is the correlation id, to be quoted. Raises GatewayError (ANSWER_INVALID)."""
    content = content_element(record, viewed, now=now, reference=reference)
    check(content)
    root = etree.Element("html", {"lang": "en-GB"})
    head = _add(root, "head")
    _add(head, "meta", charset="utf-8")
    meta = _add(head, "meta", content=POLICY)
    meta.set("http-equiv", "Content-Security-Policy")
    _add(head, "title", "Summary Care Record")
    _add(head, "style", STYLE)
    _add(root, "body").append(content)
    return etree.tostring(root, encoding="unicode", doctype="<!DOCTYPE html>")


def check(content: etree._Element) -> None:
    """The second lock: the sanitiser, given what a pane may hold, must leave every node as it is.

    Raises GatewayError (ANSWER_INVALID) where it would have changed anything.
    """
    cleaned = nh3.clean(
        etree.tostring(content, encoding="unicode"),
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items() if tag != "*"},
        allowed_classes={tag: set(CLASSES) for tag in TAGS},
        url_schemes=set(),
        link_rel=None,
    )
    try:
        # the one named entity the sanitiser writes that XML does not know
        after = parse(cleaned.replace("&nbsp;", "\N{NO-BREAK SPACE}").encode(), _LIMITS)
    except MessageInvalid as invalid:
        raise GatewayError(Code.ANSWER_INVALID) from invalid
    if etree.tostring(after, method="c14n") != etree.tostring(content, method="c14n"):
        raise GatewayError(Code.ANSWER_INVALID)


def content_element(record: SummaryRecord, viewed: Viewed, *, now: datetime, reference: str) -> etree._Element:
    """All the pane shows, in the order of the source: banner, statements, facts, sections, foot."""
    root = etree.Element("div", {"class": "scr", "lang": "en-GB"})
    _banner(root, record, viewed, now)
    main = _add(root, "main")
    _add(main, "h1", "Summary Care Record")
    for statement in record.statements:
        _statement(main, STATEMENTS[statement.kind], statement.text, record.where(statement))
    if record.active_content_removed:
        _statement(
            main,
            "Active content removed",
            "Scripts or other active content were left out of this record before it was shown. All its words are here.",
        )
    _withdrawn(main, record)
    _facts(main, record)
    for section in record.sections:
        _section(main, section)
    foot = _add(root, "footer")
    shown = now.astimezone(LONDON)
    _add(foot, "p", f"Confidential: patient data. Shown {_day(shown)} {shown:%H:%M}. Reference {reference}.")
    _add(foot, "p", "A part that is not in this record says nothing about the patient: use other sources too.")
    return root


def _add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new last child. Its text is never None, so that it is written with an end tag, as HTML needs it."""
    child = etree.SubElement(parent, tag, {name.rstrip("_"): value for name, value in attributes.items()})
    if text is not None or tag != "meta":
        child.text = text or ""
    return child


def _pair(listed: etree._Element, label: str, value: str) -> None:
    pair = _add(listed, "div")
    _add(pair, "dt", label)
    _add(pair, "dd", value)


def _banner(root: etree._Element, record: SummaryRecord, viewed: Viewed, now: datetime) -> None:
    """Whose record it is, in view while scrolling, with what changes the meaning of all that follows."""
    banner = _add(root, "header", class_="banner")
    patient = viewed.patient
    _add(banner, "p", person_name(patient), class_="name")
    listed = _add(banner, "dl")
    _pair(listed, "Born", _born(patient, now))
    if patient.deceased is not None:
        _pair(listed, "Died", shown_time(patient.deceased))
    _pair(listed, "Gender", _GENDERS.get(patient.gender or "", "Not known"))
    _pair(listed, "NHS No.", patient.nhs_number.grouped)
    if viewed.requested is not None:
        _pair(listed, "Asked with, superseded", viewed.requested.grouped)
    flags = dict.fromkeys(STATEMENTS[statement.kind] for statement in _serious(record.statements))
    if withdrawn(record):
        flags[WITHDRAWN] = None
    for flag in (*flags, *(["Active content removed"] if record.active_content_removed else [])):
        _add(banner, "strong", flag, class_="flag")


def _serious(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    return tuple(statement for statement in statements if statement.kind is not StatementKind.HIGHLIGHTED)


def _statement(root: etree._Element, heading: str, text: str, where: tuple[str, ...] = ()) -> None:
    section = _add(root, "section", class_="statement", role="note")
    _add(section, "h2", heading)
    _add(section, "p", text)
    if where:
        _add(section, "p", f"In: {', '.join(where)}")


def _withdrawn(root: etree._Element, record: SummaryRecord) -> None:
    """What the practice took back, named: the text below may still tell it as current."""
    entries = withdrawn(record)
    if not entries:
        return
    section = _add(root, "section", class_="statement", role="note")
    _add(section, "h2", WITHDRAWN)
    _add(section, "p", sentence(len(entries)))
    for entry in entries:
        if entry.words:
            _add(section, "p", entry.line(shown_day))
    if more := unnamed(entries):
        _add(section, "p", more)


def _facts(root: etree._Element, record: SummaryRecord) -> None:
    listed = _add(root, "dl", class_="facts")
    _pair(listed, "Summary created", shown_time(record.created))
    _pair(listed, "Author", record.author_name or "Not stated")
    _pair(listed, "Practice", record.practice or "Not stated")
    _pair(listed, "Form", "Additional Information included" if record.additional_information else "Core record only")


def _section(root: etree._Element, section: Section) -> None:
    element = _add(root, "section")
    _add(element, "h2", section.title or "Without a heading")
    if not section.blocks:
        _add(element, "p", "Nothing stands under this heading in the record.", class_="nothing")
    for block in section.blocks:
        if isinstance(block, Text):
            _add(element, "p", block.text, **({"class_": "highlighted"} if block.highlighted else {}))
        else:
            _table(element, block, section.title)


def _table(element: etree._Element, table: Table, title: str | None) -> None:
    """Every cell in its place; a caption always, so that a screen reader can name the table."""
    drawn = _add(element, "table")
    _add(drawn, "caption", table.caption or title or "Table")
    if table.columns:
        line = _add(_add(drawn, "thead"), "tr")
        for column in table.columns:
            _add(line, "th", column, scope="col")
    body = _add(drawn, "tbody")
    for row in table.rows:
        line = _add(body, "tr")
        for cell in row:
            _add(line, "td", cell)
    if not table.rows:
        _add(element, "p", "The table has no rows.", class_="nothing")


def person_name(patient: Demographics) -> str:
    """FAMILY, Given (Title), as clinical systems write a patient's name; parts not known are left out."""
    given = " ".join(patient.given)
    name = ", ".join(part for part in ((patient.family or "").upper(), given) if part) or "Name not known"
    return f"{name} ({patient.prefix})" if patient.prefix else name


def _born(patient: Demographics, now: datetime) -> str:
    """The date of birth with the age in years, which a dead patient no longer has."""
    if patient.birth is None:
        return "Not known"
    shown, day = shown_time(patient.birth), patient.birth.date
    if patient.deceased is not None or day is None:
        return shown
    today = now.astimezone(LONDON).date()
    years = today.year - day.year - ((today.month, today.day) < (day.month, day.day))
    return f"{shown} ({years}y)"


def shown_time(moment: WireTime) -> str:
    """dd-Mmm-yyyy hh:mm at the precision known."""
    wall = moment.instant
    if moment.has_time:
        return f"{_day(wall)} {wall:%H:%M}"
    if moment.date is not None:
        return _day(wall)
    return moment.text[:4] if len(moment.text) == 4 else f"{_MONTHS[wall.month - 1]}-{wall.year:04d}"


def shown_day(moment: WireTime) -> str:
    """dd-Mmm-yyyy: an entry's midnight is a day, not a time."""
    return shown_time(moment) if moment.date is None else _day(moment.instant)


def _day(moment: datetime) -> str:
    return f"{moment.day:02d}-{_MONTHS[moment.month - 1]}-{moment.year:04d}"
