"""The explain pass at the four viewers' doors: the first finding of each seeded fault names its line and node, in the door's own standard."""

from dataclasses import dataclass

import pytest
from lxml import etree

from gateway.domain.findings import Finding
from gateway.teaching import CHECKS, LIMITS, explained, recognised
from gateway.xml.explain import Context
from gateway.xml.parser import parse
from tests.doors import test_viewer_refusals as soap
from tests.doors.emis_web import emis_door, test_emis_seeded
from tests.doors.records import NOW
from tests.doors.systmone import systmone_door, test_systmone_seeded
from tests.doors.viewer_doors import VIEWERS
from tests.xml.test_hostile import CORPUS

ENCLOSING = frozenset({"header-missing", "element-missing", "body-content", "reply-to", "timestamp-lifetime"})
"""Said of a whole: the element that holds what was changed, at its first line, or where the missing one should stand."""
BROKEN = frozenset({"not-well-formed", "tag-mismatch", "unclosed"})
"""Where the text breaks is not where it was changed: an end tag left out shows at the next one."""
LEAST = 30


@dataclass(frozen=True)
class Case:
    """One spoilt message, the good one, and what its first finding must say."""

    door: str
    name: str
    good: bytes
    bad: bytes
    code: str
    node: str
    """How the path ends."""


def _cases() -> list[Case]:
    found = [
        Case(viewer.product, one.name, viewer.sample(one.sample), soap.spoilt(viewer, one), one.fault, one.node)
        for viewer, one in soap.SEEDED
    ]
    found += [
        Case("emis-web", name, emis_door.sample("event"), test_emis_seeded.seeded(one), one.code, one.path)
        for name, one in test_emis_seeded.SEEDS.items()
    ]
    found += [
        Case("systmone", name, systmone_door.sample(one.sample), test_systmone_seeded.seeded(one), one.code, one.path)
        for name, one in test_systmone_seeded.SEEDS.items()
    ]
    return found


CASES = _cases()


def told(door: str, body: bytes, **more: str) -> tuple[Finding, ...]:
    return explained(door, body, Context(now=NOW, **more))  # type: ignore[arg-type]


def changed_lines(good: bytes, bad: bytes) -> set[int]:
    """The lines that were changed: from the first difference to the last, counted in the spoilt message."""
    before, after = good.decode().splitlines(), bad.decode().splitlines()
    start = next(number for number, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
    same = 0
    while same < min(len(before), len(after)) - start and before[-1 - same] == after[-1 - same]:
        same += 1
    return set(range(start + 1, max(len(after) - same, start + 1) + 1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.door}-{case.name}")
def test_the_first_finding_of_a_seeded_fault_names_its_line_and_node(case: Case) -> None:
    assert told(case.door, case.good) == ()
    first, *_ = told(case.door, case.bad)
    lines = changed_lines(case.good, case.bad)
    assert first.code in (BROKEN if case.code in BROKEN else {case.code}), first
    assert first.path.removesuffix("[1]").endswith(case.node), first.path
    assert first.line is not None
    assert first.column is not None
    assert first.clause
    if case.code in BROKEN:
        assert first.line >= min(lines)
    elif case.code == "disagreement" and case.door == "systmone":  # the function was changed; what is inside is named
        assert first.line in {line + 1 for line in lines}
    elif first.line not in lines:
        assert case.code in ENCLOSING, (first, lines)
        start, end = extent(case.bad, first)
        assert start <= min(lines)
        assert max(lines) <= end
        assert start <= first.line <= end
    if case.node:
        assert len(nodes(case.bad, first)) == 1


def nodes(body: bytes, one: Finding) -> list[etree._Element]:
    """What the finding's XPath finds in the message."""
    found = parse(body).xpath(one.path, namespaces=dict(one.namespaces))
    assert isinstance(found, list)
    return found  # type: ignore[return-value]


def extent(body: bytes, one: Finding) -> tuple[int, int]:
    """The first line of the element that is named, and the line where what follows it begins."""
    (node,) = nodes(body, one)
    *_, last = node.iter()
    behind = last.getnext() if last is node else None
    above: etree._Element | None = node
    while behind is None and above is not None:
        behind, above = above.getnext(), above.getparent()
    end = body.count(b"\n") + 1 if behind is None else int(behind.sourceline or 0)
    return int(node.sourceline or 0), end


def test_there_are_enough_for_each_door() -> None:
    for door in set(CHECKS) - {"mini-service"}:
        assert sum(case.door == door for case in CASES) >= LEAST, door


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.door}-{case.name}")
def test_a_finding_cites_the_standard_of_its_door(case: Case) -> None:
    for one in told(case.door, case.bad):
        assert "ITK" not in one.clause
        assert "Toolkit" not in one.sentence
        if case.door == "adastra":
            assert "SOAP 1.1" not in one.clause
        if case.door == "systmone":
            assert "SOAP" not in one.clause
            assert "WS-" not in one.clause


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.door}-{case.name}")
def test_a_message_is_recognised_however_it_is_spoilt(case: Case) -> None:
    if case.name not in {"SOAP 1.2", "soap 1.2"}:
        assert recognised(case.bad) == case.door


