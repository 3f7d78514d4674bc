"""Errors that teach: a message spoilt on purpose comes back with its faults' lines, nodes and codes, at the door and on the command line."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs.cli import main as stubs_main


async def _request(sandbox: RunningSandbox) -> str:
    """A good querySCR request, as the stub sends it."""
    arguments = ("mini-service", "view", "--nhs-number", "9000000009", "--as", "910000000281", "--print-request")
    _, output, errors = await vendor_stub(sandbox, *arguments)
    text = output + errors
    start, end = text.index("<soap"), text.rindex("Envelope>") + len("Envelope>")
    return text[start:end]


@pytest.mark.parametrize(
    ("old", "new", "code", "node"),
    [
        ("selfClaimLR.Value", "selfClaim.Value", "element-unexpected", "selfClaim.Value"),
        ('count="1"', 'count="2"', "count-mismatch", "manifest/@count"),
        ("querySCRRequest-v1-0", "querySCRequest-v1-0", None, "spec"),
    ],
)
async def test_a_spoilt_message_is_answered_with_where_and_why(
    sandbox: RunningSandbox, tmp_path: Path, old: str, new: str, code: str | None, node: str
) -> None:
    text = await _request(sandbox)
    assert old in text
    file = tmp_path / "request.xml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    result = CliRunner().invoke(main, ["check-message", str(file), "--json"])
    assert result.exit_code == 5
    findings = json.loads(result.output)["findings"]
    assert any(node in finding["path"] and (code in {None, finding["code"]}) for finding in findings), findings
    assert all(finding["line"] for finding in findings)


async def test_the_door_names_line_and_element(sandbox: RunningSandbox, tmp_path: Path) -> None:
    file = tmp_path / "request.xml"
    file.write_text((await _request(sandbox)).replace('count="1"', 'count="2"', 1), encoding="utf-8")
    status, output, errors = await vendor_stub(sandbox, "mini-service", "raw", str(file))
    answer = output + errors
    assert status == 5
    for words in ("1000", "line ", "column ", "manifest/@count", "count-mismatch"):
        assert words in answer, answer


async def test_a_message_that_is_no_xml_is_a_fault_with_its_place(sandbox: RunningSandbox, tmp_path: Path) -> None:
    file = tmp_path / "request.xml"
    file.write_text(
        "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'>\n<soap:Body>\n</soap:Envelope>"
    )
    status, output, errors = await vendor_stub(sandbox, "mini-service", "raw", str(file))
    assert status == 5
    assert "1000" in output + errors
    assert "line 3" in output + errors


async def test_a_good_message_has_no_findings(sandbox: RunningSandbox, tmp_path: Path) -> None:
    file = tmp_path / "request.xml"
    file.write_text(await _request(sandbox), encoding="utf-8")
    result = CliRunner().invoke(main, ["check-message", str(file)])
    assert (result.exit_code, result.output.strip()) == (0, "valid")


@pytest.mark.parametrize(
    ("product", "uid", "old", "new", "code", "node"),
    [
        ("adastra", "910000000117", ">direct-care<", ">Care now<", "value-form", "adastra:Purpose"),
        ("cleo", "910000000125", ">direct-care<", ">Care now<", "value-form", "cleo:Purpose"),
        ("systmone", "910000000141", ">direct-care<", ">Care now<", "value-form", "s1:Purpose"),
        ("adastra", "910000000117", ">direct-care<", ">treatment<", "access-fact", "adastra:Purpose"),
        ("cleo", "910000000125", ">direct-care<", ">treatment<", "access-fact", "cleo:Purpose"),
        ("systmone", "910000000141", ">direct-care<", ">treatment<", "access-fact", "s1:Purpose"),
        ("emis-web", "910000000133", ">direct-care<", ">treatment<", "access-fact", "af:Purpose"),
        ("emis-web", "910000000133", 'creationTime value="2', 'creationTime value="x2', "value-form", "@value"),
    ],
)
async def test_a_viewers_door_and_check_message_say_the_same(
    sandbox: RunningSandbox, tmp_path: Path, product: str, uid: str, old: str, new: str, code: str, node: str
) -> None:
    """The command recognises the door by itself; both name line, column and node, and the door adds nothing."""
    arguments = (product, "view", "--nhs-number", "9992000481", "--as", uid, "--purpose", "direct-care")
    _, output, errors = await vendor_stub(sandbox, *arguments, "--print-request")
    text = output + errors
    found = re.search(r"<\?xml.*?</(?:[\w-]+:)?(?:Envelope|ScrRequest)>", text, re.DOTALL)
    assert found is not None, text
    file, sent = tmp_path / "request.xml", found[0]
    assert old in sent
    file.write_text(sent.replace(old, new, 1), encoding="utf-8")
    result = CliRunner().invoke(main, ["check-message", str(file), "--json"])
    told = json.loads(result.output)
    assert (result.exit_code, told["door"]) == (5, product), told
    first = told["findings"][0]
    assert first["code"] == code
    assert node in first["path"]
    status, output, errors = await vendor_stub(sandbox, product, "raw", str(file))
    answer = output + errors
    assert status == 5, answer
    assert first["path"] in answer
    for words in (f"{first['line']}", f"{first['column']}", first["clause"], first["expected"], code):
        assert words in answer, (words, answer)


OUTSIZED = {
    "too-large": lambda: "<!--" + "x" * 270_000 + "-->",
    "too-many-nodes": lambda: "<!---->" * 6_000,
    "too-many-namespaces": lambda: "".join(f"<a xmlns='urn:{n}'/>" for n in range(600)),
    "too-deep": lambda: "<a>" * 200,
}


@pytest.mark.parametrize("code", sorted(OUTSIZED))
async def test_check_message_keeps_the_limits_of_the_door(sandbox: RunningSandbox, tmp_path: Path, code: str) -> None:
    """The limit is the first and only finding, and the door says the same."""
    spoilt = OUTSIZED[code]()
    text, count = re.subn(r"<([\w-]+:)?Body", lambda body: spoilt + body[0], await _request(sandbox), count=1)
    assert count == 1
    file = tmp_path / "request.xml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check-message", str(file), "--json"])
    assert result.exit_code == 5
    (found,) = json.loads(result.output)["findings"]
    assert found["code"] == code
    assert code == "too-large" or (found["line"] and found["column"])
    status, output, errors = await vendor_stub(sandbox, "mini-service", "raw", str(file))
    assert status == 5
    assert ("message-too-large" if code == "too-large" else code) in output + errors


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl"])
def test_a_description_is_served_whatever_the_case_of_the_query(sandbox: RunningSandbox, query: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{sandbox.base}/itk/scr?{query}") as answer:
        assert answer.status == 200
        assert b"definitions" in answer.read()


def test_what_cannot_be_read_is_said_in_a_line_and_what_has_no_end_is_not_read_to_it() -> None:
    unreadable = CliRunner().invoke(main, ["check-message", "/proc/self/mem"])
    assert (unreadable.exit_code, unreadable.output) == (
        1,
        "Error: /proc/self/mem cannot be read (Input/output error)\n",
    )
    endless = CliRunner().invoke(main, ["check-message", "/dev/zero", "--door", "mini-service", "--json"])
    assert endless.exit_code == 5
    assert [one["code"] for one in json.loads(endless.output)["findings"]] == ["too-large"]
    for file, why in (("/proc/self/mem", "cannot be read"), ("/dev/zero", "is larger than 67108864 bytes")):
        result = CliRunner().invoke(stubs_main, ["mini-service", "raw", file])
        assert (result.exit_code, why in result.output, len(result.output.splitlines())) == (1, True, 1)
