"""The examples of docs/doors/mini-service.md and of the Postman collection: made from requests that are posted, and kept true by a test.

`python -m tests.doors.mini_service.examples PORT` writes them anew from a running sandbox.
"""

import base64
import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any, cast

from lxml import etree

from gateway.adapters.mini_service_codes import ToolkitFault, answer_for
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError
from gateway.domain.instants import LONDON
from gateway.xml.operations import BY_NAME, OPERATIONS, Family
from tests.doors.mini_service.live import KATE, KATES_ROLE, Desk, Told
from tests.running import ROOT, RunningSandbox
from tests.xml.wire import good
from vendor_stubs.calling.itk import encoded_token

GUIDE = ROOT / "docs/doors/mini-service.md"
COLLECTION = ROOT / "docs/postman/mini-service.json"
TOKEN = "THE-USERS-ID-TOKEN-IN-BASE64"
SIMON, SIMONS_ROLE = "910000000257", "555000000126"
NUMBER, EVELYN = "9000001013", "9992000112"
_UUID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
_IDS = "-1B2C-4D3E-8F40-5A6B7C8D9E0F"
_EVELYN = {"19610529": "19450714", "Orla": "Evelyn", "Quillfeather": "Ashworth", "ZZ99 3WZ": "ZZ1 1ZZ"}


@dataclass(frozen=True)
class Example:
    """One operation: which good message, what is changed in it, and who asks."""

    name: str
    case: str = ""
    number: str = NUMBER
    changes: tuple[tuple[str, str], ...] = ()
    user: tuple[str, str] = (KATE, KATES_ROLE)


_SELF_CLAIM = ('<selfClaimLR.Value>\n      <value value="false"/>', '<selfClaimLR.Value>\n      <value value="true"/>')
EXAMPLES = (
    Example("getSCRStatus"),
    Example("getRBACStatus"),
    Example("createPTV", "width"),
    Example("queryPTV"),
    Example("querySCR", changes=(_SELF_CLAIM,)),
    Example("querySCRActivity", "both", changes=(('value extension="100000000001"', f'value extension="{KATE}"'),), user=(SIMON, SIMONS_ROLE)),
    Example("verifyNHSNumber", "name", number=EVELYN),
    Example("getNHSNumber", "full", number=EVELYN),
    Example("getPatientDetailsByNHSNumber", number=EVELYN),
    Example("getPatientDetailsBySearch", number=EVELYN),
    Example("getPatientDetails", "full", number=EVELYN),
)  # fmt: skip
"""In an order in which each finds what it needs: the permission first, then the view, then the report of it."""


def request_of(example: Example) -> str:
    """The message as it is shown: ids, times and token are for the caller to renew."""
    text = good(example.name, example.case).decode("utf-8")
    user, role = example.user
    for old, new in example.changes:
        assert old in text, old
        text = text.replace(old, new)
    for old, new in _EVELYN.items():
        text = text.replace(old, new)
    text = text.replace("100000000001", user).replace("200000000001", role).replace("9990000018", example.number)
    text = text.replace("ward-system", "portal-rzz09").replace("Z1B", "RZZ09").replace("Z1A", "YZZ99")
    token = (
        "\n      <wsse:BinarySecurityToken "
        f'ValueType="urn:ietf:params:oauth:token-type:jwt">{TOKEN}</wsse:BinarySecurityToken>'
    )
    return text.replace("</wsse:UsernameToken>", f"</wsse:UsernameToken>{token}").strip()


def ask(sandbox: RunningSandbox, example: Example, shown: str) -> Told:
    """Posts what is shown, renewed as the guide says."""
    user, role = example.user
    desk = Desk(sandbox, uid=user, role=role, number=example.number)
    yesterday, tomorrow = (datetime.now(LONDON) + timedelta(days=days) for days in (-1, 1))
    text = shown.replace("20300101", f"{yesterday:%Y%m%d}").replace("20300131", f"{tomorrow:%Y%m%d}")
    renewed = desk.renewed(text.encode("utf-8"), user=False)
    return desk.post(renewed.replace(TOKEN.encode(), encoded_token(desk.token).encode()))


def response_of(body: bytes) -> str:
    """An answer as it is shown: ids counted, the record left out, a report's times fixed."""
    root = etree.fromstring(body)
    for summary in root.iter("{urn:hl7-org:v3}GPSummary"):
        parent = summary.getparent()
        assert parent is not None
        parent.replace(summary, etree.Comment(" GPSummary, exactly as Spine holds it "))
    for text in root.iter("{urn:hl7-org:v3}text"):
        if text.get("representation") == "B64":
            text.text = base64.b64encode(steady(base64.b64decode(text.text or "").decode()).encode()).decode()
    etree.indent(root)
    shown = etree.tostring(root, encoding="unicode")
    seen: dict[str, str] = {}
    return _UUID.sub(lambda match: seen.setdefault(match[0], f"E{len(seen) + 1:07}{_IDS}"), shown)


def steady(report: str) -> str:
    """A report with fixed times and period."""
    report = re.sub(r'"\d{14}"', '"20300105120000"', report)
    return re.sub(r'"\d{8}","\d{8}"', '"20300101","20300131"', report)


