"""What a finding says at the viewers' doors is what its reader has to do: which words there are, what comes before what."""

import re

import pytest

from gateway.domain.access import Purpose
from gateway.domain.findings import Finding
from gateway.teaching import explained
from gateway.xml.explain import Context
from tests.doors.records import NOW
from tests.doors.viewer_doors import ADASTRA, VIEWERS, Viewer, changed

viewers = pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)
ALL = ("RoleProfile", "Purpose", "Setting", "Relationship", "Permission")


def told(viewer: Viewer, old: str, new: str) -> Finding:
    """The first finding of the door, which the explain pass names too."""
    body = changed(viewer.sample("view-with-everything"), old, new)
    first = viewer.findings(body)[0]
    context = Context(now=NOW, content_type=viewer.media_type)
    assert (first.code, first.path, first.expected) in [
        (one.code, one.path, one.expected) for one in explained(viewer.product, body, context)
    ]
    return first


@viewers
@pytest.mark.parametrize("word", ["Direct-Care", "DIRECT CARE", "", "x" * 65, "treatment"])
def test_a_purpose_of_any_other_form_is_told_the_list(viewer: Viewer, word: str) -> None:
    found = told(viewer, ">direct-care<", f">{word}<")
    assert found.path.endswith(":Purpose")
    assert found.expected == "one of " + ", ".join(Purpose)


@viewers
@pytest.mark.parametrize("word", ["Ambulance", "", "gp out of hours", "g"])
def test_a_setting_of_any_other_form_is_told_the_form(viewer: Viewer, word: str) -> None:
    found = told(viewer, ">gp_out_of_hours<", f">{word}<")
    assert found.path.endswith(":Setting")
    assert "the code of a care setting" in found.expected


@viewers
@pytest.mark.parametrize(
    ("order", "element", "place"),
    [
        (("Purpose", "RoleProfile"), "RoleProfile", "before Purpose"),
        (("RoleProfile", "Setting", "Purpose"), "Purpose", "after RoleProfile, before Setting"),
        (("Setting", "Purpose"), "Purpose", "before Setting"),
        (("Permission", "Relationship", "Purpose"), "Relationship", "after Purpose, before Permission"),
        (("Purpose", "Permission", "Setting", "Relationship"), "Setting", "after Purpose, before Permission"),
    ],
)
def test_what_stands_out_of_order_is_named_with_its_place(
    viewer: Viewer, order: tuple[str, ...], element: str, place: str
) -> None:
    message = viewer.sample("view-with-everything").decode()
    parts = {name: f"<{name}>{re.search(f'<{name}>(.*?)<', message)[1]}</{name}>" for name in ALL}  # type: ignore[index]
    access = re.search(r"<Access>.*?</Access>", message, re.DOTALL)
    assert access is not None
    found = told(viewer, access[0], f"<Access>{''.join(parts[name] for name in order)}</Access>")
    assert (found.code, found.path.rpartition(":")[2]) == ("element-order", element)
    assert found.expected.replace(f"{viewer.product}:", "") == f"{element} {place}"


@viewers
def test_what_is_reversed_is_told_once_for_each_that_must_move(viewer: Viewer) -> None:
    message = viewer.sample("view-with-everything").decode()
    parts = [f"<{name}>{re.search(f'<{name}>(.*?)<', message)[1]}</{name}>" for name in ALL]  # type: ignore[index]
    access = re.search(r"<Access>.*?</Access>", message, re.DOTALL)
    assert access is not None
    body = message.replace(access[0], f"<Access>{''.join(reversed(parts))}</Access>").encode()
    found = explained(viewer.product, body, Context(now=NOW, content_type=viewer.media_type))
    assert {(one.code, one.path.rpartition(":")[2]) for one in found} == {("element-order", name) for name in ALL[:-1]}


@viewers
@pytest.mark.parametrize("element", ["Access", "Purpose"])
def test_an_attribute_is_told_wherever_it_stands(viewer: Viewer, element: str) -> None:
    found = told(viewer, f"<{element}>", f'<{element} kind="x">')
    assert (found.code, found.path.endswith("/@kind")) == ("attribute-unexpected", True)
    assert found.expected == "the element without this attribute"


@viewers
def test_a_message_without_security_is_told_so(viewer: Viewer) -> None:
    security = re.search(r"<(\w+):Security.*</\1:Security>", viewer.sample("view").decode(), re.DOTALL)
    assert security is not None
    (found,) = viewer.findings(changed(viewer.sample("view"), security[0], ""))
    assert (found.code, found.expected) == (
        "header-missing",
        "wsse:Security with wsu:Timestamp, its wsu:Created and wsu:Expires",
    )


def test_a_lifetime_is_told_in_minutes() -> None:
    found = told(ADASTRA, ">2030-01-05T12:04:30Z<", ">2030-01-05T18:04:30Z<")
    assert (found.code, found.expected) == ("timestamp-lifetime", "at most 15 minutes")
