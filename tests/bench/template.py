"""The request the generator repeats: made once by the mini-service stub against the running sandbox, ids left open."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.running import RunningSandbox

ROOT = Path(__file__).resolve().parents[2]
_MESSAGE_ID = re.compile(rb"(<[\w-]+:MessageID[^>]*>)[^<]*(</[\w-]+:MessageID>)")


def _post(url: str, document: dict[str, object], **headers: str) -> dict[str, object]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json", **names})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, object] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error
    return found


def template(sandbox: RunningSandbox, *, number: str, uid: str, system: str) -> bytes:
    """Relationship and an extended permission put on record, then a querySCR request that relies on them."""
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    token = str(_post(f"{sandbox.identity}/sandbox/token", {"uid": uid, "client_id": system})["id_token"])
    _post(
        f"{sandbox.gateway}/relationships",
        {"nhs_number": number, "kind": "referral", "user": uid, "end": until},
        X_SCR_System="pas-rzz09",
    )
    _post(
        f"{sandbox.gateway}/permissions",
        {"nhs_number": number, "answer": "yes", "kind": "extended", "until": until},
        X_SCR_System=system,
        Authorization=f"Bearer {token}",
    )
    command = [sys.executable, "-m", "vendor_stubs", "mini-service", "view", "--nhs-number", number, "--as", uid]
    command += ["--relationship", "referral", "--print-request", "--gateway", sandbox.gateway]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    text = output.stdout + output.stderr
    found = re.search(rb"<(?:[\w-]+:)?Envelope.*</(?:[\w-]+:)?Envelope>", text, re.DOTALL)
    assert found is not None, text[:500]
    request, replaced = _MESSAGE_ID.subn(rb"\g<1>{ID}\g<2>", found.group())
    assert replaced == 1
    return request