def report_of(body: bytes) -> str | None:
    """The CSV in an answer, steady, or None."""
    found = re.search(rb'representation="B64"[^>]*>([^<]+)<', body)
    return steady(base64.b64decode(found[1]).decode()).replace("\r\n", "\n") if found else None


# the guide


UNREAD = (
    Code.MESSAGE_MEDIA_TYPE,
    Code.MESSAGE_TOO_LARGE,
    Code.MESSAGE_FORBIDDEN_XML,
    Code.MESSAGE_NOT_WELL_FORMED,
    Code.MESSAGE_HEADERS,
    Code.MESSAGE_ENVELOPE,
)
"""Codes of messages that are refused before their operation is known, and so always by a fault."""


def code_table(family: Family) -> str:
    """Response codes of one service with the stable codes that lead to each."""
    operations = [one for one in OPERATIONS if one.family is family]
    rows: dict[str, dict[str, set[str]]] = {}
    for operation in operations:
        for code in Code:
            # our own failure may come at either stage
            stages = (operation, None) if code is Code.INTERNAL else (None if code in UNREAD else operation,)
            for stage in stages:
                answer = answer_for(GatewayError(code), stage)
                wire = f"fault {answer.code}" if isinstance(answer, ToolkitFault) else answer
                rows.setdefault(wire, {}).setdefault(code.slug, set()).add(operation.name)
    lines = ["| answer | stable codes (`X-SCR-Code`) behind it |", "|---|---|"]
    for wire in sorted(rows, key=lambda text: (text.startswith("fault"), text)):
        named = [
            slug
            if len(names) == len(operations)
            else f"{slug} ({', '.join(sorted(names))})"
            if len(names) == 1
            else f"{slug} (not querySCR)"
            if len(names) == len(operations) - 1 and "querySCR" not in names
            else slug
            for slug, names in sorted(rows[wire].items())
        ]
        lines.append(f"| {wire} | {', '.join(named)} |")
    return "\n".join(lines)


def blocks(text: str) -> dict[str, str]:
    """Marker -> what stands between it and its end."""
    return dict(re.findall(r"<!-- begin ([^>]*?) -->\n(.*?)\n<!-- end -->", text, re.DOTALL))


def filled(text: str, values: dict[str, str]) -> str:
    """The guide with its marked blocks replaced."""

    def block(match: re.Match[str]) -> str:
        return f"<!-- begin {match[1]} -->\n{values[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- begin ([^>]*?) -->\n.*?\n?<!-- end -->", block, text, flags=re.DOTALL)


def fenced(text: str, kind: str = "xml") -> str:
    """A code block."""
    return f"```{kind}\n{text}\n```"


def values(sandbox: RunningSandbox) -> dict[str, str]:
    """Every block of the guide as it must be."""
    found = {f"codes {family.value}": code_table(family) for family in Family}
    for example in EXAMPLES:
        shown = request_of(example)
        told = ask(sandbox, example, shown)
        assert told.status == 200, (example.name, told.body)
        found[f"request {example.name}"] = fenced(shown)
        found[f"response {example.name}"] = fenced(response_of(told.body))
        if (report := report_of(told.body)) is not None:
            found["report"] = fenced(report, "csv")
    return found


# the collection

_SCRIPT = [
    "const crypto = require('crypto-js');",
    "const hex = crypto.lib.WordArray.random(14).toString().toUpperCase();",
    "pm.variables.set('ids', '-' + [hex.slice(0, 4), hex.slice(4, 8), hex.slice(8, 12), hex.slice(12, 24)].join('-'));",
    "const stamp = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19) + 'Z';",
    "pm.variables.set('created', stamp(-5));",
    "pm.variables.set('expires', stamp(295));",
]


def collection() -> dict[str, Any]:
    """A Postman collection of all operations: set `gateway`, `system` and `token`; ids and times are new at each send."""
    items = []
    for example in EXAMPLES:
        body = request_of(example).replace(_IDS, "{{ids}}").replace(TOKEN, "{{token}}")
        body = body.replace("2030-01-05T11:59:30Z", "{{created}}").replace("2030-01-05T12:04:30Z", "{{expires}}")
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": BY_NAME[example.name].service,
            "X-SCR-System": "{{system}}",
        }
        items.append(
            {
                "name": example.name,
                "request": {
                    "method": "POST",
                    "url": "{{gateway}}/itk",
                    "header": [{"key": key, "value": value} for key, value in headers.items()],
                    "body": {"mode": "raw", "raw": body},
                },
            }
        )
    variables = {"gateway": "http://127.0.0.1:8080", "system": "portal-rzz09", "token": ""}
    return {
        "info": {
            "name": "SCR gateway: mini service",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "event": [{"listen": "prerequest", "script": {"type": "text/javascript", "exec": _SCRIPT}}],
        "variable": [{"key": key, "value": value} for key, value in variables.items()],
        "item": items,
    }


def main() -> None:
    """Writes guide and collection anew."""
    sandbox = RunningSandbox(base=int(sys.argv[1]), data=Path(), process=cast("Popen[bytes]", None), log=Path())
    GUIDE.write_text(filled(GUIDE.read_text(encoding="utf-8"), values(sandbox)), encoding="utf-8")
    COLLECTION.write_text(json.dumps(collection(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
