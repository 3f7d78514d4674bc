"""schemathesis over the FHIR door's OpenAPI: no 5xx, no undocumented answer. `python -m tests.fuzz_fhir [--requests 10000]` runs it
against a sandbox of its own and ends with status 1 where it finds anything.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import ROOT, sandbox_running

OPENAPI = ROOT / "gateway/schemas/fhir/openapi.json"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
UID, SYSTEM = "910000000018", "symphony-rzz01"
ACCESS = "eyJwZXJtaXNzaW9uIjoieWVzIiwicmVsYXRpb25zaGlwIjoic2VsZi1jbGFpbWVkIn0"


@dataclass
class Found:
    """What a run came to."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def id_token(identity: str, uid: str, client_id: str) -> str:
    """An ID token of the sandbox's identity stub."""
    body = json.dumps({"uid": uid, "client_id": client_id}).encode()
    request = urllib.request.Request(
        f"{identity}/sandbox/token", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["id_token"])


def fuzz(gateway: str, identity: str, *, examples: int, seed: int) -> Found:
    """One run with so many examples for each operation and phase."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.ndjson"
        command = [
            str(Path(sys.executable).parent / "st"),
            "run",
            str(OPENAPI),
            "--url",
            gateway,
            "--max-examples",
            str(examples),
            "--phases",
            "examples,coverage,fuzzing",
            "--checks",
            CHECKS,
            "--seed",
            str(seed),
            "--generation-database",
            "none",
            "--continue-on-failure",
            "--header",
            f"X-SCR-System: {SYSTEM}",
            "--header",
            f"Authorization: Bearer {id_token(identity, UID, SYSTEM)}",
            "--header",
            f"X-SCR-Access: {ACCESS}",
            "--report-har-path",
            str(report),
            "--no-color",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        found = Found()
        har = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"log": {"entries": []}}
        for entry in har["log"]["entries"]:
            found.requests += 1
            found.statuses[entry["response"]["status"]] += 1
        if done.returncode:
            found.failures = [line for line in done.stdout.splitlines() if re.match(r"\s*- |\[\d{3}\]|_{5}", line)] or [
                (done.stdout + done.stderr)[-3000:]
            ]
        return found


def main() -> int:
    """Runs until so many requests are made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    total, statuses, seed = 0, Counter[int](), asked.seed
    with tempfile.TemporaryDirectory() as folder, sandbox_running(Path(folder) / "var") as sandbox:
        while total < asked.requests:
            found = fuzz(sandbox.gateway, sandbox.identity, examples=150, seed=seed)
            total += found.requests
            statuses += found.statuses
            seed += 1
            print(f"{total} requests; answers by status: {dict(sorted(statuses.items()))}", flush=True)
            if found.failures or not found.requests:
                print("\n".join(found.failures))
                return 1
    print(f"no fault and no undocumented answer in {total} requests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
