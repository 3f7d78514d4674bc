"""schemathesis over the FHIR door's OpenAPI: no 5xx, no undocumented answer. `python -m tests.fuzz_fhir [--requests 10000]` runs it
against a sandbox of its own and ends with status 1 where it finds anything, or where an operation never did what it is for.

The document is the served one; only the values drawn are narrowed, so that many requests are whole ones: the sandbox's own
patients, and alerts that name the caller and its organisation.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.running import ROOT, sandbox_running
from vendor_stubs import cast
from vendor_stubs.spine.versions import listed_numbers, version

FED = frozenset({"/relationships", "/relationships/end"})
"""What only a feed may send: a run of its own, as one."""
FEED, TEAM = "pas-rzz01", "RZZ01-A"
OPENAPI = ROOT / "gateway/schemas/fhir/openapi.json"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
)
UID, SYSTEM = "910000000018", "symphony-rzz01"
ACCESS = "eyJwZXJtaXNzaW9uIjoieWVzIiwicmVsYXRpb25zaGlwIjoic2VsZi1jbGFpbWVkIn0"
OWN = {"NHSD-Identity-UUID": UID, "NHSD-Session-URID": "555000000101"}
CASES = ("core", "additional_information", "ask", "dissent", "no_scr", "superseded", "not_on_pds", "empty_allergies")
ASKED = ("registered_here", "yes_legacy", "withheld")
"""Patients whose answers are put on record: others than those who are read, whom a no would close."""
PREFIX = "https://fhir.nhs.uk/Id/nhs-number|"


@dataclass
class Found:
    """What a run came to. `answers`: how often each operation answered with each status; `whole`: how often it did what it
    is for: a statement, a search that found its one match, an alert taken."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)

    @property
    def statuses(self) -> dict[int, int]:
        """How often each status was answered."""
        found: Counter[int] = Counter()
        for (_, status), count in self.answers.items():
            found[status] += count
        return dict(sorted(found.items()))

    def never_answered(self) -> list[str]:
        """Operations that never did what they are for."""
        return sorted(set(operations()) - set(self.whole))

    def add(self, other: "Found") -> None:
        """Takes another run in."""
        self.requests += other.requests
        self.failures += other.failures
        self.answers += other.answers
        self.whole += other.whole


def operations() -> Iterable[str]:
    """`METHOD path` of every operation of the document."""
    for path, methods in json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"].items():
        yield from (f"{method.upper()} {path}" for method in methods)


def id_token(identity: str, uid: str, client_id: str) -> str:
    """An ID token of the sandbox's identity stub."""
    body = json.dumps({"uid": uid, "client_id": client_id}).encode()
    request = urllib.request.Request(
        f"{identity}/sandbox/token", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["id_token"])


