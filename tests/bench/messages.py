"""What the generator sends through each door: made once by the door's own stub against the running sandbox, ids left open."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.running import RunningSandbox

ROOT = Path(__file__).resolve().parents[2]
NUMBER, SMALL, REGISTERED_HERE = "9000000068", "9000000025", "9992013060"
"""Invented patients of the Spine stub: about 38 KB, 10 KB and 53 KB."""
_IDS = (
    re.compile(r"(<[\w-]+:MessageID[^>]*>(?:uuid:)?)[0-9A-F-]{36}(</[\w-]+:MessageID>)"),
    re.compile(r'(<id root=")[0-9A-F-]{36}("/><creationTime)'),
    re.compile(r'( requestId=")[0-9A-F-]{36}(")'),
)
_STEP = re.compile(r"^(GET|POST) (?:http://[^/\s]+)?(/\S*)\n((?:[\w-]+: .*\n)+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One door as it is measured: who looks at whom, and by what a good answer is known."""

    door: str
    system: str
    uid: str
    patient: str
    mark: str
    recorded: bool = True
    """Whether the view rests on a permission recorded before; False: the patient is registered where the user works."""

    @property
    def organisation(self) -> str:
        """The system's own, as in its id."""
        return self.system.rpartition("-")[2]


MINI_SERVICE = Way(door="mini-service", system="portal-rzz09", uid="910000000281", patient=NUMBER, mark="GPSummary")
WAYS = (
    MINI_SERVICE,
    Way(
        door="emis-web", system="emis-web-azz05", uid="910000000133", patient=REGISTERED_HERE, mark="GPSummary",
        recorded=False,
    ),
    Way(door="symphony", system="symphony-rzz01", uid="910000000018", patient=NUMBER, mark='"Composition"'),
    Way(door="systmone", system="systmone-azz06", uid="910000000141", patient=NUMBER, mark="Section"),
)  # fmt: skip


def _post(url: str, document: dict[str, object], **headers: str) -> dict[str, object]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json", **names})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, object] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{url}: {error.read().decode()}") from error
    return found


def _prepare(sandbox: RunningSandbox, way: Way) -> None:
    """Puts on record the extended permission that the view relies on; the stub feeds the relationship itself."""
    until = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    if way.recorded:
        token = str(_post(f"{sandbox.identity}/sandbox/token", {"uid": way.uid, "client_id": way.system})["id_token"])
        _post(
            f"{sandbox.gateway}/permissions",
            {"nhs_number": way.patient, "answer": "yes", "kind": "extended", "until": until},
            X_SCR_System=way.system,
            Authorization=f"Bearer {token}",
        )


def view(sandbox: RunningSandbox, way: Way) -> list[dict[str, str]]:
    """The requests of one view in order, as {"head", "body", "mark"}; `{ID}` stands where each needs a new UUID."""
    _prepare(sandbox, way)
    relationship = "registration" if not way.recorded else "referral"
    command = [sys.executable, "-m", "vendor_stubs", way.door, "view", "--nhs-number", way.patient, "--as", way.uid]
    command += ["--relationship", relationship, "--system", way.system, "--print-request", "--gateway", sandbox.gateway]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "100000"}, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way.door}: {done.stdout[-600:]}")
    starts = list(_STEP.finditer(done.stderr))
    if not starts:
        raise RuntimeError(f"{way.door}: nothing was sent: {done.stderr[:200]}")
    ends = [start.start() for start in starts[1:]] + [len(done.stderr)]
    steps = [_step(start, done.stderr[start.end() : end].strip()) for start, end in zip(starts, ends, strict=True)]
    steps[-1]["mark"] = way.mark
    return steps


def _step(start: re.Match[str], body: str) -> dict[str, str]:
    method, path, headers = start.groups()
    lines = [line for line in headers.splitlines() if not line.lower().startswith(("x-correlation-id", "host"))]
    for pattern in _IDS:
        body = pattern.sub(r"\g<1>{ID}\g<2>", body)
    return {"head": "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines]), "body": body, "mark": ""}


def template(sandbox: RunningSandbox, *, number: str, uid: str, system: str) -> bytes:
    """The body of a mini-service view that rests on a permission on record; `{ID}` stands where its message id goes."""
    (step,) = view(sandbox, replace(MINI_SERVICE, patient=number, uid=uid, system=system))
    return step["body"].encode()
