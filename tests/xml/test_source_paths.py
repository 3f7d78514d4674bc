"""Where a fault stands in a message that no parser takes: the path must be the one that the whole message's tree has there."""

import pytest
from lxml import etree

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.domain.findings import Finding
from gateway.xml.explain import Context, explain
from gateway.xml.paths import path_of
from gateway.xml.scanner import scan
from gateway.xml.source_paths import DEEPEST, path_of_tag
from tests.xml.wire import NOW, good

MESSAGES = {
    name: good(name, case)
    for name, case in (
        ("querySCR", "emergency"),
        ("getPatientDetails", "full"),
        ("createPTV", "team"),
        ("getSCRStatus", ""),
    )
}
SOAP = 'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'


def first(text: str) -> Finding:
    return explain(text.encode(), check_mini_service, Context(now=NOW))[0]


def place(text: str) -> tuple[str, dict[str, str]]:
    found = first(text)
    return found.path, dict(found.namespaces)


@pytest.mark.parametrize("name", MESSAGES)
def test_an_ampersand_anywhere_stands_at_the_path_of_its_element(name: str) -> None:
    """Each element in turn gets one, behind its start tag; the same tree without it says where that is."""
    text = MESSAGES[name].decode()
    elements = list(etree.fromstring(MESSAGES[name]).iter("*"))
    tags = scan(text).tags
    assert len(elements) == len(tags) > 25
    for element, tag in zip(elements, tags, strict=True):
        behind = text.index(">", tag.start)
        if text[behind - 1] == "/":
            continue
        broken = f"{text[: behind + 1]}&{text[behind + 1 :]}"
        found = first(broken)
        assert (found.code, (found.path, found.namespaces)) == ("bare-ampersand", path_of(element)), tag.name


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_cut_behind_any_tag_names_an_element_that_is_open_there(name: str) -> None:
    text = MESSAGES[name].decode()
    tree = etree.fromstring(MESSAGES[name])
    ends = [at + 1 for at, one in enumerate(text) if one == ">" and at > text.index("<soap:Header>")]
    for end in ends[:-1]:
        found = first(text[:end])
        assert found.path.startswith("/soap:Envelope"), end
        node = tree.xpath(found.path, namespaces=dict(found.namespaces))
        assert isinstance(node, list)
        assert len(node) >= 1, (end, found.path)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            f"<soap:Envelope {SOAP}><soap:Header/><soap:Body><soap:Fault></soap:Body>",
            "/soap:Envelope/soap:Body/soap:Fault",
        ),
        (f"<soap:Envelope {SOAP}><soap:Body/><soap:Body>&</soap:Body></soap:Envelope>", "/soap:Envelope/soap:Body[2]"),
        (f"<soap:Envelope {SOAP}><soap:Header/><WREN>& </WREN></soap:Envelope>", "/soap:Envelope/*[2]"),
        (f"<soap:Envelope {SOAP}><Body>&</Body></soap:Envelope>", "/soap:Envelope/Body"),
        (f'<soap:Envelope {SOAP}><Body xmlns="urn:wren">&</Body></soap:Envelope>', "/soap:Envelope/*[1]"),
        (f"<soap:Envelope {SOAP}><soap:Header><x:Body>", "/soap:Envelope/soap:Header/*[1]"),
        (f"<soap:Envelope {SOAP}><soap:Body a=1>", "/soap:Envelope/soap:Body"),
        (f"<soap:Envelope {SOAP}/> and more", ""),
        ("Wren <soap:Envelope/>", ""),
    ],
    ids=range(9),
)
def test_what_may_not_be_said_and_what_stands_outside(text: str, path: str) -> None:
    assert place(text) == (path, {"soap": "http://schemas.xmlsoap.org/soap/envelope/"} if path else {})


def test_a_path_has_a_bound() -> None:
    """The bytes are no door's to take at such a depth; whoever scans them all the same gets no endless path."""
    assert path_of_tag(scan("<Id>" * DEEPEST + "&").tags[-1])[0] == "/Id" * DEEPEST
    assert path_of_tag(scan("<Id>" * (DEEPEST + 1) + "&").tags[-1])[0] == ""