def narrowed(*, fed: bool = False) -> dict[str, Any]:
    """The served document, each value that names the sandbox's own as likely as any other of its form.

    `fed`: what a feed sends; else all the rest.
    """
    document: dict[str, Any] = json.loads(OPENAPI.read_text(encoding="utf-8"))
    document["paths"] = {path: found for path, found in document["paths"].items() if (path in FED) is fed}
    patients = [patient for patient in cast.patients() if patient.case in CASES]
    numbers = [patient.nhs for patient in patients]
    newest = [
        version(patient, listed[0]).event_id
        for patient in patients
        if (listed := listed_numbers(patient, stale_missed=False))
    ]
    likely = {
        "patient": [PREFIX + number for number in numbers],
        "composition.identifier": newest,
        "composition.subject:Patient.identifier": [PREFIX + number for number in numbers],
        "nhs_number": [patient.nhs for patient in cast.patients() if patient.case in ASKED],
    }
    soon = (date.today() + timedelta(days=90)).isoformat()  # noqa: DTZ011 - any day within twelve months
    if fed:
        likely |= {"user": [UID], "team": [TEAM], "end": [soon]}
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter.get("name") in likely:
                    parameter["schema"] = _either(likely[parameter["name"]], parameter["schema"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                properties = content["schema"].get("properties", {})
                for name in properties.keys() & likely.keys():
                    properties[name] = _either(likely[name], properties[name])
                if "end" in content.get("example", {}):
                    content["example"]["end"] = soon  # the document's own is a day for the reader to replace
    for parameter in document["components"]["parameters"].values():
        if parameter["name"] in OWN:
            parameter["schema"] = _either([OWN[parameter["name"]]], parameter["schema"])
    alert = document["components"]["schemas"]["AuditEvent"]
    alert["properties"]["agent"] = _either([alert["example"]["agent"]], alert["properties"]["agent"])
    alert["properties"]["recorded"] = _either([alert["example"]["recorded"]], alert["properties"]["recorded"])
    alert["properties"]["source"] = _either([alert["example"]["source"]], alert["properties"]["source"])
    return document


def _either(values: list[Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": schema.get("type", "string"), "enum": values}, schema]}


def fuzz(gateway: str, identity: str, *, examples: int, seed: int) -> Found:
    """One run with so many examples for each operation and phase: as a system that views, then as a feed."""
    views = {
        "X-SCR-System": SYSTEM,
        "Authorization": f"Bearer {id_token(identity, UID, SYSTEM)}",
        "X-SCR-Access": ACCESS,
    }
    found = _run(gateway, narrowed(), views, examples=examples, seed=seed)
    found.add(_run(gateway, narrowed(fed=True), {"X-SCR-System": FEED}, examples=examples, seed=seed))
    return found


def _run(gateway: str, described: dict[str, Any], headers: dict[str, str], *, examples: int, seed: int) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        report, document = Path(folder) / "report.har", Path(folder) / "openapi.json"
        document.write_text(json.dumps(described), encoding="utf-8")
        command = [str(Path(sys.executable).parent / "st"), "run", str(document), "--url", gateway]
        command += ["--max-examples", str(examples), "--phases", "examples,coverage,fuzzing"]
        command += [
            "--checks",
            ",".join(CHECKS),
            "--seed",
            str(seed),
            "--generation-database",
            "none",
            "--continue-on-failure",
        ]
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        command += ["--report-har-path", str(report), "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        found = _counted(report)
        if done.returncode:
            found.failures = [line for line in done.stdout.splitlines() if re.match(r"\s*- |\[\d{3}\]|_{5}", line)] or [
                (done.stdout + done.stderr)[-3000:]
            ]
        return found


def _counted(report: Path) -> Found:
    """Every request of a HAR report, by operation and status."""
    found = Found()
    har = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"log": {"entries": []}}
    for entry in har["log"]["entries"]:
        found.requests += 1
        operation = f"{entry['request']['method']} {urlsplit(entry['request']['url']).path}"
        status, body = entry["response"]["status"], _body(entry["response"]["content"])
        found.answers[operation, status] += 1
        if status == 201 or (status == 200 and b'"total":0' not in body):
            found.whole[operation] += 1
    return found


def _body(content: dict[str, str]) -> bytes:
    text = content.get("text", "")
    return base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()


def main() -> int:
    """Runs until so many requests are made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    total, seed = Found(), asked.seed
    with tempfile.TemporaryDirectory() as folder, sandbox_running(Path(folder) / "var") as sandbox:
        while total.requests < asked.requests:
            found = fuzz(sandbox.gateway, sandbox.identity, examples=150, seed=seed)
            total.add(found)
            seed += 1
            print(f"{total.requests} requests; answers by status: {total.statuses}", flush=True)
            if total.failures or not found.requests:
                print("\n".join(total.failures))
                return 1
    for (operation, status), count in sorted(total.answers.items()):
        if operation in set(operations()):
            print(f"{operation}: {status} x {count}")
    print("whole answers: " + ", ".join(f"{operation} {count}" for operation, count in sorted(total.whole.items())))
    if missed := total.never_answered():
        print("never did what they are for: " + ", ".join(missed))
        return 1
    print(f"no fault and no undocumented answer in {total.requests} requests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
