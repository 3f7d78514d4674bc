"""Requests of clients nobody here wrote, as captured or published: accepted once their system is registered."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.domain.access import OnboardingStep
from gateway.xml.operations import BY_NAME
from tests.doors.mini_service.live import Desk
from tests.running import RunningSandbox

CAPTURED = "samples/itk/captured-inhealthcare-client"
PUBLISHED = "samples/itk/spine-smsp/getNHSNumber-request-soap.xml"
ORGANISATION = """
[[organisation]]
ods = "{ods}"
name = "Client Test Trust"
settings = ["scheduled_care"]
sites = [{{ ods = "{ods}A", settings = ["scheduled_care"] }}]
privacy_officers = ["910000000257"]
training = "warn"
ptv = {{ kind = "single", scope = "individual", days = 0, question = "May I look at your record for your care today?", question_version = "1" }}
onboarding = {{ {steps} }}
"""
NOBODY = {"DEMOG-0001", "DEMOG-0040", "DEMOG-0042"}
"""Its patients are not this sandbox's, and one of its numbers is of a range this sandbox does not accept."""
CLIENT, LENDER = "java-client", "portal-rzz09-suspended"
"""The system registered for a while, and whose client certificate is its own meanwhile: it vouches for its users."""
STEPS = ", ".join(f'{step.value} = "2025-01-01"' for step in OnboardingStep)
SYSTEM = """
[[system]]
id = "java-client"
product = "mini-service"
supplier = "Client test"
kind = "mini_service"
organisation = "{ods}"
site = "{ods}A"
setting = "scheduled_care"
purpose = "direct-care"
asid = "{asid}"
client_id = "java-client"
username = "{username}"
networks = ["127.0.0.0/8"]
operations = {operations}
leniences = {leniences}
user_proof = "vouched"
"""


def renewed(body: bytes) -> bytes:
    """Only the times are those of now."""
    now = datetime.now(UTC)
    for name, moment in (("Created", now), ("Expires", now + timedelta(minutes=5))):
        text = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        body = re.sub(rb"(<wsu:" + name.encode() + rb">)[^<]*", rb"\g<1>" + text, body)
    return body


def found(pattern: bytes, body: bytes) -> str:
    """What a message itself says."""
    match = re.search(pattern, body)
    assert match is not None
    return match[1].decode()


@contextmanager
def registered(sandbox: RunningSandbox, body: bytes, ods: str, *leniences: str) -> Iterator[Desk]:
    """The sender of a message and its organisation, for a while in the running gateway's registry (SIGHUP)."""
    username, asid = found(rb"Username>([^<]+)<", body), re.search(rb'0\.107" uri="(\d+)"', body)
    path = sandbox.data / "registry.toml"
    before = path.read_text(encoding="utf-8")
    names = [name for name in BY_NAME if "SCR" not in name and "PTV" not in name and "RBAC" not in name]
    system = SYSTEM.format(
        ods=ods,
        username=username,
        operations=names,
        leniences=list(leniences),
        asid=asid[1].decode() if asid else "200000009971",
    )
    _reload(
        sandbox, before.replace(f"\n{LENDER} = ", f"\n{CLIENT} = ") + ORGANISATION.format(ods=ods, steps=STEPS) + system
    )
    try:
        yield Desk(sandbox, system=CLIENT, organisation=ods, certificate=LENDER)
    finally:
        _reload(sandbox, before)


def _reload(sandbox: RunningSandbox, registry: str) -> None:
    (sandbox.data / "registry.toml").write_text(registry, encoding="utf-8")
    mark = sandbox.log.stat().st_size
    os.kill(sandbox.process.pid, signal.SIGHUP)
    for _ in range(200):
        if b"registry reloaded" in sandbox.log.read_bytes()[mark:]:
            return
        time.sleep(0.05)
    raise AssertionError("the registry was not reloaded")


def test_a_java_clients_requests_are_answered(sandbox: RunningSandbox, shared: Path) -> None:
    files = sorted((shared / CAPTURED).glob("*.xml"))
    assert len(files) == 5
    body = files[0].read_bytes()
    ods = found(rb"identity:ods:(\w+):", body)
    with registered(sandbox, body, ods) as client:
        for file in files:
            told = client.post(renewed(file.read_bytes()), Content_Type="text/xml; charset=ISO-8859-1")
            assert told.status == 200, file.name
            assert told.code in NOBODY, file.name
            operation = BY_NAME[file.name.split("-v1-0")[0]]
            assert told.answer.payload.tag.endswith("}" + operation.response_root)


def test_lifetimes_and_headers_are_bent_for_whom_that_is_registered(sandbox: RunningSandbox, shared: Path) -> None:
    body = renewed(next(iter(sorted((shared / CAPTURED).glob("verify*.xml")))).read_bytes())
    ods = found(rb"identity:ods:(\w+):", body)
    expires = f"{datetime.now(UTC).year + 4}-01-01T00:00:00Z".encode()
    long = re.sub(rb"(<wsu:Expires>)[^<]*", rb"\g<1>" + expires, body)
    short = re.sub(rb"<wsa:To>[^<]*</wsa:To>", b"", body)
    bent = [
        re.sub(rb"(<wsa:MessageID>)........", rb"\g<1>0000000" + str(number).encode(), each)
        for number, each in enumerate((long, short))
    ]
    with registered(sandbox, body, ods) as client:
        assert [client.post(each).code for each in bent] == ["1000", "1000"]
    with registered(sandbox, body, ods, "long-lifetime", "missing-to") as client:
        assert {client.post(each).code for each in bent} <= NOBODY


def test_the_published_request_is_answered(sandbox: RunningSandbox, shared: Path) -> None:
    body = renewed((shared / PUBLISHED).read_bytes())
    with registered(sandbox, body, "RZZ98") as client:
        told = client.post(body, SOAPAction="urn:nhs-itk:services:201005:getNHSNumber-v1-0")
    assert (told.status, told.code) == (200, "DEMOG-0001")
