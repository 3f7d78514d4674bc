"""The guide and the collection are true: what they show is posted, and what comes back is what they show."""

import json
import re
import subprocess
from pathlib import Path

from lxml import etree

from gateway.domain.codes import Code
from gateway.xml.operations import Family
from tests.doors.mini_service.examples import (
    COLLECTION,
    EXAMPLES,
    GUIDE,
    TOKEN,
    ask,
    blocks,
    code_table,
    collection,
    report_of,
    response_of,
)
from tests.doors.mini_service.live import Desk
from tests.running import ROOT, RunningSandbox
from vendor_stubs.calling.itk import encoded_token

ANEW = "run `python -m tests.doors.mini_service.examples PORT` beside a new sandbox"


def test_each_example_is_answered_as_the_guide_says(sandbox: RunningSandbox) -> None:
    shown = blocks(GUIDE.read_text(encoding="utf-8"))
    assert {name for name in shown if name.startswith("request")} == {f"request {one.name}" for one in EXAMPLES}
    for example in EXAMPLES:
        request = shown[f"request {example.name}"].removeprefix("```xml\n").removesuffix("\n```")
        told = ask(sandbox, example, request)
        assert shown[f"response {example.name}"] == f"```xml\n{response_of(told.body)}\n```", (
            told.headers.get("X-SCR-Code"),
            ANEW,
        )
        if (report := report_of(told.body)) is not None:
            assert shown["report"] == f"```csv\n{report}\n```", ANEW


def test_the_client_of_the_guide_asks_with_stock_zeep(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """The program and the command line are taken from the page as they stand."""
    text = GUIDE.read_text(encoding="utf-8")
    program = text.partition("<!-- client -->\n```python\n")[2].partition("```\n<!-- client end -->")[0]
    assert "import zeep" in program
    (tmp_path / "client.py").write_text(program, encoding="utf-8")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    command = re.search(r"^\.venv/bin/python client\.py .*$", text, re.MULTILINE)
    assert command is not None
    line = command[0].replace("http://127.0.0.1:8080", sandbox.gateway)
    line = line.replace("vendor-stub token ", f"vendor-stub token --gateway {sandbox.gateway} ")
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    answer = etree.fromstring(done.stdout)
    assert etree.QName(answer).localname == "GetSCRStatusResponse"
    assert next(answer.iter("{urn:hl7-org:v3}value")).get("code") == "SMSP-0000"


def test_the_guide_has_every_code() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    shown = blocks(text)
    for family in Family:
        assert shown[f"codes {family.value}"] == code_table(family), ANEW
    for code in Code:
        assert re.search(rf"[ |]{code.slug}[ ,|(]", shown["codes scr"]), code.slug
    for wire in ("SMSP-0000", "DEMOG-0017", "DEMOG-0042", "DEMOG-9999", "2200"):
        assert wire in text


def test_the_collection_sends_the_same_messages(sandbox: RunningSandbox) -> None:
    stored = json.loads(COLLECTION.read_text(encoding="utf-8"))
    assert stored == collection(), ANEW
    assert len(stored["item"]) == 11
    desk = Desk(sandbox)
    item = next(one["request"] for one in stored["item"] if one["name"] == "getRBACStatus")
    given = {
        "ids": "-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        "created": "2030-01-05T11:59:30Z",
        "expires": "2030-01-05T12:04:30Z",
        "token": TOKEN,
    }
    body = re.sub(r"\{\{(\w+)\}\}", lambda match: given[match[1]], item["body"]["raw"])
    headers = {one["key"].replace("-", "_"): one["value"] for one in item["header"]}
    headers["X_SCR_System"] = desk.system
    renewed = desk.renewed(body.encode(), user=False).replace(TOKEN.encode(), encoded_token(desk.token).encode())
    told = desk.post(renewed, **headers)
    assert told.code == "SMSP-0000", told.headers.get("X-SCR-Code")