@pytest.mark.parametrize("door", sorted(LIMITS))
@pytest.mark.parametrize("name", sorted(name for name in CORPUS if not name.startswith("100 MB")))
def test_the_hostile_corpus_is_explained_and_never_trips_the_pass(door: str, name: str) -> None:
    found = told(door, CORPUS[name]())
    assert 1 <= len(found) <= 100
    assert all(one.clause for one in found)


def test_all_faults_of_all_layers_are_told_at_once() -> None:
    body = VIEWERS[0].sample("view-with-everything").decode()
    for old, new in (
        ("urn:uuid:A0000001", "A000"),
        (">2030-01-05T12:04:30Z<", ">soon<"),
        (">9000000009<", ">9000000008<"),
        (">unconscious<", ">asleep<"),
    ):
        assert old in body
        body = body.replace(old, new, 1)
    codes = [one.code for one in told("adastra", body.encode())]
    assert codes == ["message-id", "timestamp-form", "value-form", "nhs-number"]


VERSION, NUMBER = (':1" version="1.0"', ':1" version="2.0"'), (">9000000009<", ">9000000008<")
ASLEEP = (">unconscious<", ">asleep<")
MANY: dict[str, tuple[str, tuple[tuple[str, str], ...], list[str]]] = {
    "adastra": (
        "view-with-everything",
        (VERSION, ASLEEP, (">direct-care<", ">treatment<"), NUMBER),
        ["version-unknown", "value-form", "access-fact", "nhs-number"],
    ),
    "cleo": (
        "view-with-everything",
        (VERSION, (">2030-01-05T12:04:30Z<", ">soon<"), ASLEEP, NUMBER),
        ["version-unknown", "timestamp-form", "value-form", "nhs-number"],
    ),
    "systmone": (
        "view-with-everything",
        (('version="1.0" f', 'version="1.1" f'), ('"VIEW"', '"PRINT"'), ASLEEP, NUMBER),
        ["version-unknown", "operation-unknown", "value-form", "nhs-number"],
    ),
    "emis-web": (
        "event",
        (
            ('versionCode code="V3NPfIT4.2.00"', 'versionCode code="3"'),
            ('moodCode="EVN"', 'moodCode="RQO"'),
            ("20300105120000", "19990105120000"),
            ("9992000481", "9992000482"),
            (">yes<", ">maybe<"),
        ),
        ["version-unknown", "fixed-value", "timestamp-expired", "nhs-number", "value-form"],
    ),
}


@pytest.mark.parametrize("door", sorted(MANY))
def test_a_version_that_is_not_spoken_hides_no_other_fault(door: str) -> None:
    name, changes, codes = MANY[door]
    viewers = {viewer.product: viewer.sample for viewer in VIEWERS}
    body = {**viewers, "systmone": systmone_door.sample, "emis-web": emis_door.sample}[door](name).decode()
    for old, new in changes:
        assert old in body, old
        body = body.replace(old, new, 1)
    assert [one.code for one in told(door, body.encode())] == codes


def test_a_wrong_action_of_the_media_type_is_named_there_and_nowhere_else() -> None:
    body = VIEWERS[0].sample("view")
    header = 'application/soap+xml; action="urn:scr-gateway:adastra:1:FindPatient"'
    (found,) = told("adastra", body, content_type=header)
    assert (found.code, found.path, found.line) == ("operation-action", "http.Content-Type", None)
    assert found.clause == "RFC 3902, parameter action"
    assert "ViewSummary" in found.fragment


@pytest.mark.parametrize(
    ("door", "old", "new", "fragment"),
    [
        ("adastra", "adastra:1:ViewSummary<", "adastra:1:Look<", "<wsa:Action>urn:scr-gateway:adastra:1:ViewSummary</wsa:Action>"),
        ("cleo", ':1" version="1.0"', ':1" version="1"', 'version="1.0"'),
        ("systmone", '"VIEW"', '"view"', 'function="VIEW"'),
        ("emis-web", 'versionCode code="V3NPfIT4.2.00"', 'versionCode code="3"', 'code="V3NPfIT4.2.00"'),
    ],
)  # fmt: skip
def test_what_can_only_be_written_in_one_way_is_written_out(door: str, old: str, new: str, fragment: str) -> None:
    good = next(case.good for case in CASES if case.door == door)
    assert old.encode() in good
    first = told(door, good.replace(old.encode(), new.encode(), 1))[0]
    assert first.fragment == fragment
